"""Questions to a warehouse, asked with DuckDB. Any other reader of Parquet can ask its own."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from host.warehouse import schema as schemas
from host.warehouse.store import SUFFIX

#: Percentiles shown, in 1/1000. No mean: it describes no order.
PERMILLES = {"p50": 500, "p99": 990, "p99.9": 999}
_SQL = Path(__file__).with_name("sql")


class QueryError(Exception):
    """A question that cannot be answered: says which file or folder, and why."""


class Query:
    """A read-only view of some hours of a warehouse: one DuckDB view a table, named as the table.

    Parameters
    ----------
    folder : of the warehouse.
    date, hour, session : YYYY-MM-DD and 0 to 23 (UTC), and a session's name; without them, all there are.

    Members
    -------
    skipped : files that are not whole Parquet files, with the reason. The others are read.
    """

    def __init__(self, folder: Path, date: str = "*", hour: int | None = None, session: str = ""):
        if not folder.is_dir():
            raise QueryError(f"{folder} is not there: `tickgate run` makes it")
        self.skipped: list[tuple[Path, str]] = []
        self._connection = duckdb.connect()
        hours = "*" if hour is None else f"{hour:02}"
        where = f"WHERE session = '{session.replace(chr(39), chr(39) * 2)}'" if session else ""
        self.tables: dict[str, int] = {}
        known = schemas.declared()
        for name in sorted({path.name for path in folder.iterdir() if path.is_dir()} | set(known)):
            files = self._whole(folder.glob(f"{name}/date={date}/hour={hours}/*{SUFFIX}"))
            if files:
                self._connection.read_parquet([str(path) for path in files], union_by_name=True,
                                              hive_partitioning=False).create_view(f"all {name}")
                self._connection.execute(f'CREATE VIEW "{name}" AS SELECT * FROM "all {name}" {where}')
            elif name in known:
                self._connection.register(name, known[name].empty_table())
            if files or name in known:
                self.tables[name] = len(files)
        if not any(self.tables.values()):
            what = "no data" if date == "*" and hour is None else f"nothing of {date}" + (
                "" if hour is None else f", hour {hour}")
            raise QueryError(f"{folder} holds {what}" + (f"; {self._days(folder)}" if date != "*" else ""))

    def rows(self, sql: str, **parameters: Any) -> list[dict[str, Any]]:
        """The answer as one dict a row. Raises `QueryError`."""
        try:
            result = self._connection.execute(sql, parameters or None)
            names = [one[0] for one in result.description]
            return [dict(zip(names, row, strict=True)) for row in result.fetchall()]
        except duckdb.Error as error:
            raise QueryError(str(error).splitlines()[0]) from None

    def columns(self, sql: str) -> dict[str, Any]:
        """The answer as one numpy array a column. Raises `QueryError`."""
        try:
            return self._connection.execute(sql).fetchnumpy()
        except duckdb.Error as error:
            raise QueryError(str(error).splitlines()[0]) from None

    def ask(self, name: str, **parameters: Any) -> list[dict[str, Any]]:
        """A question of `sql/NAME.sql`."""
        return self.rows(self.text(name), **parameters)

    @staticmethod
    def text(name: str) -> str:
        return (_SQL / f"{name}.sql").read_text(encoding="utf-8")

    def with_columns(self, table: str, fields: pa.Schema) -> None:
        """A table that no session has stored yet is there, and empty."""
        if table not in self.tables:
            self._connection.register(table, fields.empty_table())
            self.tables[table] = 0

    def close(self) -> None:
        self._connection.close()

    def __enter__(self) -> "Query":
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    def _whole(self, paths: Iterable[Path]) -> list[Path]:
        files = []
        for path in sorted(paths):
            try:
                pq.read_metadata(path)
            except (OSError, pa.ArrowException) as error:
                self.skipped.append((path, str(error).splitlines()[0]))
            else:
                files.append(path)
        return files

    @staticmethod
    def _days(folder: Path) -> str:
        days = sorted({path.name.removeprefix("date=") for path in folder.glob("*/date=*")})
        return f"it has {', '.join(days)}" if days else "it is empty"


class StageLatency(NamedTuple):
    """How long one stage took, in ns: `cuts` at `PERMILLES`, each a value that occurred."""
    origin: str
    stage: str
    orders: int
    min: int
    cuts: list[int]
    max: int


def stage_latencies(query: Query) -> list[StageLatency]:
    """Tick-to-trade by stage, triggers and host orders apart, stages in the order of the way."""
    cuts = [permille / 1000 for permille in PERMILLES.values()]
    return [StageLatency(**row) for row in query.ask("latency", cuts=cuts)]
