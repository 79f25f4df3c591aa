"""Bit 14, open orders: is there a place to follow the order in."""

from amaranth.hdl import Module

from hdl.layouts import Reason
from hdl.risk.check import Check


class OpenOrderSlot(Check):
    """Rejects where the slot that the id's low bits pick is in use, be it by the same id or another."""

    reason = Reason.OPEN_ORDERS

    def elaborate(self, platform):
        m = Module()
        m.d.comb += [self.reject.eq(self.exposed.taken), self.reject_after.eq(self.exposed.taken_after)]
        return m
