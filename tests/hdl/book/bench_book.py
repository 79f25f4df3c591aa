"""cocotb testbench of the book: random flow on a configuration so small that everything happens all the time."""

import os
import random

import cocotb

from hdl.config import TINY
from sim.bookbench import BookBench
from sim.bookflow import Flow

COUNT = int(os.environ.get("BOOK_MESSAGES", "400"))
FULL = (1 << TINY.symbols) - 1


async def started(dut, **parameters) -> BookBench:
    bench = BookBench(dut, TINY, **parameters)
    await bench.start()
    await bench.clear(FULL)
    return bench


def gap_of(rng, burst: float = 0.3) -> int:
    """Cycles between messages: sometimes none, on average enough."""
    return 0 if rng.random() < burst else rng.choice((3, 9, 14, 21, 40, 90))


@cocotb.test()
async def sane_flow(dut):
    """Refills, collisions and stash moves, never a wrong level. Few enough orders that most of them fit."""
    rng = random.Random(cocotb.RANDOM_SEED)
    bench = await started(dut)
    flow = Flow(rng, live=7)
    for _ in range(COUNT):
        symbol = rng.randrange(TINY.symbols)
        await bench.send(symbol, flow.next(bench.books[symbol]), gap_of(rng))
        if bench.tolerant[symbol]:
            await bench.drain()
            await bench.clear(1 << symbol)
    await bench.drain()
    cocotb.log.info("seen %s", dict(bench.seen))
    assert bench.seen["exact"] > COUNT // 3
    assert await bench.read("refills") > 0
    assert bench.seen["constant latency"] > 0
