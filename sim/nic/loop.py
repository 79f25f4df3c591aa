"""The testbench that the virtual NIC replaces: cocotb, one Python step a clock cycle. Played by `sim.nic.bench`."""

import json
import os
import time
from collections import deque
from pathlib import Path

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge

from hdl.config import GBE
from sim.bus import PERIOD_NS
from sim.nic.bench import LOOP_TURNS, SETUP_CYCLES
from sim.nic.traffic import TURN_CYCLES, WIRE_GAP_BYTES, Busy

#: `hdl.streams.beat` of one byte: data, keep, last, error from bit 0 up.
_KEEP, _LAST = 1 << 8, 1 << 9


class Loop:
    """The ports of a `gbe` NIC, one byte or record a cycle each."""

    def __init__(self, dut):
        self.dut = dut
        self.rx = [(getattr(dut, f"rx__{n}__payload"), getattr(dut, f"rx__{n}__valid")) for n in range(GBE.ports)]
        self.beats: list[deque] = [deque() for _ in self.rx]
        self.down: deque[int] = deque()
        self.shown = False
        self.frame, self.frames, self.held = bytearray(), [], 0
        for signal in (dut.rst, dut.host_i__valid, *(valid for _payload, valid in self.rx)):
            signal.value = 0
        dut.tx__ready.value, dut.host_o__ready.value = 1, 1

    def send(self, port: int, frames: list[bytes]):
        """Queue frames, each followed by the silence that a wire keeps."""
        for frame in frames:
            self.beats[port] += [_KEEP | byte for byte in frame[:-1]]
            self.beats[port].append(_KEEP | _LAST | frame[-1])
            self.beats[port] += [None] * WIRE_GAP_BYTES

    def post(self, records):
        """Queue records of the host."""
        self.down += [int.from_bytes(record.tobytes(), "little") for record in records]

    async def run(self, cycles: int):
        """So many cycles. Between two rising edges nothing but the inputs changes: they are set at the falling one,
        and what is taken at the next rising edge is read then."""
        dut = self.dut
        for _ in range(cycles):
            await FallingEdge(dut.clk)
            for (payload, valid), beats in zip(self.rx, self.beats, strict=True):
                beat = beats.popleft() if beats else None
                valid.value = beat is not None
                if beat is not None:
                    payload.value = beat
            self._down()
            self._transmitted()
            if dut.host_o__valid.value:
                dut.host_o__payload.value.to_unsigned()

    def _down(self):
        """Shows the next record; it is taken at the coming edge if the NIC is ready now."""
        if self.down:
            self.dut.host_i__payload.value = self.down[0]
        self.dut.host_i__valid.value = bool(self.down)
        if self.down and self.dut.host_i__ready.value:
            self.down.popleft()

    def _transmitted(self):
        ready = self.held == 0
        self.dut.tx__ready.value = ready
        self.held = max(0, self.held - 1)
        if not (ready and self.dut.tx__valid.value):
            return
        beat = self.dut.tx__payload.value.to_unsigned()
        self.frame.append(beat & 0xFF)
        if beat & _LAST:
            self.frames.append(bytes(self.frame).hex())
            self.frame.clear()
            self.held = WIRE_GAP_BYTES


@cocotb.test()
async def the_same_traffic(dut):
    """Plays setup and the first turns, and leaves rates and frames in the file that the environment names."""
    Clock(dut.clk, PERIOD_NS, unit="ns").start()
    loop, traffic, rates = Loop(dut), Busy(GBE), []
    loop.post(traffic.setup())
    await loop.run(SETUP_CYCLES)
    for turn in traffic.turns(LOOP_TURNS):
        loop.post(turn.records)
        for port, frames in enumerate(turn.frames):
            loop.send(port, frames)
        start = time.process_time()
        await loop.run(TURN_CYCLES)
        rates.append(TURN_CYCLES / (time.process_time() - start))
    assert loop.frames, "no frame left"
    result = {"rates": rates, "frames": loop.frames}
    Path(os.environ["TICKGATE_LOOP_RESULT"]).write_text(json.dumps(result))
