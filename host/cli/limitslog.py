"""`tickgate limits history | export | verify`: what was done, and that nobody has touched it."""

import time
from pathlib import Path
from typing import Annotated

import typer

from host.cli import audit
from host.cli.errors import UserError
from host.cli.keys import StateDir
from host.cli.places import STATE, write_text


def register(app: typer.Typer) -> None:
    """Add these commands to `tickgate limits`."""
    for command in (history, export, verify):
        app.command(command.__name__)(command)


def history(state: StateDir = STATE, last: Annotated[int, typer.Option(help="So many of the newest.")] = 50) -> None:
    """Everything that was done to limits, keys and kills: when, by whom, why, and under which signature."""
    from host.cli.limitsview import describe, moment

    audit.read(state)
    entries = audit.entries(state)[-last:]
    if not entries:
        print(f"nothing has been done yet ({state})")
    for entry in entries:
        reason = f"  because: {entry['reason']}" if entry["reason"] else ""
        print(f"{entry['number']:>4}  {moment(entry['time_ns'])}  {entry['who']} ({entry.get('key', 'unsigned')})  "
              f"{describe(entry)}{reason}")


def export(out: Annotated[Path | None, typer.Option(help="File; the terminal by default.")] = None,
           serial: Annotated[int | None, typer.Option(help="An earlier version, instead of what is in force.")] = None,
           state: StateDir = STATE) -> None:
    """Write the limits in force as a file that `limits load` takes, each with where it comes from."""
    from host.cli.limits import _version
    from host.risk.direction import shown
    from host.risk.tree import dump

    if serial is not None:
        text = dump(_version(state, serial))
    else:
        limits, ledger = audit.in_force(state)
        text = (f"# Limits in force, overrides included, version {limits.serial}"
                f"{f', history {ledger.count} {ledger.head}' if ledger else ''}\nserial = {limits.serial}\n")
        for level, path, one in limits.tables():
            text += f"\n[{_quoted(path)}]\n" + (f"index = {one.index}\n" if one.index >= 0 else "")
            text += "".join(f"{name} = {shown(level, name, one)}  # {one.sources[name]}\n" for name in one.values)
    if out is None:
        print(text, end="")
        return
    write_text(out, text)
    print(f"written: {out}")


def _quoted(path: str) -> str:
    level, dot, name = path.partition(".")
    return f'{level}."{name}"' if dot else level


def verify(head: Annotated[str | None, typer.Option(help="A head that was noted elsewhere: it must be in the chain.")]
           = None, state: StateDir = STATE) -> None:
    """Check the whole history: chain, signatures, authority, files, and that the limits in force follow from it."""
    from host.cli.limitsview import moment
    from host.risk.ledger import digest, line_of

    ledger = audit.read(state)
    audit.in_force(state)
    problems = audit.session_problems(state)
    if head is not None and head not in {digest(line_of(entry)) for entry in audit.entries(state)}:
        problems.append(f"the head {head} is not in this history: entries were cut off or replaced")
    if problems:
        raise UserError("\n".join(problems))
    if not ledger.count:
        print(f"nothing has been done yet ({state})")
        return
    signed = sum("signature" in entry for entry in audit.entries(state))
    stack = ledger.stack
    assert stack
    print(f"{ledger.count} entries, {signed} signed, up to {moment(ledger.time_ns)}: nothing has been changed")
    print(f"version {stack.tree(time.time_ns())['serial']} is in force; head: {ledger.head}")
    print("note the head where nobody here can write: `verify --head` then finds a history that was cut or replaced")
