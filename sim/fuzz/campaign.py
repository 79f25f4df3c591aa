"""Batches of mutated frames on both ports of the compiled NIC; everything it says must be what the models say.

Each venue's feed has a port of its own, the order sessions share port 0. Frames follow each other at wire distance,
which is also the bound of a stall: a parser that were not ready again after the 24 cycles between two frames would
miss the next one, and be found out by it. A batch ends with a good frame on each port.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import zip_longest
from random import Random
from typing import NamedTuple

import numpy as np

from hdl.bookrecords import level_records
from hdl.config import GBE, NicConfig
from hdl.layouts import (
    BOOK_LEVELS,
    CHUNK_BYTES,
    FEED_EVENT,
    HEADER_DTYPE,
    MARKET_EVENT,
    REG_READ,
    REG_VALUE,
    REG_WRITE,
    SESSION_BYTES,
    Inexact,
)
from hdl.registers import FEED, NIC, SYMBOL, VENUE, RegisterMap
from hdl.venue import SIMULATED, VenueSpec
from sim.faults.rows import Row, rows
from sim.fuzz.frames import FeedFrames, Sent, SessionFrames, traffic
from sim.fuzz.model import NicModel
from sim.models.rings import fields_of
from sim.nic import VirtualNic

#: Frames of one port in one batch.
FRAMES = 250
#: Symbols are used in two sets by turns: what one leaves in the order table is swept while the other is in use.
_SETS = 2
_QUIET, _CLEARS = 600, 64
#: What a FEED_EVENT says that a model knows; its time is when it was told.
_EVENT = [item.name for item in FEED_EVENT.body if not item.name.startswith("_")]
#: Cycles by which the NIC's clock, never set, is behind the harness's count.
_CLOCK_LAG = np.uint64(1)
#: What the NIC may hold against a book that the model does not: limits of its size, and what goes by itself.
_OWN = 1 << Inexact.TABLE_FULL | 1 << Inexact.REFILL


class Disagreement(NamedTuple):
    """`seed` of the batch, and the first thing that differs in it."""
    seed: int
    what: str


@dataclass
class Report:
    """Figures of a campaign; `disagreements` must stay empty."""
    batches: int = 0
    frames: int = 0
    disagreements: list[Disagreement] = field(default_factory=list)
    #: PORT counters of all ports together: frames by the cause that they were dropped for, messages.
    count: Counter[str] = field(default_factory=Counter)
    rows: int = 0
    dropped: int = 0
    exact: int = 0

    def lines(self) -> list[str]:
        causes = ", ".join(f"{name} {count:,}" for name, count in sorted(self.count.items()))
        return [f"{self.frames:,} frames in {self.batches:,} batches: {causes}",
                f"{self.rows:,} rows of books, {self.exact:,} of them exact; {self.dropped:,} records dropped",
                f"disagreements: {len(self.disagreements)}",
                *(f"  --first {one.seed} --batches 1: {one.what}" for one in self.disagreements[:20])]


class Campaign:
    """A context manager. Batches follow each other on one NIC; what they leave behind, the models know too."""

    def __init__(self, config: NicConfig = GBE, venues: tuple[VenueSpec, ...] = SIMULATED):
        self.config, self.venues, self.nic = config, venues, VirtualNic(config)
        self.model, self.report, self._map = NicModel(config, venues), Report(), RegisterMap(config)
        self._missing = self._drops = 0
        self._write([(NIC, "depth", 0, NIC["depth"].pack(events=1, levels=1))])
        for n, venue in enumerate(venues):
            self._write([
                (FEED, "group", n, FEED["group"].pack(ip=venue.feed_ip, port=venue.feed_port, enable=1)),
                (VENUE, "local_ip", n, VENUE["local_ip"].pack(ip=venue.local_ip, port=venue.local_port)),
                (VENUE, "remote_ip", n, VENUE["remote_ip"].pack(ip=venue.remote_ip, port=venue.remote_port)),
                (VENUE, "enable", n, 1)])

    def __enter__(self) -> "Campaign":
        return self

    def __exit__(self, *_exc):
        self.nic.close()

    def run(self, seeds: Iterable[int]) -> Report:
        for seed in seeds:
            problem = self._batch(seed)
            self.report.batches += 1
            if problem:
                self.report.disagreements.append(Disagreement(seed, problem))
                break       # the models no longer know what the NIC is in
        for counts, path in zip(self.model.ports, self.model.feed.ports, strict=True):
            self.report.count += counts + path.count
        return self.report

    # ---- a batch

    def _batch(self, seed: int) -> str:
        rng = Random(seed)
        starts = [rng.getrandbits(32) for _ in self.venues]
        stocks = self._set_up(seed % _SETS, starts)
        sent = self._frames(rng, stocks, starts)
        for port, frames in enumerate(sent):
            self.nic.send_many(port, [one.frame for one in frames], error=[one.error for one in frames])
        self.report.frames += sum(map(len, sent))
        if self.nic.run_while_busy(limit=50_000_000, quiet=_QUIET) != "quiet":
            return "the NIC does not come to rest"
        times = [(self.nic.played(port)[:, 0] - _CLOCK_LAG) * np.uint64(10**9 // self.config.clock_hz)
                 for port in range(self.config.ports)]
        self.model.finish()
        taken = self.nic.records()
        self._missing = 0
        return (self._compare(taken.raw, times) or self._dropped(taken.raw)
                or self._compare_rows(rows(taken.raw, taken.cycles)) or self._compare_registers())

    def _set_up(self, number: int, starts: list[int]) -> list[dict[int, str]]:
        """Set `number` of symbols cleared and enabled, feeds and sessions at their start; stocks by locate and feed."""
        size = self.config.symbols // (_SETS * len(self.venues))
        chosen = {symbol: symbol // (_SETS * size) for symbol in range(self.config.symbols)
                  if symbol // size % _SETS == number}
        writes = [(VENUE, "tcp", n, VENUE["tcp"].pack(snd_nxt=1, rcv_nxt=start)) for n, start in enumerate(starts)]
        writes += [(FEED, "expected", n, 0) for n in range(len(self.venues))]
        for symbol, state in enumerate(self.model.feed.subscription.symbols):
            state.enable, state.feed = symbol in chosen, chosen.get(symbol, 0)
            state.locate = 1 + symbol if state.enable else 0
            state.name = int.from_bytes(_name(symbol).encode().ljust(8), "little")
            writes += [(SYMBOL, "name", symbol, state.name), (SYMBOL, "route", symbol, SYMBOL["route"].pack(
                locate=state.locate, feed=state.feed, enable=int(state.enable)))]
        self._write(writes)
        for _ in range(_CLEARS):
            self._write([(SYMBOL, "clear", symbol, 1) for symbol in chosen])
            self.nic.records()
            states = self._read([(SYMBOL, "status", symbol) for symbol in chosen])
            if not any(SYMBOL["status"].unpack(state)["inexact"] for state in states):
                break
            self.nic.run(self.config.order_rows)
        for symbol in chosen:
            self.model.clear(symbol)
        self.model.restart(starts)
        self.nic.records()
        return [{1 + symbol: _name(symbol) for symbol, of in chosen.items() if of == n}
                for n in range(len(self.venues))]

    def _frames(self, rng: Random, stocks: list[dict[int, str]], starts: list[int]) -> list[list[Sent]]:
        """The frames of each port. The models are told of each as it is made, so that sessions go on from what was
        taken."""
        feeds = [FeedFrames(rng, venue, names) for venue, names in zip(self.venues, stocks, strict=True)]
        sessions = [SessionFrames(rng, venue, start) for venue, start in zip(self.venues, starts, strict=True)]
        sent: list[list[Sent]] = []
        for port, feed in enumerate(feeds):
            made = traffic(rng, FRAMES, feed, sessions if port == 0 else [])
            sent.append([])
            for number, (frame, error) in enumerate(made):
                self.model.frame(port, number, frame, error)
                for session, expected in zip(sessions, self.model.rcv_nxt, strict=True):
                    session.go_on(expected)
                sent[port].append(Sent(frame, error))
        return sent

    # ---- judgement

    def _compare(self, raw: np.ndarray, times: list[np.ndarray]) -> str:
        """Events and session bytes against the models'; the first difference."""
        expected, kinds = self.model.expected, raw.view(HEADER_DTYPE).reshape(-1)["kind"]
        market = [fields_of(record) for record in raw[kinds == MARKET_EVENT.kind]]
        events = [fields_of(record) for record in raw[kinds == FEED_EVENT.kind]]
        for n in range(len(self.venues)):
            wanted = [{**event, "time": int(times[n][event["time"]])} for event in expected.market[n]]
            problem = self._market(n, [one for one in market if one["feed"] == n], wanted)
            got = [{name: one[name] for name in _EVENT} for one in events if one["feed"] == n]
            wanted = [{name: one[name] for name in _EVENT} for one in expected.events[n]]
            problem = problem or _difference(f"feed {n}: FEED_EVENT", got, wanted)
            if problem:
                return problem
        streams = [b""] * self.config.venues
        for record in raw[kinds == SESSION_BYTES.kind].view(SESSION_BYTES.dtype).reshape(-1):
            data = b"".join(int(record[f"b{n}"]).to_bytes(8, "little") for n in range(CHUNK_BYTES // 8))
            streams[record["venue"]] += data[:record["count"]]
        return _difference("bytes of the sessions", streams, expected.streams)

    def _market(self, feed: int, got: list[dict], wanted: list[dict]) -> str:
        """Every event that came up is the next one, but for those that the NIC counted as dropped."""
        self._missing += len(wanted) - len(got)
        rest = iter(wanted)
        for n, one in enumerate(got):
            if not any(one == other for other in rest):
                return f"feed {feed}: MARKET_EVENT {n}: {one}, should be {wanted[n] if n < len(wanted) else None}"
        return ""

    def _dropped(self, raw: np.ndarray) -> str:
        """What is missing was counted: messages of 11 bytes may be closer than an event and its tops can leave."""
        levels = (raw.view(HEADER_DTYPE).reshape(-1)["kind"] == BOOK_LEVELS.kind).sum()
        self._missing += level_records(self.config) * sum(map(len, self.model.expected.rows)) - int(levels)
        [dropped] = self._read([(NIC, "dropped", 0)])
        before, self._drops = self._drops, dropped
        self.report.dropped += dropped - before
        if dropped - before != self._missing:
            return f"{self._missing} records are missing, and {dropped - before} were counted as dropped"
        return ""

    def _compare_rows(self, found: list[Row]) -> str:
        for symbol, wanted in enumerate(self.model.expected.rows):
            got = [row for row in found if row.symbol == symbol and row.event]
            for row, want in zip_longest(got, wanted):
                problem = "comes or is missing" if row is None or want is None else self._row(row, *want)
                if problem:
                    return f"symbol {symbol}: {row} for {want}: {problem}"
        return ""

    def _row(self, row: Row, seq: int, inexact: int, after: int, depth) -> str:
        """What is wrong with a row; a fault that its own frame's end brought may be in it already."""
        self.report.rows += 1
        if row.seq != seq:
            return "another message"
        if inexact & ~row.inexact or row.inexact & ~(inexact | after | _OWN):
            return f"inexact is {row.inexact:#x}, should be {inexact:#x}"
        if row.inexact:
            return ""
        self.report.exact += 1
        if row.best != tuple(side[0] if side else (0, 0) for side in depth):
            return "another top"
        if row.told is None or not row.told.exact or row.told.levels != depth[row.told.side]:
            return "" if self._missing else "other levels"
        return ""

    def _compare_registers(self) -> str:
        places, wanted = zip(*self.model.registers(), strict=True)
        for (block, name, index), got, want in zip(places, self._read(places), wanted, strict=True):
            if got != want:
                return f"{block.name}[{index}].{name} reads {got:#x}, should be {want:#x}"
        for symbol, state in enumerate(self._read([(SYMBOL, "status", n) for n in range(self.config.symbols)])):
            if SYMBOL["status"].unpack(state)["halted"] != self.model.halted(symbol):
                return f"symbol {symbol}: halted is {state:#x}"
        return ""

    # ---- registers

    def _write(self, writes):
        self.nic.post(np.concatenate([
            REG_WRITE.make(addr=self._map.address(block, name, index), data=value).view(np.uint8)
            for block, name, index, value in writes]))
        while self.nic.pending:
            self.nic.run(64)
        self.nic.run(64)

    def _read(self, places) -> list[int]:
        for block, name, index in places:
            self.nic.post(REG_READ.make(addr=self._map.address(block, name, index)))
        self.nic.run_while_busy(quiet=_QUIET)
        raw = self.nic.records().raw
        raw = raw[raw.view(HEADER_DTYPE).reshape(-1)["kind"] == REG_VALUE.kind]
        return raw.view(REG_VALUE.dtype).reshape(-1)["data"].tolist()


def _name(symbol: int) -> str:
    return f"STOCK{symbol}"


def _difference(what: str, got: list, wanted: list) -> str:
    for n, (one, other) in enumerate(zip_longest(got, wanted)):
        if one != other:
            return f"{what} {n}: {one}, should be {other}"
    return ""


__all__ = ["FRAMES", "Campaign", "Disagreement", "Report"]
