"""What the headroom gets back: the notional of what was released of an order, or executed of it."""

from amaranth.hdl import Module, Mux, Signal, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from hdl.messages import STRATEGY_BITS
from hdl.risk.arithmetic import product, split_add

#: Amounts are in 2**UNIT of 1e-4 USD, and have so many bits.
UNIT, BITS = 14, 34
#: From a portion to its amount.
CREDIT_CYCLES = 5


class Portion(data.Struct):
    """Of an order, its shares from `first` to `last`: they were executed (`fill`), or will not be."""
    valid: unsigned(1)
    fill: unsigned(1)
    sell: unsigned(1)
    strategy: unsigned(STRATEGY_BITS)
    price: unsigned(32)
    first: unsigned(32)
    last: unsigned(32)


class Credit(data.Struct):
    valid: unsigned(1)
    fill: unsigned(1)
    sell: unsigned(1)
    strategy: unsigned(STRATEGY_BITS)
    amount: unsigned(BITS)


class Credits(wiring.Component):
    """Turns portions into amounts, `CREDIT_CYCLES` later; portions keep that distance.

    The amount is charge(last) - charge(first), where charge(0) is 0, and charge(n) is price x n in whole units, plus
    one. One multiplier works on both in turn.
    """

    i: In(Portion)
    o: Out(Credit)

    def elaborate(self, platform):
        m = Module()
        portion, steps = Signal(Portion), Signal(CREDIT_CYCLES - 1)
        m.d.sync += steps.eq((steps << 1) | self.i.valid)
        with m.If(self.i.valid):
            m.d.sync += portion.eq(self.i)
        pair = product(m, portion.price, Mux(steps[0], portion.first, portion.last))
        kept, charge = [Signal(64, name=f"part{n}") for n in range(2)], Signal(BITS)
        before, zeros = Signal(BITS), Signal(2)     # charge of `first`
        m.d.sync += [*(part.eq(value) for part, value in zip(kept, pair, strict=True)),
                     charge.eq(split_add(*kept)[UNIT:]), before.eq(charge),
                     zeros[0].eq(portion.first == 0), zeros[1].eq(portion.last == 0)]
        m.d.sync += [
            self.o.valid.eq(steps[-1]), self.o.fill.eq(portion.fill), self.o.sell.eq(portion.sell),
            self.o.strategy.eq(portion.strategy), self.o.amount.eq(charge - before + (zeros[0] & ~zeros[1])),
        ]
        return m
