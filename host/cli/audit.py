"""The audit log and the limits that follow from it, in a state folder.

`audit.jsonl` is the history (`host.risk.ledger`), one entry a line. `audit.head` keeps how long it is and its last
hash, so that a cut shows. `versions/` has the limits files by their SHA-256, and `limits.toml` the one that
was applied last. A change is on disk when `append` returns.
"""

import fcntl
import getpass
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from host.cli.errors import UserError
from host.cli.places import AUDIT, LIMITS, folder, write_text

if TYPE_CHECKING:
    from host.risk.keys import Signer
    from host.risk.ledger import Entry, Ledger
    from host.risk.limits import Limits

HEAD, VERSIONS = "audit.head", "versions"
_REMEDY = ("Bring the folder back from a copy; or move it away to begin anew, with the limits that Tickgate comes with "
           "and nobody enrolled")


def user() -> str:
    """Who runs this process."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid {os.getuid()}"


def read(state: Path) -> "Ledger":
    """Everything that was done, judged again entry by entry; raises `UserError` naming what was tampered with."""
    path = state / AUDIT
    try:
        lines = _whole(path.read_bytes()) if path.exists() else []
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}") from None
    ledger = _fold(state, lines)
    problem = _cut(state, lines)
    if problem:
        raise UserError(problem)
    return ledger


def _whole(data: bytes) -> list[bytes]:
    """The lines that were written to their end; the head says how many there must be."""
    return data.split(b"\n")[:-1]


def _fold(state: Path, lines: list[bytes]) -> "Ledger":
    from host.risk.ledger import Ledger, LedgerError

    ledger = Ledger(lambda name: _version(state, name))
    for number, line in enumerate(lines, 1):
        try:
            entry = json.loads(line)
            if not isinstance(entry, dict):
                raise ValueError
            ledger.admit(entry, line)
        except ValueError:
            raise UserError(f"{state / AUDIT}, line {number}: not a JSON object. {_REMEDY}") from None
        except LedgerError as error:
            raise UserError(f"{state / AUDIT}, line {number}: {error}. {_REMEDY}") from None
    return ledger


def _version(state: Path, name: str) -> str:
    """A limits file by its digest."""
    from host.risk.ledger import LedgerError, digest

    path = state / VERSIONS / f"{name}.toml"
    try:
        data = path.read_bytes()
    except OSError as error:
        raise LedgerError(f"{path}: {error.strerror}") from None
    if digest(data) != name:
        raise LedgerError(f"{path}: not what was applied; it has been changed")
    return data.decode()


def _cut(state: Path, lines: list[bytes]) -> str:
    """What is wrong with the end of the log; empty where nothing is. One entry more than the head knows of is what
    an interrupted command leaves.
    """
    from host.risk.ledger import FIRST, digest

    path = state / HEAD
    if not lines and not path.exists():
        return ""
    try:
        count, head = path.read_text(encoding="ascii").split()
        known = int(count)
    except (OSError, ValueError):
        return "" if len(lines) == 1 else f"{path}: missing or not readable; the end of the log cannot be checked"
    hashes = [FIRST, *(digest(line) for line in lines)]
    if known > len(lines):
        return f"{state / AUDIT}: has {len(lines)} entries, and there were {known}: its end was cut off"
    if hashes[known] != head or len(lines) > known + 1:
        return f"{state / AUDIT}: does not end as {path} says: one of them was changed"
    return ""


@contextmanager
def _locked(state: Path) -> Iterator[BinaryIO]:
    path = folder(state) / AUDIT
    try:
        with path.open("a+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            file.seek(0)
            yield file
    except OSError as error:
        raise UserError(f"{path}: the audit log cannot be written ({error.strerror})") from None


def _write(state: Path, file: BinaryIO, entry: "Entry", count: int = 0) -> None:
    """Without `count` the head stays as it is, and goes on saying that something is wrong."""
    from host.risk.ledger import digest, line_of

    line = line_of(entry)
    file.write(line + b"\n")
    file.flush()
    os.fsync(file.fileno())
    if count:
        write_text(state / HEAD, f"{count} {digest(line)}\n")


def _begin(state: Path, file: BinaryIO, ledger: "Ledger") -> None:
    """A ledger starts with the limits that are there."""
    from host.risk.ledger import digest
    from host.risk.limits import DEFAULT_FILE

    own = state / LIMITS
    text = (own if own.exists() else DEFAULT_FILE).read_text(encoding="utf-8")
    name = digest(text.encode())
    write_text(state / VERSIONS / f"{name}.toml", text)
    write_text(own, text)
    entry = ledger.entry(time.time_ns(), "begin", user(), "", {"text": name})
    ledger.admit(entry)
    _write(state, file, entry, ledger.count)


def begin(state: Path) -> "Ledger":
    """The ledger, begun where there is none yet."""
    with _locked(state) as file:
        if not file.read(1):
            _begin(state, file, _fold(state, []))
    return read(state)


def append(state: Path, command: str, reason: str, what: "dict[str, Any] | Callable[[Ledger, int], dict[str, Any]]",
           signer: "Signer | None" = None) -> "Ledger":
    """Add an entry, on disk when this returns; gives the ledger after it.

    `what` may be worked out from the ledger and the entry's time, while nobody else can write. A new limits file goes
    into `what["text"]` as it is; its digest takes its place. Raises `UserError` where the rules do not allow it.
    """
    from host.risk.ledger import LedgerError, digest
    from host.risk.limits import LimitsError

    with _locked(state) as file:
        data = file.read()
        lines = _whole(data)
        ledger = _fold(state, lines)
        if problem := _cut(state, lines):
            raise UserError(problem)
        file.truncate(len(data) - len(data.rpartition(b"\n")[2]))  # what an interrupted write left
        if not ledger.count:
            _begin(state, file, ledger)
        now = max(time.time_ns(), ledger.time_ns)
        try:
            made = dict(what(ledger, now) if callable(what) else what)
            text = made.get("text")
            if text:
                made["text"] = digest(text.encode())
                write_text(state / VERSIONS / f"{made['text']}.toml", text)
            entry = ledger.entry(now, command, user(), reason, made, signer)
            ledger.admit(entry)
        except (LedgerError, LimitsError) as error:
            raise UserError(f"{error}\nnothing was changed") from None
        _write(state, file, entry, ledger.count)
        if text:
            write_text(state / LIMITS, text)
    return ledger


def note(state: Path, command: str, reason: str, what: dict[str, Any]) -> None:
    """Add an unsigned entry, whatever else is in the log: what took risk away is told even where the log is broken."""
    from host.risk.ledger import FIRST, digest

    try:
        append(state, command, reason, what)
        return
    except UserError:
        pass
    with _locked(state) as file:
        data = file.read()
        lines = data.splitlines()
        if data and not data.endswith(b"\n"):
            file.write(b"\n")
        entry = {"number": len(lines) + 1, "previous": digest(lines[-1]) if lines else FIRST, "command": command,
                 "time_ns": time.time_ns(), "who": user(), "reason": reason, "what": what}
        _write(state, file, entry)


def in_force(state: Path) -> "tuple[Limits, Ledger | None]":
    """The limits of this moment, overrides included, and the ledger behind them; None before anything was done.

    Raises `UserError` where they are no valid file, or `limits.toml` is not one that was applied.
    """
    from host.risk.ledger import digest
    from host.risk.limits import LimitsError, load

    own = state / LIMITS
    try:
        if not (state / AUDIT).exists():
            return load(own) if own.exists() else load(), None
        ledger = read(state)
        assert ledger.stack, "a ledger starts with limits"
        if not own.exists():
            write_text(own, _version(state, ledger.versions[-1].text))
        elif (name := digest(own.read_bytes())) != ledger.versions[-1].text:
            if all(name != version.text for version in ledger.versions):
                raise UserError(f"{own}: changed by hand; nothing runs with limits that nobody signed. Move it away "
                                f"(the limits in force come back by themselves), then `tickgate limits load` it")
            write_text(own, _version(state, ledger.versions[-1].text))
        return ledger.stack.limits(time.time_ns(), str(own)), ledger
    except LimitsError as error:
        raise UserError(str(error)) from None


def entries(state: Path) -> list["Entry"]:
    """Every entry, oldest first, as written; `read` says whether to believe them."""
    path = state / AUDIT
    return [json.loads(line) for line in _whole(path.read_bytes())] if path.exists() else []


def session_problems(state: Path) -> list[str]:
    """Decision records of sessions that are not what the history says of them, one line each."""
    from host.risk.ledger import digest

    problems = []
    for entry in entries(state):
        if entry["command"] == "session":
            for name, wanted in entry["what"]["files"].items():
                path = state / entry["what"]["folder"] / name
                if not path.exists():
                    problems.append(f"{path}: missing")
                elif digest(path.read_bytes()) != wanted:
                    problems.append(f"{path}: changed since the session ended")
    return problems
