"""What the NIC says of its books, out of the records that came up."""

from typing import NamedTuple

import numpy as np

from hdl.layouts import BOOK_LEVELS, BOOK_TOP, HEADER_DTYPE, LEVELS_PER_RECORD, Side

_NO_EVENT = 1
_PRICES, _QTYS = ([f"{name}{n}" for n in range(LEVELS_PER_RECORD)] for name in ("price", "qty"))

Level = tuple[int, int]


class Told(NamedTuple):
    """The levels of one side, best first, as reported with a message."""
    side: Side
    exact: bool
    levels: list[Level]


class Row(NamedTuple):
    """One BOOK_TOP, with the levels that followed it: none where `event` is False."""
    cycle: int      # in which the host had it
    rx_time: int    # first byte of the packet that caused it
    symbol: int
    seq: int
    inexact: int
    event: bool
    best: tuple[Level, Level]   # by side; (0, 0) where there is none
    told: Told | None


def rows(raw: np.ndarray, cycles: np.ndarray) -> list[Row]:
    """The rows of (n, 64) bytes of records, taken in these cycles, in order."""
    kinds = raw.view(HEADER_DTYPE).reshape(-1)["kind"]
    found: list[Row] = []
    for record, kind, cycle in zip(raw, kinds.tolist(), cycles.tolist(), strict=True):
        if kind == BOOK_TOP.kind:
            found.append(_row(record.view(BOOK_TOP.dtype)[0], cycle))
        elif kind == BOOK_LEVELS.kind:
            found[-1] = _with_levels(found[-1], record.view(BOOK_LEVELS.dtype)[0])
    return found


def _row(top: np.void, cycle: int) -> Row:
    best = tuple((int(top[f"{side}_price"]), int(top[f"{side}_qty"])) for side in ("bid", "ask"))
    return Row(cycle, int(top["time"]), int(top["symbol"]), int(top["seq"]), int(top["inexact"]),
               not top["flags"] & _NO_EVENT, best, None)


def _with_levels(row: Row, record: np.void) -> Row:
    """Levels belong to the top before them; they come best first."""
    if (row.symbol, row.seq % 2**32) != (record["symbol"], record["seq"]):
        raise ValueError(f"levels of symbol {record['symbol']}, message {record['seq']} follow the top of symbol "
                         f"{row.symbol}, message {row.seq}")
    levels = [(int(record[price]), int(record[qty])) for price, qty in zip(_PRICES, _QTYS, strict=True)]
    before = row.told.levels if row.told else []
    return row._replace(told=Told(Side(record["side"]), bool(record["exact"]),
                                  before + [level for level in levels if level != (0, 0)]))


__all__ = ["Level", "Row", "Told", "rows"]
