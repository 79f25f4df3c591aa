"""What the benches of `Receiver` share: frames, and a check of one frame against the golden model, cycle by cycle."""

import os
from dataclasses import dataclass
from itertools import pairwise

from amaranth.lib import data
from cocotb.triggers import RisingEdge

from hdl.config import GBE
from hdl.messages import FeedFilter, VenueFilter, payload
from hdl.net.headers import PROTOCOL_TCP, PROTOCOL_UDP, TYPE_IPV4
from hdl.net.receiver import COUNTERS
from hdl.streams import beat
from sim import frames
from sim.bus import pack, reset, unpack
from sim.models.receiver import Feed, Payload, ReceiverModel, To, Venue

GROUP, PORT = 0xE9360C6F, 26477
FEEDS = (Feed(GROUP, PORT), Feed(GROUP + 1, PORT + 1))
VENUES = (Venue(0x0A2F0101, 9001, 0x0A2F0002, 40001), Venue(0x0A2F0102, 9002, 0x0A2F0002, 40002))
CONFIG = GBE
NOW = 0x1234_5678_9ABC_0000


def udp(text=b"some market data, thirty bytes", **link) -> bytes:
    return frames.udp_frame(text, source_ip=0xC0A80001, destination_ip=GROUP, source=7, destination=PORT, **link)


def tcp(text=b"8=FIX.4.4|", venue=VENUES[0], seq=0xFEDCBA98, **link) -> bytes:
    return frames.tcp_frame(text, source_ip=venue.remote_ip, destination_ip=venue.local_ip, source=venue.remote_port,
                            destination=venue.local_port, seq=seq, **link)


def ip(text: bytes, protocol=PROTOCOL_UDP, pad=True, **fields) -> bytes:
    packet = frames.ipv4_packet(text, protocol=protocol, source_ip=VENUES[0].remote_ip,
                                destination_ip=VENUES[0].local_ip if protocol == PROTOCOL_TCP else GROUP, **fields)
    return frames.ethernet_frame(packet, type=TYPE_IPV4, pad=pad)


def datagram(text=b"x" * 30, **fields) -> bytes:
    return frames.udp_datagram(text, source_ip=VENUES[0].remote_ip, destination_ip=GROUP, source=7, destination=PORT,
                               **fields)


def segment(text=b"y" * 30, **fields) -> bytes:
    venue = VENUES[0]
    return frames.tcp_segment(text, source_ip=venue.remote_ip, destination_ip=venue.local_ip,
                              source=venue.remote_port, destination=venue.local_port, seq=99, **fields)


@dataclass
class Bench:
    """Plays frames into the receiver, checks each output beat's cycle and collects payloads and counters."""
    dut: object
    port: int
    cycle: int = 0
    config = CONFIG

    async def start(self, feeds=FEEDS, venues=VENUES):
        dut = self.dut
        self.model = ReceiverModel(self.config, self.port, feeds, venues)
        dut.i__valid.value, dut.i__payload.value, dut.now.value = 0, 0, NOW
        dut.feeds.value = pack(data.ArrayLayout(FeedFilter, self.config.feeds), [vars(feed) for feed in feeds])
        dut.venues.value = pack(data.ArrayLayout(VenueFilter, self.config.venues), [vars(venue) for venue in venues])
        self.outputs = [(to, getattr(dut, f"{to.value}__valid"), getattr(dut, f"{to.value}__payload")) for to in To]
        self.counters = {name: getattr(dut, f"count__{name}") for name in COUNTERS}
        self.shape = payload(self.config.data_width).members["payload"].shape
        await reset(dut)

    async def _cycle(self, byte=None, last=False, error=False):
        """One cycle with this byte (or none) on `i`; outputs seen are those of the byte before."""
        dut = self.dut
        dut.i__valid.value = byte is not None
        if byte is not None:
            dut.i__payload.value = pack(beat(8), {"data": byte, "keep": 1, "last": last, "error": error})
        self.cycle += 1
        dut.now.value = NOW + self.cycle
        await RisingEdge(dut.clk)
        for to, valid, bits in self.outputs:
            if valid.value == 1:
                self.out.append((to, self.before, unpack(self.shape, bits.value.to_unsigned())))
        for name, strobe in self.counters.items():
            self.count[name] += strobe.value == 1
        self.before = (self.cycle, self.began, byte, last)

    async def play(self, frame: bytes, error=False, gaps=None):
        """Payload that left (None where none did) and the counters that moved, for one frame."""
        payloads, counted = await self.play_together([frame], error, gaps)
        assert len(payloads) <= 1
        return (payloads or [None])[0], {name for name, n in counted.items() for _ in range(n)}

    async def play_together(self, sent: list[bytes], error=False, gaps=None):
        """Payloads that left and how far each counter moved, for frames that follow each other at once."""
        self.out, self.count, self.before = [], dict.fromkeys(COUNTERS, 0), (0, 0, None, False)
        for frame in sent:
            self.began = self.cycle + 1
            for n, byte in enumerate(frame):
                while gaps and n and gaps.random() < 0.3:
                    await self._cycle()
                await self._cycle(byte, n == len(frame) - 1, error and n == len(frame) - 1)
        for _ in range(3):
            await self._cycle()
        ends = [n + 1 for n, (_, _, out) in enumerate(self.out) if out["last"]]
        assert not self.out or ends[-1] == len(self.out), "every payload ends"
        return [self._payload(self.out[a:b]) for a, b in pairwise([0, *ends])], self.count

    def _payload(self, beats) -> Payload:
        text, meta, to = b"", beats[0][2]["meta"], beats[0][0]
        for n, (where, (_, began, byte, last), out) in enumerate(beats):
            assert where == to, "a payload leaves on one output"
            assert out["first"] == (n == 0), "first marks the first beat"
            assert out["last"] == last, "last comes one cycle after the frame's"
            assert out["meta"] == meta, "meta is constant"
            assert byte is not None
            assert meta["rx_time"] == NOW + began
            if out["keep"]:
                assert out["data"] == byte, "a byte leaves one cycle after it came"
                text += bytes([byte])
        assert meta["port"] == self.port
        return Payload(to, text, bool(beats[-1][2]["error"]), meta["index"], meta["length"], meta["tcp_seq"])

    async def check(self, frame: bytes, error=False, gaps=None):
        """The frame does what the model says; returns what that is."""
        expected, cause = self.model.receive(frame, error)
        got, counted = await self.play(frame, error, gaps)
        assert got == expected, f"{frame.hex()}: {got} is not {expected}"
        assert counted == {"frames"} | ({cause} if cause else set()), f"{frame.hex()}: {counted} is not {cause}"
        return expected, cause


async def bench_of(dut, **filters) -> Bench:
    """A bench on `dut`, which is the port, of the width, that the environment names."""
    kind = Bench
    if int(os.environ.get("WIDTH", CONFIG.data_width)) != CONFIG.data_width:
        from tests.hdl.net import receiver64_harness
        kind = receiver64_harness.Bench
    bench = kind(dut, int(os.environ["PORT"]))
    await bench.start(**filters)
    return bench
