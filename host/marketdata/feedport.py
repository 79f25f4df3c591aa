"""What recovery of a feed needs: a NIC and servers to speak to, how long to wait; and what it may be doing."""

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from host.marketdata.snapshot import Listed


class State(enum.Enum):
    """See the table in `host.marketdata.recovery`."""
    LIVE = "live"
    FILLING = "filling a gap"
    SNAPSHOT = "waiting for a snapshot"
    DRAINING = "draining"
    CLEARING = "clearing"
    LOADING = "loading"
    TAIL = "catching up"
    PASSING = "passing on"
    RELEASING = "releasing"
    STALE = "stale: no server answers"


class Port(Protocol):
    """What recovery needs of a NIC and its network, for one feed. Register writes act before the call returns."""

    def listen(self, live: bool) -> None:
        """To the feed's group, or to the recovery group alone."""

    def expect(self, seq: int) -> None:
        """The next sequence number, of whatever session comes first."""

    def expected(self) -> int:
        """The next sequence number as the NIC has it."""

    def clear(self, symbols: Mapping[int, Listed]) -> bool:
        """Subscribe the symbols anew and empty their books; False where that was refused."""

    def locate(self, symbol: int) -> int:
        """Stock locate of a symbol; 0 where the NIC does not know it yet."""

    def inject(self, datagram: bytes) -> None:
        """Send a datagram to the recovery group."""

    def ask(self, request: bytes) -> None:
        """Send a request to the re-request server."""

    def ask_snapshot(self) -> None:
        """Ask the snapshot server."""


@dataclass(frozen=True)
class Timing:
    """Times in ns, counts of tries and of messages."""
    retry_ns: int = 100_000
    tries: int = 4
    drain_ns: int = 8_000
    look_ns: int = 1_000
    clear_ns: int = 20_000
    clears: int = 200
    load_ns: int = 2_000_000
    rest_ns: int = 2_000_000
    widest: int = 5_000
    waiting: int = 20_000


__all__ = ["Port", "State", "Timing"]
