"""Between the session's thread and the browsers: the newest state, and nothing that can wait for a browser."""

import asyncio
import json
import threading
from collections.abc import Callable
from typing import Any


class Hub:
    """The session publishes, streams take the newest when they are ready for it: what a slow one misses is gone.

    Parameters
    ----------
    greeting : what a browser needs that comes now; asked for in the server's thread.

    Members
    -------
    closed : nothing newer will come.
    """

    def __init__(self, greeting: Callable[[], dict[str, Any]] = dict):
        self._greeting = greeting
        self.state: dict[str, Any] = {}
        self.closed = False
        self._latest = b""
        self._number = 0
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._waiting: set[asyncio.Event] = set()

    # ---- the session's thread

    def publish(self, state: dict[str, Any]) -> None:
        latest = _event("tick", state)
        with self._lock:
            self.state, self._latest, self._number = state, latest, self._number + 1
        if self._loop and self._waiting:
            self._loop.call_soon_threadsafe(self._wake)

    def close(self) -> None:
        """Streams end once they have the newest state."""
        self.closed = True
        if self._loop:
            self._loop.call_soon_threadsafe(self._wake)

    # ---- the server's

    def attach(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop

    def join(self) -> asyncio.Event:
        """A new stream: its event is set whenever there is something newer."""
        event = asyncio.Event()
        self._waiting.add(event)
        return event

    def leave(self, event: asyncio.Event) -> None:
        self._waiting.discard(event)

    @property
    def streams(self) -> int:
        return len(self._waiting)

    def newest(self) -> tuple[int, bytes]:
        with self._lock:
            return self._number, self._latest

    def hello(self) -> bytes:
        return _event("hello", self._greeting())

    def _wake(self) -> None:
        for event in self._waiting:
            event.set()


def _event(name: str, data: dict[str, Any]) -> bytes:
    """One server-sent event (HTML Living Standard, section 9.2)."""
    return b"event: %b\ndata: %b\n\n" % (name.encode(), json.dumps(data, separators=(",", ":")).encode())
