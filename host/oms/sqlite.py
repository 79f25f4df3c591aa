"""The durable journal: one SQLite file, write-ahead log, synced to disk at every commit.

Group commit: what was appended since the last commit becomes durable in one transaction with one sync, so
that the cost of a sync is shared by everything that came meanwhile. Source: sqlite.org "Write-Ahead Logging"
and PRAGMA synchronous: with FULL, the log is synced after each transaction, and what was committed survives
the process and a loss of power.
"""

import fcntl
import sqlite3
from collections.abc import Iterable, Iterator
from heapq import merge
from itertools import chain
from operator import itemgetter
from pathlib import Path
from typing import IO

from host.oms import schema
from host.oms.journal import Entry, Event, JournalError, Projected, project
from host.oms.order import Order

#: Waiting for another process's lock holds up trading; longer than this, orders stop instead.
BUSY_MS = 250
#: Pages of log before it is moved into the file: rarely enough that its syncs do not count.
CHECKPOINT_PAGES = 4_000
#: Rows of one statement: beyond this it gets slower again (measured with 3.40).
ROWS = 64

#: Errors that may pass: somebody holds a lock, or the disk is full. Their text, and what to do.
_PASSING = {
    sqlite3.SQLITE_BUSY: ("another program holds a lock on it", "close that program"),
    sqlite3.SQLITE_LOCKED: ("another program holds a lock on it", "close that program"),
    sqlite3.SQLITE_FULL: ("the disk is full", "free some space"),
}
#: A NamedTuple from its values in order, in half the time that its constructor takes.
_new = tuple.__new__
_DAMAGED = "keep the file, restore a copy, or start a new one from the venues' records"
_WAITING = "what was to be written waits, and is written when it can be"


def remove(path: Path) -> None:
    """Delete a book of record, where there is one. Raises `JournalError` where a process is writing it."""
    lock = _locked(path)
    try:
        for suffix in ("", "-wal", "-shm"):
            path.with_name(path.name + suffix).unlink(missing_ok=True)
    except OSError as error:
        raise JournalError(f"{path}: cannot be deleted ({error.strerror}); choose another folder") from None
    finally:
        lock.close()


def _locked(path: Path) -> IO[bytes]:
    """The right to write a file, as long as what is returned is open: a second writer would give the same numbers
    to other events."""
    lock = path.with_name(path.name + ".lock")
    try:
        file = lock.open("ab")
    except OSError as error:
        raise JournalError(f"{lock}: cannot be made ({error.strerror}); choose a folder that can be written") from None
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        raise JournalError(f"{path}: another process is writing this book of record; stop it, or choose another "
                           f"folder") from None
    return file


class SqliteJournal:
    """A `Journal` in the file `path`. One process writes it; any may read it (`sqlite3 path`).

    Raises `JournalError` where the file belongs to another version or program, is damaged, or is being
    written by another process.
    """

    def __init__(self, path: Path, checkpoint_pages: int = CHECKPOINT_PAGES):
        self.path = path
        self._pending: list[Entry] = []
        self._number = 0
        self._waits = BUSY_MS
        self._lock = _locked(path)
        try:
            self._db = sqlite3.connect(path, timeout=BUSY_MS / 1000, isolation_level=None)
        except sqlite3.Error as error:
            self._lock.close()
            raise self._problem(error, "cannot be opened") from None
        try:
            self._open(checkpoint_pages)
        except sqlite3.Error as error:
            self.close()
            raise self._problem(error, "cannot be opened") from None
        except JournalError:
            self.close()
            raise

    def append(self, event: Event, refused: str = "") -> int:
        self._number += 1
        self._pending.append(_new(Entry, (self._number, event, refused)))
        return self._number

    def commit(self, changed: Iterable[Order]) -> None:
        if not self._pending:
            return
        orders: list[schema.Row] = [project(order) for order in changed]
        batches = [(table.insert, table.rows(entries)) for table, entries in schema.grouped(self._pending).items()]
        batches.append((schema.UPSERT, orders))
        try:
            try:
                self._write(batches)
            except OverflowError:  # an integer that SQLite does not have
                self._write([(insert, schema.exact(rows)) for insert, rows in batches])
        except sqlite3.Error as error:
            self._patience(0)  # having waited once, do not hold up everything else at each further attempt
            raise self._problem(error, "cannot be written") from None
        self._patience(BUSY_MS)
        self._pending.clear()

    def entries(self) -> Iterator[Entry]:
        try:
            cursors = [map(table.entry, self._db.execute(table.select)) for table in schema.TABLES]
            yield from merge(*cursors, key=itemgetter(0))
        except (sqlite3.Error, ValueError, TypeError) as error:
            raise self._problem(error, "cannot be read") from None

    def projection(self) -> list[Projected]:
        try:
            rows = self._db.execute(schema.SELECT_ORDERS)
            return [Projected(int(row[0]), row[1], *map(int, row[2:])) for row in rows]
        except (sqlite3.Error, ValueError, TypeError) as error:
            raise self._problem(error, "cannot be read") from None

    def close(self) -> None:
        self._db.close()
        self._lock.close()

    # ---- how

    def _open(self, checkpoint_pages: int) -> None:
        run = self._db.execute
        application, version = (run(f"PRAGMA {name}").fetchone()[0] for name in ("application_id", "user_version"))
        if not run("SELECT count(*) FROM sqlite_master").fetchone()[0]:
            self._create()
        elif application != schema.APPLICATION_ID:
            raise JournalError(f"{self.path}: this database is of another program; choose another file")
        elif version != schema.VERSION:
            raise JournalError(f"{self.path}: this book of record has version {version} of the tables, this program "
                               f"has {schema.VERSION}; keep the file and use the program that wrote it, or start "
                               f"with a new file")
        found = run("PRAGMA quick_check(1)").fetchone()[0]
        if found != "ok":
            raise JournalError(f"{self.path}: the file is damaged ({' '.join(found.split())}); {_DAMAGED}")
        self._number = max(run(f"SELECT coalesce(max(number), 0) FROM {table.name}").fetchone()[0]
                           for table in schema.TABLES)
        run("PRAGMA journal_mode = WAL")
        run("PRAGMA synchronous = FULL")
        run("PRAGMA secure_delete = OFF")
        run(f"PRAGMA wal_autocheckpoint = {checkpoint_pages}")

    def _create(self) -> None:
        run = self._db.execute
        run("PRAGMA journal_mode = WAL")
        run("BEGIN IMMEDIATE")
        for statement in schema.DDL:
            run(statement)
        run(f"PRAGMA application_id = {schema.APPLICATION_ID}")
        run(f"PRAGMA user_version = {schema.VERSION}")
        run("COMMIT")

    def _write(self, batches: list[tuple[schema.Insert, list[schema.Row]]]) -> None:
        run = self._db.execute
        run("BEGIN IMMEDIATE")
        try:
            for insert, rows in batches:
                self._insert(insert, rows)
            run("COMMIT")
        except BaseException:
            if self._db.in_transaction:
                run("ROLLBACK")
            raise

    def _insert(self, insert: schema.Insert, rows: list[schema.Row]) -> None:
        """Many rows a statement: each statement has its price, whatever it does."""
        whole = len(rows) - len(rows) % ROWS
        if whole:
            many = insert.of(ROWS)
            for first in range(0, whole, ROWS):
                self._db.execute(many, [*chain.from_iterable(rows[first:first + ROWS])])
        if whole < len(rows):
            self._db.executemany(insert.of(1), rows[whole:])

    def _patience(self, ms: int) -> None:
        if self._waits != ms:
            self._db.execute(f"PRAGMA busy_timeout = {ms}")
            self._waits = ms

    def _problem(self, error: Exception, what: str) -> JournalError:
        # the low byte of an extended result code is the primary one (sqlite.org/rescode.html)
        code = (getattr(error, "sqlite_errorcode", None) or 0) & 0xFF
        if code in _PASSING:
            why, help_ = _PASSING[code]
            return JournalError(f"{self.path}: {what}, {why}: {help_}; {_WAITING}", passing=True)
        help_ = _DAMAGED
        if code in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM):
            help_ = "choose a folder that can be written"
        return JournalError(f"{self.path}: {what} ({error}); {help_}")
