"""`tickgate limits`: what the limits are, and changing them."""

from pathlib import Path
from typing import Annotated

import typer

from host.cli import audit, control
from host.cli.errors import UserError
from host.cli.places import LIMITS, RUN, STATE, write_text

app = typer.Typer(no_args_is_help=True, help="Show and change the risk limits.")

StateDir = Annotated[Path, typer.Option("--state", help="Folder of the limits and the audit log.")]
RunDir = Annotated[Path, typer.Option("--run-dir", help="Folder of the session.")]


def current(state: Path) -> Path:
    """The limits file in use: the one in `state`, else the one that comes with Tickgate."""
    from host.risk.limits import DEFAULT_FILE

    own = state / LIMITS
    return own if own.exists() else DEFAULT_FILE


def load(path: Path):
    """The limits of a file; every error of it in one `UserError`."""
    from host.risk.limits import LimitsError
    from host.risk.limits import load as load_limits

    try:
        return load_limits(path)
    except LimitsError as error:
        raise UserError(str(error)) from None


@app.command("show")
def show(state: StateDir = STATE, run_dir: RunDir = RUN) -> None:
    """Print the limits file, and what a running session has in force."""
    from host.cli import tables
    from host.risk.limits import read
    from host.risk.tree import flatten

    path = current(state)
    load(path)
    rows = [(name, str(value)) for name, value in flatten(read(path))]
    answer = control.request(run_dir, {"command": "limits"})
    in_force = answer["values"] if answer else {}
    tables.show(tables.limits_table(str(path), rows, in_force))
    print("a session is running: `in force` was read back from its NIC" if answer
          else "no session is running; `tickgate run` starts with these")


@app.command("set")
def set_(assignments: Annotated[list[str], typer.Argument(help="PATH=VALUE, for example symbols.AAPL.long=500")],
         state: StateDir = STATE, run_dir: RunDir = RUN,
         why: Annotated[str, typer.Option("--why", "-m", help="Reason, for the audit log.")] = "") -> None:
    """Change limits: in the file, and at once in a running session."""
    from host.risk.limits import LimitsError, check, read
    from host.risk.tree import assign, dump

    path = current(state)
    try:
        tree = read(path)
        changes = assign(tree, assignments)
        tree["serial"] = int(tree.get("serial", 0)) + 1
        check(tree, "limits set")
    except LimitsError as error:
        raise UserError(f"{error}\nnothing was changed") from None
    audit.append(state, "limits set", changes=[[name, str(old), str(new)] for name, old, new in changes],
                 serial=tree["serial"], why=why)
    text = dump(tree)
    write_text(state / LIMITS, text)
    for name, old, new in changes:
        print(f"{name}: {old} -> {new}")
    answer = control.request(run_dir, {"command": "limits set", "text": text})
    print(answer["text"] if answer else f"no session is running; in force from the next `tickgate run` ({path})")
