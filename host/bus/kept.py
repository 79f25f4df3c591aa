"""The log of what a process published on kept topics: an append-only file, which any other process may read.

A slow subscriber reads there what the ring has given up, one that was restarted what it missed, and an auditor
everything. What `append` has returned from survives the process; the operating system writes it to the disk when it
likes (the OMS has a journal of its own that waits for the disk).

Entries are those of the ring: `ENTRY` and the frame, without padding.
"""

import contextlib
import os
import time
from pathlib import Path

from host.bus.ring import ENTRY, Entry

#: A log is called after its source.
SUFFIX = ".kept"
#: Read at once.
_CHUNK = 1 << 20


class KeptError(Exception):
    """The log cannot be written: what was to be published is not. Says where, why, and what to do."""


def sources(folder: Path) -> list[str]:
    """Every source that has a log in a folder."""
    return sorted(path.name.removesuffix(SUFFIX) for path in folder.glob(f"*{SUFFIX}"))


def starts(folder: Path, name: str) -> list[int]:
    """Which starts of a process have a log in a folder."""
    split = (source.rpartition(".") for source in sources(folder))
    return sorted(int(number) for one, _, number in split if one == name)


class KeptLog:
    """The writing end. One process writes one file.

    Raises `KeptError` where it cannot be made or written. What could not be written whole is taken back, so that the
    file stays readable.
    """

    def __init__(self, path: Path):
        self.path = path
        try:
            self._file = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise KeptError(f"{path}: cannot be made ({error.strerror}); choose a folder that can be written") from None
        self._end = 0

    def append(self, frame: bytes) -> bytes:
        """Keep one frame; returns its entry, which says where the log ends now."""
        end = self._end + ENTRY.size + len(frame)
        entry = ENTRY.pack(len(frame), 0, time.monotonic_ns(), end) + frame
        try:
            if os.write(self._file, entry) != len(entry):
                raise OSError(28, "the disk is full")
        except OSError as error:
            with contextlib.suppress(OSError):
                os.ftruncate(self._file, self._end)
            raise KeptError(f"{self.path}: cannot be written ({error.strerror}); free some space. Nothing that must "
                            f"not be lost is sent until it can") from None
        self._end = end
        return entry

    def close(self) -> None:
        os.close(self._file)


class KeptReader:
    """Follows a log from a place in it, also one whose writer is dead. `end` is how far it has read."""

    def __init__(self, path: Path, start: int = 0):
        self.path, self.end = path, start

    def read(self) -> list[Entry]:
        """Entries since the last call, as far as they are complete."""
        entries: list[Entry] = []
        with self.path.open("rb", buffering=0) as file:
            file.seek(self.end)
            rest = b""
            while chunk := file.read(_CHUNK):
                data, at = rest + chunk, 0
                while at + ENTRY.size <= len(data):
                    length, flags, stamp, end = ENTRY.unpack_from(data, at)
                    if at + ENTRY.size + length > len(data):
                        break
                    at += ENTRY.size
                    entries.append(Entry(stamp, flags, end, data[at:at + length]))
                    at += length
                self.end += at
                rest = data[at:]
        return entries
