"""NASDAQ BinaryFILE to columns: one array a field, one entry a message.

    columns, used = decode(np.frombuffer(data, np.uint8))

A BinaryFILE is messages, each after its length in two bytes (NASDAQ BinaryFILE 1.00); length 0 ends the session.
"""

from typing import NamedTuple

import numpy as np
from numba import njit

from hdl.feed.spec import COMMON, MOLD_LENGTH_BYTES
from sim.twin import Unusual
from sim.twin.tables import LENGTHS, NEW_REF, OFFSETS, PRICE, REF, SHARES, SIDE, WIDTHS

_LOCATE, _TIME = (next(item for item in COMMON if item.name == name) for name in ("locate", "timestamp"))
#: A tuple of globals is a constant to numba.
_LOCATE_AT, _LOCATE_END, _TIME_AT, _TIME_END = _LOCATE.offset, _LOCATE.end, _TIME.offset, _TIME.end
_HEAD = MOLD_LENGTH_BYTES
_CUT, _ENDED = -1, -2
_SELL = ord("S")


class Columns(NamedTuple):
    """Fields that a type does not have are 0. `at` is the offset of a message's length."""
    type: np.ndarray
    locate: np.ndarray
    time: np.ndarray
    ref: np.ndarray
    new_ref: np.ndarray
    shares: np.ndarray
    price: np.ndarray
    sell: np.ndarray
    at: np.ndarray


_DTYPES = Columns(np.uint8, np.uint16, np.uint64, np.uint64, np.uint64, np.uint32, np.uint32, np.uint8, np.int64)


def decode(raw: np.ndarray) -> tuple[Columns, int]:
    """Every whole message of `raw`, and the bytes that they took; less than all where the last one is not whole.

    `Unusual` where a type is not ITCH 5.0, a length is not that of its type, or data follows the end of session.
    """
    count, used, problem = _count(raw, LENGTHS)
    if problem == _ENDED and used + _HEAD < len(raw):
        raise Unusual(f"byte {used}: data after the end of session")
    if problem >= 0:
        raise Unusual(f"byte {used}: type {problem:#04x}, or its length")
    columns = Columns(*(np.zeros(count, dtype) for dtype in _DTYPES))
    _fill(raw, columns, OFFSETS, WIDTHS)
    return columns, used + (_HEAD if problem == _ENDED else 0)


@njit(cache=True)
def _count(raw, lengths):
    """(messages, bytes that they take, what ends them: a type that is wrong, `_CUT`, or `_ENDED`)."""
    at, count, end = 0, 0, len(raw)
    while at + _HEAD < end:
        length = np.int64(raw[at]) << 8 | raw[at + 1]
        if length == 0:
            return count, at, _ENDED
        if lengths[raw[at + _HEAD]] != length:
            return count, at, np.int64(raw[at + _HEAD])
        if at + _HEAD + length > end:
            return count, at, _CUT
        at += _HEAD + length
        count += 1
    if at + _HEAD == end and raw[at] == 0 and raw[at + 1] == 0:
        return count, at, _ENDED
    return count, at, _CUT


@njit(cache=True)
def _number(raw, start, end):
    value = np.uint64(0)
    for n in range(start, end):
        value = value << np.uint64(8) | np.uint64(raw[n])
    return value


@njit(cache=True)
def _field(raw, at, offset, width):
    return _number(raw, at + offset, at + offset + width) if offset >= 0 else np.uint64(0)


@njit(cache=True)
def _fill(raw, columns, offsets, widths):
    at = 0
    for n in range(len(columns.type)):
        columns.at[n] = at
        length = np.int64(raw[at]) << 8 | raw[at + 1]
        at += _HEAD
        kind = raw[at]
        columns.type[n] = kind
        columns.locate[n] = _number(raw, at + _LOCATE_AT, at + _LOCATE_END)
        columns.time[n] = _number(raw, at + _TIME_AT, at + _TIME_END)
        columns.ref[n] = _field(raw, at, offsets[REF, kind], widths[REF])
        columns.new_ref[n] = _field(raw, at, offsets[NEW_REF, kind], widths[NEW_REF])
        columns.shares[n] = _field(raw, at, offsets[SHARES, kind], widths[SHARES])
        columns.price[n] = _field(raw, at, offsets[PRICE, kind], widths[PRICE])
        columns.sell[n] = _field(raw, at, offsets[SIDE, kind], widths[SIDE]) == _SELL
        at += length


__all__ = ["Columns", "decode"]
