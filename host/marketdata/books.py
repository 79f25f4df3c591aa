"""Books by symbol, assembled from the NIC's BOOK_TOP and BOOK_LEVELS records."""

from dataclasses import dataclass, field

import numpy as np

from hdl.layouts import LEVELS_PER_RECORD, Side


@dataclass(frozen=True, slots=True)
class Top:
    """Best bid and ask of one symbol. Prices in 1e-4 USD, quantities in shares, 0 where there is none.

    Parameters
    ----------
    usable : the book is exact, both sides exist and bid < ask: a price may be taken from it.
    time : receive time of the packet that caused it, by the NIC's clock (ns).
    """

    symbol: int
    bid: int
    bid_qty: int
    ask: int
    ask_qty: int
    inexact: int
    crossed: int
    seq: int
    time: int

    @property
    def usable(self) -> bool:
        return not self.inexact and not self.crossed and 0 < self.bid < self.ask

    @property
    def twice_mid(self) -> int:
        """Bid plus ask: the mid-price in half units, so that it stays an integer."""
        return self.bid + self.ask


@dataclass
class Depth:
    """Levels of one side, best first, as (price, quantity); `exact` as the NIC said."""
    levels: list[tuple[int, int]] = field(default_factory=list)
    exact: bool = False
    seq: int = 0


#: BOOK_TOP's fields in the order of `Top`'s.
_TOP_FIELDS = ["symbol", "bid_price", "bid_qty", "ask_price", "ask_qty", "inexact", "crossed", "seq", "time"]


class Books:
    """Newest top and depth by symbol.

    A record older than what is held (by sequence number, of one symbol) is ignored and counted in
    `stale`; the NIC may replace tops when the host is slow, so numbers may jump forward.
    """

    def __init__(self) -> None:
        self.tops: dict[int, Top] = {}
        self.depths: dict[tuple[int, Side], Depth] = {}
        self.stale = 0

    def on_tops(self, records: np.ndarray) -> list[Top]:
        """Take BOOK_TOP records; returns what changed, in order."""
        changed = []
        for record in records[_TOP_FIELDS].tolist():
            top = Top(*record)
            held = self.tops.get(top.symbol)
            if held and top.seq < held.seq:
                self.stale += 1
                continue
            self.tops[top.symbol] = top
            changed.append(top)
        return changed

    def on_levels(self, records: np.ndarray) -> None:
        """Take BOOK_LEVELS records: each replaces its part of one side."""
        for record in records:
            key = int(record["symbol"]), Side(int(record["side"]))
            depth = self.depths.setdefault(key, Depth())
            first = int(record["first"])
            pairs = [(int(record[f"price{n}"]), int(record[f"qty{n}"])) for n in range(LEVELS_PER_RECORD)]
            known = [pair for pair in pairs if pair[0]]
            depth.levels[first:first + LEVELS_PER_RECORD] = known
            if len(known) < LEVELS_PER_RECORD:
                del depth.levels[first + len(known):]
            depth.exact, depth.seq = bool(record["exact"]), int(record["seq"])

    def depth(self, symbol: int, side: Side) -> list[tuple[int, int]]:
        """(price, quantity) of each level that the NIC reported, best first."""
        held = self.depths.get((symbol, side))
        return held.levels if held else []
