"""`tickgate latency`: tick-to-trade of the last session, by stage."""

import json
from pathlib import Path
from typing import Annotated

import typer

from host.cli.errors import UserError
from host.cli.places import RUN, TRAILS


def latency(run_dir: Annotated[Path, typer.Option("--run-dir", help="Folder of the session.")] = RUN,
            origin: Annotated[str, typer.Option(help="trigger, host, or all.")] = "all") -> None:
    """Time from one stage to the next for every order of the last session: min, p50, p99 and max, in ns."""
    from host.cli.tables import latency_table, show

    if origin not in ("all", "trigger", "host"):
        raise UserError(f"--origin {origin}: give trigger, host or all")
    trails = read_trails(run_dir / TRAILS)
    wanted = [name for name in ("trigger", "host") if origin in ("all", name)]
    from host.desk.latency import stages
    show(*(latency_table(name, stages(trails.get(name, []))) for name in wanted))


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
