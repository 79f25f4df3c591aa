"""The intent arbiter: triggers first, one order at a time, nothing lost and nothing truncated."""

import pytest
from amaranth.sim import Simulator

from hdl.config import TINY
from hdl.intents import GATE_LATENCY, INTENT_FIELDS, IntentArbiter
from hdl.layouts import INTENT, Origin
from hdl.messages import Intent


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
