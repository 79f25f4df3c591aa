"""Which messages are for which book: stock locates to symbol indices, and trading state."""

from functools import reduce
from operator import or_

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from hdl.config import NicConfig
from hdl.csr import BusSignature, RegisterBank
from hdl.feed.spec import MESSAGES
from hdl.messages import FEED_BITS, SYMBOL_BITS, BookMessage, FeedMessage
from hdl.pick import lowest
from hdl.registers import SYMBOL

#: Cycles from a message on `i` to the same on `o`.
LATENCY = 1
#: The same for an R message that sets the locate of its symbol.
DIRECTORY_LATENCY = 2

DIRECTORY, TRADING_ACTION, OPERATIONAL_HALT, AUCTION_COLLAR = (MESSAGES[type_].code for type_ in "RHhJ")
SYSTEM_EVENT, BREAKER_STATUS = (MESSAGES[type_].code for type_ in "SW")
#: Trading state (H) and operational halt action (h) in which the symbol trades: TotalView-ITCH 5.0, 1.2.2 and 1.2.8.
TRADING = ord("T")
#: Events (S) after which a feed's stocks do not trade: end of market hours, of system hours, of messages (1.1).
CLOSING = tuple(map(ord, "MEC"))

_WRITES_CLEAR = 1
#: Bits of a name compared in one cycle; the results are put together in the next.
_PART_BITS = 16


#: What feeds a symbol, as SYMBOL.route holds it.
Route = data.StructLayout({bits.name: bits.width for bits in SYMBOL["route"].bits})


class SymbolState(wiring.Component):
    """Registers and trading state of symbol `index`.

    A symbol is halted (after reset, too) until an H message with state T says that it trades, or the host writes
    `clear`. What halts it again: H with any other state; J, for a stock has an auction collar only while it is paused;
    W (a market-wide circuit breaker) and S at the end of market hours, which are for all symbols of the feed. An
    operational halt (h) halts it on top of that until it is lifted.

    Ports
    -----
    bus : In(BusSignature), the registers of SYMBOL.
    inexact : In(16), crossed : In(1), shown in `status`.
    clear : Out, high for one cycle, 2 cycles after the strobe that writes 1 to the register.
    halted : Out
    route : Out(Route)
    name : Out(64)
    locate, learn : In, `locate` replaces that of the route; it shows in the next cycle.
    message, valid : In, a message of this symbol.
    stop : In, a message that stops all symbols of its feed.
    """

    def __init__(self, config: NicConfig, index: int):
        self.config, self.index = config, index
        super().__init__({
            "bus": In(BusSignature()), "inexact": In(16), "crossed": In(1), "clear": Out(1), "halted": Out(1),
            "route": Out(Route), "name": Out(64), "locate": In(16), "learn": In(1),
            "message": In(FeedMessage), "valid": In(1), "stop": In(1),
        })

    def elaborate(self, platform):
        m = Module()
        m.submodules.bank = bank = RegisterBank(self.config, SYMBOL, self.index)
        wiring.connect(m, wiring.flipped(self.bus), bank.bus)
        learned = Signal(Route)
        m.d.comb += [
            self.route.eq(bank.route_value), self.name.eq(bank.name_value),
            learned.eq(self.route), learned.locate.eq(self.locate),
            bank.route_set.eq(self.learn), bank.route_data.eq(learned),
        ]

        stopped, suspended = Signal(init=1), Signal()   # by H, by h
        m.d.comb += self.halted.eq(stopped | suspended)
        with m.If(self.valid & (self.message.type == TRADING_ACTION)):
            m.d.sync += stopped.eq(self.message.detail != TRADING)
        with m.If(self.valid & (self.message.type == OPERATIONAL_HALT)):
            m.d.sync += suspended.eq(self.message.detail != TRADING)
        with m.If((self.valid & (self.message.type == AUCTION_COLLAR))
                  | (self.stop & (self.message.feed == self.route.feed))):
            m.d.sync += stopped.eq(1)
        m.d.sync += self.clear.eq(bank.clear_stb & (bank.clear_wdata == _WRITES_CLEAR))
        with m.If(self.clear):
            m.d.sync += [stopped.eq(0), suspended.eq(0)]

        status = {"inexact": self.inexact, "crossed": self.crossed, "halted": self.halted}
        m.d.comb += bank.status_status.eq(Cat(status[bits.name] for bits in SYMBOL["status"].bits))
        return m


class Subscription(wiring.Component):
    """Passes on what is for a subscribed symbol, with the symbol's index.

    Latency: `LATENCY` = 1 cycle; `DIRECTORY_LATENCY` = 2 for an R message that sets a locate. Throughput: a
    message every 2 cycles.

    A message is for the enabled symbol whose route has its feed and its locate; the lowest index, if the host
    gave several the same. Locate 0 (messages of no stock) is for none. An R message whose stock is the name of a
    symbol of its feed sets that symbol's locate, enabled or not, and is itself for that symbol if it is enabled
    and no symbol had that locate before.

    Ports
    -----
    i : In, valid-only `FeedMessage`, at least 2 cycles apart.
    bus : In(BusSignature), the registers of SYMBOL.
    inexact, crossed : In, arrays of Inexact bits (16) and of flags, one for each symbol.
    o : Out, valid-only `BookMessage`.
    clear : Out, one bit a symbol, for one cycle: the host empties the book.
    feeds : Out, array of the feed that each symbol is routed to.
    halted : Out, one bit a symbol; see `SymbolState`. It concerns the gate alone: books are kept all the same, so
        that a feed joined during the day shows them.
    """

    def __init__(self, config: NicConfig):
        self.config = config
        super().__init__({
            "i": In(stream.Signature(FeedMessage, always_ready=True)), "bus": In(BusSignature()),
            "inexact": In(data.ArrayLayout(16, config.symbols)), "crossed": In(data.ArrayLayout(1, config.symbols)),
            "o": Out(stream.Signature(BookMessage, always_ready=True)),
            "clear": Out(config.symbols), "halted": Out(config.symbols),
            "feeds": Out(data.ArrayLayout(FEED_BITS, config.symbols)),
        })

    def elaborate(self, platform):
        m = Module()
        symbols = [SymbolState(self.config, n) for n in range(self.config.symbols)]
        message, came = self.i.payload, Signal()
        held = Signal(FeedMessage, reset_less=True)
        m.d.sync += came.eq(self.i.valid)
        with m.If(~came):    # whether the message is valid is known late, and it stays for two cycles
            m.d.sync += held.eq(message)

        stop, closes = Signal(), Signal()
        m.d.comb += [
            closes.eq((held.type == SYSTEM_EVENT) & Cat(held.detail == code for code in CLOSING).any()),
            stop.eq(came & (closes | (held.type == BREAKER_STATUS))),
        ]
        routed = Signal(len(symbols))   # `message` is for this symbol, by its locate
        named = Signal(len(symbols))    # `held` is an R message that sets this symbol's locate
        hit, named_hit = Signal(), Signal()
        index, named_index = Signal(SYMBOL_BITS), Signal(SYMBOL_BITS)
        for n, symbol in enumerate(symbols):
            m.submodules[f"symbol{n}"] = symbol
            route = symbol.route
            m.d.comb += [
                routed[n].eq((message.locate == route.locate) & (message.feed == route.feed) & route.enable),
                named[n].eq(came & self._named(m, message, symbol)),
            ]
            self._connect(m, symbol, n)
            m.d.comb += [symbol.learn.eq(named[n]), symbol.locate.eq(held.locate), symbol.message.eq(held),
                         symbol.valid.eq(self.o.valid & (self.o.payload.symbol == n)), symbol.stop.eq(stop)]
        enabled = Cat(symbol.route.enable for symbol in symbols)
        found, first = lowest(routed)
        named_found, named_lowest = lowest(named & enabled)
        m.d.sync += [
            hit.eq(self.i.valid & found & message.locate.any()), index.eq(first),
            named_hit.eq(named_found & ~hit), named_index.eq(named_lowest),
        ]
        m.d.comb += [
            self.o.valid.eq(hit | named_hit),
            self.o.payload.message.eq(held), self.o.payload.symbol.eq(Mux(named_hit, named_index, index)),
            self.bus.rdata.eq(reduce(or_, (symbol.bus.rdata for symbol in symbols))),
        ]
        return m

    def _named(self, m, message, symbol):
        """Whether `message` was, one cycle ago, an R message that tells `symbol` a new locate."""
        parts = [Signal() for _ in range(0, len(symbol.name), _PART_BITS)]
        tells = Signal()
        for n, part in enumerate(parts):
            m.d.sync += part.eq(message.stock.word_select(n, _PART_BITS) == symbol.name.word_select(n, _PART_BITS))
        m.d.sync += tells.eq((message.type == DIRECTORY) & (message.feed == symbol.route.feed)
                             & (message.locate != symbol.route.locate) & message.locate.any())
        return tells & Cat(parts).all()

    def _connect(self, m, symbol, n):
        m.d.comb += [
            symbol.bus.addr.eq(self.bus.addr), symbol.bus.wdata.eq(self.bus.wdata),
            symbol.bus.write.eq(self.bus.write), symbol.bus.read.eq(self.bus.read),
            symbol.inexact.eq(self.inexact[n]), symbol.crossed.eq(self.crossed[n]),
            self.clear[n].eq(symbol.clear), self.halted[n].eq(symbol.halted), self.feeds[n].eq(symbol.route.feed),
        ]


__all__ = ["DIRECTORY_LATENCY", "LATENCY", "Subscription"]
