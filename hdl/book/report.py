"""What the book says after a message, or when its exactness has changed."""

from amaranth.hdl import Array, Module, Mux, Signal
from amaranth.lib import data, memory, stream, wiring
from amaranth.lib.wiring import In, Out

from hdl.book.shapes import CAUSES, META, Meta, Shapes
from hdl.config import NicConfig
from hdl.layouts import Side
from hdl.messages import FEED_BITS, TopOfBook, side_levels


class Report(wiring.Component):
    """Top of book and depth, combinational from the lists, in the cycle after `due`.

    Ports
    -----
    write, write_symbol, meta : In, a message starts: what reports of its symbol repeat from now on.
    due, event : In, a report is to be made in the next cycle, of a message or not.
    symbol, list, list_side, best, inexact, side_exact, feed_of : In, what it says, in its own cycle.
    top, levels : Out, the report.
    crossed : Out(symbols), as last reported.
    """

    def __init__(self, config: NicConfig):
        self.config, self.shapes = config, (shapes := Shapes(config))
        super().__init__({
            "write": In(1), "write_symbol": In(shapes.symbol_bits), "meta": In(Meta), "due": In(1), "event": In(1),
            "symbol": In(shapes.symbol_bits), "list": In(shapes.list), "list_side": In(1), "best": In(shapes.best),
            "inexact": In(CAUSES), "side_exact": In(2), "feed_of": In(data.ArrayLayout(FEED_BITS, config.symbols)),
            "top": Out(stream.Signature(TopOfBook, always_ready=True)), "levels": Out(side_levels(config)),
            "crossed": Out(config.symbols),
        })

    def elaborate(self, platform):
        m = Module()
        m.submodules.metas = metas = memory.Memory(shape=Meta, depth=1 << self.shapes.symbol_bits, init=[])
        write, read = metas.write_port(), metas.read_port(domain="comb")
        top, side, event = self.top.payload, self.list_side, Signal()
        m.d.sync += [self.top.valid.eq(self.due), event.eq(self.event)]
        m.d.comb += [
            write.addr.eq(self.write_symbol), write.data.eq(self.meta), write.en.eq(self.write),
            read.addr.eq(self.symbol),
            top.symbol.eq(self.symbol), top.event.eq(event), top.inexact.eq(self.inexact),
            top.feed.eq(Array(self.feed_of[n] for n in range(self.config.symbols))[self.symbol]),
            *(top[name].eq(read.data[name]) for name in META),
            top.crossed.eq(self.list.valid[0] & self.best.valid & (top.bid.price >= top.ask.price)),
            self.levels.side.eq(side), self.levels.exact.eq(self.side_exact.bit_select(side, 1)),
        ]
        for level, of in ((top.bid, Side.BUY), (top.ask, Side.SELL)):
            m.d.comb += [level.price.eq(Mux(side == of, self.list.prices[0], self.best.price)),
                         level.qty.eq(Mux(side == of, self.list.qtys[0], self.best.qty))]
        for n in range(self.config.depth):
            m.d.comb += [self.levels.levels[n].price.eq(self.list.prices[n]),
                         self.levels.levels[n].qty.eq(self.list.qtys[n])]
        with m.If(self.top.valid):
            m.d.sync += self.crossed.bit_select(self.symbol, 1).eq(top.crossed)
        return m


__all__ = ["Report"]
