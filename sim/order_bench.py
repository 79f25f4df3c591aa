"""cocotb harness of OrderEntry: set up over the bus, orders in, frames and everything else out."""

from amaranth.hdl import Shape
from cocotb.triggers import ReadOnly, RisingEdge

from hdl.csr import READ_LATENCY
from hdl.intents import GATE_LATENCY
from hdl.layouts import SESSION_BYTES
from hdl.messages import ExecReport, Intent, SentOrder, payload
from hdl.net.clock import TimeOfDay
from hdl.streams import beat
from sim.bus import StreamMonitor, StreamSource, pack, reset

#: Cycles that the bus master leaves between writes at least (hdl.rings.HostDown: 5).
WRITE_GAP = 3


class OrderBench:
    """Drives every port of an OrderEntry of `lanes` bytes a beat.

    `frames` holds each frame as (cycle of the first beat offered, bytes, error); the monitors' logs hold
    (cycle, value), all on the same count of cycles.
    """

    def __init__(self, dut, ready=None, lanes: int = 1):
        self.dut, self.lanes = dut, lanes
        shape = payload(8 * lanes).members["payload"].shape
        for name in ("killed", "venue_killed", "strategy_killed", "kill_poisons", "stamp", "bus__addr", "bus__wdata",
                     "bus__write", "bus__read", "bytes_o__ready", "passed", "coming"):
            getattr(dut, name).value = 0
        self.asked, self.bad = StreamSource(dut, "asked", Intent), StreamSource(dut, "bad", 64)
        self.segments = StreamSource(dut, "session_i", shape)
        self.asks, self.beats = StreamMonitor(dut, "asked", Intent), StreamMonitor(dut, "session_i", shape)
        self.o = StreamMonitor(dut, "o", beat(8 * lanes), ready=ready or True)
        self.sent, self.unsent = StreamMonitor(dut, "sent", SentOrder), StreamMonitor(dut, "unsent", Intent)
        self.report = StreamMonitor(dut, "report", ExecReport)
        self.chunks = StreamMonitor(dut, "bytes_o", SESSION_BYTES.layout, ready=lambda: self.host_ready())
        self.host_ready = lambda: True

    @property
    def decided(self) -> int:
        """Cycle in which the last intent was decided on, or would have been."""
        return self.asks.log[-1][0] + GATE_LATENCY - 1

    @property
    def segment_end(self) -> int:
        """Cycle of the last beat of a segment, once it is over."""
        return self.beats.log[-1][0]

    async def start(self, writes):
        await reset(self.dut)
        for addr, value in writes:
            await self.write(addr, value)
            await self.wait(WRITE_GAP)

    async def write(self, addr: int, value: int):
        self.dut.bus__addr.value, self.dut.bus__wdata.value, self.dut.bus__write.value = addr, value, 1
        await RisingEdge(self.dut.clk)
        self.dut.bus__write.value = 0

    async def read(self, addr: int) -> int:
        """Asserts that the answer comes READ_LATENCY cycles after the strobe, and at no other time."""
        self.dut.bus__addr.value, self.dut.bus__read.value = addr, 1
        seen = []
        for _ in range(READ_LATENCY + 3):
            await ReadOnly()
            seen.append(self.dut.bus__rdata.value.to_unsigned())
            await RisingEdge(self.dut.clk)
            self.dut.bus__read.value = 0
            self.dut.bus__addr.value = 0
        value = seen.pop(READ_LATENCY)
        assert not any(seen), seen
        return value

    def set_stamp(self, value: dict):
        self.dut.stamp.value = pack(TimeOfDay, value)

    async def ask(self, intent: dict):
        """The gate is asked as soon as order entry is idle; returns in the cycle of its decision."""
        self.dut.coming.value = pack(Intent, intent)
        await self.idle()
        self.dut.coming.value = ~pack(Intent, intent) & (1 << Shape.cast(Intent).width) - 1
        await self.asked.send(intent)
        await self.wait(GATE_LATENCY - 2)

    async def passes(self):
        """The gate passes what it was asked; returns in the cycle after."""
        self.dut.passed.value = 1
        await RisingEdge(self.dut.clk)
        self.dut.passed.value = 0

    async def wait(self, cycles: int):
        for _ in range(cycles):
            await RisingEdge(self.dut.clk)

    async def idle(self):
        while True:
            await ReadOnly()
            ready = self.dut.idle.value == 1
            await RisingEdge(self.dut.clk)
            if ready:
                return

    def take_frames(self) -> list[tuple[int, bytes, int]]:
        """Frames complete since the last call: cycle of the first beat moved, bytes, error."""
        frames, data, first = [], bytearray(), None
        for cycle, value in self.o.log:
            count = value["keep"].bit_count()
            assert value["keep"] == (1 << count) - 1
            assert count == self.lanes or value["last"]
            assert value["last"] or not value["error"]
            first = cycle if first is None else first
            data += value["data"].to_bytes(self.lanes, "little")[:count]
            if value["last"]:
                frames.append((first, bytes(data), value["error"]))
                data, first = bytearray(), None
        assert not data, "a frame is still under way"
        self.o.log.clear()
        return frames

    async def segment(self, venue: int, seq: int, text: bytes, error: int = 0, rx_time: int = 0,
                      trailing: bool = False):
        """One segment, a beat a cycle; `trailing`: its last beat carries no byte (Ethernet padding)."""
        meta = {"index": venue, "rx_time": rx_time, "tcp_seq": seq, "length": len(text)}
        parts = [text[at:at + self.lanes] for at in range(0, len(text), self.lanes)]
        beats = [{"data": int.from_bytes(part, "little"), "keep": (1 << len(part)) - 1} for part in parts]
        if trailing or not beats:
            beats.append({"keep": 0})
        for n, value in enumerate(beats):
            last = n == len(beats) - 1
            await self.segments.send({**value, "first": int(n == 0), "last": int(last), "error": error * last,
                                      "meta": meta})

    def take_chunks(self) -> list[dict]:
        """SESSION_BYTES records since the last call, with their bytes as `data`."""
        found = []
        for _, value in self.chunks.log:
            raw = b"".join(value[f"b{n}"].to_bytes(8, "little") for n in range(5))
            assert value["kind"] == SESSION_BYTES.kind
            assert not any(raw[value["count"]:])
            found.append({**value, "data": raw[:value["count"]]})
        self.chunks.log.clear()
        return found
