"""PortCounters: every event that a port can bring is counted, reads in between or not."""

from dataclasses import replace

import pytest
from amaranth.sim import Simulator

from hdl.config import TINY
from hdl.csr import READ_LATENCY
from hdl.net.counters import PortCounters
from hdl.registers import PORT, RegisterMap

PORT_INDEX, CYCLES = 1, 1500
NAMES = [reg.name for reg in PORT.regs]
#: Shortest distance of what can follow itself soonest (blocks of one byte, DISTANCE of hdl.feed.path), and of frames.
APART = {"unknown_type": 3, "messages": 13}
FRAMES_APART = 20
#: The same at 64 bits: messages in every cycle, and frames of a beat with 20 bytes between them.
APART_WIDE = {"unknown_type": 1, "messages": 1}
FRAMES_APART_WIDE = 4


def events(rng, apart: dict[str, int], frames_apart: int) -> list[set[str]]:
    """Strobes of each cycle: frames as short as can be, each with one cause, and messages all the time."""
    strobes = [set() for _ in range(CYCLES)]
    for name, distance in apart.items():
        for cycle in range(0, CYCLES, distance):
            strobes[cycle].add(name)
    for cycle in range(0, CYCLES, frames_apart):
        strobes[cycle] |= {"frames", rng.choice([name for name in NAMES if name not in (*apart, "frames")])}
    return strobes


async def read(ctx, bus, address: int) -> int:
    """The answer, in its cycle alone."""
    ctx.set(bus.addr, address)
    ctx.set(bus.read, 1)
    seen = []
    for _ in range(READ_LATENCY + 2):
        seen.append(ctx.get(bus.rdata))
        await ctx.tick()
        ctx.set(bus.read, 0)
    value = seen.pop(READ_LATENCY)
    assert not any(seen)
    return value


@pytest.mark.parametrize("reads", [False, True])
@pytest.mark.parametrize(("config", "apart", "frames_apart"), [
    (TINY, APART, FRAMES_APART), (replace(TINY, data_width=64), APART_WIDE, FRAMES_APART_WIDE)], ids=["8", "64"])
def test_every_event_counts(reads, config, apart, frames_apart, rng):
    dut, where = PortCounters(config, PORT_INDEX), RegisterMap(config).address
    strobes = events(rng, apart, frames_apart)
    addresses = [where(PORT, rng.choice(NAMES), PORT_INDEX) for _ in range(CYCLES)]

    async def count(ctx):
        for cycle, names in enumerate(strobes):
            for name in NAMES:
                ctx.set(getattr(dut.i, name), name in names)
            # the bus master reads every 8th cycle at most
            ctx.set(dut.bus.read, reads and cycle % 8 == 0)
            ctx.set(dut.bus.addr, addresses[cycle])
            await ctx.tick()
        for name in NAMES:
            ctx.set(getattr(dut.i, name), 0)
        ctx.set(dut.bus.read, 0)
        await ctx.tick().repeat(len(NAMES) + 1)
        for name in NAMES:
            expected = sum(name in names for names in strobes)
            assert await read(ctx, dut.bus, where(PORT, name, PORT_INDEX)) == expected, name
        for address in (where(PORT, NAMES[0], 0), where(PORT, NAMES[-1], PORT_INDEX) + 1, 0):
            assert await read(ctx, dut.bus, address) == 0

    simulator = Simulator(dut)
    simulator.add_clock(8e-9)
    simulator.add_testbench(count)
    simulator.run()
