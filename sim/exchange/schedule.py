"""What happens when: a queue of actions in time, and lines that carry one frame at a time."""

import heapq
from collections.abc import Callable
from itertools import count


class Schedule:
    """Actions by time; those of the same time run in the order in which they were put in."""

    def __init__(self) -> None:
        self._heap: list[tuple[int, int, Callable[[int], None]]] = []
        self._order = count()

    def at(self, time_ns: int, action: Callable[[int], None]) -> None:
        """`action` will be called with its time."""
        heapq.heappush(self._heap, (time_ns, next(self._order), action))

    def next_time(self) -> int | None:
        return self._heap[0][0] if self._heap else None

    def run_next(self) -> None:
        time_ns, _, action = heapq.heappop(self._heap)
        action(time_ns)


class Line:
    """One Ethernet port: a frame starts when the one before it, and the gap after it, have passed.

    `byte_ns` is the time of one byte (8 at 1 Gb/s). Preamble 8, FCS 4, inter-frame gap 12 bytes:
    IEEE Std 802.3-2022, 3.1.1 and 4.4.2.
    """

    OVERHEAD_BYTES = 8 + 4 + 12

    def __init__(self, byte_ns: int):
        self.byte_ns = byte_ns
        self.free_ns = 0

    def start(self, time_ns: int, size: int) -> int:
        """When a frame of `size` bytes that is ready at `time_ns` starts."""
        start = max(time_ns, self.free_ns)
        self.free_ns = start + (size + self.OVERHEAD_BYTES) * self.byte_ns
        return start
