"""Bit 16, watchdog: is anybody there."""

from amaranth.hdl import Module

from hdl.layouts import Reason
from hdl.risk.check import Check


class Heartbeat(Check):
    """Rejects while the host's heartbeat is missing, and before the first one."""

    reason = Reason.WATCHDOG

    def elaborate(self, platform):
        m = Module()
        m.d.sync += self.reject.eq(self.standing.silent)
        m.d.comb += self.reject_after.eq(self.reject)
        return m
