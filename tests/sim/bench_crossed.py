"""cocotb testbench of `tests.sim.adder.Crossed`."""

import cocotb
from cocotb.triggers import ReadOnly, RisingEdge

from sim.bus import reset


@cocotb.test()
async def settles(dut):
    dut.i.value = 0
    await reset(dut)
    for value in (0, 1, 0, 1):
        await RisingEdge(dut.clk)
        dut.i.value = value
        await ReadOnly()
        assert dut.o.value.to_unsigned() == 7 * value
