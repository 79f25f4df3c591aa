"""Bit 6, position: what the symbol's position could become."""

from amaranth.hdl import C, Cat, Module, Mux, Signal, signed

from hdl.layouts import Reason
from hdl.risk.arithmetic import add, carry_save
from hdl.risk.check import ADVERSE_BITS, Check, is_sell

SIGN = ADVERSE_BITS - 1


class Position(Check):
    """Rejects a buy where position + open buys + quantity is above `position.long`, and a sell where
    position - open sells - quantity is below minus `position.short`; also any that leaves 32 signed bits.

    The second answer adds the quantity of the order ahead, in a carry-save adder in front of the
    comparison: one carry chain of 36 bits in either case.
    """

    reason = Reason.POSITION

    def elaborate(self, platform):
        m = Module()
        sell, most = Signal(), Signal(32)
        limit = Mux(is_sell(self.intent), self.limits.position.short, self.limits.position.long)
        widest = Mux(is_sell(self.intent), 1 << 31, (1 << 31) - 1)
        m.d.sync += [sell.eq(is_sell(self.intent)), most.eq(Mux(limit[31], widest, limit))]

        # Rejects unless adverse - most - 1 (for a sell, where adverse is one less, adverse - most) is negative.
        less_most = Cat(~most, C(-1, signed(ADVERSE_BITS - 32)))
        rest, carries = carry_save(self.exposed.adverse, self.exposed.ahead, less_most)
        m.d.comb += [
            self.reject.eq(~add(self.exposed.adverse, less_most, sell)[SIGN]),
            self.reject_after.eq(~add(rest, carries[:ADVERSE_BITS], sell)[SIGN]),
        ]
        return m
