"""What is known against each book, and what has been told of it."""

from amaranth.hdl import Array, Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from hdl.book.shapes import CAUSES, Shapes, causes_of
from hdl.config import NicConfig
from hdl.layouts import Inexact


class Exactness(wiring.Component):
    """`Inexact` bits of each symbol. Every cause stays until a clear, except REFILL, which follows the lists.

    Ports
    -----
    change_valid, change, refused : In, clears and faults to make; a refused clear leaves NOT_STARTED.
    pending : In, faults to come, which reports include already.
    short : In(2 x symbols), from the lists.
    symbol, causes : In, what the job of this cycle has against its symbol. Registered at the end of the cycle.
    inexact : Out, bits of each symbol. here : Out, those of `symbol`, with `causes`, combinational.
    side_exact : Out(2), of `symbol`, by side: every level to be reported is right.
    again : In(symbols), strobes: tell once more. report : In(1), `here` is being told.
    owed : Out(symbols), one must be told: it was asked for or emptied, or what was told is not what is. A cycle late.
    """

    def __init__(self, config: NicConfig):
        self.config, self.shapes = config, (shapes := Shapes(config))
        super().__init__({
            "change_valid": In(1), "change": In(shapes.change), "refused": In(config.symbols),
            "again": In(config.symbols), "pending": In(shapes.change["fault"].shape),
            "short": In(shapes.lists), "symbol": In(shapes.symbol_bits), "causes": In(CAUSES),
            "inexact": Out(data.ArrayLayout(CAUSES, config.symbols)),
            "here": Out(CAUSES), "side_exact": Out(2), "report": In(1), "owed": Out(config.symbols),
        })

    def elaborate(self, platform):
        m = Module()
        symbols, fresh = self.config.symbols, 1 << Inexact.NOT_STARTED
        kept = Array(Signal(CAUSES, name=f"kept{n}", init=fresh) for n in range(symbols))
        told = Array(Signal(CAUSES, name=f"told{n}", init=fresh) for n in range(symbols))
        asked = Signal(symbols)
        for n in range(symbols):
            clear = self.change_valid & self.change.clear[n]
            refill = self.short[2 * n:2 * n + 2].any() << Inexact.REFILL
            causes = kept[n] | Mux(self.symbol == n, self.causes, 0)
            left = Mux(clear, Mux(self.refused[n], fresh, 0), causes)
            m.d.sync += kept[n].eq(left | Mux(self.change_valid, causes_of(self.change.fault[n]), 0))
            m.d.comb += self.inexact[n].eq(kept[n] | causes_of(self.pending[n]) | refill)
            m.d.sync += self.owed[n].eq((asked[n] | (self.inexact[n] != told[n]))
                                        & ~(self.report & (self.symbol == n)))
            with m.If(clear | self.again[n]):
                m.d.sync += asked[n].eq(1)
            with m.Elif(self.report & (self.symbol == n)):
                m.d.sync += asked[n].eq(0)
        lasting = Signal(CAUSES)
        short = Array(self.short[2 * n:2 * n + 2] for n in range(symbols))[self.symbol]
        m.d.comb += [
            lasting.eq(kept[self.symbol] | self.causes | causes_of(self.pending[self.symbol])),
            self.here.eq(lasting | (short.any() << Inexact.REFILL)),
            self.side_exact.eq(Mux(lasting.any(), 0, ~short)),
        ]
        with m.If(self.report):
            m.d.sync += told[self.symbol].eq(self.here)
        return m


__all__ = ["Exactness"]
