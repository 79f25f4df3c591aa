"""The compiled NIC of a campaign: two feeds, each on both ports, and all their books."""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from hdl.config import NicConfig
from hdl.layouts import HEADER_DTYPE, REG_READ, REG_VALUE, REG_WRITE
from hdl.registers import FEED, NIC, SYMBOL, Block, RegisterMap
from hdl.venue import SIMULATED, VenueSpec
from sim.faults.lines import Arrival
from sim.faults.rows import Row, rows
from sim.faults.truth import framed
from sim.itch import datagram
from sim.nic import VirtualNic

#: Session of the messages that a snapshot is made of, which are numbered from 1, and how many go in a frame.
_SNAPSHOT_SESSION, _SNAPSHOT_MESSAGES = b"SNAPSHOT00", 30
#: Silent cycles after which all that came in has come out.
_QUIET = 400
#: Times that a clear may be refused, `order_rows` cycles apart.
_CLEARS = 64
#: Sets of symbols.
SETS = 2


class Bad(NamedTuple):
    """When a damaged frame was on its port: its first and last cycle."""
    first: int
    last: int


class Rig:
    """A context manager. Feed n is venue n of `SIMULATED`; the symbols are divided among feeds and sets in order.

    One set of symbols is followed at a time. What a set leaves behind is swept out of the order table while the
    next one is in use, which takes thousands of cycles that would be waited for otherwise.
    """

    def __init__(self, config: NicConfig, venues: tuple[VenueSpec, ...] = SIMULATED):
        self.config, self.venues, self.nic = config, venues, VirtualNic(config)
        self.wait_ns = 0
        self._map = RegisterMap(config)
        self._each = config.symbols // (SETS * len(venues))
        self._set = 0
        self._rows: list[Row] = []
        self._set_up()

    def __enter__(self) -> "Rig":
        return self

    def __exit__(self, *_exc):
        self.nic.close()

    def use(self, number: int):
        """From now on set `number` is followed, the other is not."""
        self._set = number
        self.write((SYMBOL, "route", index, 0) for index in range(self.config.symbols) if index not in self.stocks)

    def wait(self, time_ns: int):
        """From now on feeds wait so long for the second copy of a message."""
        self.wait_ns = time_ns
        self.write((FEED, "wait", feed, time_ns) for feed in range(len(self.venues)))

    @property
    def stocks(self) -> dict[int, str]:
        """Names of the stocks of all feeds by symbol index, which is their stock locate less one."""
        return {index: f"STOCK{index}" for feed in range(len(self.venues)) for index in self.symbols(feed)}

    def symbols(self, feed: int) -> list[int]:
        """Symbol indices of a feed."""
        first = self._each * (SETS * feed + self._set)
        return list(range(first, first + self._each))

    def feed(self, symbol: int) -> int:
        return symbol // (self._each * SETS)

    def cycle(self, time_ns: int) -> int:
        """Cycle of a time of the NIC's clock, which is never set."""
        return time_ns * self.config.clock_hz // 10**9

    def write(self, writes: Iterable[tuple[Block, str, int, int]]):
        """Post register writes and let them act."""
        self.nic.post(np.concatenate([
            REG_WRITE.make(addr=self._map.address(block, name, index), data=value).view(np.uint8)
            for block, name, index, value in writes]))
        while self.nic.pending:
            self.nic.run(64)
        self.nic.run(64)

    def read(self, places: Iterable[tuple[Block, str, int]]) -> list[int]:
        """Registers."""
        places = list(places)
        for block, name, index in places:
            self.nic.post(REG_READ.make(addr=self._map.address(block, name, index)))
        self.nic.run_while_busy(quiet=_QUIET)
        raw = self._take()
        raw = raw[raw.view(HEADER_DTYPE).reshape(-1)["kind"] == REG_VALUE.kind]
        if len(raw) != len(places):
            raise RuntimeError(f"{len(raw)} answers to {len(places)} register reads")
        return raw.view(REG_VALUE.dtype).reshape(-1)["data"].tolist()

    def inexact(self, symbols: list[int]) -> list[int]:
        """`Inexact` bits of symbols, by their registers."""
        return [SYMBOL["status"].unpack(state)["inexact"]
                for state in self.read((SYMBOL, "status", index) for index in symbols)]

    def play(self, arrivals: list[list[Arrival]]) -> tuple[list[Row], list[Bad]]:
        """The frames of each port, timed from now on: what the NIC said, and when damaged frames came."""
        start, bad = self.nic.cycle, []
        for port, frames in enumerate(arrivals):
            frames.sort(key=lambda arrival: arrival.at)
            self.nic.send_many(port, [one.frame for one in frames], [start + one.at for one in frames],
                               [one.error for one in frames])
        self.nic.run_while_busy(quiet=self._quiet())
        for port, frames in enumerate(arrivals):
            played = self.nic.played(port).tolist()
            bad += [Bad(*span) for span, one in zip(played, frames, strict=True) if one.error]
        return self.rows(), bad

    def _quiet(self) -> int:
        """Silent cycles after which every wait is over too: it takes two periods at most."""
        return _QUIET + 2 * self.wait_ns * self.config.clock_hz // 10**9

    def rows(self) -> list[Row]:
        """What the NIC has said of the symbols that are followed since last asked."""
        self._take()
        told, self._rows, followed = self._rows, [], self.stocks
        return [row for row in told if row.symbol in followed]

    def _take(self) -> np.ndarray:
        """Records that have come up; the rows among them are kept."""
        taken = self.nic.records()
        self._rows += rows(taken.raw, taken.cycles)
        return taken.raw

    def load(self, feed: int, expected: int, snapshot: list[bytes]):
        """Make every book of a feed what `snapshot` (ITCH messages) says, to be followed by message `expected`.

        Nothing may arrive meanwhile.
        """
        own = self.symbols(feed)
        names = [(SYMBOL, "name", index, int.from_bytes(self.stocks[index].encode().ljust(8), "little"))
                 for index in own]
        routes = [(SYMBOL, "route", index, SYMBOL["route"].pack(locate=1 + index, feed=feed, enable=1))
                  for index in own]    # a damaged R may have changed it
        self.write([*names, *routes, (FEED, "expected", feed, 1)])
        for _ in range(_CLEARS):
            self.write((SYMBOL, "clear", index, 1) for index in own)
            if not any(self.inexact(own)):
                break
            self.nic.run(self.config.order_rows)    # refused while what the last clear left is swept
        else:
            raise RuntimeError(f"feed {feed}: a clear is still refused after {_CLEARS} times")
        self.nic.send_many(0, [
            framed(self.venues[feed], datagram(_SNAPSHOT_SESSION, 1 + n, snapshot[n:n + _SNAPSHOT_MESSAGES]))
            for n in range(0, len(snapshot), _SNAPSHOT_MESSAGES)])
        self.nic.run_while_busy(quiet=_QUIET)
        self.nic.played(0)
        self.write([(FEED, "expected", feed, expected)])
        self.rows()

    def _set_up(self):
        writes = [(NIC, "depth", 0, NIC["depth"].pack(levels=1))]
        writes += [(FEED, "group", feed, FEED["group"].pack(ip=venue.feed_ip, port=venue.feed_port, enable=1))
                   for feed, venue in enumerate(self.venues)]
        self.write(writes)


__all__ = ["SETS", "Bad", "Rig"]
