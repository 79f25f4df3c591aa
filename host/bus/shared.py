"""The shared-memory transport: every process of one machine writes a ring, and reads those of all others.

Nobody waits for anybody and there is nobody in the middle: a subscriber that is slow, stopped or killed costs the
others nothing. A process's messages of kept topics also go to a log (`host.bus.kept`), where a subscriber that was
lapped reads what the ring has given up.

Beyond what `host.bus.bus` promises, a message is delivered after everything that its publisher had been delivered
or had published before it, whoever published that: messages of all rings are merged by the time at which they were
written, and none is delivered before the same moment has been read in every ring.

A ring lives in /dev/shm and belongs to its process, whose lock on it ends with the process, however that ends; the
next one to join removes the rings of the dead. Logs stay until `clear`.
"""

import contextlib
import fcntl
import hashlib
import mmap
import os
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from host.bus.bus import Message
from host.bus.inprocess import FaultHandler
from host.bus.kept import SUFFIX, KeptLog, KeptReader, sources, starts
from host.bus.node import BusError, Node
from host.bus.ring import AGAIN, Entry, Lapped, Reader, RingError, Writer, size_of
from host.bus.topics import Topic
from host.bus.wire import WireError, decode, topic_of

#: Bytes of a process's ring.
CAPACITY = 1 << 24
_SHM = Path("/dev/shm")
#: Between two looks for processes that came, and for those that went.
_LOOK_NS, _PULSE_NS = 2_000_000, 100_000_000
#: File systems count modification times in ticks: a change so young may hide another.
_TICK_NS = 50_000_000


def _memory(folder: Path, source: str) -> Path:
    """Where the ring of a source is."""
    if not _SHM.is_dir():
        return folder / f"{source}.ring"
    mark = hashlib.blake2s(str(folder.resolve()).encode(), digest_size=6).hexdigest()
    return _SHM / f"tickgate-{os.getuid()}-{mark}-{source}"


def _alive(file: int) -> bool:
    """Its process has the lock."""
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    fcntl.flock(file, fcntl.LOCK_UN)
    return False


def sweep(folder: Path) -> list[str]:
    """Remove the rings of processes that are dead; returns the sources that live."""
    living = []
    for source in sources(folder):
        path = _memory(folder, source)
        with contextlib.suppress(FileNotFoundError):
            file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            if _alive(file):
                living.append(source)
            else:
                path.unlink(missing_ok=True)
            os.close(file)
    return living


def clear(folder: Path) -> None:
    """Begin anew: remove the logs of an earlier session. Raises `BusError` where one of its processes is alive."""
    if living := sweep(folder):
        raise BusError(f"{folder}: {', '.join(living)} of an earlier session still runs; stop it first")
    for source in sources(folder):
        (folder / f"{source}{SUFFIX}").unlink(missing_ok=True)


class _Source:
    """Another process: its ring, its log, and what was read and not delivered."""

    def __init__(self, folder: Path, name: str, from_start: bool):
        self.name, self.waiting = name, deque[Entry]()
        log = folder / f"{name}{SUFFIX}"
        # the log before the ring: what is in the log by now may yet come in the ring, and must not be passed over
        self.kept = KeptReader(log, 0 if from_start else log.stat().st_size)
        self.kept_end = self.kept.end
        self.ring: Reader | None = None
        with contextlib.suppress(FileNotFoundError):
            self._file = os.open(_memory(folder, name), os.O_RDONLY | os.O_CLOEXEC)
            self._map = mmap.mmap(self._file, 0, prot=mmap.PROT_READ)
            self.ring = Reader(memoryview(self._map), from_start)
        if self.ring is None:  # it died before it was found: its log is all there is
            self._catch_up()

    def fill(self) -> None:
        if self.ring is None:
            return
        try:
            entries = self.ring.read()
        except Lapped:
            self._catch_up()
            return
        for entry in entries:
            if entry.kept_end > self.kept_end:
                self.kept_end = entry.kept_end
            elif entry.kept_end or entry.flags & AGAIN:
                continue
            self.waiting.append(entry)

    def alive(self) -> bool:
        return self.ring is not None and _alive(self._file)

    def held(self) -> list[Entry]:
        """What the ring has of lossy topics, in its order."""
        return [entry for entry in self.ring.held() if not entry.kept_end] if self.ring else []

    def close(self) -> None:
        if self.ring is not None:
            self.ring.close()
            self._map.close()
            os.close(self._file)
            self.ring = None

    def _catch_up(self) -> None:
        self.kept.end = self.kept_end
        self.waiting += self.kept.read()
        self.kept_end = self.kept.end


class Shared(Node):
    """See the module. Raises `BusError` where the folder cannot be used, or a living process has the name.

    Parameters
    ----------
    folder : the bus; processes that name the same one hear each other. Logs are in it.
    capacity : bytes of this process's ring, a power of two: how far a subscriber may be behind.
    """

    def __init__(self, folder: Path, name: str, *, clock: Callable[[], int] | None = None,
                 on_fault: FaultHandler | None = None, capacity: int = CAPACITY):
        self.folder = folder
        try:
            folder.mkdir(parents=True, exist_ok=True)
            living = sweep(folder)
            earlier = starts(folder, name)
        except OSError as error:
            raise BusError(f"{folder}: cannot be used as a bus ({error.strerror}); choose another folder") from None
        if any(f"{name}.{n}" in living for n in earlier):
            raise BusError(f"{folder}: a process called {name} is on this bus already; stop it first")
        super().__init__(name, max(earlier, default=0) + 1, clock, on_fault)
        self._others: dict[str, _Source] = {}
        self._looked = self._felt = self._changed = 0
        self._make(capacity)
        self._known = {self.source}
        self._look(from_start=False)

    def history(self, topic: Topic) -> list[Message]:
        if topic.lossy:
            raise ValueError(f"{topic} is not kept")
        entries = [(entry, source) for source in sources(self.folder)
                   for entry in KeptReader(self.folder / f"{source}{SUFFIX}").read() if topic_of(entry.frame) is topic]
        return list(_messages(entries))

    def close(self) -> None:
        if self._map.closed:
            return
        for source in self._others.values():
            source.close()
        self._ring.close()
        self._map.close()
        _memory(self.folder, self.source).unlink(missing_ok=True)
        os.close(self._file)
        self._log.close()

    def _make(self, capacity: int) -> None:
        """Ring first, and locked: whoever sees the log finds the ring complete."""
        path = _memory(self.folder, self.source)
        try:
            self._file = os.open(path, os.O_CREAT | os.O_TRUNC | os.O_RDWR | os.O_CLOEXEC, 0o600)
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.truncate(self._file, size_of(capacity))
            self._map = mmap.mmap(self._file, 0)
        except OSError as error:
            raise BusError(f"{path}: no ring of {capacity} bytes can be made ({error.strerror})") from None
        self._ring = Writer(memoryview(self._map))
        self._log = KeptLog(self.folder / f"{self.source}{SUFFIX}")

    def _send(self, topic: Topic, frame: bytes, key: object) -> None:
        if topic.lossy:
            self._ring.append(frame, (topic.name, key))
        else:
            self._ring.write(self._log.append(frame))

    def _receive(self) -> Iterable[tuple[str, bytes]]:
        cut = time.monotonic_ns()
        if cut - self._looked >= _LOOK_NS:
            self._looked = cut
            self._look(from_start=True)
        if cut - self._felt >= _PULSE_NS:
            self._felt = cut
            self._feel()
        ready: list[tuple[int, str, bytes]] = []
        mixed = 0
        for source in self._others.values():
            try:
                source.fill()
            except RingError as error:
                source.close()
                self._tell(f"ring of {source.name}", f"nothing more is read from {source.name}: {error}")
            waiting = source.waiting
            mixed += bool(waiting)
            while waiting and waiting[0].stamp <= cut:
                entry = waiting.popleft()
                ready.append((entry.stamp, source.name, entry.frame))
        if mixed > 1:
            ready.sort(key=_stamp)
        return [one[1:] for one in ready]

    def _held(self, topic: Topic) -> Iterable[Message]:
        if not topic.lossy:
            return [message for message in self.history(topic) if message.source != self.source]
        self._look(from_start=True)
        messages = _messages([(entry, source.name) for source in self._others.values() for entry in source.held()
                              if topic_of(entry.frame) is topic])
        return sorted(messages, key=lambda message: message.time)

    def _look(self, from_start: bool) -> None:
        """Find who is there. Of one that came after us nothing may be missed; of others nothing is owed."""
        changed = self.folder.stat().st_mtime_ns
        if changed == self._changed and time.time_ns() - changed > _TICK_NS:
            return
        for name in sources(self.folder):
            if name not in self._known:
                self._known.add(name)
                self._others[name] = _Source(self.folder, name, from_start)
                if from_start:
                    self._born(name)
        self._changed = changed

    def _feel(self) -> None:
        """Let go of those that ended, once everything that they said has been read."""
        for name, source in list(self._others.items()):
            if source.waiting or source.alive():
                continue
            source.fill()
            if source.waiting:
                continue
            ended = source.ring is None or source.ring.closed
            source.close()
            del self._others[name]
            if not ended:
                self._tell(f"end of {name}", f"{name} is gone without having left the bus: it was killed or failed")


def _stamp(one: tuple[int, str, bytes]) -> int:
    return one[0]


def _messages(entries: list[tuple[Entry, str]]) -> Iterator[Message]:
    """In the order in which they were written; what cannot be read is left out."""
    for entry, source in sorted(entries, key=lambda one: one[0].stamp):
        with contextlib.suppress(WireError):
            yield decode(entry.frame, source)
