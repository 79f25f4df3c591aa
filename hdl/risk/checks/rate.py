"""Bit 9, rate: orders in a time."""

from amaranth.hdl import Module

from hdl.layouts import Reason
from hdl.risk.check import Check


class Rate(Check):
    """Rejects where the session's token bucket or the strategy's is empty."""

    reason = Reason.RATE

    def elaborate(self, platform):
        m = Module()
        m.d.comb += [self.reject.eq(self.tokens.empty), self.reject_after.eq(self.tokens.empty_after)]
        return m
