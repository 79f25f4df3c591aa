"""What networks do to packets: two lines carry the same feed, and each loses, repeats, delays and damages its own."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from random import Random
from typing import NamedTuple

from hdl.net.headers import ETHERNET
from sim.faults.truth import Packet

_PERMILLE = 1000
#: A damaged frame is cut short this often; else up to so many of its bytes are changed.
_CUT_PERMILLE, _BYTES = 300, 4


@dataclass(frozen=True)
class Line:
    """One way of a feed to the NIC. Shares in permille of packets, times in cycles.

    Parameters
    ----------
    lag : later than the other line, always.
    lost, repeated, delayed, damaged : of single packets. A damaged one has a bad FCS, and may be cut.
    dead : no packet arrives in a stretch of the time, so many permille of it long.
    delay : the longest that a delayed packet, or a repetition, comes late: packets sent meanwhile overtake it.
    """
    lag: int = 0
    lost: int = 0
    repeated: int = 0
    delayed: int = 0
    damaged: int = 0
    dead: int = 0
    delay: int = 2_000


class Arrival(NamedTuple):
    """A frame at the NIC: `at` is the cycle of its first byte, if the wire is free then."""
    at: int
    frame: bytes
    error: bool


def random_line(rng: Random) -> Line:
    """Any line, from one without a fault to one that is hardly of use; most faults are rare or absent."""
    def share(most: int) -> int:
        return rng.choice((0, 0, rng.randrange(20), rng.randrange(most)))

    return Line(lag=rng.choice((0, 0, rng.randrange(100), rng.randrange(1_000))), lost=share(300), repeated=share(300),
                delayed=share(300), damaged=share(200), dead=share(500), delay=rng.choice((300, 2_000)))


def carry(rng: Random, line: Line, sent: Iterable[tuple[int, Packet]], count: Counter[str]) -> list[Arrival]:
    """What arrives of the packets `sent` (cycle, packet), in no order. `count` gets the faults by name."""
    def happens(what: str) -> bool:
        found = rng.randrange(_PERMILLE) < getattr(line, what)
        count[what] += found
        return found

    sent = list(sent)
    gone = _dead(rng, line, sent)
    out = []
    for at, packet in sent:
        at += line.lag
        if at in gone:
            count["dead"] += 1
            continue
        if happens("lost"):
            continue
        late = rng.randrange(line.delay) if happens("delayed") else 0
        error = happens("damaged")
        out.append(Arrival(at + late, damage(rng, packet.frame) if error else packet.frame, error))
        if happens("repeated"):
            out.append(Arrival(at + rng.randrange(line.delay), packet.frame, False))
    return out


def damage(rng: Random, frame: bytes) -> bytes:
    """A frame with some bytes changed, or its end missing: what a bad FCS stands for."""
    if rng.randrange(_PERMILLE) < _CUT_PERMILLE:
        return frame[:rng.randrange(1, len(frame))]
    changed = bytearray(frame)
    for _ in range(rng.randint(1, _BYTES)):
        changed[rng.randrange(ETHERNET.bytes, len(frame))] ^= rng.randrange(1, 256)
    return bytes(changed)


def _dead(rng: Random, line: Line, sent: list[tuple[int, Packet]]) -> range:
    """The cycles in which nothing arrives."""
    if not line.dead or not sent:
        return range(0)
    first, last = sent[0][0], sent[-1][0]
    start = rng.randint(first, last) + line.lag
    return range(start, start + (last - first) * line.dead // _PERMILLE)


__all__ = ["Arrival", "Line", "carry", "damage", "random_line"]
