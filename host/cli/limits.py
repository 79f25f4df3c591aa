"""`tickgate limits`: what the limits are, and changing them."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from host.cli import audit, changing, control, limitslog
from host.cli.errors import UserError
from host.cli.keys import As, KeyDir, Reason, StateDir
from host.cli.places import RUN, STATE, write_text

if TYPE_CHECKING:
    from host.risk.limits import Limits
    from host.risk.overrides import Stack
    from host.risk.tree import Edit, Tree

app = typer.Typer(no_args_is_help=True, help="Show and change the risk limits.")

#: A file that was loaded and not yet applied.
DRAFT = "draft.toml"

RunDir = Annotated[Path, typer.Option("--run-dir", help="Folder of the session.")]
Number = Annotated[int, typer.Argument(help="Of the proposal: `tickgate limits show` lists those that wait.")]


def load_file(path: Path) -> "Limits":
    """The limits of a file; every error of it in one `UserError`."""
    from host.risk.limits import LimitsError, load

    try:
        return load(path)
    except LimitsError as error:
        raise UserError(str(error)) from None


@app.command("show")
def show(state: StateDir = STATE, run_dir: RunDir = RUN,
         only: Annotated[str, typer.Option(help="Paths that contain this, such as AAPL or maker.")] = "") -> None:
    """Print the limits in force, where each comes from, and what a running session's NIC holds."""
    from host.cli import limitsview

    limits, ledger = audit.in_force(state)
    answer = control.request(run_dir, {"command": "limits"})
    limitsview.show(limits, answer["values"] if answer else {}, only)
    if ledger:
        limitsview.show_waiting(ledger, time.time_ns())
    print(f"version {limits.serial}; " + ("a session is running: `NIC` was read back from it" if answer else
                                          "no session is running; `tickgate run` starts with these"))


@app.command("set")
def set_(assignments: Annotated[list[str], typer.Argument(help="PATH=VALUE, for example symbols.AAPL.long=500")],
         reason: Reason = "", as_: As = None,
         until: Annotated[str | None, typer.Option(help="In force until then: 2026-11-20T16:00.")] = None,
         for_: Annotated[str | None, typer.Option("--for", help="In force so long: 90s, 30m, 4h, 1d.")] = None,
         state: StateDir = STATE, run_dir: RunDir = RUN, keys: KeyDir = None) -> None:
    """Change limits: tightening is in force at once, loosening waits for a second person.

    With --until or --for it expires by itself, and what was in force before is again.
    """
    from host.risk.limits import settable
    from host.risk.tree import assign, edits

    when = changing.span(until, for_)

    def make(stack: "Stack", now: int) -> "list[Edit]":
        tree = stack.tree(now) if when else stack.copy().base
        before = stack.tree(now) if when else stack.base
        assign(tree, assignments, settable(tree))
        return edits(before, tree)

    changing.submit(state, run_dir, (keys, as_), make, "set", reason, when)


@app.command("load")
def load(path: Annotated[Path, typer.Argument(help="A whole limits file.")], state: StateDir = STATE) -> None:
    """Check a whole file, every error at once, and lay it ready for `diff` and `apply`."""
    from host.risk.limits import read
    from host.risk.tree import dump

    load_file(path)
    write_text(state / DRAFT, dump(read(path)))
    _tell_draft(state)
    print("nothing has changed yet: `tickgate limits apply` does it")


@app.command("diff")
def diff(other: Annotated[str | None, typer.Argument(help="A file, or a version's serial; the loaded file by default.")]
         = None, state: StateDir = STATE) -> None:
    """Compare the limits in force with a file or an earlier version: what changing to it would do."""
    from host.risk.direction import changes

    if other is None:
        _tell_draft(state)
        return
    limits, _ = audit.in_force(state)
    there = load_file(Path(other)) if not other.isdigit() else _check(_version(state, int(other)), f"version {other}")
    found = changes(limits, there)
    if found:
        changing.tell(found)
    else:
        print(f"the limits in force are those of {other}")


@app.command("apply")
def apply(reason: Reason = "", as_: As = None, state: StateDir = STATE, run_dir: RunDir = RUN,
          keys: KeyDir = None) -> None:
    """Put the loaded file in force, or propose it where it loosens; without one, write all limits to the NIC again."""
    from host.risk.limits import read
    from host.risk.tree import edits

    draft = state / DRAFT
    if not draft.exists():
        changing.reload(state, run_dir)
        return
    load_file(draft)
    changing.submit(state, run_dir, (keys, as_), lambda stack, now: edits(stack.base, read(draft)), "load", reason)
    draft.unlink()


@app.command("approve")
def approve(number: Number, reason: Reason = "", as_: As = None, state: StateDir = STATE, run_dir: RunDir = RUN,
            keys: KeyDir = None) -> None:
    """Put in force what another person proposed."""
    changing.approve(state, run_dir, (keys, as_), number, reason)


@app.command("reject")
def reject(number: Number, reason: Reason = "", as_: As = None, state: StateDir = STATE, keys: KeyDir = None) -> None:
    """Take a proposal off the list."""
    from host.cli.keys import signer

    audit.append(state, "reject", reason, {"proposal": number}, signer(state, keys, as_))
    print(f"proposal {number} is rejected; nothing changed")


@app.command("cancel")
def cancel(number: Annotated[int, typer.Argument(help="Of the override.")], reason: Reason = "", as_: As = None,
           state: StateDir = STATE, run_dir: RunDir = RUN, keys: KeyDir = None) -> None:
    """End an override before its time: at once where that tightens, else with a second person."""
    changing.submit(state, run_dir, (keys, as_), lambda stack, now: [], "cancel", reason, what={"cancels": number})


@app.command("rollback")
def rollback(to: Annotated[int | None, typer.Option(help="Serial of a version; the one before by default.")] = None,
             reason: Reason = "", as_: As = None, state: StateDir = STATE, run_dir: RunDir = RUN,
             keys: KeyDir = None) -> None:
    """Go back to earlier limits, by the same rules as any change."""
    from host.risk.tree import edits

    versions = audit.read(state).versions
    if to is None and len(versions) < 2:
        raise UserError("there is no earlier version")
    tree = _version(state, versions[-2].serial if to is None else to)
    changing.submit(state, run_dir, (keys, as_), lambda stack, now: edits(stack.base, tree), "rollback", reason)


def _version(state: Path, serial: int) -> "Tree":
    from host.risk.limits import parse

    ledger = audit.read(state)
    for version in ledger.versions:
        if version.serial == serial:
            return parse(ledger.text_of(version.text), f"version {serial}")
    known = ", ".join(str(version.serial) for version in ledger.versions) or "none"
    raise UserError(f"there is no version {serial}; there is {known}")


def _check(tree: "Tree", source: str) -> "Limits":
    from host.risk.limits import LimitsError, check

    try:
        return check(tree, source)
    except LimitsError as error:
        raise UserError(str(error)) from None


def _tell_draft(state: Path) -> None:
    from host.risk.direction import changes

    if not (state / DRAFT).exists():
        raise UserError("no file is loaded: `tickgate limits load FILE`, or name what to compare with")
    limits, _ = audit.in_force(state)
    found = changes(limits, load_file(state / DRAFT))
    if found:
        changing.tell(found)
    else:
        print("the loaded file has the limits in force")


limitslog.register(app)
