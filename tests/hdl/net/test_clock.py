"""The clock: exact, monotonic, settable; its time stamps are those of the model in every cycle."""

from dataclasses import replace
from datetime import date

import pytest
from amaranth.sim import Simulator

from hdl.config import TINY
from hdl.net.clock import Clock
from sim.models.clock import DAY_NS, grown, midnight_of, stamp

CLOCKS = [125_000_000, 156_250_000]

MIDNIGHT = midnight_of(date(2024, 2, 29))
TEXT = b"20240229"


def simulate(testbench, clock_hz=125_000_000):
    dut = Clock(replace(TINY, clock_hz=clock_hz))
    simulator = Simulator(dut)
    simulator.add_clock(8e-9)

    async def run(ctx):
        await testbench(ctx, dut)
    simulator.add_testbench(run)
    simulator.run()


async def set_time(ctx, dut, now):
    ctx.set(dut.time_stb, 1)
    ctx.set(dut.time_wdata, now)
    await ctx.tick()
    ctx.set(dut.time_stb, 0)
    await ctx.tick()


def shown(ctx, dut):
    value = ctx.get(dut.stamp)
    if not value.known:
        return None
    return {"known": 1, "date": value.date, "ms": value.ms, "date_digits": list(value.date_digits),
            "time_digits": list(value.time_digits)}


@pytest.mark.parametrize("hz", CLOCKS)
@pytest.mark.parametrize("adjust", [0, 1, -1, 10**7, -10**7, 2**31 - 1, -2**31])
def test_rate(hz, adjust):
    """Within one nanosecond of the exact rate at any time, so there is no drift; never backwards."""
    async def bench(ctx, dut):
        ctx.set(dut.adjust_value, adjust % 2**64)
        await set_time(ctx, dut, 1000)
        await ctx.tick().repeat(4)
        start, before = ctx.get(dut.now), ctx.get(dut.now)
        for n in range(1, 3000):
            await ctx.tick()
            now = ctx.get(dut.now)
            assert now > before
            assert abs(now - start - grown(n, dut.config.clock_fs, hz, adjust)) <= 2, n
            before = now
    simulate(bench, hz)


@pytest.mark.parametrize("value", [0, 2**32 - 20, 2**32 - 1, MIDNIGHT, 2**63 + 2**32 - 40, (1 << 40) - 100])
def test_set_and_carry(value):
    async def bench(ctx, dut):
        await ctx.tick().repeat(7)
        await set_time(ctx, dut, value)
        for n in range(50):
            assert ctx.get(dut.now) == value + 8 * n
            await ctx.tick()
    simulate(bench)


def test_set_never_shows_half_a_time():
    async def bench(ctx, dut):
        await set_time(ctx, dut, 5 << 32)
        ctx.set(dut.time_stb, 1)
        ctx.set(dut.time_wdata, (9 << 32) + 7)
        await ctx.tick()
        ctx.set(dut.time_stb, 0)
        assert ctx.get(dut.now) == (5 << 32) + 8
        await ctx.tick()
        assert ctx.get(dut.now) == (9 << 32) + 7
    simulate(bench)


EDGES = [0, 1, 999_000, 59_999_990_000, 3_599_999_990_000, 35_999_999_990_000, 83_999_999_990_000, 12 * 3600 * 10**9,
         DAY_NS - 8_000]


@pytest.mark.parametrize("since", EDGES)
def test_stamp_steps_with_the_clock(since):
    """Every cycle over a boundary, with divisions coming and going under it."""
    async def bench(ctx, dut):
        ctx.set(dut.midnight_value, MIDNIGHT)
        ctx.set(dut.date_value, int.from_bytes(TEXT, "little"))
        await set_time(ctx, dut, MIDNIGHT + since)
        await ctx.tick().repeat(dut.SETTLE)
        for _ in range(1500):
            assert shown(ctx, dut) == stamp(ctx.get(dut.now), MIDNIGHT, TEXT)
            await ctx.tick()
    simulate(bench)


def test_stamp_at_random_times(rng):
    async def bench(ctx, dut):
        for _ in range(40):
            midnight = rng.choice([MIDNIGHT, 0, 2**33, rng.getrandbits(63)])
            ctx.set(dut.midnight_value, midnight)
            text = rng.choice([b"20240229", b"19700101", b"00010101"])
            ctx.set(dut.date_value, int.from_bytes(text, "little"))
            await set_time(ctx, dut, midnight + rng.choice([rng.randrange(DAY_NS), rng.randrange(3 * DAY_NS)]))
            await ctx.tick().repeat(dut.SETTLE)
            for _ in range(20):
                assert shown(ctx, dut) == stamp(ctx.get(dut.now), midnight, text)
                await ctx.tick()
    simulate(bench)


@pytest.mark.parametrize(("midnight", "text"), [
    (MIDNIGHT, b"\0" * 8), (MIDNIGHT, b"2024022\0"), (MIDNIGHT, b"2024:229"), (MIDNIGHT, b"00000000"),
    (MIDNIGHT + DAY_NS, TEXT), (MIDNIGHT - DAY_NS, TEXT), (0, TEXT), (2**64 - 1, TEXT)])
def test_unknown_time_is_not_shown(midnight, text):
    async def bench(ctx, dut):
        ctx.set(dut.midnight_value, midnight)
        ctx.set(dut.date_value, int.from_bytes(text, "little"))
        await set_time(ctx, dut, MIDNIGHT + 3600 * 10**9)
        await ctx.tick().repeat(dut.SETTLE)
        for _ in range(400):
            assert shown(ctx, dut) is None
            await ctx.tick()
    simulate(bench)
