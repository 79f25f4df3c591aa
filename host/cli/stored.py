"""What the commands that ask a warehouse have in common: their options, and errors as one line."""

import contextlib
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from host.cli.errors import UserError

if TYPE_CHECKING:
    from host.warehouse.query import Query

Date = Annotated[str, typer.Option(help="One day alone: YYYY-MM-DD, UTC.")]
Hour = Annotated[int, typer.Option(help="One hour of the day alone: 0 to 23, UTC.")]
SessionName = Annotated[str, typer.Option("--session", help="One session alone, by the name that its files have.")]
#: No hour given.
ALL_DAY = -1


@contextlib.contextmanager
def opened(folder: Path, date: str, hour: int, session: str) -> Iterator["Query"]:
    """The warehouse in `folder`; files that are not whole are named on stderr, and left out."""
    from host.warehouse.query import Query, QueryError

    if date and not re.fullmatch(r"\d{4}-\d\d-\d\d", date):
        raise UserError(f"--date {date}: write it as YYYY-MM-DD")
    if not ALL_DAY <= hour < 24:
        raise UserError(f"--hour {hour}: give 0 to 23")
    try:
        with Query(folder, date or "*", None if hour == ALL_DAY else hour, session) as query:
            for path, why in query.skipped:
                print(f"left out: {path}: {why}", file=sys.stderr)
            yield query
    except QueryError as error:
        raise UserError(str(error)) from None
