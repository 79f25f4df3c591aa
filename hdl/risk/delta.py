"""Portfolio delta: the sum over all symbols of position x delta, and what open orders could make of it.

`EXPOSURE.delta` says what one share of a symbol is worth in delta: signed, in units of 1/256; 1.0 for a stock. The
host writes it and may change it at any time. For each direction, up and down, the gate needs one number: the use of
the limit in that direction if every open order that moves it that way were filled, and no other:

    up    the sum of   adverse position of the buy side x delta         where delta is above 0
                       adverse position of the sell side x -delta       where it is below
    down  the same with the sides exchanged

The adverse position is that of `hdl.risk.exposure`: position seen from the side, and what is open on it. So a fill
leaves the own direction alone and takes from the other, and a release takes from the own. Like there, use is the
difference of two numbers with one writer each: `entered`, which grows when an order passes (here), and `back`, which
takes what settlement does and what a change of delta is worth (`hdl.risk.deltasettlement`).

Bounds: an adverse position is between -2**31 and 2**31 + 2**32, a delta at most 2**15; so the use of 2**s symbols is
below 3 * 2**(46 + s), a limit below 2**40, an order's value at most 2**47, and their difference is exact in
`use_bits` = 50 + s bits with its sign, although both numbers wrap.
"""

from amaranth.hdl import C, Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hdl.config import NicConfig
from hdl.csr import BusSignature
from hdl.registers import GATE
from hdl.risk.arithmetic import add, carry_save
from hdl.risk.check import ADVERSE_BITS, is_new, is_sell
from hdl.risk.deltasettlement import DELTA_BITS, Change, DeltaSettlement, use_bits
from hdl.risk.pipeline import PipelineSignature
from hdl.risk.words import symbol_rows

#: Bits of a delta behind the point.
FRACTION = 8
#: Of a quantity, and where it is cut for two multipliers.
QTY_BITS, HALF = 32, 16


class PortfolioDelta(wiring.Component):
    """Rejects what the portfolio's delta has no room for.

    Delta and what settlement gave back are as of the cycle after an order was accepted and the one after that, what
    has passed is as of its verdict. A change that settlement makes in cycle t is known to orders accepted from t + 3
    on.

    Members
    -------
    pipeline : the orders in the gate. Of a symbol out of range, its low bits pick a row.
    limit : in shares, either way; 0: nothing may pass, all ones: no limit.
    beyond : for the order at its verdict: it would take the use of the limit in its direction above it; or its symbol
        has no delta, or a delta is being changed.
    change, ask, ask_symbol, granted, adverse, bus : see `DeltaSettlement`.
    """

    def __init__(self, config: NicConfig):
        self.config = config
        super().__init__({
            "pipeline": In(PipelineSignature()), "limit": In(GATE["delta"].width), "beyond": Out(1),
            "change": In(Change), "ask": Out(1), "ask_symbol": Out(range(symbol_rows(config))), "granted": In(1),
            "adverse": In(ADVERSE_BITS), "bus": In(BusSignature()),
        })

    def elaborate(self, platform):
        m = Module()
        m.submodules.settlement = settlement = DeltaSettlement(self.config)
        bus, inner = self.bus, settlement.bus
        m.d.comb += [
            inner.addr.eq(bus.addr), inner.wdata.eq(bus.wdata), inner.write.eq(bus.write), inner.read.eq(bus.read),
            bus.rdata.eq(inner.rdata), settlement.change.eq(self.change), self.ask.eq(settlement.ask),
            self.ask_symbol.eq(settlement.ask_symbol), settlement.granted.eq(self.granted),
            settlement.adverse.eq(self.adverse), settlement.symbol.eq(self.pipeline.at[1].intent.symbol),
        ]
        value, down, refused = self._value(m, settlement.row)
        self._account(m, settlement, value, down, refused)
        return m

    def _value(self, m: Module, row):
        """quantity x delta at the verdict; direction at stages 2 and 3; whether the symbol has no delta, at 3."""
        intent = self.pipeline.at[1].intent
        parts = [Signal(HALF + DELTA_BITS, name=f"part{n}") for n in range(2)]
        value, down, refused = Signal(QTY_BITS + DELTA_BITS), Signal(2), Signal(2)
        m.d.sync += [
            parts[0].eq(intent.qty[:HALF] * row.size), parts[1].eq(intent.qty[HALF:] * row.size),
            value.eq(Cat(parts[0][:HALF], parts[1] + parts[0][HALF:])),
            down.eq(Cat(is_sell(intent) ^ row.negative, down)), refused.eq(Cat(~row.known, refused)),
        ]
        return value, down, refused[1]

    def _account(self, m: Module, settlement, value, down, refused):
        bits, reserve = use_bits(self.config), self.pipeline.reserve
        entered = [Signal(bits, name=f"entered_{way}") for way in ("up", "down")]
        may, used, more = (Signal(bits, name=name) for name in ("may", "used", "more"))
        closed, unlimited = Signal(), Signal()
        m.d.sync += [closed.eq(self.limit == 0), unlimited.eq(self.limit.all()),
                     may.eq(Mux(down[0], settlement.back[1], settlement.back[0]) + (self.limit << FRACTION))]
        # limit + back - entered - value is below 0 where it does not fit; of the two ones of its two negatives one is
        # the carry, the other takes the place of the lowest saved carry
        rest, carries = carry_save(may, ~used, Cat(~value, C((1 << bits - len(value)) - 1, bits - len(value))))
        room = Signal(bits)
        m.d.comb += [
            used.eq(Mux(down[1], entered[1], entered[0])), more.eq(used + value),
            room.eq(add(rest, Cat(C(1, 1), carries[1:bits]), 1)),
            self.beyond.eq(is_new(self.pipeline.at[3].intent) & (
                (room[-1] & ~unlimited) | refused | closed | settlement.unsettled)),
        ]
        for n, number in enumerate(entered):
            with m.If(reserve & (down[1] == n)):
                m.d.sync += number.eq(more)
