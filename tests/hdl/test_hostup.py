"""HostUp held to `sim.models.rings`: contents, order, latency, and what a late host loses."""

from itertools import chain, pairwise

import numpy as np
import pytest
from amaranth.lib import data
from amaranth.sim import Simulator

from hdl.config import GBE, TINY
from hdl.feed.itch import NEEDED
from hdl.feed.sequencer import SPACING
from hdl.feed.spec import MESSAGES, MOLD_LENGTH_BYTES
from hdl.intents import GATE_LATENCY
from hdl.layouts import (
    BOOK_LEVELS,
    BOOK_TOP,
    DECISION,
    EXECUTION,
    FEED_EVENT,
    MARKET_EVENT,
    ORDER_SENT,
    REG_VALUE,
    SESSION_BYTES,
)
from hdl.messages import BookMessage, Decision, SentOrder, TopOfBook, side_levels
from hdl.rings import DEPTH, RESERVE_DECISIONS, HostUp
from sim.bus import pack, unpack
from sim.models import rings as model

LATENCY = 3      # cycles from an event to `o`
PAIR = (10, 21)  # shortest distance between messages: of two feeds together, of one
PORTS = 2
SERIAL = 7       # of the limits
VALID_ONLY = {"event": BookMessage, "top": TopOfBook, "decision": Decision, "sent": SentOrder,
              "unsent": data.StructLayout({"poisoned": 1}), "execution": EXECUTION.layout,
              "feed_event": FEED_EVENT.layout}
BOOK_KINDS = (BOOK_TOP.kind, BOOK_LEVELS.kind)
#: (cycles from a message to its top, cycles it occupies the book) by type; A stands for all not named.
BOOKS = [{"A": (3, 4), "D": (6, 6), "U": (9, 10)}, {"A": (5, 5), "D": (5, 5), "U": (5, 5)},
         {"A": (8, 4), "D": (8, 4), "U": (8, 8)}]
for _type in "EXC":
    for _book in BOOKS:
        _book[_type] = _book["D"]
STREAMS = {"session": SESSION_BYTES, "value": REG_VALUE}


def anything(shape, rng, **fixed):
    width = data.Layout.cast(shape).size
    return unpack(shape, rng.getrandbits(width)) | fixed


def stamped(kind, given: dict, now: int) -> dict:
    return model.fields_of(np.frombuffer(pack(kind.layout, given | {"kind": kind.kind, "time": now})
                                         .to_bytes(64, "little"), np.uint8))


class Bench:
    """Plays `plan` (cycle to {port: value}), offers `streams`, takes records by `ready(cycle)`.

    `again(cycle, symbols)` is told what `again` asks for; `room` has the value of each cycle so far.
    """

    def __init__(self, config, plan, streams=(), ready=lambda cycle: True, until=2000, events=1, levels=1,
                 again=lambda cycle, symbols: None):
        self.got, self.cycles, self.serials, self.room = [], [], [], []
        self.dut = dut = HostUp(config)
        self.config = config
        simulator = Simulator(dut)
        simulator.add_clock(8e-9)

        async def play(ctx):
            ctx.set(dut.events_on, events)
            ctx.set(dut.levels_on, levels)
            ctx.set(dut.limits_serial, SERIAL)
            active = []
            for cycle in range(until):
                ctx.set(dut.now, cycle)
                for name in active:
                    ctx.set(getattr(dut, name).valid, 0)
                given = plan.get(cycle, {})
                active = [name for name in given if name in VALID_ONLY]
                for name, value in given.items():
                    self._drive(ctx, name, value)
                takes = ready(cycle)
                ctx.set(dut.o.ready, takes)
                self.room.append(ctx.get(dut.room))
                if asked := ctx.get(dut.again):
                    again(cycle, [n for n in range(config.symbols) if asked >> n & 1])
                if takes and ctx.get(dut.o.valid):
                    self._take(cycle, ctx.get(dut.o.payload))
                await ctx.tick()
            self.dropped = ctx.get(dut.dropped)

        async def offer(ctx):
            for name, value in streams:
                port = getattr(dut, name)
                ctx.set(port.payload, data.Const(STREAMS[name].layout, pack(STREAMS[name].layout, value)))
                ctx.set(port.valid, 1)
                await ctx.tick().until(port.ready)
                ctx.set(port.valid, 0)

        simulator.add_testbench(play)
        simulator.add_testbench(offer, background=True)
        simulator.run()

    def _drive(self, ctx, name, value):
        if name == "levels":
            shape = side_levels(self.config)
            ctx.set(self.dut.levels, data.Const(shape, pack(shape, value)))
            return
        if name == "numbers":   # of a frame that does not leave
            ctx.set(self.dut.sent.payload, data.Const(SentOrder, pack(SentOrder, value)))
            return
        shape, port = data.Layout.cast(VALID_ONLY[name]), getattr(self.dut, name)
        ctx.set(port.payload, value["poisoned"] if name == "unsent" else data.Const(shape, pack(shape, value)))
        ctx.set(port.valid, 1)

    def _take(self, cycle, payload):
        raw = np.frombuffer(payload.to_bytes(64, "little"), np.uint8)
        self.got.append(model.fields_of(raw))
        self.serials.append(int(raw[4:8].view("<u4")[0]))
        self.cycles.append(cycle)

    def of(self, kind) -> list[dict]:
        return [record for record in self.got if record["kind"] == kind.kind]


def messages(config, rng, count, distance, answer=6, symbols=None):
    """A plan of messages and, `answer` cycles later, their tops; and the records they become, message by message."""
    plan, expected, cycle = {}, [], 20
    for n in range(count):
        symbol = rng.randrange(symbols or config.symbols)
        event = anything(BookMessage, rng, symbol=symbol)
        top = anything(TopOfBook, rng, symbol=symbol, event=1, seq=n)
        levels = anything(side_levels(config), rng)
        plan.setdefault(cycle, {})["event"] = event
        plan.setdefault(cycle + answer, {}).update(top=top, levels=levels)
        expected.append([model.market_event(event), model.book_top(top, 0), *model.book_levels(top, levels)])
        cycle += distance() if callable(distance) else distance
    return plan, expected


@pytest.mark.parametrize("config", [TINY, GBE], ids=lambda config: config.name)
@pytest.mark.parametrize("distance", PAIR)
def test_a_message_and_its_book_stay_together_at_the_shortest_distance(config, distance, rng):
    plan, expected = messages(config, rng, 60, distance)
    bench = Bench(config, plan, until=60 * distance + 100)
    assert bench.got == list(chain(*expected))
    assert bench.serials == list(range(len(bench.got)))
    assert bench.dropped == 0


def test_top_goes_before_the_next_messages_event_in_the_same_cycle(rng):
    plan, expected = messages(GBE, rng, 40, 10, answer=10)
    bench = Bench(GBE, plan, until=600)
    assert bench.got == [record for event, *book in expected for record in (event, *book)]


def test_latency(rng):
    for start in (100, 101):
        event = anything(BookMessage, rng)
        bench = Bench(TINY, {start: {"event": event}}, until=200)
        assert bench.got == [model.market_event(event)]
        assert bench.cycles == [start + LATENCY]


def test_records_that_are_not_wanted_do_not_come(rng):
    plan, expected = messages(GBE, rng, 5, 30)
    assert Bench(GBE, plan, until=300, events=0, levels=0).got == [top for _, top, *_ in expected]


def test_a_top_without_a_message_is_flagged_and_stamped(rng):
    """With the cycle after its own, which is that of its record."""
    top = anything(TopOfBook, rng, symbol=1, event=0)
    bench = Bench(GBE, {50: {"top": top, "levels": anything(side_levels(GBE), rng)}}, until=100)
    assert bench.got == [model.book_top(top, now=51)]
    assert bench.got[0]["flags"] == 1


@pytest.mark.parametrize("book", BOOKS, ids=lambda book: f"{book['D'][0]}-{book['U'][0]}")
def test_nothing_is_lost_with_every_port_at_line_rate(book, rng):
    """Messages of subscribed symbols back to back on two ports, for a host that takes every record at once."""
    arrivals = []
    for port in range(PORTS):
        at = rng.randrange(21)
        for _ in range(150):
            type_ = rng.choice("DDDDDDAFEXUCPH" if rng.random() < .7 else "D")
            arrivals.append((at + MOLD_LENGTH_BYTES + NEEDED[type_], port, type_))
            at += MOLD_LENGTH_BYTES + MESSAGES[type_].length
    plan, events, tops, free, done = {}, [], [], 0, 0
    for n, (cycle, _, type_) in enumerate(sorted(arrivals)):
        free = max(free, cycle + 20)    # the sequencer's turns, then the book, one message at a time
        event, top = anything(BookMessage, rng), anything(TopOfBook, rng, event=1, seq=n)
        levels = anything(side_levels(GBE), rng)
        plan.setdefault(free, {})["event"] = event
        latency, takes = book.get(type_, book["A"])
        done = max(done, free)
        plan.setdefault(done + latency, {}).update(top=top, levels=levels)
        done += takes
        free += SPACING
        events.append(model.market_event(event))
        tops += [model.book_top(top, 0), *model.book_levels(top, levels)]
    bench = Bench(GBE, plan, until=max(plan) + 20)
    assert bench.dropped == 0
    assert bench.serials == list(range(len(events) + len(tops)))
    assert bench.of(MARKET_EVENT) == events
    assert [record for record in bench.got if record["kind"] != MARKET_EVENT.kind] == tops


def test_levels_are_cut_off_by_a_top_that_comes_too_soon(rng):
    """The later top and all its levels are right; what is missing is counted."""
    tops = [anything(TopOfBook, rng, event=1) for _ in range(3)]
    levels = [anything(side_levels(GBE), rng) for _ in tops]
    for distance, lost in ((1, 2), (2, 1), (3, 0)):
        plan = {50 + n * distance: {"top": top, "levels": levels[n]} for n, top in enumerate(tops)}
        bench = Bench(GBE, plan, until=100)
        whole = [[model.book_top(top, 0), *model.book_levels(top, levels[n])] for n, top in enumerate(tops)]
        assert bench.got == [*whole[0][:3 - lost], *whole[1][:3 - lost], *whole[2]]
        assert bench.dropped == 2 * lost


def test_every_other_record(rng):
    decision = anything(Decision, rng)
    sent = anything(SentOrder, rng)
    execution, event = anything(EXECUTION.layout, rng, symbol=200), anything(FEED_EVENT.layout, rng, symbol=7)
    session, value = anything(SESSION_BYTES.layout, rng, symbol=0), anything(REG_VALUE.layout, rng, symbol=0)
    plan = {30: {"decision": decision, "sent": sent, "execution": execution, "feed_event": event}}
    bench = Bench(TINY, plan, [("session", session), ("value", value)], until=100)
    by_kind = {record["kind"]: record for record in bench.got}
    assert len(bench.got) == len(by_kind) == 6
    assert by_kind[DECISION.kind] == model.decision(decision, SERIAL)
    assert by_kind[ORDER_SENT.kind] == model.order_sent(decision, sent, now=30)
    assert by_kind[EXECUTION.kind] == stamped(EXECUTION, execution, 30)
    assert by_kind[FEED_EVENT.kind] == stamped(FEED_EVENT, event, 30)
    for kind, given in ((SESSION_BYTES, session), (REG_VALUE, value)):
        got = by_kind[kind.kind]
        assert got == stamped(kind, given, got["time"])
        assert got["time"] < 15


@pytest.mark.parametrize("poisoned", [0, 1])
def test_an_order_that_does_not_reach_its_venue(poisoned, rng):
    decision = anything(Decision, rng)
    sent = anything(SentOrder, rng)
    plan = {30: {"decision": decision}, 32: {"unsent": {"poisoned": poisoned}, "numbers": sent}}
    if poisoned:
        plan = {30: {"decision": decision, "sent": sent}, 300: {"unsent": {"poisoned": 1}}}
    bench = Bench(TINY, plan, until=320)
    expected = model.order_sent(decision, sent, now=max(plan)) | {"flags": 1, "poisoned": poisoned}
    assert bench.of(ORDER_SENT)[-1] == expected
    assert len(bench.got) == 2 + poisoned


def test_decisions_and_orders_pass_while_the_market_is_at_its_fastest(rng):
    """Decisions as fast as `room` lets them be made, some of them passed: sent in the same cycle, then a frame."""
    plan, expected = messages(GBE, rng, 100, 10)
    decisions, sents = [], []

    class Plan(dict):
        bench, free = None, 25

        def get(self, cycle, default=None):
            given = dict(plan.get(cycle, {}))
            if cycle >= self.free and cycle < 900 and self.bench.room[-GATE_LATENCY]:
                decisions.append(anything(Decision, rng))
                given["decision"], self.free = decisions[-1], cycle + GATE_LATENCY + 1
                if rng.random() < .1:
                    self.free, given["sent"] = cycle + 170, anything(SentOrder, rng)
                    sents.append((decisions[-1], given["sent"], cycle))
            return given

    play = Plan()
    play.bench = bench = Bench.__new__(Bench)
    bench.__init__(GBE, play, until=1200)
    assert bench.of(DECISION) == [model.decision(decision, SERIAL) for decision in decisions]
    assert bench.of(ORDER_SENT) == [model.order_sent(*sent) for sent in sents] != []
    book = (MARKET_EVENT.kind, *BOOK_KINDS)
    assert [record for record in bench.got if record["kind"] in book] == list(chain(*expected))
    assert bench.dropped == 0


def test_a_late_host_gets_the_newest_top_of_each_symbol(rng):
    """The host stops for a while: what it then reads is a prefix, the newest tops, and a suffix; losses are counted."""
    stop, go, count = 200, 8000, 600
    plan, expected = messages(GBE, rng, count, lambda: rng.randrange(10, 30), symbols=GBE.symbols - 1)
    last = max(plan)
    flat = list(chain(*expected))
    assert sum(map(len, expected)) > DEPTH
    newest, owed = {}, {}

    class Plan(dict):
        """Answers `again` as the book does: in a gap, with the last top of the symbol, without a message."""
        def get(self, cycle, default=None):
            given = plan.get(cycle, {})
            if "top" in given:
                newest[given["top"]["symbol"]] = given
            if cycle in owed:
                told = newest[owed[cycle]]
                given = {"top": told["top"] | {"event": 0}, "levels": told["levels"]}
            return given

        def again(self, cycle, symbols):
            busy = plan.keys() | owed.keys()
            for symbol in symbols:
                at = next(at for at in range(cycle + 5, last + 1000) if not busy & set(range(at - 4, at + 5)))
                owed[at] = symbol
                busy |= {at}

    play = Plan()
    bench = Bench(GBE, play, ready=lambda cycle: not stop <= cycle < go, until=last + 1500, again=play.again)
    kept = next(n for n, record in enumerate(bench.got) if record != flat[n])
    assert kept > DEPTH // 2  # in order until the ring was nearly full

    told = [record for record in bench.got if record["kind"] == BOOK_TOP.kind]
    for symbol, given in newest.items():
        own = [record for record in told if record["symbol"] == symbol]
        assert all(earlier["seq"] <= later["seq"] for earlier, later in pairwise(own))
        assert {name: own[-1][name] for name in ("seq", "bid_price", "ask_qty")} == {
            "seq": given["top"]["seq"], "bid_price": given["top"]["bid"]["price"],
            "ask_qty": given["top"]["ask"]["qty"]}
    assert any(record["flags"] for record in told)
    holes = sum(later - earlier - 1 for earlier, later in pairwise(bench.serials))
    sent = sum(record["kind"] in (MARKET_EVENT.kind, BOOK_LEVELS.kind) for record in flat)
    lost = sent - len(bench.of(MARKET_EVENT)) - len(bench.of(BOOK_LEVELS))
    assert bench.dropped == lost > 0
    assert holes == lost
    assert all(record in flat or record["flags"] for record in bench.got)


def test_no_decision_is_lost_as_long_as_room_is_heeded(rng):
    """A gate that decides every 5 cycles, and only while there is `room`, against a host that has stopped."""
    made = []

    class Plan(dict):
        bench = None

        def get(self, cycle, default=None):
            if cycle % 5 == 0 and 4 <= cycle < 3000 and self.bench.room[-GATE_LATENCY]:
                made.append(anything(Decision, rng))
                return {"decision": made[-1]}
            return {}

    plan = Plan()
    plan.bench = bench = Bench.__new__(Bench)
    bench.__init__(TINY, plan, ready=lambda cycle: cycle > 2800, until=4500)
    assert len(made) > DEPTH - RESERVE_DECISIONS
    assert not all(bench.room[10:2800])
    assert bench.got == [model.decision(decision, SERIAL) for decision in made]
    assert bench.dropped == 0
