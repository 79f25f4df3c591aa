"""The NIC's end of the two record rings: what the host sends is acted on, what happens is told to it."""

from functools import reduce
from operator import or_
from typing import NamedTuple

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import data, fifo, stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from hdl.bookrecords import BookRecords
from hdl.config import NicConfig
from hdl.csr import READ_LATENCY, BusSignature
from hdl.layouts import (
    ARM,
    EXECUTION,
    FEED_EVENT,
    INTENT,
    REG_READ,
    REG_VALUE,
    REG_WRITE,
    SESSION_BYTES,
    Record,
)
from hdl.messages import BookMessage, Decision, SentOrder, TopOfBook, side_levels
from hdl.orderrecords import OrderRecords
from hdl.recordfifo import Catch, RecordFifo, assemble
from hdl.streams import records, valid_only

#: Cycles from a strobe of the bus master to the answer, through one `BusFanout`.
READ_CYCLES = READ_LATENCY + 2
#: Cycles given to a write before the next record is looked at, so that what follows finds it done.
WRITE_CYCLES = READ_LATENCY + 2
#: INTENT records that wait for the gate without holding up what is behind them.
INTENTS = 16


class HostDown(wiring.Component):
    """Sorts the host's records by kind.

    They take effect in order, with one exception: register accesses and ARMs overtake INTENTs that wait for
    the gate (at most `INTENTS` of them; then they wait too), so a kill is not held up by the orders that it is
    to stop.

    Throughput: one record every three cycles, an ARM every 4, a REG_WRITE every 7, a REG_READ every 8 as long as its
    answer is taken. A record is acted on from the second cycle on in which it is offered, and taken in the cycle
    after. A record of an unknown kind is counted and dropped.

    Members
    -------
    i : records from the host.
    bus : register bus master; `rdata` is expected `READ_CYCLES` after `read`.
    value : REG_VALUE answers in order of the requests, with their address and tag; header fields are 0.
    intent, arm : records of these kinds; of an intent's header only `kind` and `symbol` are passed on.
    unknown : records dropped, wraps.
    """

    def __init__(self, config: NicConfig):
        super().__init__({
            "i": In(records), "bus": Out(BusSignature()), "value": Out(stream.Signature(REG_VALUE.layout)),
            "intent": Out(stream.Signature(INTENT.layout)), "arm": Out(stream.Signature(ARM.layout)),
            "unknown": Out(32),
        })

    def elaborate(self, platform):
        m = Module()
        record, done = self.i.payload, Signal()
        m.d.sync += self.i.ready.eq(done)   # the cycle after: what is offered then has been acted on
        write, read = REG_WRITE.layout(record), REG_READ.layout(record)
        assert REG_WRITE.layout["addr"] == REG_READ.layout["addr"]
        m.d.comb += [self.arm.payload.eq(record), self.bus.wdata.eq(write.data), self.bus.addr.eq(read.addr)]
        intents = self._intents(m, INTENT.layout(record))

        kinds = {kind: Signal(name=f"is_{kind.name.lower()}") for kind in (REG_WRITE, REG_READ, INTENT, ARM)}
        other = Signal()
        offered = self.i.valid & ~self.i.ready & ~done
        known = {kind: record[:8] == kind.kind for kind in kinds}
        m.d.sync += [*(kinds[kind].eq(offered & is_it) for kind, is_it in known.items()),
                     other.eq(offered & ~Cat(known.values()).any())]
        with m.If(kinds[REG_WRITE]):
            self._write(m, done)
        with m.If(kinds[REG_READ]):
            self._read(m, read, done)
        with m.If(kinds[INTENT]):
            m.d.comb += [intents.valid.eq(1), done.eq(intents.ready)]
        with m.If(kinds[ARM]):
            m.d.comb += [self.arm.valid.eq(1), done.eq(self.arm.ready)]
        with m.If(other):
            m.d.comb += done.eq(1)
            m.d.sync += self.unknown.eq(self.unknown + 1)
        return m

    def _intents(self, m: Module, record: data.View) -> stream.Interface:
        """The near end of the queue before the gate. It keeps what an intent has, not the whole record."""
        kept = ("symbol", *(field.name for field in INTENT.body))
        fields = Cat(record[name] for name in kept)
        m.submodules.waiting = waiting = fifo.SyncFIFO(width=len(fields), depth=INTENTS)
        m.d.comb += [
            waiting.w_stream.payload.eq(fields), self.intent.payload.kind.eq(INTENT.kind),
            Cat(self.intent.payload[name] for name in kept).eq(waiting.r_stream.payload),
            self.intent.valid.eq(waiting.r_stream.valid), waiting.r_stream.ready.eq(self.intent.ready),
        ]
        return waiting.w_stream

    def _write(self, m: Module, done: Signal):
        wait = Signal(range(WRITE_CYCLES + 1), name="write_wait")
        m.d.comb += [self.bus.write.eq(wait == 0), done.eq(wait == WRITE_CYCLES)]
        m.d.sync += wait.eq(Mux(done, 0, wait + 1))

    def _read(self, m: Module, record: data.View, done: Signal):
        wait = Signal(range(READ_CYCLES + 2), name="read_wait")
        m.d.comb += self.bus.read.eq(wait == 0)
        with m.If(wait == READ_CYCLES):
            m.d.sync += self.value.payload.data.eq(self.bus.rdata)
        m.d.comb += [self.value.valid.eq(wait == READ_CYCLES + 1), done.eq(self.value.valid & self.value.ready),
                     self.value.payload.addr.eq(record.addr), self.value.payload.tag.eq(record.tag)]
        m.d.sync += wait.eq(Mux(self.value.valid, Mux(done, 0, wait), wait + 1))


#: Records that the ring holds for a host that is late.
DEPTH = 512
#: Room kept free for what may not be lost (decisions, orders, executions), and what may at least wait.
RESERVE_MARKET, RESERVE_STREAMS, RESERVE_DECISIONS, MARGIN = 64, 32, 16, 8


class Source(NamedTuple):
    """A producer of one kind of record at a time."""
    wants: Value    # combinational: it has one for the next cycle
    take: Value     # it is taken in this cycle
    record: Value
    room: Value


class HostUp(wiring.Component):
    """Tells the host what happens: merges all producers into one ring, numbers and stamps the records.

    One record a cycle in and out; 3 cycles from an event to `o` where nothing else is waiting. The wire side never
    waits for the host. Nothing is lost as long as the host takes the records, messages of one port are as far apart
    as a feed path puts them and those of `ports` ports together as `BookRecords` can do: with two ports and 10 levels
    that is 8 records in 21 cycles.

    The ring holds `DEPTH` records. When the host is late, first market events and levels are dropped and tops of book
    reduced to the newest of each symbol (`BookRecords`), then session bytes and register values wait, then `room`
    goes low, which must keep the gate from deciding; sent orders and executions are lost only if all that was not
    enough. `room` is low, too, for the few cycles in which the records of an order wait behind others, so a decision
    is never lost. A lost record is counted in `dropped` and leaves a hole in `serial`, so the host sees where.

    Members
    -------
    event, top, levels, again : see `BookRecords`; `events_on`, `levels_on` are NIC.depth.
    decision, sent, unsent : see `OrderRecords`.
    execution, feed_event : records of these kinds; stamped on arrival.
    session, value : SESSION_BYTES and REG_VALUE records; stamped when taken. Their header may be left 0.
    limits_serial : see `OrderRecords`.
    now : the clock.
    o : to the host.
    dropped : records lost, wraps.
    room : a decision on an intent that is let through now will be recorded.
    """

    def __init__(self, config: NicConfig):
        self.config = config

        super().__init__({
            "event": In(valid_only(BookMessage)), "top": In(valid_only(TopOfBook)), "levels": In(side_levels(config)),
            "again": Out(config.symbols),
            "decision": In(valid_only(Decision)), "sent": In(valid_only(SentOrder)), "unsent": In(valid_only(1)),
            "execution": In(valid_only(EXECUTION.layout)), "feed_event": In(valid_only(FEED_EVENT.layout)),
            "session": In(stream.Signature(SESSION_BYTES.layout)), "value": In(stream.Signature(REG_VALUE.layout)),
            "events_on": In(1), "levels_on": In(1), "limits_serial": In(8), "now": In(64),
            "o": Out(records), "dropped": Out(32), "room": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        m.submodules.ring = ring = RecordFifo(DEPTH)
        m.submodules.book = book = BookRecords(self.config)
        m.submodules.orders = orders = OrderRecords()
        connect(m, ring.o, flipped(self.o))
        self._book(m, book)
        self._orders(m, orders)
        lost = Signal(4)
        sources = self._sources(m, self._rooms(m, ring.level, book, orders), book, orders, lost)

        # One cycle ahead: whose record the next one is for; the book's have theirs for sure.
        turn, takes = Signal(book.parts), Signal(len(sources))      # one bit for each
        m.d.sync += [turn.eq(1 << book.part >> 1), takes.eq(0)]
        with m.If(book.part == 0):
            for n, source in enumerate(sources):
                with m.If(source.wants & source.room) if n == 0 else m.Elif(source.wants & source.room):
                    m.d.sync += takes.eq(1 << n)
        m.d.comb += [source.take.eq(takes[n]) for n, source in enumerate(sources)]

        chosen = zip(Cat(turn, takes), [*book.book, *(source.record for source in sources)], strict=True)
        serial = Signal(32)
        m.d.comb += [ring.i.eq(reduce(or_, (record & one.replicate(len(ring.i)) for one, record in chosen))),
                     _header(ring.i).serial.eq(serial), ring.write.eq(turn.any() | takes.any())]
        m.d.sync += [serial.eq(serial + (lost + ring.write)), self.dropped.eq(self.dropped + lost)]
        return m

    def _rooms(self, m: Module, level: Value, book: BookRecords, orders: OrderRecords) -> tuple[Signal, Signal]:
        """How late the host is: (room for what cannot wait, room for what can); `room` and `slow` as well."""
        always, streams, decisions = Signal(), Signal(), Signal()
        m.d.sync += [always.eq(level < DEPTH - MARGIN), streams.eq(level < DEPTH - RESERVE_STREAMS),
                     decisions.eq(level < DEPTH - RESERVE_DECISIONS)]
        m.d.comb += self.room.eq(decisions & ~orders.busy)
        with m.If(level >= DEPTH - RESERVE_MARKET):
            m.d.sync += book.slow.eq(1)
        with m.Elif(level < DEPTH // 2):
            m.d.sync += book.slow.eq(0)
        return always, streams

    def _book(self, m: Module, book: BookRecords):
        for name in ("event", "top"):
            connect(m, flipped(getattr(self, name)), getattr(book, name))
        for name in ("levels", "events_on", "levels_on", "now"):
            m.d.comb += getattr(book, name).eq(getattr(self, name))
        m.d.comb += self.again.eq(book.again)

    def _orders(self, m: Module, orders: OrderRecords):
        for name in ("decision", "sent", "unsent"):
            connect(m, flipped(getattr(self, name)), getattr(orders, name))
        m.d.comb += [orders.now.eq(self.now), orders.limits_serial.eq(self.limits_serial)]

    def _sources(self, m: Module, rooms: tuple[Signal, Signal], book, orders, lost: Signal) -> list[Source]:
        """What may wait for a cycle, in order of priority. `lost` is the number of records lost in the last cycle."""
        always, streams = rooms
        caught = [self._caught(m, record) for record in (EXECUTION, FEED_EVENT)]
        m.d.sync += lost.eq(book.lost + orders.lost + sum(catch.lost for catch, _ in caught))
        return [
            Source(book.event_wants, book.event_take, book.event_record, always),
            Source(orders.wants[0], orders.take[0], orders.decided, always),
            Source(orders.wants[1], orders.take[1], orders.left, always),
            *(Source(catch.wants, catch.take, record, always) for catch, record in caught),
            *(Source(port.valid & ~port.ready, port.ready, _stamped(record, port.payload, self.now), streams)
              for record, port in ((REG_VALUE, self.value), (SESSION_BYTES, self.session))),
        ]

    def _caught(self, m: Module, record: Record) -> tuple[Catch, Value]:
        """Holds what comes on the port of `record` with its time of arrival."""
        name = record.name.lower()
        port = getattr(self, name)
        m.submodules[name] = catch = Catch(data.StructLayout({"it": record.layout, "time": 64}))
        m.d.comb += [catch.i.payload.it.eq(port.payload), catch.i.payload.time.eq(self.now),
                     catch.i.valid.eq(port.valid)]
        return catch, _stamped(record, catch.o.it, catch.o.time)


def _stamped(record: Record, given: data.View, time: Value) -> Value:
    """A record whose producer filled the body and `symbol`, and perhaps `flags`."""
    fields = {field.name: given[field.name] for field in record.fields}
    return assemble(record, **fields | {"kind": 0, "serial": 0, "time": time})


def _header(record: Value) -> data.View:
    return data.View(REG_VALUE.layout, record)


__all__ = ["DEPTH", "INTENTS", "READ_CYCLES", "HostDown", "HostUp"]
