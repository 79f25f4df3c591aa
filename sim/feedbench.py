"""Runs feed blocks in Amaranth's simulator: datagrams or messages in, what came out and when."""

from collections import Counter
from dataclasses import dataclass

from amaranth.hdl import Fragment
from amaranth.sim import Simulator

from hdl.config import NicConfig
from hdl.feed.path import NOTE_LATENCY, FeedPath
from hdl.messages import FeedMessage
from sim.bus import unpack

#: Idle cycles between two datagrams: the headers of a frame alone take more.
GAP = NOTE_LATENCY + 4
#: Nanoseconds of a cycle, and of the clock at cycle 0, close to where its low half wraps.
PERIOD, START = 8, (1 << 32) - 4000


@dataclass(frozen=True)
class Datagram:
    """A payload as a receiver hands it over. `length` is what the headers say; `stalls` has the bytes (by number)
    before which a cycle passes; `tail` adds a last beat without a byte, as padding does."""
    payload: bytes
    feed: int = 0
    rx_time: int = 0
    length: int | None = None
    error: bool = False
    tail: bool = False
    stalls: frozenset[int] = frozenset()

    def beats(self) -> list[dict | None]:
        """One item a cycle, None where there is no beat."""
        meta = {"index": self.feed, "rx_time": self.rx_time,
                "length": len(self.payload) if self.length is None else self.length}
        tail = self.tail or not self.payload
        beats: list[dict | None] = []
        for n, byte in enumerate(self.payload):
            if n in self.stalls:
                beats.append(None)
            beats.append({"data": byte, "keep": 1, "first": int(n == 0), "last": 0, "error": 0, "meta": meta})
        if tail:
            beats.append({"data": 0, "keep": 0, "first": int(not self.payload), "last": 0, "error": 0, "meta": meta})
        beats[-1] |= {"last": 1, "error": int(self.error)}
        return beats


def cycles_of(datagrams: list[Datagram], gap: int = GAP) -> tuple[list[dict | None], list[dict[int, int]]]:
    """The beats of all, `gap` idle cycles after each; and for each the cycle of each of its bytes."""
    cycles: list[dict | None] = []
    where = []
    for datagram in datagrams:
        beats = datagram.beats()
        taken = [len(cycles) + n for n, beat in enumerate(beats) if beat and beat["keep"]]
        where.append(dict(enumerate(taken)))
        where[-1][-1] = len(cycles) + len(beats) - 1    # the last beat
        cycles += beats + [None] * gap
    return cycles, where


def run_path(config: NicConfig, datagrams: list[Datagram], port: int = 0):
    """([(cycle, members of FeedMessage)], Counter of strobes, cycle of each byte) of a `FeedPath`."""
    dut = FeedPath(config, port)
    cycles, where = cycles_of(datagrams)
    seen, count = [], Counter()

    async def source(ctx):
        for n, beat in enumerate(cycles):
            ctx.set(dut.now, START + PERIOD * n)
            ctx.set(dut.i.valid, beat is not None)
            if beat is not None:
                ctx.set(dut.i.payload, beat)
            if ctx.get(dut.o.valid):
                seen.append((n, unpack(FeedMessage, ctx.get(dut.o.payload.as_value()))))
            for name in dut.signature.members["count"].signature.members:
                count[name] += ctx.get(getattr(dut.count, name))
            await ctx.tick()

    simulator = Simulator(Fragment.get(dut, None))
    simulator.add_clock(PERIOD * 1e-9)
    simulator.add_testbench(source)
    simulator.run()
    return seen, +count, where


__all__ = ["GAP", "PERIOD", "START", "Datagram", "cycles_of", "run_path"]
