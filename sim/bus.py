"""cocotb bus helpers: struct ports by field name, stream drivers and monitors.

A struct port is one vector on the Verilog side; its Amaranth layout packs and unpacks it, so that a
testbench names fields and never bit positions.

    i = StreamSource(dut, "i", Intent)          # i__payload, i__valid, i__ready
    o = StreamMonitor(dut, "o", Decision)       # o__ready driven only if asked
    await reset(dut)
    await i.send(order_id=7, qty=100)
    decision = await o.next()                   # {"intent": {...}, "reasons": 0, ...}
"""

from typing import Any

import cocotb
from cocotb.clock import Clock
from cocotb.queue import Queue
from cocotb.triggers import ReadOnly, RisingEdge

from sim.structs import pack, unpack

PERIOD_NS = 8
#: Icarus runs a slice of what Verilator runs, one part in so many: enough to see that the Verilog means the same.
ICARUS_SLICE = 8


def share(count: int) -> int:
    """How many of `count` items to run in this simulator: all under Verilator, a slice (at least 1) under Icarus."""
    return max(1, count // ICARUS_SLICE) if cocotb.SIM_NAME.startswith("Icarus") else count


async def reset(dut, cycles: int = 2):
    """Start the clock (125 MHz), with every input 0, and hold reset for some cycles."""
    Clock(dut.clk, PERIOD_NS, unit="ns").start()
    dut.rst.value = 1
    for _ in range(cycles):
        await RisingEdge(dut.clk)
    dut.rst.value = 0


class StreamSource:
    """Drives `<name>__payload`, `__valid`; waits for `__ready` where the port exists."""

    def __init__(self, dut, name: str, shape):
        self.clk, self.shape = dut.clk, shape
        self.payload, self.valid = getattr(dut, f"{name}__payload"), getattr(dut, f"{name}__valid")
        self.ready = getattr(dut, f"{name}__ready", None)
        self.valid.value = 0
        self.payload.value = 0

    async def send(self, value: Any = None, **fields):
        """One transfer; returns in the cycle after it, with `valid` low again. Back-to-back calls leave no gap."""
        self.payload.value = pack(self.shape, fields if value is None else value)
        self.valid.value = 1
        while True:
            await ReadOnly()
            taken = self.ready is None or bool(self.ready.value)
            await RisingEdge(self.clk)
            if taken:
                break
        self.valid.value = 0


class StreamMonitor:
    """Collects every transfer of a stream, as `(cycle, value)` in `log` and value by `next()`.

    `ready`: None leaves `__ready` alone (valid-only streams have none), True holds it high, a callable
    is asked each cycle.
    """

    def __init__(self, dut, name: str, shape, ready=None):
        self.clk, self.shape = dut.clk, shape
        self.payload, self.valid = getattr(dut, f"{name}__payload"), getattr(dut, f"{name}__valid")
        self.ready = getattr(dut, f"{name}__ready", None)
        self.pattern = ready
        self.log: list[tuple[int, Any]] = []
        self.cycle = 0
        self._queue: Queue = Queue()
        if self.ready is not None and ready is not None:
            self.ready.value = 0
        cocotb.start_soon(self._run())

    async def _run(self):
        while True:
            if self.ready is not None and self.pattern is not None:
                self.ready.value = int(self.pattern() if callable(self.pattern) else self.pattern)
            await ReadOnly()
            moved = self.valid.value == 1 and (self.ready is None or self.ready.value == 1)
            bits = self.payload.value.to_unsigned() if moved else 0
            await RisingEdge(self.clk)
            if moved:
                value = unpack(self.shape, bits)
                self.log.append((self.cycle, value))
                self._queue.put_nowait(value)
            self.cycle += 1

    async def next(self) -> Any:
        """The next transfer not yet taken by `next`; returns right after the edge at which it moved."""
        return await self._queue.get()


__all__ = ["PERIOD_NS", "StreamMonitor", "StreamSource", "pack", "reset", "unpack"]
