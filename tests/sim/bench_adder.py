"""cocotb side of test_cosim: an adder with a struct in and out, held to plain Python."""

import os
import random
import time

import cocotb
from cocotb.triggers import ClockCycles

from sim.bus import StreamMonitor, StreamSource, reset
from tests.sim.adder import Pair, Sum


@cocotb.test(timeout_time=100, timeout_unit="us")
async def adds(dut):
    rng = random.Random(cocotb.RANDOM_SEED)
    i, o = StreamSource(dut, "i", Pair), StreamMonitor(dut, "o", Sum, ready=lambda: rng.random() < 0.5)
    await reset(dut)
    for _ in range(100):
        a, b = rng.randrange(-128, 128), rng.randrange(-128, 128)
        await i.send(a=a, b=b)
        assert await o.next() == {"sum": a + b, "zero": int(a + b == 0)}


@cocotb.test(timeout_time=100, timeout_unit="us")
async def fails_if_told(dut):
    await reset(dut)
    await ClockCycles(dut.clk, 2)
    assert "FAIL" not in os.environ


@cocotb.test()
async def hangs_if_told(dut):
    await reset(dut)
    while "HANG" in os.environ:
        time.sleep(1)
