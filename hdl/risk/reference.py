"""The gate's own copy of the top of every book, for the collar and the age of the market data."""

from amaranth.hdl import Module, Mux, Signal, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from hdl.config import NicConfig
from hdl.messages import SYMBOL_BITS, TopOfBook
from hdl.risk.check import Reference
from hdl.risk.words import symbol_rows


class TopRow(data.Struct):
    for_buy: unsigned(32)
    for_sell: unsigned(32)
    has_bid: unsigned(1)
    has_ask: unsigned(1)
    usable: unsigned(1)
    rx_time: unsigned(64)


class ReferenceStore(wiring.Component):
    """Reference price by symbol and side: the opposite best, or the own best where there is none.

    A top that arrives in the cycle of the question is in the answer. Without any top yet the reference
    is not usable.

    Members
    -------
    top : tops of book, one a cycle at most.
    symbol : asked in one cycle; out of range, its low bits pick a row.
    sell : the side of that question, one cycle later.
    reference : the answer, in that same later cycle.
    """

    def __init__(self, config: NicConfig):
        self.config = config
        super().__init__({"top": In(stream.Signature(TopOfBook, always_ready=True)), "symbol": In(SYMBOL_BITS),
                          "sell": In(1), "reference": Out(Reference)})

    def elaborate(self, platform):
        m = Module()
        m.submodules.tops = memory = Memory(shape=TopRow, depth=symbol_rows(self.config), init=[])
        write, read = memory.write_port(), memory.read_port(domain="comb")
        top, has_bid, has_ask = self.top.payload, Signal(), Signal()
        m.d.comb += [
            has_bid.eq(top.bid.qty != 0), has_ask.eq(top.ask.qty != 0),
            write.addr.eq(top.symbol), write.en.eq(self.top.valid & (top.symbol < self.config.symbols)),
            write.data.for_buy.eq(Mux(has_ask, top.ask.price, top.bid.price)),
            write.data.for_sell.eq(Mux(has_bid, top.bid.price, top.ask.price)),
            write.data.has_bid.eq(has_bid), write.data.has_ask.eq(has_ask),
            write.data.usable.eq((top.inexact == 0) & ~top.crossed & (has_bid | has_ask)),
            write.data.rx_time.eq(top.rx_time),
        ]
        symbol = Signal.like(read.addr)
        m.d.sync += symbol.eq(self.symbol)
        m.d.comb += [
            read.addr.eq(symbol),
            self.reference.price.eq(Mux(self.sell, read.data.for_sell, read.data.for_buy)),
            self.reference.opposite.eq(Mux(self.sell, read.data.has_bid, read.data.has_ask)),
            self.reference.usable.eq(read.data.usable), self.reference.rx_time.eq(read.data.rx_time),
        ]
        return m
