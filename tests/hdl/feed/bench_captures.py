"""cocotb test of one port, `sim.feedbench.FeedPort`: real captures from the MAC-facing port to decoded messages."""

import os
from collections import Counter
from dataclasses import asdict
from pathlib import Path

import cocotb
from amaranth.lib import data
from cocotb.triggers import ReadOnly, RisingEdge

from hdl.config import GBE
from hdl.feed import path
from hdl.messages import FeedFilter, FeedMessage
from hdl.net import receiver
from hdl.streams import beat
from sim import capture
from sim.bus import pack, reset, share, unpack
from sim.feedbench import PERIOD, START
from sim.models.feed import FeedPathModel
from sim.models.receiver import Feed, ReceiverModel

FEEDS = (Feed(promiscuous=1), *[Feed(enable=0)] * (GBE.feeds - 1))
#: Cycles between two frames: preamble and inter-frame gap.
GAP = 20
#: What ../shared/data/README.md says of the captures: production frames, and frames with zeroed addresses.
GOOD, BAD = 13, 178
#: Messages of the production frames, by type.
TYPES = {"A": 38, "F": 2, "D": 4, "U": 2, "E": 1, "L": 1, "I": 1, "H": 1}


def captured() -> list[bytes]:
    """Every frame of the captures; under Icarus all production frames, and a slice of those with bad checksums."""
    frames = [frame.data for file in sorted(Path(os.environ["CAPTURES"]).rglob("*.pcap"))
              for frame in capture.read_capture(file)]
    model = ReceiverModel(GBE, 0, FEEDS)
    good = [frame for frame in frames if model.receive(frame)[0]]
    bad = [frame for frame in frames if frame not in good]
    assert (len(good), len(bad)) == (GOOD, BAD)
    kept = bad[:share(BAD)]
    return [frame for frame in frames if frame in good or frame in kept]


def now(cycle: int) -> int:
    return START + PERIOD * cycle


async def play(dut, frames: list[bytes]):
    """Cycle in which each frame began, members of each message that came out, and the strobes."""
    beats = [None] * GAP
    begins = []
    for frame in frames:
        begins.append(len(beats))
        beats += [pack(beat(8), {"data": byte, "keep": 1, "last": n == len(frame) - 1, "error": 0})
                  for n, byte in enumerate(frame)] + [None] * GAP
    strobes = {name: getattr(dut, f"count__{name}") for name in (*receiver.COUNTERS, *path.COUNTERS)}
    seen, count = [], Counter()
    for n, bits in enumerate(beats):
        dut.now.value = now(n)
        dut.i__valid.value = bits is not None
        if bits is not None:
            dut.i__payload.value = bits
        await ReadOnly()
        if dut.o__valid.value == 1:
            seen.append(unpack(FeedMessage, dut.o__payload.value.to_unsigned()))
        for name, strobe in strobes.items():
            count[name] += strobe.value == 1
        await RisingEdge(dut.clk)
    return begins, seen, count


def expect(frames: list[bytes], begins: list[int]):
    """What must come out, and the counters that must have moved."""
    port, feed, messages = ReceiverModel(GBE, 0, FEEDS), FeedPathModel(), []
    for frame, begin in zip(frames, begins, strict=True):
        payload, cause = port.receive(frame)
        feed.count.update(["frames", *([cause] if cause else [])])
        if payload:
            text = begin + frame.index(payload.data)
            messages += feed.datagram(payload.data, payload.index, now(begin), payload.length, payload.error,
                                      port_time=lambda byte, text=text: now(text + byte))
    return messages, +feed.count


@cocotb.test()
async def captures_decode(dut):
    dut.i__valid.value, dut.i__payload.value, dut.now.value, dut.venues.value = 0, 0, 0, 0
    dut.feeds.value = pack(data.ArrayLayout(FeedFilter, GBE.feeds), [asdict(feed) for feed in FEEDS])
    await reset(dut)
    frames = captured()
    begins, seen, count = await play(dut, frames)
    messages, counted = expect(frames, begins)
    assert seen == [asdict(message) for message in messages]
    assert +count == counted
    assert Counter(chr(message["type"]) for message in seen) == TYPES
    assert count["messages"] == sum(TYPES.values()) == 50
    assert count["frames"] == GOOD + count["bad_header"] == GOOD + share(BAD)
    assert not count["malformed"]
    assert not count["unknown_type"]
