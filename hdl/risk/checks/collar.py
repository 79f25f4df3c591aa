"""Bit 5, collar: the order's price."""

from amaranth.hdl import Module, Signal, signed

from hdl.layouts import Reason
from hdl.risk.check import Check
from hdl.risk.divisible import DivisibleBy


class Collar(Check):
    """Rejects a price further than `collar.band` from the reference, on either side, or off `control.tick`."""

    reason = Reason.COLLAR

    def elaborate(self, platform):
        m = Module()
        m.submodules.ticks = ticks = DivisibleBy()
        price, reference = self.intent.price, self.reference.price
        above, below, band = Signal(signed(33)), Signal(signed(33)), Signal(32)
        m.d.sync += [above.eq(price - reference), below.eq(reference - price), band.eq(self.limits.collar.band)]
        m.d.comb += [
            ticks.value.eq(price), ticks.divisor.eq(self.divisors.tick),
            self.reject.eq((band < above) | (band < below) | ~ticks.divisible), self.reject_after.eq(self.reject),
        ]
        return m
