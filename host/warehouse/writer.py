"""The writer: a thread of its own that turns what it is handed into files, and can hold nobody up."""

import os
import threading
import time
from collections import deque
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from hdl.layouts import BY_KIND, HEADER_DTYPE, RECORD_BYTES
from host.bus.topics import BY_RECORD, TOPICS
from host.warehouse import schema as schemas
from host.warehouse.store import Store, session_name
from host.warehouse.table import BLOCK_ROWS, RecordTable, RowTable, Table
from host.warehouse.workers import Workers

#: How long a row may wait before it is in a whole file: what a killed process loses at most.
FLUSH_S = 60.0
#: What may wait for the writer. Beyond it rows are dropped, and counted: nobody waits for a disk.
BACKLOG_BYTES = 256 << 20
#: Rows of messages and structs that may wait, likewise.
BACKLOG_ROWS = 100_000
#: Between two looks at what there is to do; soon again where there was much.
_REST_S, _BUSY_BYTES = 0.05, 1 << 20
#: Threads that encode: one for each of the tables that a busy feed fills.
_WORKERS = 2
#: A record as one value.
_ANY = np.dtype((np.void, RECORD_BYTES))

#: What makes a row (one, several or none) of what was handed over; runs in the writer's thread.
Read = Callable[[], list[tuple[str, dict[str, Any]]]]


class Warehouse:
    """Takes records and rows from one thread, writes them in another. Taking never blocks and never raises.

    A file holds what came in `flush_s`, or an hour of session time, whichever ends first. Where a disk is full or
    a folder cannot be written, what should have gone there is lost and counted, `news` says so once, and again when
    writing works once more; everything else goes on.

    Parameters
    ----------
    folder : of the warehouse; raises `OSError` where it cannot be made or written.
    session : the value of every row's `session` column.

    Members
    -------
    news : what went wrong or right again, for whoever tells people; `popleft` it.
    """

    def __init__(self, folder: Path, session: str = "", *, flush_s: float = FLUSH_S):
        self.store = Store(folder, session or session_name())
        self.flush_s = flush_s
        self.news: deque[str] = deque(maxlen=100)
        self.dropped = 0
        self._tables: dict[str, Table] = {}
        self._queue: deque[np.ndarray | Read] = deque()
        self._bytes_in = self._bytes_out = self._rows_in = self._rows_out = 0
        self._failing: set[str] = set()
        self._overrun = 0  # 1: rows were dropped, 2: and told
        self._workers = Workers(_WORKERS)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="warehouse", daemon=True)
        self._thread.start()

    # ---- the session's thread

    def records(self, raw: np.ndarray) -> None:
        """NIC records of any kinds, in order: (n, 64) bytes, which nobody changes afterwards."""
        if self._bytes_in - self._bytes_out > BACKLOG_BYTES:
            self.dropped += len(raw)
            self._overrun = self._overrun or 1
            return
        self._bytes_in += raw.nbytes
        self._queue.append(raw)

    def rows(self, read: Read) -> None:
        """`read` gives (table, row) pairs when the writer gets to it."""
        if self._rows_in - self._rows_out > BACKLOG_ROWS:
            self.dropped += 1
            self._overrun = self._overrun or 1
            return
        self._rows_in += 1
        self._queue.append(read)

    def close(self, timeout_s: float = 60.0) -> bool:
        """Write what waits and end. False where that took longer than `timeout_s`: what is left is lost."""
        self._stop.set()
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    @property
    def written(self) -> int:
        """Rows in whole files."""
        return sum(table.written for table in list(self._tables.values()))

    @property
    def lost(self) -> int:
        """Rows that are in no file and will be in none."""
        return self.dropped + sum(table.lost for table in list(self._tables.values()))

    @property
    def backlog(self) -> int:
        """Bytes of records that wait for the writer."""
        return self._bytes_in - self._bytes_out

    # ---- the writer's thread

    def _run(self) -> None:
        flushed = time.monotonic()
        while True:
            stopping, before = self._stop.is_set(), self._bytes_out
            self._work()
            now = time.monotonic()
            if stopping or now - flushed >= self.flush_s:
                flushed = now
                for table in list(self._tables.values()):
                    self._guard(table, table.flush)
            self._tell_overrun()
            if stopping:
                self._workers.close()
                return
            if not self._queue:
                self._stop.wait(_REST_S if self._bytes_out - before < _BUSY_BYTES else _REST_S / 50)

    def _work(self) -> None:
        for _ in range(len(self._queue)):
            one = self._queue.popleft()
            if isinstance(one, np.ndarray):
                self._split(one)
                self._bytes_out += one.nbytes
            else:
                self._rows_out += 1
                self._take(one)

    def _take(self, read: Read) -> None:
        try:
            pairs = read()
        except Exception as error:  # what was handed over cannot be read: one row less, and a word
            self.dropped += 1
            self.news.append(f"a row cannot be stored: {type(error).__name__}: {error}")
            return
        for name, row in pairs:
            table = self._table(name)
            assert isinstance(table, RowTable), name
            self._guard(table, partial(table.add, row))

    def _split(self, raw: np.ndarray) -> None:
        """Each kind of record to its table. Kinds that are no topic (session bytes, register answers) are no rows."""
        whole = np.ascontiguousarray(raw).reshape(-1).view(_ANY)
        kinds = whole.view(HEADER_DTYPE)["kind"]
        for start in range(0, len(whole), BLOCK_ROWS):
            block, some = whole[start:start + BLOCK_ROWS], np.ascontiguousarray(kinds[start:start + BLOCK_ROWS])
            for kind in np.flatnonzero(np.bincount(some)).tolist():
                if topic := BY_RECORD.get(kind):
                    table = self._table(topic.name)
                    assert isinstance(table, RecordTable), topic
                    records = block.take(np.flatnonzero(some == kind)).view(BY_KIND[kind].dtype)
                    self._guard(table, partial(table.add, records))

    def _table(self, name: str) -> Table:
        table = self._tables.get(name)
        if table is None:
            topic = TOPICS.get(name)
            schema = schemas.of_topic(topic) if topic else None
            if topic and topic.record and schema is not None:
                table = RecordTable(self.store, name, topic.record, schema, self._workers)
            else:
                table = RowTable(self.store, name, schema)
            self._tables[name] = table
        return table

    def _guard(self, table: Table, act: Callable[[], None]) -> None:
        """A table that cannot be written loses rows, tells it once, and stops nothing."""
        lost, written = table.lost, table.written
        try:
            act()
        except (OSError, pa.ArrowException, OverflowError) as error:
            if table.name not in self._failing:
                code = error.errno if isinstance(error, OSError) else None
                why = os.strerror(code) if code else str(error).splitlines()[0]
                self.news.append(f"{table.name} is not stored: {why}; {table.lost - lost:,} rows lost so far")
            self._failing.add(table.name)
        else:
            if table.name in self._failing and table.written > written:
                self._failing.discard(table.name)
                self.news.append(f"{table.name} is stored again; {table.lost:,} rows of it are lost")

    def _tell_overrun(self) -> None:
        if self._overrun == 1:
            self._overrun = 2
            self.news.append("the disk is slower than the session: rows are dropped, and counted")
