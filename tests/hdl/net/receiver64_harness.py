"""`receiver_harness` for `Receiver64`: the same frames and model, beats of eight bytes, and when each must leave."""

from dataclasses import dataclass
from itertools import pairwise

from cocotb.triggers import RisingEdge

from hdl.config import XGBE
from hdl.net.headers import ETHERNET
from hdl.net.receiver64 import LANES
from hdl.streams import beat
from sim.bus import pack, unpack
from sim.models.receiver import Payload
from tests.hdl.net import receiver_harness
from tests.hdl.net.receiver_harness import NOW

#: Cycles from a frame's last beat to the last of its payload.
LAST_LATENCY = 3


@dataclass
class Bench(receiver_harness.Bench):
    """Plays frames, checks each output beat's cycle and collects payloads and counters."""
    config = XGBE

    async def _beat(self, text=None, last=False, error=False):
        """One cycle with this beat (or none) on `i`."""
        dut = self.dut
        dut.i__valid.value = text is not None
        if text is not None:
            dut.i__payload.value = pack(beat(8 * LANES), {
                "data": int.from_bytes(text, "little"), "keep": (1 << len(text)) - 1, "last": last, "error": error})
        self.cycle += 1
        dut.now.value = NOW + self.cycle
        await RisingEdge(dut.clk)
        for to, valid, bits in self.outputs:
            if valid.value == 1:
                self.out.append((to, self.cycle, unpack(self.shape, bits.value.to_unsigned())))
        for name, strobe in self.counters.items():
            self.count[name] += strobe.value == 1

    async def play_together(self, sent, error=False, gaps=None):
        """Payloads that left and how far each counter moved, for frames that follow each other at once."""
        self.out, self.count, self.spans = [], dict.fromkeys(self.counters, 0), []
        for frame in sent:
            cycles = []
            for n in range(0, len(frame), LANES):
                while gaps and n and gaps.random() < 0.3:
                    await self._beat()
                last = n + LANES >= len(frame)
                await self._beat(frame[n:n + LANES], last, error and last)
                cycles.append(self.cycle)
            self.spans.append((frame, cycles))
        for _ in range(LAST_LATENCY + 2):
            await self._beat()
        ends = [n + 1 for n, (_, _, out) in enumerate(self.out) if out["last"]]
        assert not self.out or ends[-1] == len(self.out), "every payload ends"
        return [self._payload(self.out[a:b]) for a, b in pairwise([0, *ends])], self.count

    def _payload(self, beats) -> Payload:
        text, meta, to = b"", beats[0][2]["meta"], beats[0][0]
        frame, cycles = next(span for span in self.spans if span[1][0] == meta["rx_time"] - NOW)
        for n, (where, cycle, out) in enumerate(beats):
            assert where == to, "a payload leaves on one output"
            assert out["first"] == (n == 0), "first marks the first beat"
            assert out["last"] == (n == len(beats) - 1), "last marks the last"
            assert out["meta"] == meta, "meta is constant"
            count = out["keep"].bit_count()
            assert out["keep"] == (1 << count) - 1, "bytes are contiguous from lane 0"
            if out["last"]:
                assert (count, cycle) == (0, cycles[-1] + LAST_LATENCY), "it ends at its cycle"
                break
            assert not out["error"], "error comes with last"
            assert count == LANES or n == len(beats) - 2, "beats are full until the last that holds bytes"
            text += out["data"].to_bytes(LANES, "little")[:count]
        self._cycles(frame, cycles, beats[:-1], text)
        assert meta["port"] == self.port
        return Payload(to, text, bool(beats[-1][2]["error"]), meta["index"], meta["length"], meta["tcp_seq"])

    @staticmethod
    def _cycles(frame, cycles, beats, text):
        """Each beat leaves the cycle after that in which its last lane came, or would have come."""
        possible = [at for at in range(ETHERNET.bytes, len(frame) + 1, 4) if frame[at:at + len(text)] == text]
        assert possible, f"{text.hex()} is not part of {frame.hex()}"
        times = [cycle for _, cycle, _ in beats]
        assert any(times == [1 + (cycles[last] if last < len(cycles) else cycles[-1] + 1)
                             for last in ((at + LANES * (n + 1) - 1) // LANES for n in range(len(beats)))]
                   for at in possible), "beats leave at their cycles"

