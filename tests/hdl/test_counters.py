"""EventCounters: nothing is lost at the distances that its docstring asks for, and no sooner is anything promised."""

import pytest
from amaranth.sim import Simulator

from hdl.counters import COUNT_BITS, EventCounters

KINDS = 5


def run(events: list[int], reads: set[int] = frozenset(), kinds=KINDS) -> list[int]:
    """Counts after these events, one set of bits a cycle; in the cycles of `reads` kind 0 is looked at meanwhile."""
    dut, counts = EventCounters(kinds), []

    async def bench(ctx):
        for cycle, bits in enumerate(events):
            ctx.set(dut.events, bits)
            ctx.set(dut.read, cycle in reads)
            await ctx.tick()
        ctx.set(dut.events, 0)
        ctx.set(dut.read, 0)
        await ctx.tick().repeat(kinds + 1)
        ctx.set(dut.read, 1)
        for kind in range(kinds):
            ctx.set(dut.which, kind)
            counts.append(ctx.get(dut.value))
            await ctx.tick()

    simulator = Simulator(dut)
    simulator.add_clock(8e-9)
    simulator.add_testbench(bench)
    simulator.run()
    return counts


def spaced(rng, cycles: int, reads=frozenset()) -> list[int]:
    """Events of every kind as often as they may come, and now and then later."""
    events = [0] * cycles
    for kind in range(KINDS):
        cycle = rng.randrange(4)
        while cycle < cycles:
            events[cycle] |= 1 << kind
            left = KINDS + rng.choice([0, 0, 0, rng.randrange(9)])
            while left:
                cycle += 1
                left -= cycle not in reads
    return events


def test_every_event_counts(rng):
    events = spaced(rng, 400)
    assert run(events) == [sum(bits >> kind & 1 for bits in events) for kind in range(KINDS)]


def test_reads_only_delay(rng):
    reads = {cycle for cycle in range(400) if rng.random() < 0.2}
    events = spaced(rng, 400, reads)
    assert run(events, reads) == [sum(bits >> kind & 1 for bits in events) for kind in range(KINDS)]


def test_the_lowest_kind_may_come_in_every_cycle():
    assert run([1] * 50) == [50, 0, 0, 0, 0]


def test_one_that_comes_while_its_kind_waits_is_lost():
    assert run([0b11, 0b11, 0b11]) == [3, 1, 0, 0, 0]


@pytest.mark.parametrize("kinds", [1, 2, 16])
def test_all_at_once(kinds):
    assert run([(1 << kinds) - 1] + [0] * kinds, kinds=kinds) == [1] * kinds


def test_a_count_is_a_register_wide():
    assert COUNT_BITS == 32
