"""Bit 0, kill: the firm, the order's venue or its strategy is stopped."""

from amaranth.hdl import Module

from hdl.layouts import Reason
from hdl.risk.check import Check


class Kill(Check):
    """Rejects what is killed in the cycle of its verdict. Cancels pass: they only take risk away."""

    reason = Reason.KILL

    def elaborate(self, platform):
        m = Module()
        m.d.comb += [self.reject.eq(self.killed), self.reject_after.eq(self.killed)]
        return m
