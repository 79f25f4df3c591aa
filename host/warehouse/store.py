"""Where a warehouse's files are: DIR/TABLE/date=YYYY-MM-DD/hour=HH/SESSION-NUMBER.parquet.

A file appears whole or not at all: it is written under another name, which no reader takes for a file of the
warehouse, made durable, and renamed. Any Parquet reader that knows partitions in paths can read the folder.
"""

import os
import time
from datetime import UTC, datetime
from pathlib import Path

HOUR_NS = 3_600 * 10**9
SUFFIX, PARTIAL = ".parquet", ".partial"
#: What is written aside for so long is of a writer that is no more.
_STALE_S = 6 * 3600


def hour_of(time_ns: int) -> int:
    """Hours since the epoch."""
    return time_ns // HOUR_NS


def partition(hour: int) -> str:
    """The folders of an hour, in UTC."""
    moment = datetime.fromtimestamp(hour * 3600, UTC)
    return f"date={moment:%Y-%m-%d}/hour={moment:%H}"


def session_name() -> str:
    """A name for a session that no other has on this machine: when it began, and its process."""
    return f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{os.getpid()}"


class Store:
    """Paths of one session's files. Makes folders as they are needed.

    Raises `OSError` where the folder cannot be made or written.
    """

    def __init__(self, folder: Path, session: str):
        self.folder, self.session = folder, session
        self._number = 0
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / f".{session}{PARTIAL}"
        probe.touch()
        probe.unlink()
        self._sweep()

    def begin(self, table: str, hour: int) -> tuple[Path, Path]:
        """Where to write a file aside, and what to call it when it is whole."""
        self._number += 1
        final = self.folder / table / partition(hour) / f"{self.session}-{self._number:06}{SUFFIX}"
        final.parent.mkdir(parents=True, exist_ok=True)
        return final.with_name(f".{final.name}{PARTIAL}"), final

    def finish(self, aside: Path, final: Path) -> None:
        """Make the file durable, then visible."""
        with aside.open("rb") as file:
            os.fsync(file.fileno())
        aside.replace(final)

    def _sweep(self) -> None:
        """Remove what killed writers left."""
        for left in self.folder.rglob(f".*{PARTIAL}"):
            try:
                if time.time() - left.stat().st_mtime > _STALE_S:
                    left.unlink()
            except OSError:
                continue


def clear(folder: Path) -> None:
    """Remove every file of the warehouse, whole or partial, and nothing else."""
    for pattern in (f"*/date=*/hour=*/*{SUFFIX}", f"*/date=*/hour=*/.*{PARTIAL}"):
        for path in folder.glob(pattern):
            path.unlink(missing_ok=True)
