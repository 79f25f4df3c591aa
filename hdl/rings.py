"""The NIC's end of the two record rings: what the host sends is acted on, what happens is told to it."""

from typing import NamedTuple

from amaranth.hdl import Const, Module, Mux, Signal, Value
from amaranth.lib import data, fifo, stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from hdl.bookrecords import BookRecords
from hdl.config import NicConfig
from hdl.csr import READ_LATENCY, BusSignature
from hdl.layouts import (
    ARM,
    DECISION,
    EXECUTION,
    FEED_EVENT,
    INTENT,
    ORDER_SENT,
    RECORD_BITS,
    REG_READ,
    REG_VALUE,
    REG_WRITE,
    SESSION_BYTES,
    Record,
)
from hdl.messages import BookMessage, Decision, Intent, SentOrder, TopOfBook, side_levels
from hdl.recordfifo import Catch, RecordFifo, assemble
from hdl.streams import records

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

    Throughput: one record every two cycles, a REG_WRITE every 6, a REG_READ every 7 as long as its answer
    is taken. A record of an unknown kind is counted and dropped.

    Members
    -------
    i : records from the host.
    bus : register bus master; `rdata` is expected `READ_CYCLES` after `read`.
    value : REG_VALUE answers in order of the requests, with their address and tag; header fields are 0.
    intent, arm : records of these kinds.
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
        held, full, done = Signal(RECORD_BITS, reset_less=True), Signal(), Signal()
        m.d.comb += self.i.ready.eq(~full)
        with m.If(~full):
            m.d.sync += held.eq(self.i.payload)
        m.d.sync += full.eq(Mux(full, ~done, self.i.valid))
        m.d.comb += self.arm.payload.eq(held)
        intents = self._intents(m, held)

        with m.If(full):
            with m.Switch(held[:8]):
                with m.Case(REG_WRITE.kind):
                    self._write(m, REG_WRITE.layout(held), done)
                with m.Case(REG_READ.kind):
                    self._read(m, REG_READ.layout(held), done)
                with m.Case(INTENT.kind):
                    m.d.comb += [intents.valid.eq(1), done.eq(intents.ready)]
                with m.Case(ARM.kind):
                    m.d.comb += [self.arm.valid.eq(1), done.eq(self.arm.ready)]
                with m.Default():
                    m.d.comb += done.eq(1)
                    m.d.sync += self.unknown.eq(self.unknown + 1)
        return m

    def _intents(self, m: Module, held: Value) -> stream.Interface:
        """The near end of the queue before the gate."""
        m.submodules.waiting = waiting = fifo.SyncFIFO(width=len(held), depth=INTENTS)
        m.d.comb += waiting.w_stream.payload.eq(held)
        connect(m, waiting.r_stream, flipped(self.intent))
        return waiting.w_stream

    def _write(self, m: Module, record: data.View, done: Signal):
        wait = Signal(range(WRITE_CYCLES + 1), name="write_wait")
        m.d.comb += [self.bus.addr.eq(record.addr), self.bus.wdata.eq(record.data),
                     self.bus.write.eq(wait == 0), done.eq(wait == WRITE_CYCLES)]
        m.d.sync += wait.eq(Mux(done, 0, wait + 1))

    def _read(self, m: Module, record: data.View, done: Signal):
        wait = Signal(range(READ_CYCLES + 2), name="read_wait")
        m.d.comb += [self.bus.addr.eq(record.addr), self.bus.read.eq(wait == 0)]
        with m.If(wait == READ_CYCLES):
            m.d.sync += self.value.payload.data.eq(self.bus.rdata)
        m.d.comb += [self.value.valid.eq(wait == READ_CYCLES + 1), done.eq(self.value.valid & self.value.ready)]
        m.d.sync += [self.value.payload.addr.eq(record.addr), self.value.payload.tag.eq(record.tag),
                     wait.eq(Mux(self.value.valid, Mux(done, 0, wait), wait + 1))]


#: Records that the ring holds for a host that is late.
DEPTH = 256
#: Room kept free for what may not be lost (decisions, orders, executions), and what may at least wait.
RESERVE_MARKET, RESERVE_STREAMS, RESERVE_DECISIONS, MARGIN = 64, 32, 16, 4


class Source(NamedTuple):
    """A producer of records: taken in the cycle in which `ready` is high."""
    valid: Value
    ready: Value
    record: Value
    room: Value


class Unsent(data.Struct):
    intent: Intent
    poisoned: 1     # its frame left, with a bad FCS


class HostUp(wiring.Component):
    """Tells the host what happens: merges all producers into one ring, numbers and stamps the records.

    One record every two cycles; 7 or 8 cycles from an event to `o` where nothing else is waiting. The wire side
    never waits for the host. The ring holds `DEPTH` records. When the host is late, first market events and levels
    are dropped and tops of book reduced to the newest of each symbol (`BookRecords`), then session bytes and
    register values wait, then `room` goes low, which must keep the gate from deciding; decisions, sent
    orders and executions are lost only if all that was not enough. A lost record is counted in `dropped` and leaves
    a hole in `serial`, so the host sees where.

    Members
    -------
    event, top, levels : see `BookRecords`; `events_on`, `levels_on` are NIC.depth.
    decision, sent : the gate's verdicts; first beats of order frames.
    unsent : passed intents that did not reach their venue: an ORDER_SENT with bit 0 of `flags`.
    execution, feed_event : records of these kinds; stamped on arrival.
    session, value : SESSION_BYTES and REG_VALUE records; stamped when taken. Their header may be left 0.
    limits_serial : serial number of the limits in force.
    now : the clock.
    o : to the host.
    dropped : records lost, wraps.
    room : decisions made now will be recorded.
    """

    def __init__(self, config: NicConfig):
        self.config = config

        def valid_only(shape):
            return In(stream.Signature(shape, always_ready=True))

        super().__init__({
            "event": valid_only(BookMessage), "top": valid_only(TopOfBook), "levels": In(side_levels(config)),
            "decision": valid_only(Decision), "sent": valid_only(SentOrder),
            "unsent": valid_only(Unsent),
            "execution": valid_only(EXECUTION.layout), "feed_event": valid_only(FEED_EVENT.layout),
            "session": In(stream.Signature(SESSION_BYTES.layout)), "value": In(stream.Signature(REG_VALUE.layout)),
            "events_on": In(1), "levels_on": In(1), "limits_serial": In(8), "now": In(64),
            "o": Out(records), "dropped": Out(32), "room": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        m.submodules.ring = ring = RecordFifo(DEPTH)
        connect(m, ring.o, flipped(self.o))
        lost = Signal(8)
        sources = self._sources(m, ring.level, lost)

        # Two phases take turns, at the pace of the ring: choose a source; take its record.
        taking, grant = Signal(), Signal(len(sources), reset_less=True)
        record, loaded = Signal(RECORD_BITS, reset_less=True), Signal()
        merged, asked = Const(0, len(record)), Signal(len(sources))
        for n, source in enumerate(sources):
            m.d.comb += [asked[n].eq(source.valid & source.room), source.ready.eq(taking & grant[n])]
            merged = merged | (source.record & grant[n].replicate(len(record)))
        serial = Signal(32)
        m.d.sync += taking.eq(~taking)
        with m.If(~taking):
            m.d.sync += grant.eq(asked & -asked)
        with m.Else():
            m.d.sync += [record.eq(merged), loaded.eq(grant.any())]
            m.d.sync += _serial(record).eq(serial)
        m.d.sync += [serial.eq(serial + lost + (taking & grant.any())), self.dropped.eq(self.dropped + lost)]
        m.d.comb += [ring.i.payload.eq(record), ring.i.valid.eq(loaded)]
        return m

    def _sources(self, m: Module, level: Value, lost: Signal) -> list[Source]:
        """In order of priority."""
        always, streams, slow = Signal(), Signal(), Signal()
        m.d.sync += [always.eq(level < DEPTH - MARGIN), streams.eq(level < DEPTH - RESERVE_STREAMS),
                     self.room.eq(level < DEPTH - RESERVE_DECISIONS)]
        with m.If(level >= DEPTH - RESERVE_MARKET):
            m.d.sync += slow.eq(1)
        with m.Elif(level < DEPTH // 2):
            m.d.sync += slow.eq(0)

        m.submodules.book = book = BookRecords(self.config)
        for name in ("event", "top"):
            connect(m, flipped(getattr(self, name)), getattr(book, name))
        for name in ("levels", "events_on", "levels_on", "now"):
            m.d.comb += getattr(book, name).eq(getattr(self, name))
        m.d.comb += book.slow.eq(slow)

        caught = [self._caught(m, name, form) for name, form in (
            ("decision", self._decision), ("sent", _order_sent), ("unsent", _unsent),
            ("execution", _stamped(EXECUTION)), ("feed_event", _stamped(FEED_EVENT)))]
        m.d.sync += lost.eq(sum((catch.lost for catch, _ in caught), book.lost))
        return [
            *(Source(catch.o.valid, catch.o.ready, record, always) for catch, record in caught),
            Source(self.value.valid, self.value.ready, _stamped(REG_VALUE)(self.value.payload, self.now), streams),
            Source(self.session.valid, self.session.ready,
                   _stamped(SESSION_BYTES)(self.session.payload, self.now), streams),
            Source(book.o.valid, book.o.ready, book.o.payload, always),
        ]

    def _caught(self, m: Module, name: str, form) -> tuple[Catch, Value]:
        """Holds one transfer of port `name` with its time of arrival; `form` makes its record."""
        port = getattr(self, name)
        m.submodules[name] = catch = Catch(data.StructLayout({"it": port.payload.shape(), "time": 64}))
        m.d.comb += [catch.i.payload.it.eq(port.payload), catch.i.payload.time.eq(self.now),
                     catch.i.valid.eq(port.valid)]
        return catch, form(catch.o.payload.it, catch.o.payload.time)

    def _decision(self, decision, _time: Value) -> Value:
        intent = decision.intent
        return assemble(DECISION, symbol=intent.symbol, time=decision.time, order_id=intent.order_id,
                        reasons=decision.reasons, price=intent.price, qty=intent.qty, reference=decision.reference,
                        notional=decision.notional, exposure=decision.exposure, tokens=decision.tokens,
                        side=intent.side, origin=intent.origin, action=intent.action, strategy=intent.strategy,
                        venue=intent.venue, serial_limits=self.limits_serial)


def _order_sent(sent, time: Value) -> Value:
    intent, rx_time = sent.decision.intent, sent.decision.intent.rx_time
    return assemble(ORDER_SENT, symbol=intent.symbol, time=time, order_id=intent.order_id, rx_time=rx_time,
                    cause_delay=(intent.needed - rx_time)[:32], decide_delay=(sent.decision.time - rx_time)[:32],
                    msg_seq=sent.msg_seq, tcp_seq=sent.tcp_seq, origin=intent.origin, action=intent.action,
                    venue=intent.venue, transact_date=sent.date, transact_ms=sent.ms)


def _unsent(lost, time: Value) -> Value:
    intent = lost.intent
    return assemble(ORDER_SENT, flags=1, symbol=intent.symbol, time=time, order_id=intent.order_id,
                    rx_time=intent.rx_time, cause_delay=(intent.needed - intent.rx_time)[:32], origin=intent.origin,
                    action=intent.action, venue=intent.venue, poisoned=lost.poisoned)


def _stamped(record: Record):
    """Makes a record of one whose producer filled the body and `symbol`, and perhaps `flags`."""
    def form(given: data.View, time: Value) -> Value:
        fields = {field.name: given[field.name] for field in record.fields}
        return assemble(record, **fields | {"kind": 0, "serial": 0, "time": time})
    return form


def _serial(record: Signal) -> Value:
    return data.View(REG_VALUE.layout, record).serial


__all__ = ["DEPTH", "INTENTS", "READ_CYCLES", "HostDown", "HostUp"]
