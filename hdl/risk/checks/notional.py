"""Bit 4, notional: the order's value."""

from amaranth.hdl import Module, Signal

from hdl.layouts import Reason
from hdl.risk.arithmetic import sum_exceeds
from hdl.risk.check import Check


class Notional(Check):
    """Rejects where price x quantity is above `notional`. The product of two 32-bit numbers fits 64 bits."""

    reason = Reason.NOTIONAL

    def elaborate(self, platform):
        m = Module()
        most = Signal(64)
        m.d.sync += most.eq(self.limits.notional)
        m.d.comb += [self.reject.eq(sum_exceeds(self.notional[0], self.notional[1], most)),
                     self.reject_after.eq(self.reject)]
        return m
