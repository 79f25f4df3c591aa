"""The intent arbiter: triggers first, one order at a time, nothing lost and nothing truncated."""

import pytest
from amaranth.hdl import Module
from amaranth.lib.wiring import connect
from amaranth.sim import Simulator

from hdl.config import TINY
from hdl.intents import GATE_LATENCY, INTENT_FIELDS, SETTLE_CYCLES, IntentArbiter
from hdl.layouts import INTENT, Origin
from hdl.messages import Intent
from hdl.order.entry import OrderEntry
from hdl.registers import VENUE, RegisterMap
from hdl.risk.gate import Gate


def run(testbench):
    dut = IntentArbiter(TINY)
    sim = Simulator(dut)
    sim.add_clock(8e-9)

    async def with_dut(ctx):
        await testbench(ctx, dut)

    sim.add_testbench(with_dut)
    sim.run()


def test_one_at_a_time_triggers_first_and_none_lost(rng):
    offered = {"trigger": [], "host": []}
    taken = []

    async def testbench(ctx, dut):
        waiting, since = {"trigger": None, "host": None}, GATE_LATENCY + 1
        for cycle in range(3000):
            for source in waiting:
                if waiting[source] is None and rng.random() < 0.2 and cycle < 2900:
                    waiting[source] = len(offered["trigger"]) + len(offered["host"]) + 1
                    offered[source].append(waiting[source])
            stream = {"trigger": dut.trigger, "host": dut.host}
            ctx.set(dut.trigger.payload, Intent.const({"order_id": waiting["trigger"] or 0, "origin": Origin.TRIGGER}))
            ctx.set(dut.host.payload, INTENT.layout.const({"order_id": waiting["host"] or 0}))
            for source, port in stream.items():
                ctx.set(port.valid, waiting[source] is not None)
            free, ready = rng.random() < 0.7, rng.random() < 0.9
            ctx.set(dut.free, free)
            ctx.set(dut.o.ready, ready)
            ctx.set(dut.now, cycle)
            await ctx.delay(1e-9)
            expected = free and since > GATE_LATENCY and any(waiting.values())
            assert ctx.get(dut.o.valid) == expected
            if expected and ready:
                source = "trigger" if waiting["trigger"] else "host"
                intent = ctx.get(dut.o.payload)
                assert intent.order_id == waiting[source]
                assert intent.origin == (Origin.TRIGGER if source == "trigger" else Origin.HOST)
                if source == "host":
                    assert (intent.rx_time, intent.needed) == (cycle, cycle)
                for name, port in stream.items():
                    assert ctx.get(port.ready) == (name == source)
                taken.append(waiting[source])
                waiting[source], since = None, 0
            else:
                assert not (ctx.get(dut.trigger.valid) and ctx.get(dut.trigger.ready) and expected and ready)
            since += 1
            await ctx.tick()
        offered["left"] = [x for x in waiting.values() if x]

    run(testbench)
    assert sorted(taken + offered["left"]) == sorted(offered["trigger"] + offered["host"])
    assert len(taken) > 300


@pytest.mark.parametrize("name", INTENT_FIELDS)
def test_a_host_field_that_does_not_fit_marks_the_intent_invalid(name):
    width, room = Intent.as_shape()[name].width, 8 * next(f.bytes for f in INTENT.fields if f.name == name)

    async def testbench(ctx, dut):
        ctx.set(dut.free, 1)
        ctx.set(dut.host.valid, 1)
        for value in {0, (1 << width) - 1, min(1 << width, (1 << room) - 1), (1 << room) - 1}:
            ctx.set(dut.host.payload, INTENT.layout.const({name: value}))
            await ctx.delay(1e-9)
            assert ctx.get(dut.o.payload).invalid == (value >= 1 << width)
            await ctx.tick()

    run(testbench)


def test_nobody_passes_while_what_came_back_settles():
    async def testbench(ctx, dut):
        ctx.set(dut.free, 1)
        ctx.set(dut.o.ready, 1)
        ctx.set(dut.unsent, 1)
        await ctx.tick()
        ctx.set(dut.unsent, 0)
        ctx.set(dut.host.valid, 1)
        ctx.set(dut.trigger.valid, 1)
        for _ in range(SETTLE_CYCLES):
            await ctx.delay(1e-9)
            assert not ctx.get(dut.o.valid)
            await ctx.tick()
        await ctx.delay(1e-9)
        assert ctx.get(dut.o.valid)

    run(testbench)


def test_orders_to_a_venue_that_is_off_come_back_and_kill_nothing():
    """As fast as the host can send them: each is given back, and its reservation taken back, before the next."""
    m = Module()
    m.submodules.gate = gate = Gate(TINY, checks=())
    m.submodules.entry = entry = OrderEntry(TINY)
    m.submodules.intents = intents = IntentArbiter(TINY)
    connect(m, intents.o, gate.i)
    m.d.comb += [
        intents.free.eq(entry.idle), intents.unsent.eq(entry.unsent.valid), entry.o.ready.eq(1),
        entry.stamp.known.eq(1), entry.coming.eq(intents.o.payload), entry.passed.eq(gate.passed),
        entry.asked.payload.eq(gate.asked.payload), entry.asked.valid.eq(gate.asked.valid),
        gate.unsent.payload.eq(entry.unsent.payload), gate.unsent.valid.eq(entry.unsent.valid),
    ]

    async def testbench(ctx):
        ctx.set(entry.bus.addr, RegisterMap(TINY).address(VENUE, "enable", 0))
        ctx.set(entry.bus.wdata, 1)
        ctx.set(entry.bus.write, 1)
        await ctx.tick()
        ctx.set(entry.bus.write, 0)
        ctx.set(intents.host.valid, 1)
        order_id, back = 0, 0
        for _ in range(400):
            ctx.set(intents.host.payload, INTENT.layout.const({"order_id": order_id, "venue": 1, "qty": 100}))
            *_, taken, unsent, killed = await ctx.tick().sample(intents.host.ready, entry.unsent.valid, gate.killed)
            assert not killed
            order_id, back = order_id + taken, back + unsent
        assert back >= order_id - 1 > 10

    sim = Simulator(m)
    sim.add_clock(8e-9)
    sim.add_testbench(testbench)
    sim.run()
