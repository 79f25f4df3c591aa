"""What goes up about the book: MARKET_EVENT, BOOK_TOP and BOOK_LEVELS, or tops alone where the host is late."""

from amaranth.hdl import Module, Mux, Signal, Value
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from hdl.config import NicConfig
from hdl.layouts import BOOK_LEVELS, BOOK_TOP, LEVELS_PER_RECORD, MARKET_EVENT, RECORD_BITS
from hdl.messages import BookMessage, TopOfBook, side_levels
from hdl.recordfifo import Catch, assemble


def level_records(config: NicConfig) -> int:
    """BOOK_LEVELS records that one top needs."""
    return -(-config.depth // LEVELS_PER_RECORD)


class BookRecords(wiring.Component):
    """Turns book messages and tops into records.

    A top has its record, and those of its levels (best first), in the cycles right after it, whatever else waits.
    So tops may come 1 + `level_records` cycles apart; one that comes sooner cuts off the levels of the one before,
    which are lost. An event waits for a cycle that no top needs, at most until the next event, which is lost
    otherwise. It is before the top of its own message unless it had to wait for others.

    While `slow`, nothing is made. Events and levels are lost, tops are not: `again` asks for the newest one of each
    symbol that had any as soon as `slow` has ended.

    Members
    -------
    event : messages of subscribed symbols.
    top, levels : the book's answer; `levels` is valid with `top`.
    events_on, levels_on : whether MARKET_EVENT and BOOK_LEVELS records are wanted.
    slow : the host is behind.
    now : the clock; a top that no message caused is stamped in the cycle after it.
    part : combinational: the record that the next cycle is for, an index to `book` from 1; 0 leaves it to others.
    book : array of records, `serial` 0: a message's top, those of its levels, a top without a message.
    event_wants, event_take, event_record : see `Catch`.
    again : one bit a symbol, a strobe: its top is to come once more.
    lost : records lost, one cycle late.
    """

    def __init__(self, config: NicConfig):
        self.config, self.levels_end = config, 1 + level_records(config)
        self.parts = self.levels_end + 1
        super().__init__({
            "event": In(stream.Signature(BookMessage, always_ready=True)),
            "top": In(stream.Signature(TopOfBook, always_ready=True)),
            "levels": In(side_levels(config)),
            "events_on": In(1), "levels_on": In(1), "slow": In(1), "now": In(64),
            "part": Out(range(self.parts + 1)), "book": Out(data.ArrayLayout(RECORD_BITS, self.parts)),
            "event_wants": Out(1), "event_take": In(1), "event_record": Out(RECORD_BITS),
            "again": Out(config.symbols), "lost": Out(range(self.levels_end + 1)),
        })

    def elaborate(self, platform):
        m = Module()
        event_lost = self._events(m)
        arrives, refused = self.top.valid & ~self.slow, self.top.valid & self.slow
        with_levels, more = Signal(), Signal()
        part = Signal.like(self.part)    # the record that this cycle is for
        m.d.comb += more.eq((part != 0) & (part < self.levels_end) & with_levels)
        with m.If(arrives):
            m.d.comb += self.part.eq(Mux(self.top.payload.event, 1, self.parts))
        with m.Elif(more):
            m.d.comb += self.part.eq(part + 1)
        m.d.sync += part.eq(self.part)

        wanted = self.levels_on & self.top.payload.event
        with m.If(arrives):
            m.d.sync += with_levels.eq(wanted)
        self._hold(m, arrives | ~more)
        self._ask_again(m, arrives, refused)
        cut = Mux(refused & wanted, self.levels_end - 1, Mux(arrives & more, self.levels_end - part, 0))
        m.d.sync += self.lost.eq(cut + event_lost)
        return m

    def _events(self, m: Module) -> Value:
        """Returns that an event is lost."""
        m.submodules.caught = caught = Catch(BookMessage)
        comes, slow = self.event.valid & self.events_on, self.slow
        m.d.comb += [
            caught.i.payload.eq(self.event.payload), caught.i.valid.eq(comes & ~slow),
            caught.take.eq(self.event_take), self.event_wants.eq(caught.wants),
            self.event_record.eq(_market_event(caught.o)),
        ]
        return caught.lost | (comes & slow)

    def _hold(self, m: Module, takes: Value):
        """Where nothing is held, whatever is on the ports is: one select less for what a top starts."""
        top, levels = Signal(TopOfBook, reset_less=True), Signal(side_levels(self.config), reset_less=True)
        with m.If(takes):
            m.d.sync += [top.eq(self.top.payload), levels.eq(self.levels)]
        m.d.comb += [self.book[0].eq(_book_top(top, time=top.rx_time)),
                     self.book[self.levels_end].eq(_book_top(top, time=self.now, flags=1))]
        for n in range(1, self.levels_end):
            m.d.comb += self.book[n].eq(_book_levels(top, levels, (n - 1) * LEVELS_PER_RECORD, self.config.depth))

    def _ask_again(self, m: Module, arrives: Value, refused: Value):
        owed = Signal(self.config.symbols)
        with m.If(~self.slow):
            m.d.sync += [self.again.eq(owed), owed.eq(0)]
        with m.Elif(refused):
            m.d.sync += owed.bit_select(self.top.payload.symbol, 1).eq(1)
        with m.If(self.slow):
            m.d.sync += self.again.eq(0)


def _market_event(event) -> Value:
    message = event.message
    return assemble(MARKET_EVENT, symbol=event.symbol, time=message.rx_time, feed=message.feed, type=message.type,
                    side=message.sell, detail=message.detail, price=message.price, qty=message.qty, seq=message.seq,
                    itch_time=message.itch_time, ref=message.ref, new_ref=message.new_ref)


def _book_top(top, **more) -> Value:
    return assemble(BOOK_TOP, symbol=top.symbol, bid_price=top.bid.price, bid_qty=top.bid.qty,
                    ask_price=top.ask.price, ask_qty=top.ask.qty, seq=top.seq, itch_time=top.itch_time,
                    inexact=top.inexact, feed=top.feed, crossed=top.crossed, **more)


def _book_levels(top, levels, first: int, depth: int) -> Value:
    fields = {}
    for n in range(min(LEVELS_PER_RECORD, depth - first)):
        fields |= {f"price{n}": levels.levels[first + n].price, f"qty{n}": levels.levels[first + n].qty}
    return assemble(BOOK_LEVELS, symbol=top.symbol, time=top.rx_time, side=levels.side, first=first,
                    exact=levels.exact, feed=top.feed, seq=top.seq, **fields)


__all__ = ["BookRecords", "level_records"]
