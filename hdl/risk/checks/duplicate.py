"""Bit 10, duplicate: was this order here before."""

from amaranth.hdl import Module

from hdl.layouts import Reason
from hdl.risk.check import Check


class Duplicate(Check):
    """Rejects an order like one that passed within the window (see `hdl.risk.recent`), and one whose id is not above
    the last one of its slot. While that one is live it is the slot that rejects (`OPEN_ORDERS`), not this.
    """

    reason = Reason.DUPLICATE

    def elaborate(self, platform):
        m = Module()
        exposed = self.exposed
        m.d.comb += [
            self.reject.eq(self.recent.again | (exposed.reused & ~exposed.taken)),
            self.reject_after.eq(self.recent.again_after | (exposed.reused & ~exposed.taken_after)),
        ]
        return m
