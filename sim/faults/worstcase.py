"""`python -m sim.faults.worstcase`: the densest traffic that both wires can carry, and what the NIC makes of it.

Frames follow each other at wire distance on both ports, for as many messages as asked for; the wire never idles.
Every message must give its row, in order, and every row must be the true book or say that it is being refilled;
nothing may be dropped; and a row must come as soon after its message at the end as at the beginning.

The patterns:

- `minimum`: the shortest frames that carry a message: one in each, added and deleted by turns.
- `maximum`: frames of 9,018 bytes (with FCS), full of the shortest messages that move a book: orders are added, then
  thinned one share at a time (X, 23 bytes), then deleted one after the other (D, 19 bytes).
- `refill`: such frames too, on books of many more levels than the NIC keeps, whose best orders go first: lists run
  short all the time, with no idle time for a refill but what the messages leave.
- `both`: `maximum`, the same feed on both ports, so that every message comes twice, a few cycles apart.
"""

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from random import Random
from typing import NamedTuple

from hdl.config import GBE
from hdl.feed.itch import NEEDED
from hdl.feed.spec import MOLD_HEADER_BYTES, MOLD_LENGTH_BYTES
from hdl.layouts import Inexact, Side
from hdl.net.headers import ETHERNET, IPV4, UDP
from hdl.registers import BOOK, FEED, NIC
from hdl.venue import VenueSpec
from sim import itch
from sim.exchange.feed import SIDE_TEXT
from sim.faults.rig import Rig
from sim.faults.rows import Row
from sim.faults.truth import Depth, framed
from sim.fuzz.frames import MAX_FRAME
from sim.models.book import SymbolBook
from sim.nic.virtual import WIRE_GAP_BYTES

_HEADERS = ETHERNET.bytes + IPV4.bytes + UDP.bytes + MOLD_HEADER_BYTES
_ROOM = MAX_FRAME - _HEADERS
#: Cycles run at once; so much more than that is always queued on each port.
STEP = 100_000
_MID, _LOT = 10_000, 5_000
_REFILLING = 1 << Inexact.REFILL


class Sent(NamedTuple):
    """A message on the wire: where the last byte that is needed of it lies in its frame, and the book after it."""
    symbol: int
    needed: int
    depth: Depth


class Frame(NamedTuple):
    data: bytes
    first: int
    messages: list[Sent]


class Message(NamedTuple):
    """An ITCH message, and which side of which stock it has just changed."""
    raw: bytes
    locate: int
    side: Side


class Source:
    """Endless messages of one feed, and the books that they make.

    A pattern changes its books before it yields the message, so that what it does next can depend on them.
    """

    def __init__(self, rng: Random, venue: VenueSpec, stocks: dict[int, str], depth: int):
        self.rng, self.venue, self.stocks, self.depth = rng, venue, stocks, depth
        self.books = {locate: SymbolBook() for locate in stocks}
        self.depths = {locate: Depth([], []) for locate in stocks}
        self.seq = self.ref = 0
        self.live: list[tuple[int, int]] = []     # (locate, reference), oldest first

    def frames(self, messages: Iterator[Message], room: int) -> Iterator[Frame]:
        """Frames of as many messages as `room` bytes of blocks hold, at least one."""
        blocks: list[bytes] = []
        sent: list[Sent] = []
        used = 0
        for raw, locate, side in messages:
            size = MOLD_LENGTH_BYTES + len(raw)
            if blocks and used + size > room:
                yield self._frame(blocks, sent)
                blocks, sent, used = [], [], 0
            levels = [tuple(level) for level in self.books[locate].side(side, self.depth)]
            self.depths[locate] = self.depths[locate]._replace(**{Depth._fields[side]: levels})
            needed = _HEADERS + used + MOLD_LENGTH_BYTES + NEEDED[chr(raw[0])] - 1
            sent.append(Sent(locate - 1, needed, self.depths[locate]))
            blocks.append(raw)
            used += size

    def _frame(self, blocks: list[bytes], sent: list[Sent]) -> Frame:
        first = self.seq + 1
        self.seq += len(blocks)
        return Frame(framed(self.venue, itch.datagram(self.venue.mold_session, first, blocks)), first, sent)

    # ---- patterns: endless messages

    def shortest(self) -> Iterator[Message]:
        """Orders added, thinned and deleted."""
        while True:
            for _ in range(200):
                yield self._add(self.rng.randrange(1, 8))
            for n in range(600):
                locate, ref = self.live[n % len(self.live)]
                side = self.books[locate].orders[ref].side
                self.books[locate].take(ref, 1)
                yield Message(itch.encode("X", locate=locate, ref=ref, shares=1), locate, side)
            while self.live:
                yield self._delete(*self.live.pop(0))

    def by_turns(self) -> Iterator[Message]:
        """Each order is deleted by the message after it."""
        while True:
            yield self._add(self.rng.randrange(1, 8))
            yield self._delete(*self.live.pop())

    def deep(self) -> Iterator[Message]:
        """Sides of dozens of levels, from which the best order is taken more often than one is added anywhere."""
        while True:
            for _ in range(400):
                yield self._add(self.rng.randrange(1, 60))
            while len(self.live) > 150:
                locate = self.rng.choice(list(self.stocks))
                best = self._best(locate, self.rng.choice((Side.BUY, Side.SELL)))
                if best is not None and self.rng.random() < 0.8:
                    self.live.remove((locate, best))
                    yield self._delete(locate, best)
                else:
                    yield self._add(self.rng.randrange(1, 60))

    def _best(self, locate: int, side: Side) -> int | None:
        own = [(order.price, ref) for ref, order in self.books[locate].orders.items() if order.side == side]
        return (max(own) if side == Side.BUY else min(own))[1] if own else None

    def _add(self, away: int) -> Message:
        self.ref += 1
        locate, side = self.rng.choice(list(self.stocks)), self.rng.choice((Side.BUY, Side.SELL))
        price = _MID - away if side == Side.BUY else _MID + away
        self.books[locate].add(self.ref, side, price, _LOT)
        self.live.append((locate, self.ref))
        return Message(itch.encode("A", locate=locate, ref=self.ref, side=SIDE_TEXT[side], shares=_LOT,
                                   stock=self.stocks[locate], price=price), locate, side)

    def _delete(self, locate: int, ref: int) -> Message:
        side = self.books[locate].delete(ref)
        return Message(itch.encode("D", locate=locate, ref=ref), locate, side)


#: Name -> (messages, bytes of blocks in a frame, whether both ports carry the same feed).
PATTERNS: dict[str, tuple[Callable[[Source], Iterator[Message]], int, bool]] = {
    "minimum": (Source.by_turns, 1, False), "maximum": (Source.shortest, _ROOM, False),
    "refill": (Source.deep, _ROOM, False), "both": (Source.shortest, _ROOM, True)}


@dataclass
class Result:
    """`latency`: cycles from the last needed byte of a message to its row in the host's hands, the worst of each
    tenth of the run. `wrong` must stay empty, `dropped` and `busy` 0."""
    messages: int = 0
    refilling: int = 0
    dropped: int = 0
    busy: int = 0
    cycles: int = 0
    latency: list[int] = field(default_factory=lambda: [0] * 10)
    wrong: list[str] = field(default_factory=list)

    def line(self) -> str:
        return (f"{self.messages:,} messages in {self.cycles:,} cycles, one in {self.cycles / self.messages:.1f}: "
                f"{len(self.wrong)} wrong, {self.dropped} dropped, {self.busy} refused; latency at most "
                f"{self.latency[0]} cycles in the first tenth, {self.latency[-1]} in the last, {max(self.latency)} "
                f"ever; {self.refilling:,} rows while refilling")


class _Port:
    """What one port carries: queued ahead of the wire, so that frames follow each other without a pause."""

    def __init__(self, rig: Rig, number: int, frames: Iterator[Frame], start: int):
        self.rig, self.number, self.frames, self.free = rig, number, frames, start
        self.awaited: dict[int, tuple[int, Sent]] = {}    # sequence number -> cycle of the last needed byte, message

    def fill(self, until: int):
        """Queue frames for the wire up to this cycle."""
        data, starts = [], []
        while self.free < until:
            frame = next(self.frames)
            for n, message in enumerate(frame.messages):
                self.awaited[frame.first + n] = self.free + message.needed, message
            data.append(frame.data)
            starts.append(self.free)
            self.free += len(frame.data) + WIRE_GAP_BYTES
        self.rig.nic.send_many(self.number, data, starts)


def run(pattern: str, messages: int, seed: int = 1, step: int = STEP) -> Result:
    """Play a pattern for so many messages, of all feeds together."""
    make, room, same = PATTERNS[pattern]
    result = Result()
    with Rig(GBE) as rig:
        for n in range(len(rig.venues)):
            rig.load(n, 1, [])
        ports, start = [], rig.nic.cycle + 1
        for n in range(rig.config.ports):
            feed = 0 if same else n
            source = Source(Random(seed + feed), rig.venues[feed],
                            {1 + index: rig.stocks[index] for index in rig.symbols(feed)}, rig.config.depth)
            ports.append(_Port(rig, n, source.frames(make(source), room), start + 7 * n))
        while result.messages < messages:
            for port in ports:
                port.fill(rig.nic.cycle + 2 * step)
            rig.nic.run(step)
            while rig.nic.run(1, until="record") == "record":
                pass        # the records of one row follow each other
            for row in rig.rows():
                if row.event:
                    _judge(row, ports[rig.feed(row.symbol)].awaited, result, messages)
        result.cycles = rig.nic.cycle - start
        result.dropped, result.busy, *gaps = rig.read([
            (NIC, "dropped", 0), (BOOK, "busy", 0), *((FEED, "gaps", n) for n in range(len(rig.venues)))])
        if any(gaps):
            result.wrong.append(f"gaps: {gaps}")
    return result


def _judge(row: Row, awaited: dict[int, tuple[int, Sent]], result: Result, messages: int):
    """A row against its message, which is the next one that is awaited."""
    seq = next(iter(awaited))
    needed, sent = awaited.pop(seq)
    if (row.seq, row.symbol) != (seq, sent.symbol):
        result.wrong.append(f"a row of message {row.seq}, symbol {row.symbol}, for message {seq}, symbol {sent.symbol}")
    tenth = min(9, 10 * result.messages // messages)
    result.latency[tenth] = max(result.latency[tenth], row.cycle - needed)
    result.messages += 1
    result.refilling += bool(row.inexact)
    best = tuple(side[0] if side else (0, 0) for side in sent.depth)
    if row.inexact & ~_REFILLING:
        result.wrong.append(f"message {seq}: inexact {row.inexact:#x}")
    if not row.inexact and row.best != best:
        result.wrong.append(f"message {seq}: top {row.best}, truly {best}")
    if row.told is None or (row.told.exact and row.told.levels != sent.depth[row.told.side]):
        result.wrong.append(f"message {seq}: {row.told}, truly {sent.depth}")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m sim.faults.worstcase",
                                     description="The densest traffic that both wires can carry.")
    parser.add_argument("--messages", type=int, default=1_000_000, help="of each pattern")
    parser.add_argument("patterns", nargs="*", choices=[[], *PATTERNS], help="all of them, if none is named")
    options = parser.parse_args()
    wrong = False
    for pattern in options.patterns or PATTERNS:
        start = time.monotonic()
        result = run(pattern, options.messages)
        took = time.monotonic() - start
        print(f"{pattern}: {result.line()}; {took:.0f} s", *result.wrong[:5], sep="\n  ", flush=True)
        wrong |= bool(result.wrong or result.dropped or result.busy)
    return int(wrong)


__all__ = ["PATTERNS", "Result", "run"]

if __name__ == "__main__":
    sys.exit(main())
