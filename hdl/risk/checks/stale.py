"""Bit 2, stale: is there a market to judge the order by."""

from amaranth.hdl import Module, Signal

from hdl.layouts import Reason
from hdl.risk.arithmetic import split_add, split_greater
from hdl.risk.check import Check


class Stale(Check):
    """Rejects without a usable reference, or with one older than `max_age`.

    Age is `now` at stage 1 less the receive time of the packet behind the reference, as unsigned 64 bits: a
    reference from the future (the clock was set back) has no known age, and is stale.
    """

    reason = Reason.STALE

    def elaborate(self, platform):
        m = Module()
        age, most, usable = Signal(64), Signal(64), Signal()
        m.d.sync += [
            age.eq(split_add(self.now, ~self.reference.rx_time, 1)),
            most.eq(self.limits.max_age),
            usable.eq(self.reference.usable),
        ]
        m.d.comb += [self.reject.eq(~usable | split_greater(age, most)), self.reject_after.eq(self.reject)]
        return m
