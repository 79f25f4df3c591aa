"""`tickgate status`: the running session, or how the last one ended."""

import json
from pathlib import Path
from typing import Annotated

import typer

from host.cli import control
from host.cli.errors import UserError
from host.cli.places import RUN, SUMMARY


def status(run_dir: Annotated[Path, typer.Option("--run-dir", help="Folder of the session.")] = RUN) -> None:
    """Show the running session; without one, the summary of the last."""
    from host.cli.bars import bars
    from host.cli.lossy import recovery_tables
    from host.cli.tables import show, summary_tables

    answer = control.request(run_dir, {"command": "status"})
    if answer is not None and "processes" in answer:
        from host.supervise.session import process_table

        print(f"{answer['phase'] or 'starting'}, {answer['progress'] // 10} % done; killed: "
              f"{answer['killed'] or 'nothing'}")
        show(process_table(f"{answer['orders']:,} orders, {answer['fills']:,} fills", answer["processes"]),
             bars("Use of limits", answer["utilisation"]))
        return
    if answer is not None:
        killed = answer["killed"] or "nothing"
        print(f"running, {answer['progress'] // 10} % done; killed: {killed}")
        show(bars("Use of limits", answer["utilisation"]), *summary_tables(answer["summary"]),
             *recovery_tables(answer["summary"]))
        return
    path = run_dir / SUMMARY
    if not path.exists():
        raise UserError(f"no session is running in {run_dir}, and none has run there")
    try:
        summary = json.loads(path.read_text(encoding="utf-8"))
        peaks = [{"path": path, "permille": permille} for path, permille in summary["limits_peak_permille"].items()]
        tables = [bars("Highest use of limits", peaks), *summary_tables(summary),
                  *recovery_tables(summary)]
    except (OSError, ValueError, KeyError, TypeError):
        raise UserError(f"{path}: not a summary of `tickgate run`") from None
    print("no session is running; this is the last one")
    show(*tables)
