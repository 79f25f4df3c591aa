"""cocotb side of test_tokenizer: long streams, every truncation, mutations."""

import os
import random
from pathlib import Path

import cocotb
from cocotb.triggers import ReadOnly, RisingEdge

from hdl.messages import ExecReport
from sim.bus import reset, unpack
from sim.fixtext import log_messages, mutate, report
from sim.models.tokenizer import MALFORMED, tokenize

TEST = {"timeout_time": 10, "timeout_unit": "ms"}
DRAIN = 4
#: Path of the log, where there is one; only every STRIDE-th case, for a slow simulator.
FIX_LOG, STRIDE = os.environ.get("FIX_LOG"), int(os.environ.get("STRIDE", "1"))


class Feeder:
    """Feeds a stream and returns its events; names of a report are those of the model."""

    def __init__(self, dut):
        self.dut = dut
        dut.valid.value = dut.byte.value = dut.restart.value = 0

    async def _cycle(self, events):
        await ReadOnly()
        if self.dut.malformed.value == 1:
            events.append(MALFORMED)
        if self.dut.o__valid.value == 1:
            fields = unpack(ExecReport, self.dut.o__payload.value.to_unsigned())
            assert (fields.pop("rx_time"), fields.pop("venue")) == (0, 0)
            events.append(fields)
        await RisingEdge(self.dut.clk)

    async def __call__(self, stream: bytes) -> list:
        events = []
        self.dut.restart.value = 1
        await RisingEdge(self.dut.clk)
        self.dut.restart.value, self.dut.valid.value = 0, 1
        for byte in stream:
            self.dut.byte.value = byte
            await self._cycle(events)
        self.dut.valid.value = 0
        for _ in range(DRAIN):
            await self._cycle(events)
        return events

    async def check(self, stream: bytes):
        events = await self(stream)
        assert events == tokenize(stream), stream
        return events


async def started(dut) -> tuple[Feeder, random.Random]:
    feeder = Feeder(dut)
    await reset(dut)
    return feeder, random.Random(cocotb.RANDOM_SEED)


def real() -> list[bytes]:
    return log_messages(Path(FIX_LOG))[::STRIDE] if FIX_LOG else []


@cocotb.test(**TEST, skip=not FIX_LOG)
async def real_messages(dut):
    """Every message of the log, one after the other; all but the ExecutionReports are passed over."""
    feeder, _ = await started(dut)
    events = await feeder.check(b"".join(real()))
    assert len(events) == sum(b"\x0135=8\x01" in text for text in real())


@cocotb.test(**TEST)
async def every_truncation(dut):
    """Cut at the end, with a good message after it, and cut at the start."""
    feeder, _ = await started(dut)
    text, after = report(t41=f"{0xDEF:016X}"), report(t14="7")
    for length in range(0, len(text) + 1, STRIDE):
        await feeder.check(text[:length] + after)
    for start in range(1, len(text), STRIDE):
        await feeder.check(text[start:] + after)


@cocotb.test(**TEST)
async def mutations(dut):
    feeder, rng = await started(dut)
    seeds = [report(), report(t41="0" * 15 + "7", t31="0.0001"), *(text for text in real() if len(text) < 400)]
    for _ in range(60 // STRIDE):
        await feeder.check(b"".join(mutate(rng, rng.choice(seeds)) if rng.random() < 0.7 else rng.choice(seeds)
                                    for _ in range(4)))
