"""Bit 7, gross: the value of all that was entered."""

from amaranth.hdl import Module

from hdl.layouts import Reason
from hdl.risk.check import Check


class Gross(Check):
    """Rejects where the order would take gross or net notional of its strategy or of the firm above `entered` or `net`
    (see `hdl.risk.headroom`).
    """

    reason = Reason.GROSS
    late = True

    def elaborate(self, platform):
        m = Module()
        m.d.comb += [self.reject.eq(self.beyond), self.reject_after.eq(self.beyond)]
        return m
