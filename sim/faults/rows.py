"""What the NIC says of its books, out of the records that came up."""

from typing import NamedTuple

import numpy as np

from hdl.layouts import BOOK_LEVELS, BOOK_TOP, HEADER_DTYPE, LEVELS_PER_RECORD, Side

_NO_EVENT = 1
_TOP = ["time", "symbol", "seq", "inexact", "flags", "bid_price", "bid_qty", "ask_price", "ask_qty"]
_LEVELS = ["symbol", "seq", "side", "exact", *(f"{name}{n}" for n in range(LEVELS_PER_RECORD)
                                               for name in ("price", "qty"))]

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
    tops, levels = (iter(raw[kinds == record.kind].view(record.dtype).reshape(-1)[fields].tolist())
                    for record, fields in ((BOOK_TOP, _TOP), (BOOK_LEVELS, _LEVELS)))
    found: list[Row] = []
    ours = np.flatnonzero((kinds == BOOK_TOP.kind) | (kinds == BOOK_LEVELS.kind))
    for kind, cycle in zip(kinds[ours].tolist(), cycles[ours].tolist(), strict=True):
        if kind == BOOK_TOP.kind:
            time, symbol, seq, inexact, flags, bid, bid_qty, ask, ask_qty = next(tops)
            found.append(Row(cycle, time, symbol, seq, inexact, not flags & _NO_EVENT,
                             ((bid, bid_qty), (ask, ask_qty)), None))
        else:
            found[-1] = _with_levels(found[-1], *next(levels))
    return found


def _with_levels(row: Row, symbol: int, seq: int, side: int, exact: int, *numbers: int) -> Row:
    """Levels belong to the top before them; they come best first."""
    if (row.symbol, row.seq % 2**32) != (symbol, seq):
        raise ValueError(f"levels of symbol {symbol}, message {seq} follow the top of symbol {row.symbol}, "
                         f"message {row.seq}")
    levels = [level for level in zip(numbers[::2], numbers[1::2], strict=True) if level != (0, 0)]
    return row._replace(told=Told(Side(side), bool(exact), [*row.told.levels, *levels] if row.told else levels))


__all__ = ["Level", "Row", "Told", "rows"]
