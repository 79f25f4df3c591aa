"""The database of the book of record: its tables, as the messages declare them, and rows of them.

One table for each kind of event, with the fields of its message (`host.messages`) as columns, `number` as
key, counting through all tables, and `refused`: why the event changed nothing, NULL where it was applied.
Columns have no type: an integer stays an integer, and one beyond 63 bits, which SQLite does not have, is
kept exactly as its digits.

`orders` is the projection: each order as it stands. The view `executions` has the trades that were told.
"""

import enum
from collections.abc import Callable, Iterable
from dataclasses import fields
from operator import attrgetter
from typing import Any, NamedTuple, get_type_hints

from host.messages import TRADE, TRADE_CORRECT, CancelOrder, NewOrder, Rejection, ReplaceOrder, Report
from host.oms.breaks import Acceptance
from host.oms.journal import Entry, Projected

#: Of the file (PRAGMA application_id): "TGOM".
APPLICATION_ID = int.from_bytes(b"TGOM", "big")
#: Of the tables (PRAGMA user_version). Any change of a message's fields is a new version.
VERSION = 1

_SQLITE_INTEGERS = range(-(1 << 63), 1 << 63)

#: Columns of every table.
_FIRST = ("number", "refused")

Row = tuple[Any, ...]


class Insert(NamedTuple):
    """A statement that adds rows, and how many values each has."""
    head: str
    width: int

    def of(self, rows: int) -> str:
        """For so many rows at once."""
        row = f"({', '.join('?' * self.width)})"
        return f"{self.head} VALUES {', '.join([row] * rows)}"


class Table(NamedTuple):
    """One kind of event. Rows are (number, refused, converted fields, plain fields)."""
    name: str
    event: type
    converted: tuple[str, ...]  # enumerations and booleans: SQLite's module binds plain integers (`real`) much faster
    plain: tuple[str, ...]
    places: tuple[tuple[int, Callable[[Any], Any]], ...]  # of each field of the message: column, and what makes it

    @property
    def columns(self) -> tuple[str, ...]:
        return (*_FIRST, *self.converted, *self.plain)

    @property
    def ddl(self) -> str:
        return f"CREATE TABLE {self.name} (number INTEGER PRIMARY KEY, {', '.join(self.columns[1:])})"

    @property
    def insert(self) -> Insert:
        return Insert(f"INSERT INTO {self.name}", len(self.columns))

    @property
    def select(self) -> str:
        return f"SELECT {', '.join(self.columns)} FROM {self.name} ORDER BY number"

    def rows(self, entries: Iterable[Entry]) -> list[Row]:
        """Rows of entries, all of this table's kind."""
        fields = attrgetter(*(f"{name}.real" for name in self.converted), *self.plain)
        return [(number, why or None, *fields(event)) for number, event, why in entries]

    def entry(self, row: Row) -> Entry:
        """The entry that a row holds."""
        return Entry(row[0], self.event(*[make(row[column]) for column, make in self.places]), row[1] or "")


def _table(name: str, event: type) -> Table:
    hints = get_type_hints(event)
    names = [field.name for field in fields(event)]
    converted = tuple(one for one in names if hints[one] is bool or issubclass(hints[one], enum.Enum))
    plain = tuple(one for one in names if one not in converted)
    columns = (*_FIRST, *converted, *plain)
    return Table(name, event, converted, plain, tuple((columns.index(one), hints[one]) for one in names))


TABLES = (_table("reports", Report), _table("new_orders", NewOrder), _table("cancels", CancelOrder),
          _table("replaces", ReplaceOrder), _table("rejections", Rejection), _table("acceptances", Acceptance))
BY_EVENT: dict[type, Table] = {table.event: table for table in TABLES}

ORDERS = "orders"
EXECUTIONS = "executions"
UPSERT = Insert(f"INSERT OR REPLACE INTO {ORDERS}", len(Projected._fields))
SELECT_ORDERS = f"SELECT {', '.join(Projected._fields)} FROM {ORDERS}"

DDL = (*(table.ddl for table in TABLES),
       f"CREATE TABLE {ORDERS} ({', '.join(Projected._fields)}, PRIMARY KEY (order_id)) WITHOUT ROWID",
       f"CREATE VIEW {EXECUTIONS} AS SELECT number, order_id, venue, exec_id, ref_id, stock, side, last_qty, "
       f"last_price, maker, time FROM reports WHERE refused IS NULL AND exec_type IN ('{TRADE}', '{TRADE_CORRECT}')")


def grouped(entries: Iterable[Entry]) -> dict[Table, list[Entry]]:
    """Entries by their table."""
    groups: dict[type, list[Entry]] = {}
    for entry in entries:
        groups.setdefault(type(entry.event), []).append(entry)
    return {BY_EVENT[kind]: found for kind, found in groups.items()}


def exact(rows: Iterable[Row]) -> list[Row]:
    """Rows with integers beyond 63 bits as their digits."""
    return [tuple(str(value) if isinstance(value, int) and value not in _SQLITE_INTEGERS else value for value in row)
            for row in rows]
