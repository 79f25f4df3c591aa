"""One table on its way to disk: columns filled block by block, row groups, files."""

import contextlib
from collections.abc import Iterator
from concurrent.futures import Future
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from hdl.layouts import Record
from host.warehouse import schema as schemas
from host.warehouse.store import HOUR_NS, Store, hour_of
from host.warehouse.workers import Workers

#: Rows of a row group, and of a block that stays in a core's cache while its columns are taken out.
GROUP_ROWS, BLOCK_ROWS = 1 << 18, 1 << 13
#: Files open at once for a table: more hours than this at once come from a clock that jumps.
_OPEN = 4


def _encodings(schema: pa.Schema) -> dict[str, Any]:
    """Integers as differences: neighbours are alike, and it costs the same whatever they are.

    Measured on market events of random content: 15 B and 100 ns of one core a row, where the defaults take 31 B and
    500 ns.
    """
    integers = [field.name for field in schema if pa.types.is_integer(field.type) and field.type.bit_width <= 64]
    others = [path for field in schema if field.name not in integers for path in _leaves(field)]
    return {"compression": "lz4", "use_dictionary": others,
            "column_encoding": dict.fromkeys(integers, "DELTA_BINARY_PACKED"),
            "write_statistics": [name for name in ("time", "symbol", "order_id") if name in schema.names]}


def _leaves(field: pa.Field, above: str = "") -> Iterator[str]:
    """A column's names as Parquet has them."""
    path = f"{above}{field.name}"
    if pa.types.is_list(field.type):
        yield from _leaves(field.type.value_field.with_name("list.element"), f"{path}.")
    elif pa.types.is_struct(field.type):
        for n in range(field.type.num_fields):
            yield from _leaves(field.type.field(n), f"{path}.")
    else:
        yield path


class File:
    """A Parquet file written aside. `close` makes it durable and visible, `discard` removes it."""

    def __init__(self, store: Store, table: str, hour: int, schema: pa.Schema):
        self.rows, self._store = 0, store
        self.schema = schema
        self._aside, self.path = store.begin(table, hour)
        self._writer: pq.ParquetWriter | None = None
        try:
            self._writer = pq.ParquetWriter(self._aside, schema, **_encodings(schema))
        except BaseException:
            self.discard()
            raise

    def write(self, rows: pa.Table) -> None:
        assert self._writer
        self._writer.write_table(rows, row_group_size=GROUP_ROWS)
        self.rows += rows.num_rows

    def close(self) -> Path:
        assert self._writer
        self._writer.close()
        self._store.finish(self._aside, self.path)
        return self.path

    def discard(self) -> None:
        with contextlib.suppress(OSError, pa.ArrowException):
            if self._writer:
                self._writer.close()
        with contextlib.suppress(OSError):
            self._aside.unlink(missing_ok=True)


class Table:
    """Rows of one topic: gathered, split by the hour of their `time`, written as files.

    Raises `OSError` or `pyarrow.ArrowException` where a file cannot be written; its rows are then lost, and counted.

    Members
    -------
    waiting : rows not handed to a file yet.
    written, lost : rows in whole files, and rows that are in none.
    """

    def __init__(self, store: Store, name: str):
        self.store, self.name = store, name
        self.waiting = self.written = self.lost = 0
        self._files: dict[int, File] = {}

    def flush(self) -> None:
        """Everything so far is in whole files, or lost, when this ends: by raising, where something failed."""
        problem: Exception | None = None
        for step in (self.drain, self.settle):
            try:
                step()
            except Exception as error:
                problem = problem or error
        for hour in list(self._files):
            try:
                self._close(hour)
            except Exception as error:
                problem = problem or error
        if problem:
            raise problem

    def drain(self) -> None:
        """Hand what waits to its files."""
        raise NotImplementedError

    def settle(self) -> None:
        """Wait for what is being written."""

    def _put(self, hour: int, rows: pa.Table) -> None:
        try:
            self._file(hour, rows.schema).write(rows)
        except BaseException:
            self.lost += rows.num_rows
            if hour in self._files:  # what it has of these rows is unknown
                self._drop(hour)
            raise

    def _file(self, hour: int, schema: pa.Schema) -> File:
        file = self._files.get(hour)
        if file is not None and file.schema != schema:
            self._close(hour)
            file = None
        if file is None:
            if len(self._files) >= _OPEN:
                self._close(next(iter(self._files)))
            file = self._files[hour] = File(self.store, self.name, hour, schema)
        return file

    def _close(self, hour: int) -> None:
        try:
            self._files[hour].close()
        except BaseException:
            self._drop(hour)
            raise
        self.written += self._files.pop(hour).rows

    def _drop(self, hour: int) -> None:
        file = self._files.pop(hour)
        self.lost += file.rows
        file.discard()


class RecordTable(Table):
    """Records of one kind, taken as arrays of their dtype without a look at single rows.

    Full row groups are encoded by `workers` while the next one is filled: at most one is under way, so rows stay in
    order and memory is bounded.
    """

    def __init__(self, store: Store, name: str, record: Record, schema: pa.Schema, workers: Workers):
        super().__init__(store, name)
        self.workers = workers
        self._columns, self._spare = ({field.name: np.empty(0, record.dtype[field.name])
                                       for field in schemas.columns(record)} for _ in range(2))
        session = schema.get_field_index("session")
        self._schema = schema.set(session, schema.field(session).with_type(pa.dictionary(pa.int8(), pa.string())))
        self._pending: Future[None] | None = None

    def add(self, records: np.ndarray) -> None:
        """Take what fits a core's cache at a time: each record is then read from memory once, not once a column."""
        problem: Exception | None = None
        while len(records):
            at = self.waiting
            block = records[:min(BLOCK_ROWS, GROUP_ROWS - at)]
            self._reserve(at + len(block))
            for name, column in self._columns.items():
                column[at:at + len(block)] = block[name]
            self.waiting += len(block)
            records = records[len(block):]
            if self.waiting == GROUP_ROWS:
                try:
                    self.drain()
                except Exception as error:
                    problem = error
        if problem:
            raise problem

    def drain(self) -> None:
        count, columns, self.waiting = self.waiting, self._columns, 0
        try:
            self.settle()
        finally:
            if count:
                self._columns, self._spare = self._spare, columns
                job = partial(self._write, columns, count)
                if count == GROUP_ROWS:
                    self._pending = self.workers.submit(job)
                else:
                    job()

    def settle(self) -> None:
        pending, self._pending = self._pending, None
        if pending:
            pending.result()

    def _write(self, columns: dict[str, np.ndarray], count: int) -> None:
        hours = columns["time"][:count] // HOUR_NS
        first = int(hours[0])
        if (hours == first).all():
            self._put(first, self._table(columns, slice(count)))
            return
        found = np.unique(hours).tolist()
        for n, hour in enumerate(found):
            try:
                self._put(hour, self._table(columns, np.flatnonzero(hours == hour)))
            except BaseException:
                self.lost += int(np.isin(hours, found[n + 1:]).sum())
                raise

    def _reserve(self, count: int) -> None:
        """Room for `count` rows; a table of few rows has little."""
        size = len(self._columns["time"])
        if count > size:
            size = min(GROUP_ROWS, max(2 * size, count, 256))
            for column in self._columns.values():
                column.resize(size, refcheck=False)

    def _table(self, columns: dict[str, np.ndarray], which: Any) -> pa.Table:
        arrays = [pa.array(column[which]) for column in columns.values()]
        session = pa.DictionaryArray.from_arrays(np.zeros(len(arrays[0]), np.int8), [self.store.session])
        return pa.Table.from_arrays([*arrays, session], schema=self._schema)


class RowTable(Table):
    """Rows as dicts: FIX messages by their declared schema, structs by what they hold."""

    #: Rows kept as dicts at most.
    _MOST = 4096

    def __init__(self, store: Store, name: str, schema: pa.Schema | None = None):
        super().__init__(store, name)
        self._schema = schema
        self._rows: list[dict[str, Any]] = []

    def add(self, row: dict[str, Any]) -> None:
        row["session"] = self.store.session
        self._rows.append(row)
        self.waiting = len(self._rows)
        if self.waiting >= self._MOST:
            self.drain()

    def drain(self) -> None:
        rows, self._rows, self.waiting = self._rows, [], 0
        by_hour: dict[int, list[dict[str, Any]]] = {}
        for row in rows:
            by_hour.setdefault(hour_of(row["time"]), []).append(row)
        left = len(rows)
        for hour, some in by_hour.items():
            try:
                made = self._arrow(some)
            except BaseException:
                self.lost += left
                raise
            left -= len(some)
            try:
                self._put(hour, made)
            except BaseException:
                self.lost += left
                raise

    def _arrow(self, rows: list[dict[str, Any]]) -> pa.Table:
        if self._schema is not None:
            return pa.Table.from_pylist(rows, self._schema)
        schema = schemas.of_rows(self.name, rows)
        texts = [field.name for field in schema if pa.types.is_string(field.type)]
        rows = [row | {name: schemas.text(row.get(name)) for name in texts} for row in rows]
        return pa.Table.from_pylist(rows, schema)


