"""A byte ring in shared memory: one process writes, any number read, nobody waits for anybody.

    0    8 s   `MAGIC`
    8    u64   bytes of the data area, a power of two
    16   u64   1 once the writer has closed it
    64   u64   head: bytes ever written
    128  u64   tail: bytes ever given up; what lies before it may be overwritten at any moment
    192        data

Entries (`ENTRY`, then the frame, padded to 8 bytes) never wrap: where the end is too near, a mark says that the next
one is at the start. The writer moves the tail before it overwrites and the head after it has written; a reader
copies what it wants and then looks at the tail again: what the tail has passed meanwhile is thrown away, and the
reader has been lapped. The order of these accesses is the program's on x86-64; on other machines a frame read too early
is found by its checksum (`host.bus.wire`).
"""

import struct
import time
from collections import deque
from collections.abc import Hashable
from typing import NamedTuple

#: A NamedTuple from its values in order, in half the time that its constructor takes.
_new = tuple.__new__
MAGIC = b"TGRING01"
_MADE = struct.Struct("=8sQ")
_CLOSED, _HEAD, _TAIL = 16 // 8, 64 // 8, 128 // 8
DATA = 192
#: Bytes of the frame, flags, when it was written (ns of CLOCK_MONOTONIC, one for all processes of a machine), and
#: where the log of kept messages ended after it (0: it is not in the log).
ENTRY = struct.Struct("=IIQQ")
_LENGTH = struct.Struct("=I")
_WRAP = 0xFFFF_FFFF
#: Flag: a last value that is written again because its first place was given up. It is old.
AGAIN = 1
#: A frame may take this part of the ring, and so may all last values together.
_PART = 8


class RingError(Exception):
    """This memory holds no ring, or a frame does not fit it."""


class Lapped(Exception):
    """The reader was too slow: what it had not read is gone. It goes on at the newest."""


class Entry(NamedTuple):
    """One frame of a ring or of the log of kept messages, with what `ENTRY` says of it."""
    stamp: int
    flags: int
    kept_end: int
    frame: bytes


def size_of(capacity: int) -> int:
    """Bytes of memory for a ring with so many bytes of data."""
    return DATA + capacity


class Writer:
    """Makes the ring in `buffer`, all of which it takes: `size_of` bytes, the data area a power of two."""

    def __init__(self, buffer: memoryview):
        capacity = len(buffer) - DATA
        if capacity < 1024 or capacity & (capacity - 1):
            raise RingError(f"a ring has a power of two of bytes, 1024 or more, not {capacity}")
        self.capacity = capacity
        self._buffer, self._words = buffer, buffer[:DATA].cast("Q")
        self._head = self._tail = self._retained = 0
        self._entries: deque[tuple[int, Hashable]] = deque()
        self._newest: dict[Hashable, tuple[int, int]] = {}
        _MADE.pack_into(buffer, 0, MAGIC, capacity)

    def append(self, frame: bytes, value: Hashable = None) -> None:
        """Write one frame, giving up the oldest where room is needed.

        `value` names what this frame is the last value of. The newest of each name is written again before its place
        is given up, so that a late joiner always finds it, as long as all of them fit an eighth of the ring. Raises
        `RingError` where the frame alone does not.
        """
        self.write(ENTRY.pack(len(frame), 0, time.monotonic_ns(), 0) + frame, value)

    def write(self, entry: bytes, value: Hashable = None) -> None:
        """As `append`, a whole entry: `ENTRY` and the frame."""
        if len(entry) > self.capacity // _PART:
            raise RingError(f"a message of {len(entry) - ENTRY.size} bytes does not fit a ring of {self.capacity}; "
                            f"make it larger")
        again: deque[tuple[bytes, Hashable]] = deque()
        self._write(entry, value, again)
        while again:
            old, value = again.popleft()
            if value not in self._newest:  # no newer one has been written meanwhile
                self._write(ENTRY.pack(len(old), AGAIN, time.monotonic_ns(), 0) + old, value, again)

    def close(self) -> None:
        self._words[_CLOSED] = 1
        self._words.release()
        self._buffer.release()

    def _write(self, entry: bytes, value: Hashable, again: deque[tuple[bytes, Hashable]]) -> None:
        length, capacity, head = len(entry), self.capacity, self._head
        size = (length + 7) & ~7
        position = head & capacity - 1
        pad = capacity - position if position + size > capacity else 0
        if head + pad + size - self._tail > capacity:
            self._give_up(head + pad + size - capacity, again)
        if pad:
            _LENGTH.pack_into(self._buffer, DATA + position, _WRAP)
            self._entries.append((pad, None))
            self._head = head = head + pad
            position = 0
        start = DATA + position
        self._buffer[start:start + length] = entry
        self._entries.append((size, value))
        if value is not None:
            self._retain(value, size)
        self._words[_HEAD] = self._head = head + size

    def _retain(self, value: Hashable, size: int) -> None:
        _, before = self._newest.pop(value, (0, 0))
        self._retained -= before
        if self._retained + size <= self.capacity // _PART:
            self._retained += size
            self._newest[value] = self._head, size

    def _give_up(self, limit: int, again: deque[tuple[bytes, Hashable]]) -> None:
        """Move the tail to `limit` or beyond; what was the last value of a name goes to `again`."""
        tail = self._tail
        while tail < limit:
            size, value = self._entries.popleft()
            if value is not None and self._newest.get(value, (-1,))[0] == tail:
                self._retained -= self._newest.pop(value)[1]
                start = DATA + tail % self.capacity
                length, = _LENGTH.unpack_from(self._buffer, start)
                again.append((bytes(self._buffer[start + ENTRY.size:start + ENTRY.size + length]), value))
            tail += size
        self._words[_TAIL] = self._tail = tail


class Reader:
    """Follows a ring. Raises `RingError` where `buffer` holds none.

    Parameters
    ----------
    from_start : begin with the first message ever written, not with the next.
    """

    def __init__(self, buffer: memoryview, from_start: bool = False):
        if len(buffer) < DATA:
            raise RingError("this memory is too small for a ring")
        magic, capacity = _MADE.unpack_from(buffer)
        if magic != MAGIC or capacity != len(buffer) - DATA:
            raise RingError("this memory holds no ring, or one that is not finished")
        self.capacity = capacity
        self._data, self._words = buffer[DATA:], buffer[:DATA].cast("Q")
        self.position = 0 if from_start else self._words[_HEAD]

    @property
    def closed(self) -> bool:
        """The writer has ended in good order."""
        return bool(self._words[_CLOSED])

    def read(self) -> list[Entry]:
        """Entries since the last call, at most a quarter of the ring. Raises `Lapped`, once, where some are gone."""
        head, position = self._words[_HEAD], self.position
        if head == position:
            return []
        try:
            entries, self.position = self._copy(position, head)
        except Lapped:
            self.position = self._words[_HEAD]
            raise
        return entries

    def held(self) -> list[Entry]:
        """Everything that the ring holds now, oldest first; the position stays."""
        while True:
            position, head = self._words[_TAIL], self._words[_HEAD]
            entries: list[Entry] = []
            try:
                while position != head:
                    more, position = self._copy(position, head)
                    entries += more
            except Lapped:
                continue
            return entries

    def close(self) -> None:
        self._words.release()
        self._data.release()

    def _copy(self, position: int, head: int) -> tuple[list[Entry], int]:
        """Entries between two places, as far as they are in one piece, and where they end."""
        start = position % self.capacity
        size = min(head - position, self.capacity - start, self.capacity // 4)
        chunk = bytes(self._data[start:start + size])
        if self._words[_TAIL] > position:
            raise Lapped
        entries: list[Entry] = []
        at, header, unpack = 0, ENTRY.size, ENTRY.unpack_from
        while at + header <= size:
            length, flags, stamp, kept_end = unpack(chunk, at)
            if length == _WRAP:
                return entries, position - start + self.capacity
            end = at + header + length
            if end > size:
                break
            entries.append(_new(Entry, (stamp, flags, kept_end, chunk[at + header:end])))
            at = (end + 7) & ~7
        if size - at >= _LENGTH.size and _LENGTH.unpack_from(chunk, at)[0] == _WRAP:  # too near the end for an entry
            return entries, position - start + self.capacity
        if not at:
            raise RingError(f"an entry that does not end, {position} bytes in: this ring is damaged")
        return entries, position + at
