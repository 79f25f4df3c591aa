"""Seeds of damaged feeds, and the judgement: every book that the NIC calls exact is the true feed's.

A seed is some rounds. In each, both feeds send packets over two lines each, which lose, repeat, delay, reorder and
damage them (`sim.faults.lines`). After every message the NIC's row of a symbol must be the true book as of that
message, or flagged; so must every side of it that is called exact by itself. At the end of a round a heartbeat tells
how far the feed has come; then a book that is not flagged must be the true one as of then, so that a message that
vanished without a trace is found as well. A flagged feed is healed by a snapshot, and must be exact until something
goes wrong again.

One thing is excused and counted, as the design has it: a message is acted on before its frame has proved good, so
while a frame is on the wire that turns out bad, rows may show what it says. From the end of that frame on they may not.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from random import Random
from typing import NamedTuple

from hdl.config import GBE, NicConfig
from hdl.feed.path import NOTE_LATENCY
from hdl.feed.sequencer import SPACING
from hdl.layouts import Inexact
from hdl.registers import FEED
from sim.exchange import snapshot
from sim.faults.lines import Arrival, Line, carry, random_line
from sim.faults.rig import SETS, Bad, Rig
from sim.faults.rows import Row
from sim.faults.truth import Packet, TrueFeed

#: Packets of one feed in one round, and messages in one packet, at most.
PACKETS, MESSAGES = 14, 6
ROUNDS = 2
#: How long feeds wait for the second copy: not at all, shorter than most lines lag, as long as any does.
WAITS_NS = (0, 2_000, 20_000)
#: What may happen to a packet, as it is counted.
FAULTS = ("lost", "dead", "repeated", "delayed", "damaged", "stray")
_HEARTBEAT_SHARE, _STRAY_SHARES = 0.1, (0, 0, 0, 0.05)
#: Cycles from the last beat of a bad frame until no message can come before its note in the sequencer.
_NOTE_CYCLES = NOTE_LATENCY + 4 * SPACING
#: Bits of `Inexact` that go by themselves.
_PASSING = 1 << Inexact.REFILL


class Wrong(NamedTuple):
    """A book that the NIC called exact and that is not the true one."""
    seed: int
    what: str


@dataclass
class Report:
    """Figures of a campaign; `wrong` must stay empty."""
    seeds: int = 0
    wrong: list[Wrong] = field(default_factory=list)
    count: Counter[str] = field(default_factory=Counter)

    def lines(self) -> list[str]:
        count = self.count
        faults = ", ".join(f"{count[name]:,} {name}" for name in FAULTS)
        return [
            f"{self.seeds:,} seeds: {count['sent']:,} messages sent on two lines each; of the packets {faults}",
            f"{count['rows']:,} rows: {count['exact']:,} exact, {count['flagged']:,} flagged, "
            f"{count['unproven']:,} shown of a frame that then turned out bad",
            f"feeds flagged {count['gapped']:,} times in {count['feed rounds']:,}, healed {count['healed']:,} times",
            f"silently wrong: {len(self.wrong):,}",
            *(f"  seed {one.seed}: {one.what}" for one in self.wrong[:20]),
        ]


class Campaign:
    """Plays seeds on one NIC, one after the other; each gives the same result alone."""

    def __init__(self, config: NicConfig = GBE, line: Callable[[Random], Line] = random_line,
                 wait_ns: int | None = None):
        """`wait_ns`: how long feeds wait for the second copy; None takes another time with every seed."""
        self.rig, self.line, self.wait_ns = Rig(config), line, wait_ns
        self.report = Report()
        self._seen: dict[int, int] = {}     # symbol -> number of the last message of it that a row spoke of

    def __enter__(self) -> "Campaign":
        return self

    def __exit__(self, *_exc):
        self.rig.nic.close()

    def run(self, seeds: Iterable[int]) -> Report:
        for seed in seeds:
            self._seed(seed)
            self.report.seeds += 1
        return self.report

    # ---- one seed

    def _seed(self, seed: int):
        rng, rig = Random(seed), self.rig
        rig.use(seed % SETS)
        rig.wait(WAITS_NS[seed // SETS % len(WAITS_NS)] if self.wait_ns is None else self.wait_ns)
        feeds = [TrueFeed(rng, venue, rng.choice((1, 1, rng.getrandbits(40) + 1)),
                          {1 + index: rig.stocks[index] for index in rig.symbols(n)}, rig.config.depth,
                          live=rng.choice((8, 30)), span=rng.choice((8, 40))) for n, venue in enumerate(rig.venues)]
        lines = [[self.line(rng) for _ in range(rig.config.ports)] for _ in feeds]
        for n, feed in enumerate(feeds):
            self._load(n, feed)
        for _ in range(ROUNDS):
            self._round(seed, rng, feeds, lines)

    def _round(self, seed: int, rng: Random, feeds: list[TrueFeed], lines: list[list[Line]]):
        arrivals: list[list[Arrival]] = [[] for _ in range(self.rig.config.ports)]
        for feed, ways in zip(feeds, lines, strict=True):
            sent = list(_schedule(rng, feed, self.report.count))
            self.report.count["sent"] += sum(packet.count for _, packet in sent)
            for port, way in enumerate(ways):
                arrivals[port] += carry(rng, way, sent, self.report.count)
        self._judge(seed, feeds, *self.rig.play(arrivals))
        self._before_end(seed, feeds)
        last = [[Arrival(0, feed.packet(0).frame, False) for feed in feeds], []]
        self._judge(seed, feeds, *self.rig.play(last))
        for n, feed in enumerate(feeds):
            self._end(seed, n, feed)

    def _before_end(self, seed: int, feeds: list[TrueFeed]):
        """A moment at which tests interfere."""

    def _end(self, seed: int, n: int, feed: TrueFeed):
        """All that was sent is known of: what is not flagged is right, and what is flagged can be healed."""
        rig, count = self.rig, self.report.count
        inexact, [expected] = rig.inexact(rig.symbols(n)), rig.read([(FEED, "expected", n)])
        count["feed rounds"] += 1
        for symbol, causes in zip(rig.symbols(n), inexact, strict=True):
            if not causes & ~_PASSING and self._seen[symbol] < (last := feed.last(rig.stocks[symbol])):
                self._wrong(seed, f"{rig.stocks[symbol]}: nothing was said of message {last}, nor that it is missing")
        if not all(causes & ~_PASSING for causes in inexact):
            if expected != feed.next:
                self._wrong(seed, f"feed {n} expects {expected}, the next message is {feed.next}, and nothing says so")
        if any(causes & ~_PASSING for causes in inexact):
            count["gapped"] += 1
            self._load(n, feed)
            count["healed"] += not any(causes & ~_PASSING for causes in rig.inexact(rig.symbols(n)))

    def _load(self, n: int, feed: TrueFeed):
        self._seen |= dict.fromkeys(self.rig.symbols(n), feed.next - 1)
        self.rig.load(n, feed.next, [message for locate, name in feed.stocks.items()
                                     for message in snapshot.messages(locate, name, feed.book(name))])

    # ---- judgement

    def _judge(self, seed: int, feeds: list[TrueFeed], rows: list[Row], bad: list[Bad]):
        for row in rows:
            self.report.count["rows"] += 1
            self.report.count["flagged" if row.inexact else "exact"] += 1
            self._seen[row.symbol] = max(self._seen[row.symbol], row.seq)
            problem = self._problem(feeds[self.rig.feed(row.symbol)], row)
            if problem and self._unproven(row, bad):
                self.report.count["unproven"] += 1
            elif problem:
                self._wrong(seed, problem)

    def _problem(self, feed: TrueFeed, row: Row) -> str:
        """What the row says that is not so; empty where there is nothing."""
        name = self.rig.stocks[row.symbol]
        true = feed.at(name, row.seq)
        where = f"{name} after message {row.seq}"
        if not row.inexact:
            best = tuple(side[0] if side else (0, 0) for side in true)
            if row.best != best:
                return f"{where}: top {row.best}, truly {best}"
        if row.told and row.told.exact and row.told.levels != (levels := true[row.told.side]):
            return f"{where}: {row.told.side.name} levels {row.told.levels}, truly {levels}"
        return ""

    def _unproven(self, row: Row, bad: list[Bad]) -> bool:
        """Its packet was on the wire before a bad frame's note was out, and that frame came before the row."""
        came = self.rig.cycle(row.rx_time)
        return any(came <= one.last + _NOTE_CYCLES and one.first <= row.cycle for one in bad)

    def _wrong(self, seed: int, what: str):
        self.report.wrong.append(Wrong(seed, what))


def _schedule(rng: Random, feed: TrueFeed, count: Counter[str]) -> Iterator[tuple[int, Packet]]:
    """(cycle, packet) as the exchange sends them: from back to back to far apart."""
    at, gap, strays = 0, rng.choice((1, 100, 800)), rng.choice(_STRAY_SHARES)
    for _ in range(PACKETS):
        if rng.random() < strays:
            packet = feed.stray()
            count["stray"] += 1
        else:
            packet = feed.packet(0 if rng.random() < _HEARTBEAT_SHARE else rng.randint(1, MESSAGES))
        yield at, packet
        at += len(packet.frame) + rng.randrange(gap)


__all__ = ["Campaign", "Report", "Wrong"]
