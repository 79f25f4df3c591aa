"""Armed triggers: every condition on both sides of its threshold, and random traffic cycle by cycle."""

import dataclasses

import pytest
from amaranth.sim import Simulator

from hdl.config import TINY
from hdl.layouts import ARM, Condition, Side
from hdl.messages import BookMessage, TopOfBook
from hdl.strategy.triggers import LATENCY, Triggers
from sim.models.triggers import Print, Row, Top, TriggersModel
from sim.triggerbench import OFFERED, arm_fields, top_fields, trade_fields, traffic

BUY = Row(Condition.CROSS, threshold=100, order_id=7, price=101, qty=5, side=Side.BUY, tif=ord("3"), strategy=1,
          venue=1)
BASE = Top(0, bid=(98, 10), ask=(100, 10), rx_time=33)


class Bench:
    def __init__(self, ctx, dut):
        self.ctx, self.dut, self.model = ctx, dut, TriggersModel(TINY)

    async def cycle(self, ready=False, top=None, trade=None, arm=None, shown=0, **wide):
        """One clock cycle, in which what is offered must be what the model offers. Returns it."""
        ctx, dut = self.ctx, self.dut
        ctx.set(dut.o.ready, ready)
        ctx.set(dut.top.valid, top is not None)
        ctx.set(dut.trade.valid, trade is not None)
        ctx.set(dut.arm.valid, arm is not None)
        if top:
            ctx.set(dut.top.payload, TopOfBook.const(top_fields(top)))
        else:
            ctx.set(dut.top.payload, TopOfBook.const({"symbol": shown}))
        if trade:
            ctx.set(dut.trade.payload, BookMessage.const(trade_fields(trade)))
        if arm:
            ctx.set(dut.arm.payload, ARM.layout.const({**arm_fields(arm), **wide}))
        await ctx.delay(1e-9)
        offered = None
        if ctx.get(dut.o.valid):
            intent = ctx.get(dut.o.payload)
            assert intent.origin == 1
            assert intent.needed == intent.rx_time
            offered = {name: getattr(intent, name) for name in OFFERED}
        assert offered == self.model.offered()
        assert ctx.get(dut.arm.ready) == self.model.arm_ready
        if arm and wide:
            arm = (arm[0], dataclasses.replace(arm[1], condition=Condition.NONE))
        self.model.step(ready, top, trade, arm, shown)
        await ctx.tick()
        return offered

    async def arm(self, row: Row, **wide):
        """Arms symbol 0; from the next cycle on it may fire."""
        taken = False
        while not taken:
            taken = self.model.arm_ready
            await self.cycle(arm=(0, row), **wide)
        await self.cycle()

    async def fires(self, row: Row, **event) -> bool:
        """Whether `event` fires `row`, and then after exactly the latency of its condition."""
        await self.arm(row)
        await self.cycle(**event)
        seen = [await self.cycle() for _ in range(max(LATENCY.values()) + 1)]
        first = next((n for n, offered in enumerate(seen, 1) if offered), None)
        assert first in (None, LATENCY[row.condition])
        await self.cycle(ready=True)
        assert await self.cycle() is None, "one shot"
        return first is not None


def run(body):
    dut = Triggers(TINY)
    sim = Simulator(dut)
    sim.add_clock(8e-9)

    async def testbench(ctx):
        await body(Bench(ctx, dut))

    sim.add_testbench(testbench)
    sim.run()


@pytest.mark.parametrize(("row", "event", "fires"), [
    (BUY, {"top": BASE}, True),
    (BUY, {"top": dataclasses.replace(BASE, ask=(101, 10))}, False),
    (BUY, {"top": dataclasses.replace(BASE, ask=(99, 10))}, True),
    (BUY, {"top": dataclasses.replace(BASE, ask=(0, 0))}, False),
    (BUY, {"top": dataclasses.replace(BASE, inexact=2)}, False),
    (BUY, {"top": dataclasses.replace(BASE, event=False)}, False),
    (BUY, {"top": dataclasses.replace(BASE, bid=(100, 1))}, False),          # crossed
    (BUY, {"trade": Print(0, ord("P"), 1)}, False),
    (dataclasses.replace(BUY, side=Side.SELL, threshold=98), {"top": BASE}, True),
    (dataclasses.replace(BUY, side=Side.SELL_SHORT, threshold=99), {"top": BASE}, False),
    (dataclasses.replace(BUY, condition=Condition.TRADE_THROUGH), {"trade": Print(0, ord("P"), 100)}, True),
    (dataclasses.replace(BUY, condition=Condition.TRADE_THROUGH), {"trade": Print(0, ord("P"), 101)}, False),
    (dataclasses.replace(BUY, condition=Condition.TRADE_THROUGH), {"trade": Print(0, ord("C"), 99)}, True),
    (dataclasses.replace(BUY, condition=Condition.TRADE_THROUGH), {"trade": Print(0, ord("C"), 99, False)}, False),
    (dataclasses.replace(BUY, condition=Condition.TRADE_THROUGH), {"trade": Print(0, ord("E"), 99)}, False),
    (dataclasses.replace(BUY, condition=Condition.TRADE_THROUGH, side=Side.SELL),
     {"trade": Print(0, ord("P"), 99)}, False),
    (dataclasses.replace(BUY, condition=Condition.IMBALANCE, threshold=128), {"top": BASE}, True),
    (dataclasses.replace(BUY, condition=Condition.IMBALANCE, threshold=129), {"top": BASE}, False),
    (dataclasses.replace(BUY, condition=Condition.IMBALANCE, threshold=257), {"top": BASE}, False),
    (dataclasses.replace(BUY, condition=Condition.IMBALANCE, threshold=0, price=99), {"top": BASE}, False),
    (dataclasses.replace(BUY, condition=Condition.IMBALANCE, threshold=256),
     {"top": dataclasses.replace(BASE, bid=(98, 2**32 - 1), ask=(100, 1))}, False),
])
def test_each_side_of_each_threshold(row, event, fires):
    async def body(bench):
        assert await bench.fires(row, **event) == fires

    run(body)


def test_refills_count_order_ids_up_and_end():
    async def body(bench):
        await bench.arm(dataclasses.replace(BUY, refills=2))
        seen = []
        for _ in range(5):
            await bench.cycle(top=BASE)
            offered = await bench.cycle(ready=True)
            seen.append(offered and offered["order_id"])
        assert seen == [7, 8, 9, None, None]

    run(body)


def test_a_waiting_intent_is_taken_back():
    async def body(bench):
        for change in ({"top": dataclasses.replace(BASE, ask=(101, 10))}, {"arm": (0, Row())}, {"arm": (0, BUY)}):
            await bench.arm(BUY)
            await bench.cycle(top=BASE)
            assert await bench.cycle() is not None
            if "arm" in change:
                assert await bench.cycle(**change) is not None
            assert await bench.cycle(**change) is not None
            assert await bench.cycle() is None

    run(body)


@pytest.mark.parametrize("wide", [{"strategy": 16}, {"venue": 4}, {"action": 1}, {"condition": 5}, {"side": 4}])
def test_an_arm_that_does_not_fit_disarms(wide):
    async def body(bench):
        await bench.arm(BUY)
        await bench.arm(BUY, **wide)
        await bench.cycle(top=BASE)
        assert await bench.cycle() is None

    run(body)


def test_random_traffic_equals_the_model_in_every_cycle(rng):
    async def body(bench):
        offered = 0
        arm = None
        for cycle in traffic(rng, TINY, 3000):
            arm = arm or cycle.arm
            taken = bench.model.arm_ready
            offered += await bench.cycle(cycle.ready, cycle.top, cycle.trade, arm, cycle.shown) is not None
            arm = None if taken else arm
        assert offered > 50

    run(body)


def test_a_top_that_was_not_announced_is_not_looked_at():
    async def body(bench):
        await bench.arm(BUY)
        for shown, fires in ((1, False), (0, True)):
            await bench.cycle(shown=shown)
            await bench.cycle(top=BASE)
            assert (await bench.cycle() is not None) == fires

    run(body)
