"""Bit 1, restricted: may this symbol be traded at all."""

from amaranth.hdl import Module

from hdl.layouts import Reason
from hdl.risk.check import Check, is_new


class Restricted(Check):
    """Rejects what names no symbol, strategy, venue or side that exists; and, for new orders, a symbol that
    is not enabled or halted, and any before limits have been put in force.
    """

    reason = Reason.RESTRICTED
    cancels = True

    def elaborate(self, platform):
        m = Module()
        standing = self.standing
        closed = ~self.limits.control.enable | standing.halted | ~standing.ready
        m.d.sync += self.reject.eq(~standing.in_range | (is_new(self.intent) & closed))
        m.d.comb += self.reject_after.eq(self.reject)
        return m
