"""`tickgate replay --engine model` on files that are long: the rows of the golden model, by the compiled twin."""

import gzip
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
from pyarrow import csv

from hdl.feed.spec import MESSAGES, MOLD_LENGTH_BYTES
from host.cli.errors import UserError
from host.cli.places import folder
from sim import capture
from sim.twin import Unusual
from sim.twin.book import Books, Rows
from sim.twin.decode import Columns, decode

#: Shorter files are read by the golden model before numba has loaded the twin.
SMALLEST = 4 << 20
#: Bytes read at once.
CHUNK = 32 << 20
_GZIP = b"\x1f\x8b"
_R = MESSAGES["R"]


def write(file: Path, found: dict[int, str], header: list[str], depth: int, books: Path, progress) -> int | None:
    """Write the CSV and return its rows; None where the file is short, a capture, or has what the twin refuses."""
    if file.stat().st_size < SMALLEST or capture.is_capture(file):
        return None
    folder(books.parent)
    task = progress.add_task(file.name, total=None)
    try:
        with books.open("wb") as output:
            output.write((",".join(header) + "\n").encode("ascii"))
            return _write(file, found, depth, output, lambda done: progress.update(task, completed=done))
    except (Unusual, EOFError, gzip.BadGzipFile):
        progress.remove_task(task)
        return None
    except OSError as error:
        raise UserError(f"{books}: cannot be written, or {file} not read ({error.strerror})") from None


def _write(file: Path, found: dict[int, str], depth: int, output, told) -> int:
    twin, names = Books(list(found)), pa.array(list(found.values()))
    written = done = 0
    for raw, columns in _read(file):
        _check_directory(raw, columns, found)
        for rows in twin.rows(columns, depth):
            csv.write_csv(_table(rows, columns, done, names, depth), output,
                          csv.WriteOptions(include_header=False, quoting_style="none"))
            written += len(rows.message)
        done += len(columns.type)
        told(done)
    return written


def _read(file: Path) -> Iterator[tuple[np.ndarray, Columns]]:
    """The messages of the file, a chunk at a time."""
    with file.open("rb") as plain:
        packed = plain.read(len(_GZIP)) == _GZIP
        plain.seek(0)
        source = gzip.GzipFile(fileobj=plain) if packed else plain
        rest = b""
        while data := source.read(CHUNK):
            raw = np.frombuffer(rest + data, np.uint8)
            columns, used = decode(raw)
            yield raw, columns
            rest = raw[used:].tobytes()
            if not rest and used >= MOLD_LENGTH_BYTES and not raw[used - MOLD_LENGTH_BYTES:used].any():
                if source.read(1):
                    raise Unusual("data after the end of session")
                return
        if rest:
            raise Unusual("the file ends inside a message")


def _check_directory(raw: np.ndarray, columns: Columns, found: dict[int, str]) -> None:
    """Stock Directory messages must say of our stocks what is known of them."""
    stock, names = _R.by_name["stock"], {name.ljust(8).encode(): locate for locate, name in found.items()}
    for n in np.flatnonzero(columns.type == _R.code).tolist():
        at = int(columns.at[n]) + MOLD_LENGTH_BYTES + stock.offset
        locate = names.get(raw[at:at + stock.width].tobytes())
        if locate is not None and locate != columns.locate[n]:
            raise Unusual(f"a stock has the locates {locate} and {columns.locate[n]}")


def _table(rows: Rows, columns: Columns, before: int, names: pa.Array, depth: int) -> pa.Table:
    """Rows as `host.cli.replaying.row` writes them; `before` messages came before these columns."""
    cells = [pa.array(rows.message + before + 1), pa.array(columns.time[rows.message]),
             names.take(pa.array(rows.symbol)), pa.array(rows.exact)]
    cells += [pa.array(np.ascontiguousarray(rows.levels[:, n, part])) for n in range(depth) for part in range(4)]
    return pa.Table.from_arrays(cells, names=[str(n) for n in range(len(cells))])


__all__ = ["SMALLEST", "write"]
