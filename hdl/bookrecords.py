"""What goes up about the book: MARKET_EVENT, BOOK_TOP and BOOK_LEVELS, in order, or the newest alone."""

from amaranth.hdl import Module, Mux, Signal, Value
from amaranth.lib import memory, stream, wiring
from amaranth.lib.wiring import In, Out

from hdl.config import NicConfig
from hdl.layouts import BOOK_LEVELS, BOOK_TOP, LEVELS_PER_RECORD, MARKET_EVENT, RECORD_BITS
from hdl.messages import BookMessage, TopOfBook, side_levels
from hdl.recordfifo import assemble
from hdl.streams import records


class BookRecords(wiring.Component):
    """Turns book messages and tops into records, in the order of arrival.

    For one message: its MARKET_EVENT, then its BOOK_TOP, then the BOOK_LEVELS of the side it changed (best
    levels first), and nothing of the next message in between. Latency 1 cycle to the first. A top and an
    event that come in the same cycle belong to different messages: the top, being the earlier one's, goes first.

    One event and one top (with its levels) are held; the next of the same sort may come as soon as they
    are taken. While `slow`, or once a top finds the last one still held, only the newest top of each
    symbol is kept; events and levels are lost. When `slow` ends, the tops kept go out, by symbol index, and
    then all is as before.

    Members
    -------
    event : messages of subscribed symbols.
    top, levels : the book's answer; `levels` is valid with `top`.
    events_on, levels_on : whether MARKET_EVENT and BOOK_LEVELS records are wanted.
    slow : the host is behind.
    now : the clock; stamps a top that no message caused.
    o : the records, `serial` 0.
    lost : records lost, one cycle late.
    """

    def __init__(self, config: NicConfig):
        self.config = config
        self.parts = -(-config.depth // LEVELS_PER_RECORD)
        super().__init__({
            "event": In(stream.Signature(BookMessage, always_ready=True)),
            "top": In(stream.Signature(TopOfBook, always_ready=True)),
            "levels": In(side_levels(config)),
            "events_on": In(1), "levels_on": In(1), "slow": In(1), "now": In(64),
            "o": Out(records), "lost": Out(range(self.parts + 2)),
        })

    def elaborate(self, platform):
        m = Module()
        event, event_held = Signal(BookMessage, reset_less=True), Signal()
        top, top_held = Signal(TopOfBook, reset_less=True), Signal()
        levels, left = Signal(side_levels(self.config), reset_less=True), Signal(range(self.parts + 1))
        after = Signal()  # the held event came after the held top

        group = top_held | (left != 0)
        event_first = event_held & ~(after & group)
        taken = self.o.valid & self.o.ready
        group_ends = taken & ~event_first & Mux(top_held, left == 0, left == 1)
        m.d.comb += self.o.valid.eq(event_held | group)
        with m.If(event_first):
            m.d.comb += self.o.payload.eq(_market_event(event))
            m.d.sync += event_held.eq(event_held & ~taken)
        with m.Elif(top_held):
            m.d.comb += self.o.payload.eq(_book_top(top))
            m.d.sync += top_held.eq(~taken)
        with m.Else():
            m.d.comb += self.o.payload.eq(self._levels_part(m, top, levels, left))
            m.d.sync += left.eq(left - taken)

        arrived = Signal(TopOfBook)
        m.d.comb += arrived.eq(self.top.payload)
        with m.If(~self.top.payload.event):
            m.d.comb += arrived.rx_time.eq(self.now)
        newest = self._newest(m, arrived, busy=group)

        event_in = self.event.valid & self.events_on
        event_taken = event_in & ~newest.only & (~event_held | (taken & event_first))
        top_taken = self.top.valid & ~newest.only & (~group | group_ends)
        with_levels = self.levels_on & self.top.payload.event
        m.d.comb += newest.keep.eq(self.top.valid & ~top_taken)
        with m.If(event_taken):
            m.d.sync += [event.eq(self.event.payload), event_held.eq(1), after.eq(group)]
        with m.If(top_taken):
            m.d.sync += [top.eq(arrived), levels.eq(self.levels), top_held.eq(1), after.eq(event_taken),
                         left.eq(Mux(with_levels, self.parts, 0))]
        with m.Elif(newest.valid):
            m.d.sync += [top.eq(newest.top), top_held.eq(1), after.eq(0)]
        m.d.sync += self.lost.eq((event_in & ~event_taken) + Mux(newest.keep & with_levels, self.parts, 0))
        return m

    def _newest(self, m: Module, arrived, busy: Value) -> "NewestTops":
        m.submodules.newest = newest = NewestTops(self.config)
        m.d.comb += [newest.arrived.eq(arrived), newest.slow.eq(self.slow), newest.busy.eq(busy)]
        return newest

    def _levels_part(self, m: Module, top, levels, left: Signal) -> Value:
        """The record of the next part: `left` counts down to 1, the part furthest from the best."""
        part = Signal(RECORD_BITS)
        with m.Switch(left):
            for n in range(self.parts):
                with m.Case(self.parts - n):
                    m.d.comb += part.eq(_book_levels(top, levels, n * LEVELS_PER_RECORD, self.config.depth))
        return part


class NewestTops(wiring.Component):
    """The newest top of each symbol, kept while the host is behind.

    Members
    -------
    arrived, keep : a top to keep instead of the last one of its symbol; the first one sets `only`.
    slow, busy : no top is offered while either is high.
    only : every top is to come here.
    top, valid : a kept top to send on, in the cycle it has to be taken in. `only` ends after the last.
    """

    def __init__(self, config: NicConfig):
        self.config = config
        super().__init__({"arrived": In(TopOfBook), "keep": In(1), "slow": In(1), "busy": In(1),
                          "only": Out(1), "top": Out(TopOfBook), "valid": Out(1)})

    def elaborate(self, platform):
        m = Module()
        symbols = self.config.symbols
        m.submodules.kept = kept = memory.Memory(shape=TopOfBook, depth=symbols, init=[])
        write, read = kept.write_port(), kept.read_port()
        pending, scan = Signal(symbols), Signal(range(symbols))
        m.d.comb += [write.addr.eq(self.arrived.symbol), write.data.eq(self.arrived), write.en.eq(self.keep),
                     read.addr.eq(scan), read.en.eq(1), self.top.eq(read.data)]

        found = pending.bit_select(scan, 1) & self.only & ~self.slow & ~self.busy & ~self.valid
        m.d.sync += self.valid.eq(found)
        with m.If(~found):
            m.d.sync += scan.eq(Mux(scan == symbols - 1, 0, scan + 1))
        with m.Else():
            m.d.sync += pending.bit_select(scan, 1).eq(0)
        with m.If(self.keep):
            m.d.sync += [pending.bit_select(self.arrived.symbol, 1).eq(1), self.only.eq(1)]
        with m.Elif(self.slow):
            m.d.sync += self.only.eq(1)
        with m.Elif(~pending.any() & ~self.valid & ~self.busy):
            m.d.sync += self.only.eq(0)
        return m


def _market_event(event) -> Value:
    message = event.message
    return assemble(MARKET_EVENT, symbol=event.symbol, time=message.rx_time, feed=message.feed, type=message.type,
                    side=message.sell, detail=message.detail, price=message.price, qty=message.qty, seq=message.seq,
                    itch_time=message.itch_time, ref=message.ref, new_ref=message.new_ref)


def _book_top(top) -> Value:
    return assemble(BOOK_TOP, flags=~top.event, symbol=top.symbol, time=top.rx_time, bid_price=top.bid.price,
                    bid_qty=top.bid.qty, ask_price=top.ask.price, ask_qty=top.ask.qty, seq=top.seq,
                    itch_time=top.itch_time, inexact=top.inexact, feed=top.feed, crossed=top.crossed)


def _book_levels(top, levels, first: int, depth: int) -> Value:
    fields = {}
    for n in range(min(LEVELS_PER_RECORD, depth - first)):
        fields |= {f"price{n}": levels.levels[first + n].price, f"qty{n}": levels.levels[first + n].qty}
    return assemble(BOOK_LEVELS, symbol=top.symbol, time=top.rx_time, side=levels.side, first=first,
                    exact=levels.exact, feed=top.feed, seq=top.seq, **fields)


__all__ = ["BookRecords", "NewestTops"]
