"""Bit 3, quantity: the order's size."""

from amaranth.hdl import Module, Signal

from hdl.layouts import Reason
from hdl.risk.check import Check
from hdl.risk.divisible import DivisibleBy


class Quantity(Check):
    """Rejects a quantity of zero, below `qty.min`, above `qty.max`, or not a multiple of `control.lot`."""

    reason = Reason.QUANTITY

    def elaborate(self, platform):
        m = Module()
        m.submodules.lots = lots = DivisibleBy()
        qty, limits, outside = self.intent.qty, self.limits.qty, Signal()
        m.d.sync += outside.eq((qty == 0) | (qty < limits.min) | (limits.max < qty))
        m.d.comb += [
            lots.value.eq(qty), lots.divisor.eq(self.divisors.lot),
            self.reject.eq(outside | ~lots.divisible), self.reject_after.eq(self.reject),
        ]
        return m
