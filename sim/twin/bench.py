"""Speed of the twin's decoder and book, beside a plain loop with `struct` and a gather with numpy, in the same run.

`itch.decode_messages_per_second`: messages to columns (`sim.twin.decode`), on one core, of a made-up day.
`itch.ratio_to_struct`: how many times that is what a Python loop reaches that unpacks each message with the `struct` of
its type. `itch.ratio_to_numpy`: the same for numpy, which is told where the messages begin (it could not find out) and
gathers the same columns type by type. `itch.book_rows_per_second`: books of ten levels a side, row by row.
"""

import struct
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from hdl.feed.spec import COMMON, MESSAGES, MOLD_LENGTH_BYTES, Item
from sim.twin.book import Books
from sim.twin.day import day
from sim.twin.decode import Columns, decode
from sim.twin.tables import FIELDS, OFFSETS, WIDTHS

MESSAGES_DECODED, MESSAGES_LOOPED, STOCKS, DEPTH = 1_000_000, 50_000, 500, 10
_CODES = {1: "B", 2: "H", 4: "I", 8: "Q"}


def figures() -> dict[str, float]:
    """See above. Compiles the twin, where it has not been."""
    warm = decode(day(MESSAGES_LOOPED, STOCKS, seed=1))[0]
    for _ in Books([1]).rows(warm, DEPTH):
        pass
    raw = day(MESSAGES_DECODED, STOCKS, seed=2)
    (columns, _), took = _timed(lambda: decode(raw))
    rate = MESSAGES_DECODED / took
    _, looped = _timed(lambda: _struct_loop(raw.tobytes(), MESSAGES_LOOPED))
    gathered, gathering = _timed(lambda: _gather(raw, columns))
    if not all((one == other).all() for one, other in zip(gathered, columns[3:7], strict=True)):
        raise RuntimeError("numpy and the twin decoded different columns")
    books = Books(list(range(1, STOCKS + 1)))
    rows, took = _timed(lambda: sum(len(part.message) for part in books.rows(columns, DEPTH)))
    return {"itch.decode_messages_per_second": rate, "itch.ratio_to_struct": rate * looped / MESSAGES_LOOPED,
            "itch.ratio_to_numpy": rate * gathering / MESSAGES_DECODED, "itch.book_rows_per_second": rows / took}


def _timed(what: Callable[[], Any]) -> tuple[Any, float]:
    start = time.process_time()
    result = what()
    return result, time.process_time() - start


def _struct_of(items: tuple[Item, ...]) -> struct.Struct:
    return struct.Struct(">x" + "".join(_CODES.get(item.width, f"{item.width}s") for item in items))


def _struct_loop(data: bytes, messages: int) -> list[tuple]:
    """The first messages as tuples, as one would write it without a second thought."""
    structs = {spec.code: _struct_of(spec.items) for spec in MESSAGES.values()}
    at, out = 0, []
    for _ in range(messages):
        length = data[at] << 8 | data[at + 1]
        at += MOLD_LENGTH_BYTES
        out.append(structs[data[at]].unpack_from(data, at))
        at += length
    return out


def _gather(raw: np.ndarray, columns: Columns) -> list[np.ndarray]:
    """ref, new_ref, shares and price of every message, and its common fields, type by type."""
    out = [np.zeros(len(columns.at), np.uint64) for _ in FIELDS[:-1]]
    for spec in MESSAGES.values():
        which = np.flatnonzero(columns.type == spec.code)
        start = columns.at[which] + MOLD_LENGTH_BYTES
        for item in COMMON:
            _big_endian(raw, start + item.offset, item.width)
        for n, column in enumerate(out):
            if OFFSETS[n, spec.code] >= 0:
                column[which] = _big_endian(raw, start + OFFSETS[n, spec.code], WIDTHS[n])
    return out


def _big_endian(raw: np.ndarray, start: np.ndarray, width: int) -> np.ndarray:
    padded = np.zeros((len(start), 8), np.uint8)
    padded[:, 8 - width:] = raw[start[:, None] + np.arange(width)]
    return padded.view(">u8")[:, 0]


__all__ = ["figures"]
