"""`EthernetPort` from frames to pins and back: a port that hears itself."""

import pytest
from amaranth.hdl import ClockDomain, ClockSignal, Module
from amaranth.sim import Simulator

from hdl.net.crossing import Crossing
from hdl.net.headers import MIN_FRAME
from hdl.net.mac import RxMac, TxMac
from hdl.net.port import EthernetPort
from tests.hdl.net.test_rgmii import PERIOD, pins

#: RGMII pins in the simulation model: a cycle out, and two in.
PINS = 3


class Bench:
    """One port whose transmit pins feed its receive pins, on a receive clock of its own phase.

    The core's clock rises at 0.5 of a period, and the first half of a byte is on the wires from then to 1: 0.75 is
    the 2 ns of a PHY that delays the clock. `slower` gives the core so much less than the line's clock; frames are then
    as far apart as half a line's rate has them.
    """

    def __init__(self, frames, phase: float = 0.75, poison=(), slower: int = 1):
        self.frames, self.poison = list(frames), poison
        self.wires = pins()
        self.port = EthernetPort(self.wires, "wire" if slower > 1 else "sync")
        self.cycle, self.sent, self.got = 0, [], []
        m = Module()
        m.domains.pin = ClockDomain(reset_less=True)
        if slower > 1:
            m.domains.wire = ClockDomain(reset_less=True)
        m.submodules.port = self.port
        m.d.comb += [self.port.rx_clk.eq(ClockSignal("pin")), self.wires.rx_ctl.i.eq(self.wires.tx_ctl.o),
                     self.wires.rx_data.i.eq(self.wires.tx_data.o)]
        simulator = Simulator(m)
        if slower > 1:
            simulator.add_clock(PERIOD, domain="wire")
        simulator.add_clock(PERIOD * slower)
        simulator.add_clock(PERIOD, domain="pin", phase=PERIOD * phase)
        simulator.add_testbench(self._send)
        simulator.add_testbench(self._watch, background=True)
        simulator.run()

    async def _send(self, ctx):
        tx = self.port.tx
        await ctx.tick().repeat(16)     # resets on their way
        for number, data in enumerate(self.frames):
            self.sent.append(self.cycle)
            for n, byte in enumerate(data):
                last = n == len(data) - 1
                ctx.set(tx.payload, {"data": byte, "keep": 1, "last": last, "error": last and number in self.poison})
                ctx.set(tx.valid, 1)
                await ctx.tick().until(tx.ready)
            ctx.set(tx.valid, 0)
            await ctx.tick().repeat(60 if self.port.line == "sync" else 60 + 2 * len(data))

    async def _watch(self, ctx):
        rx, data = self.port.rx, b""
        while True:
            if ctx.get(rx.valid):
                beat = ctx.get(rx.payload)
                if not data:
                    self.first = self.cycle
                data += bytes([beat.data]) * beat.keep
                if beat.last:
                    self.got.append((self.first, data, bool(beat.error)))
                    data = b""
            await ctx.tick()
            self.cycle += 1


@pytest.mark.parametrize("phase", [0.55, 0.65, 0.75, 0.85, 0.95])
def test_what_is_sent_is_received(rng, phase):
    frames = [rng.randbytes(length) for length in (MIN_FRAME, MIN_FRAME + 1, 400)]
    bench = Bench(frames, phase)
    assert [(data, error) for _, data, error in bench.got] == [(data, False) for data in frames]


def test_short_frames_are_padded_and_poisoned_ones_are_bad(rng):
    frames = [rng.randbytes(20), rng.randbytes(100), rng.randbytes(64)]
    bench = Bench(frames, poison=(1,))
    assert [(data, error) for _, data, error in bench.got] == [
        (frames[0] + bytes(MIN_FRAME - 20), False), (frames[1], True), (frames[2], False)]


def test_latency_is_that_of_its_parts(rng):
    bench = Bench([rng.randbytes(64)] * 3)
    taken = {first - sent for sent, (first, _, _) in zip(bench.sent, bench.got, strict=True)}
    parts = TxMac.LATENCY + PINS + RxMac.LATENCY + Crossing.LATENCY
    assert taken <= {parts, parts + 1}


@pytest.mark.parametrize("slower", [2, 3])
def test_a_slower_core_sends_and_receives_whole_frames(rng, slower):
    """What leaves has no gap, or the MAC would have ended it as bad; what comes is kept until the core takes it."""
    frames = [rng.randbytes(length) for length in (MIN_FRAME, 500, 61)]
    bench = Bench(frames, poison=(1,), slower=slower)
    assert [(data, error) for _, data, error in bench.got] == [
        (data, number == 1) for number, data in enumerate(frames)]
