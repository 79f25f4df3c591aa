"""`tickgate kill` and `tickgate resume`: stop the orders of a running session, and let them go again."""

from pathlib import Path
from typing import Annotated

import typer

from host.cli import audit, control
from host.cli.errors import UserError
from host.cli.places import RUN, STATE

Venue = Annotated[str | None, typer.Option(help="One venue alone, by name.")]
StrategyName = Annotated[str | None, typer.Option("--strategy", help="One strategy alone, by name.")]
Why = Annotated[str, typer.Option("--why", "-m", help="Reason, for the audit log.")]
RunDir = Annotated[Path, typer.Option("--run-dir", help="Folder of the session.")]
StateDir = Annotated[Path, typer.Option("--state", help="Folder of the audit log.")]


def kill(venue: Venue = None, strategy: StrategyName = None, why: Why = "", run_dir: RunDir = RUN,
         state: StateDir = STATE) -> None:
    """Stop orders, at once: the NIC rejects everything until `tickgate resume`."""
    _ask("kill", venue, strategy, why, run_dir, state)


def resume(venue: Venue = None, strategy: StrategyName = None, why: Why = "", run_dir: RunDir = RUN,
           state: StateDir = STATE) -> None:
    """Lift a kill. Only a person does this."""
    _ask("resume", venue, strategy, why, run_dir, state)


def _ask(command: str, venue: str | None, strategy: str | None, why: str, run_dir: Path, state: Path) -> None:
    scope = {name: value for name, value in (("venue", venue), ("strategy", strategy)) if value}
    answer = control.request(run_dir, {"command": command, "why": why, **scope})
    audit.append(state, command, **scope, why=why, done=answer is not None)
    if answer is None:
        raise UserError(f"no session is running in {run_dir}: there is nothing to {command}")
    print(answer["text"])
