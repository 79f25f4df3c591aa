"""Bit 2, stale: is there a market to judge the order by."""

from amaranth.hdl import Module, Signal

from hdl.layouts import Reason
from hdl.risk.arithmetic import split_add
from hdl.risk.check import Check


class Stale(Check):
    """Rejects without a usable reference, or with one older than `max_age`.

    Age is `now` at stage 1 less the receive time of the packet behind the reference, as unsigned 64 bits: a
    reference from the future (the clock was set back) has no known age, and is stale.
    """

    reason = Reason.STALE

    def elaborate(self, platform):
        m = Module()
        limit = self.limits.max_age.age
        age, most, usable = Signal(64), Signal.like(limit), Signal()
        m.d.sync += [
            age.eq(split_add(self.now, ~self.reference.rx_time, 1)),
            most.eq(limit),
            usable.eq(self.reference.usable),
        ]
        m.d.comb += [
            self.reject.eq(~usable | age[len(most):].any() | (most < age[:len(most)])),
            self.reject_after.eq(self.reject),
        ]
        return m
