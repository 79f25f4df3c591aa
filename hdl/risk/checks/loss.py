"""Bit 15, loss: the host has seen a loss that is too large."""

from amaranth.hdl import Module

from hdl.layouts import Reason
from hdl.risk.check import Check


class Loss(Check):
    """Rejects while the loss hold of the firm or of the order's strategy is set."""

    reason = Reason.LOSS

    def elaborate(self, platform):
        m = Module()
        m.d.sync += self.reject.eq(self.standing.loss)
        m.d.comb += self.reject_after.eq(self.reject)
        return m
