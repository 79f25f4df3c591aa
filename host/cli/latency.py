"""`tickgate latency`: tick-to-trade by stage, of the last session or from a warehouse."""

import json
from pathlib import Path
from typing import Annotated

import typer

from host.cli.errors import UserError
from host.cli.places import RUN, TRAILS
from host.cli.stored import ALL_DAY, Date, Hour, SessionName, opened

_ORIGINS = ("trigger", "host")


def latency(run_dir: Annotated[Path, typer.Option("--run-dir", help="Folder of the session.")] = RUN,
            origin: Annotated[str, typer.Option(help="trigger, host, or all.")] = "all",
            warehouse: Annotated[Path | None, typer.Option(
                help="Folder of a warehouse to ask, instead of the last session's own record.")] = None,
            date: Date = "", hour: Hour = ALL_DAY, session: SessionName = "") -> None:
    """Time from one stage to the next for every order: percentiles in ns, each a value that really occurred.

    With --warehouse over any day or hour that is stored there, and with more percentiles.
    """
    from host.cli.tables import latency_table, show
    from host.desk.latency import stages

    if origin not in ("all", *_ORIGINS):
        raise UserError(f"--origin {origin}: give trigger, host or all")
    wanted = [name for name in _ORIGINS if origin in ("all", name)]
    if warehouse is not None:
        _stored(warehouse, date, hour, session, wanted)
        return
    if date or hour != ALL_DAY or session:
        raise UserError("--date, --hour and --session choose from a warehouse: give --warehouse too")
    trails = read_trails(run_dir / TRAILS)
    show(*(latency_table(name, stages(trails.get(name, []))) for name in wanted))


def _stored(folder: Path, date: str, hour: int, session: str, origins: list[str]) -> None:
    from host.cli.tables import show, table
    from host.warehouse.query import PERMILLES, stage_latencies

    with opened(folder, date, hour, session) as query:
        found = stage_latencies(query)
    for origin in origins:
        rows = [(one.stage, one.orders, *one.cuts, one.max) for one in found if one.origin == origin]
        if rows:
            show(table(f"Tick to trade, {origin} orders (ns)", ("stage", "orders", *PERMILLES, "max"), rows))
    if not any(one.origin in origins for one in found):
        raise UserError(f"{folder} has no order that left the NIC" + (f" on {date}" if date else ""))


def read_trails(path: Path) -> dict[str, list]:
    """Hops of routed orders by origin, as `tickgate run` wrote them."""
    from host.bus import Hop

    if not path.exists():
        raise UserError(f"{path} is not there: trade first, with `tickgate run`")
    trails: dict[str, list] = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        try:
            entry = json.loads(line)
            trails.setdefault(entry["origin"], []).append(tuple(Hop(place, time) for place, time in entry["hops"]))
        except (ValueError, KeyError, TypeError):
            raise UserError(f"{path}, line {number}: not written by `tickgate run`") from None
    return trails
