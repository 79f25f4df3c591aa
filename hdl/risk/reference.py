"""The gate's own copy of the top of every book, for the collar and the age of the market data."""

from amaranth.hdl import Module, Mux, Signal, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from hdl.config import NicConfig
from hdl.messages import SYMBOL_BITS, TopOfBook
from hdl.risk.check import Reference
from hdl.risk.limits import symbol_rows


class TopRow(data.Struct):
    bid: unsigned(32)
    ask: unsigned(32)
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
        write = memory.write_port()
        read = memory.read_port(transparent_for=(write,))
        top, has_bid, has_ask = self.top.payload, Signal(), Signal()
        m.d.comb += [
            has_bid.eq(top.bid.qty != 0), has_ask.eq(top.ask.qty != 0),
            write.addr.eq(top.symbol), write.en.eq(self.top.valid & (top.symbol < self.config.symbols)),
            write.data.bid.eq(top.bid.price), write.data.ask.eq(top.ask.price),
            write.data.has_bid.eq(has_bid), write.data.has_ask.eq(has_ask),
            write.data.usable.eq((top.inexact == 0) & ~top.crossed & (has_bid | has_ask)),
            write.data.rx_time.eq(top.rx_time),
        ]
        row, of_ask = read.data, Signal()
        m.d.comb += [
            read.addr.eq(self.symbol),
            of_ask.eq(Mux(self.sell, ~row.has_bid, row.has_ask)),
            self.reference.price.eq(Mux(of_ask, row.ask, row.bid)),
            self.reference.usable.eq(row.usable),
            self.reference.rx_time.eq(row.rx_time),
        ]
        return m
