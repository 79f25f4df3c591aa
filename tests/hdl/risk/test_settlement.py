"""What a fill does to a position, by side, and at the ends of 32 bits."""

import pytest
from amaranth.sim import Simulator

from hdl.config import TINY
from hdl.layouts import Side
from hdl.messages import ExecReport
from hdl.risk.settlement import FAULTS, Settlement

_END = 1 << 31


@pytest.mark.parametrize(("side", "position", "after", "faults"), [
    (Side.BUY, 0, 100, set()), (Side.SELL, 0, -100, set()), (Side.SELL, 300, 200, set()), (Side.BUY, -30, 70, set()),
    (Side.SELL, 100 - _END, -_END, set()), (Side.BUY, _END - 101, _END - 1, set()),
    (Side.SELL, 99 - _END, _END - 1, {"overflow"}), (Side.BUY, _END - 100, -_END, {"overflow"}),
])
def test_a_fill_moves_the_position(side, position, after, faults):
    dut, seen, moved = Settlement(TINY), set(), []

    async def bench(ctx):
        ctx.set(dut.order, {"order_id": 7, "symbol": 1, "side": side, "qty": 100})
        ctx.set(dut.live, 1)
        ctx.set(dut.position, position)
        ctx.set(dut.report.payload, ExecReport.const({"order_id": 7, "exec_type": ord("F"), "last_qty": 100}))
        ctx.set(dut.report.valid, 1)
        for _cycle in range(16):
            if ctx.get(dut.update_position):
                moved.append(ctx.get(dut.new_position))
            seen.update(name for bit, name in enumerate(FAULTS) if ctx.get(dut.faults) >> bit & 1)
            await ctx.tick()
            ctx.set(dut.report.valid, 0)

    simulator = Simulator(dut)
    simulator.add_clock(8e-9)
    simulator.add_testbench(bench)
    simulator.run()
    assert (moved, seen) == ([after], faults)
