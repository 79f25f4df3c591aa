"""The audit log: every command that changes limits or stops orders, who gave it and when.

One JSON object a line. Each carries the SHA-256 of the line before it (`previous`), so that a line
that was changed or taken out shows.
"""

import fcntl
import getpass
import hashlib
import json
import os
import time
from pathlib import Path
from typing import Any

from host.cli.errors import UserError
from host.cli.places import AUDIT, folder

_FIRST = "0" * 64


def user() -> str:
    """Who runs this process."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid {os.getuid()}"


def append(state: Path, command: str, **what: Any) -> None:
    """Add an entry; on disk when this returns."""
    path = folder(state) / AUDIT
    try:
        with path.open("a+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            file.seek(0)
            lines = file.read().splitlines()
            previous = hashlib.sha256(lines[-1]).hexdigest() if lines else _FIRST
            entry = {"time_ns": time.time_ns(), "who": user(), "command": command, **what, "previous": previous}
            file.write(json.dumps(entry, sort_keys=True).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise UserError(f"{path}: the audit log cannot be written ({error.strerror}); nothing was done") from None


def verify(state: Path) -> list[dict[str, Any]]:
    """Every entry, oldest first; raises `UserError` naming the line at which the chain breaks."""
    path = state / AUDIT
    lines = path.read_bytes().splitlines() if path.exists() else []
    previous, entries = _FIRST, []
    for number, line in enumerate(lines, 1):
        try:
            entry = json.loads(line)
        except ValueError:
            raise UserError(f"{path}, line {number}: not a JSON object") from None
        if entry.get("previous") != previous:
            raise UserError(f"{path}, line {number}: does not follow from the line before it")
        previous = hashlib.sha256(line).hexdigest()
        entries.append(entry)
    return entries
