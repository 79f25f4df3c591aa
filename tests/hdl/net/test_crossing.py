"""`Crossing` between clocks of any phase, 200 ppm apart, and when the core's clock stops."""

import pytest
from amaranth.hdl import ClockDomain, Module
from amaranth.sim import Simulator

from hdl.net.crossing import Crossing

PERIOD = 8e-9
GAP = 24        # beats between frames: gap and preamble
MAX_FRAME = 9018


class Bench:
    """Plays beats (data, keep, last, error), or None, into a crossing; collects what comes, with the core's edges."""

    def __init__(self, beats, phase: float = 0.25, ppm: float = 0, stop: tuple[int, int] = (0, 0), settle: int = 40):
        self.beats, self.stop, self.settle = beats, stop, settle
        self.edges, self.written, self.got = 0, [], []
        m = Module()
        m.domains.sync = self.core = ClockDomain()
        m.submodules.crossing = self.crossing = Crossing("rx")
        simulator = Simulator(m)
        simulator.add_clock(PERIOD, domain="rx", phase=PERIOD * phase)
        simulator.add_testbench(self._wire)
        simulator.add_testbench(self._clock(PERIOD * (1 + ppm * 1e-6)), background=True)
        simulator.run()

    async def _wire(self, ctx):
        i = self.crossing.i
        await ctx.tick("rx").repeat(16)     # resets on their way
        for cycle, beat in enumerate([*self.beats, *[None] * self.settle]):
            ctx.set(i.valid, beat is not None)
            if beat:
                ctx.set(i.payload, dict(zip(("data", "keep", "last", "error"), beat, strict=True)))
            self.stopped = self.stop[0] <= cycle < self.stop[1]
            await ctx.tick("rx")
            if beat:
                self.written.append(self.edges)

    def _clock(self, period: float):
        self.stopped = False

        async def clock(ctx):
            while True:
                await ctx.delay(period / 2)
                if self.stopped:
                    continue
                o = self.crossing.o
                if ctx.get(o.valid):        # as a register of the core takes it with this edge
                    beat = ctx.get(o.payload)
                    self.got.append((self.edges + 1, (beat.data, beat.keep, beat.last, beat.error)))
                ctx.set(self.core.clk, 1)
                self.edges += 1
                await ctx.delay(period / 2)
                ctx.set(self.core.clk, 0)

        return clock


def frame(rng, length: int) -> list:
    """Beats of one frame, and the gap after it."""
    return [*((rng.randrange(256), 1, n == length - 1, 0) for n in range(length)), *[None] * GAP]


@pytest.mark.parametrize("phase", [0.05, 0.2, 0.45, 0.55, 0.7, 0.95])
def test_every_beat_crosses_in_order_and_in_time(rng, phase):
    beats = frame(rng, 64) + frame(rng, 7) + frame(rng, 300)
    bench = Bench(beats, phase)
    assert [beat for _, beat in bench.got] == [beat for beat in beats if beat]
    taken = [after - before for before, (after, _) in zip(bench.written, bench.got, strict=True)]
    assert set(taken) == {Crossing.LATENCY}, "no edges coincide here"


@pytest.mark.parametrize("ppm", [-200, 200])
def test_clocks_apart_by_all_that_is_allowed(rng, ppm):
    """The drift of the longest frame, in one that is a tenth as long."""
    beats = frame(rng, MAX_FRAME // 10) + frame(rng, 64)
    bench = Bench(beats, phase=0.3, ppm=10 * ppm)
    assert [beat for _, beat in bench.got] == [beat for beat in beats if beat]


def test_a_stopped_core_loses_the_end_of_a_frame_and_says_so(rng):
    first, second, third = frame(rng, 200), frame(rng, 100), frame(rng, 64)
    bench = Bench(first + second + third, stop=(50, 120), settle=60)
    got = [beat for _, beat in bench.got]
    end = next(n for n, beat in enumerate(got) if beat[2])
    assert got[:end] == first[:end], "what came of the first frame is right"
    assert Crossing.DEPTH <= end < 200
    assert got[end][1:] == (0, 1, 1), "no byte, last, error"
    assert got[end + 1:] == [beat for beat in second + third if beat]


def test_a_frame_that_begins_while_the_fifo_is_full_is_lost_whole(rng):
    first, second, third = frame(rng, 64), frame(rng, 64), frame(rng, 64)
    length = len(first)
    bench = Bench(first + second + third, stop=(30, length + 20), settle=60)
    got = [beat for _, beat in bench.got]
    ends = [n for n, beat in enumerate(got) if beat[2]]
    assert len(ends) == 2, "one cut short, one whole"
    assert got[ends[0]][3] == 1
    assert got[:ends[0]] == first[:ends[0]]
    assert got[ends[0] + 1:] == [beat for beat in third if beat]
