"""Bit 8, delta: what the whole portfolio is worth in delta."""

from amaranth.hdl import Module

from hdl.layouts import Reason
from hdl.risk.check import Check


class Delta(Check):
    """Rejects where the order, and every open one that moves the portfolio's delta the same way, would take it beyond
    `delta`, up or down; and without a delta of its symbol, or while any is being changed (see `hdl.risk.delta`).
    """

    reason = Reason.DELTA
    late = True

    def elaborate(self, platform):
        m = Module()
        m.d.comb += [self.reject.eq(self.tilted), self.reject_after.eq(self.tilted)]
        return m
