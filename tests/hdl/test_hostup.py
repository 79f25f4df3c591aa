"""HostUp held to `sim.models.rings`: contents, order, latency, and what a late host loses."""

from itertools import chain, pairwise

import numpy as np
import pytest
from amaranth.lib import data
from amaranth.sim import Simulator

from hdl.config import GBE, TINY
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

LATENCY = 8      # cycles from an event to `o`, at most; the two phases may save one
PAIR = (10, 21)  # shortest distance between messages: of two feeds together, of one
SERIAL = 7       # of the limits
VALID_ONLY = {"event": BookMessage, "top": TopOfBook, "decision": Decision, "sent": SentOrder,
              "execution": EXECUTION.layout, "feed_event": FEED_EVENT.layout}
STREAMS = {"session": SESSION_BYTES, "value": REG_VALUE}


def anything(shape, rng, **fixed):
    width = data.Layout.cast(shape).size
    return unpack(shape, rng.getrandbits(width)) | fixed


def stamped(kind, given: dict, now: int) -> dict:
    return model.fields_of(np.frombuffer(pack(kind.layout, given | {"kind": kind.kind, "time": now})
                                         .to_bytes(64, "little"), np.uint8))


class Bench:
    """Plays `plan` (cycle to {port: value}), offers `streams`, takes records by `ready(cycle)`."""

    def __init__(self, config, plan, streams=(), ready=lambda cycle: True, until=2000, events=1, levels=1):
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
                active = [name for name in given if name != "levels"]
                for name, value in given.items():
                    self._drive(ctx, name, value)
                takes = ready(cycle)
                ctx.set(dut.o.ready, takes)
                self.room.append(ctx.get(dut.room))
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
        shape, port = data.Layout.cast(VALID_ONLY[name]), getattr(self.dut, name)
        ctx.set(port.payload, data.Const(shape, pack(shape, value)))
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
        assert LATENCY - 1 <= bench.cycles[0] - start <= LATENCY


def test_records_that_are_not_wanted_do_not_come(rng):
    plan, expected = messages(GBE, rng, 5, 30)
    assert Bench(GBE, plan, until=300, events=0, levels=0).got == [top for _, top, *_ in expected]


def test_a_top_without_a_message_is_flagged_and_stamped(rng):
    top = anything(TopOfBook, rng, symbol=1, event=0)
    bench = Bench(GBE, {50: {"top": top, "levels": anything(side_levels(GBE), rng)}}, until=100)
    assert bench.got == [model.book_top(top, now=50)]
    assert bench.got[0]["flags"] == 1


def test_every_other_record(rng):
    decision, sent = anything(Decision, rng), anything(SentOrder, rng)
    execution, event = anything(EXECUTION.layout, rng), anything(FEED_EVENT.layout, rng)
    session, value = anything(SESSION_BYTES.layout, rng), anything(REG_VALUE.layout, rng)
    plan = {30: {"decision": decision, "sent": sent, "execution": execution, "feed_event": event}}
    bench = Bench(TINY, plan, [("session", session), ("value", value)], until=100)
    by_kind = {record["kind"]: record for record in bench.got}
    assert len(bench.got) == len(by_kind) == 6
    assert by_kind[DECISION.kind] == model.decision(decision, SERIAL)
    assert by_kind[ORDER_SENT.kind] == model.order_sent(sent, now=30)
    assert by_kind[EXECUTION.kind] == stamped(EXECUTION, execution, 30)
    assert by_kind[FEED_EVENT.kind] == stamped(FEED_EVENT, event, 30)
    for kind, given in ((SESSION_BYTES, session), (REG_VALUE, value)):
        got = by_kind[kind.kind]
        assert got == stamped(kind, given, got["time"])
        assert got["time"] < 15


def test_decisions_and_orders_pass_while_the_market_is_at_its_fastest(rng):
    plan, _ = messages(GBE, rng, 100, 10)
    decisions, sents = [], []
    for cycle in range(25, 1000, 4):
        decisions.append(anything(Decision, rng))
        plan.setdefault(cycle, {})["decision"] = decisions[-1]
    for cycle in range(25, 1000, 170):
        sents.append((cycle, anything(SentOrder, rng)))
        plan.setdefault(cycle, {})["sent"] = sents[-1][1]
    bench = Bench(GBE, plan, until=1400)
    assert bench.of(DECISION) == [model.decision(decision, SERIAL) for decision in decisions]
    assert bench.of(ORDER_SENT) == [model.order_sent(sent, now=cycle) for cycle, sent in sents]
    tops = [record["seq"] for record in bench.of(BOOK_TOP)]
    assert tops[-1] == 99  # whatever was lost, the newest came


def test_a_late_host_gets_the_newest_top_of_each_symbol(rng):
    """The host stops for a while: what it then reads is a prefix, the newest tops, and a suffix; losses are counted."""
    stop, go, count = 200, 6000, 400
    plan, expected = messages(GBE, rng, count, lambda: rng.randrange(10, 30))
    last = max(plan)
    bench = Bench(GBE, plan, ready=lambda cycle: not stop <= cycle < go, until=last + 1500)
    flat = list(chain(*expected))
    assert sum(map(len, expected)) > DEPTH
    kept = next(n for n, record in enumerate(bench.got) if record != flat[n])
    assert kept > DEPTH // 2  # in order until the ring was nearly full

    newest = {record["symbol"]: record for record in flat if record["kind"] == BOOK_TOP.kind}
    assert {record["symbol"]: record for record in bench.of(BOOK_TOP)} == newest
    for symbol in newest:
        seqs = [record["seq"] for record in bench.of(BOOK_TOP) if record["symbol"] == symbol]
        assert all(earlier < later for earlier, later in pairwise(seqs))
    holes = sum(later - earlier - 1 for earlier, later in pairwise(bench.serials))
    sent = sum(record["kind"] in (MARKET_EVENT.kind, BOOK_LEVELS.kind) for record in flat)
    lost = sent - len(bench.of(MARKET_EVENT)) - len(bench.of(BOOK_LEVELS))
    assert bench.dropped == lost > 0
    assert holes == lost
    assert all(record in flat for record in bench.got)


def test_no_decision_is_lost_as_long_as_room_is_heeded(rng):
    """A gate that decides every 4 cycles, and only while there is `room`, against a host that has stopped."""
    made = []

    class Plan(dict):
        bench = None

        def get(self, cycle, default=None):
            if cycle % 4 == 0 and cycle < 3000 and self.bench.room and self.bench.room[-1]:
                made.append(anything(Decision, rng))
                return {"decision": made[-1]}
            return {}

    plan = Plan()
    plan.bench = bench = Bench.__new__(Bench)
    bench.__init__(TINY, plan, ready=lambda cycle: cycle > 2500, until=4000)
    assert len(made) > DEPTH - RESERVE_DECISIONS
    assert not all(bench.room[10:2500])
    assert bench.got == [model.decision(decision, SERIAL) for decision in made]
    assert bench.dropped == 0
