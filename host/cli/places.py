"""Where commands keep what they make. All of it is under `build/`, and safe to delete."""

import os
import traceback
from pathlib import Path

from host.cli.errors import UserError
from sim.paths import BUILD

#: Of the last or running session: summary, records, FIX log, control socket.
RUN = BUILD / "run"
#: Limits in force and the audit log.
STATE = BUILD / "state"
#: The documentation: its pages and its site.
DOCS = BUILD / "docs"
#: The traceback of an error that is ours.
CRASH = BUILD / "crash.txt"

SUMMARY, RECORDS, FIX_LOG, TRAILS, SOCKET = "summary.json", "records.bin", "fix.log", "trails.jsonl", "control.sock"
#: The book of record (`host.oms.sqlite`).
OMS = "oms.sqlite"
#: Everything a session did, in Parquet (`host.warehouse`).
WAREHOUSE = "warehouse"
#: Where the running session's page is.
DASHBOARD = "dashboard.json"
LIMITS, AUDIT = "limits.toml", "audit.jsonl"
#: A folder a session: every decision of its gate (`host.risk.journal`).
DECISIONS = "decisions"


def folder(path: Path) -> Path:
    """`path` as a folder that exists."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"{path}: cannot make this folder ({error.strerror})") from None
    return path


def write_text(path: Path, text: str) -> None:
    """Write a file as a whole: a reader sees the old one or the new one, never half of it."""
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    try:
        folder(path.parent)
        partial.write_text(text, encoding="utf-8")
        partial.replace(path)
    except OSError as error:
        raise UserError(f"{path}: cannot be written ({error.strerror})") from None


def crash(error: BaseException) -> Path | None:
    """Keep the traceback of an error that is ours; None where even that fails."""
    try:
        folder(CRASH.parent)
        CRASH.write_text("".join(traceback.format_exception(error)), encoding="utf-8")
    except (OSError, UserError):
        return None
    return CRASH
