"""One process on a bus of several: the in-process bus, with a way out and a way in."""

import time
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

from host.bus.bus import GapHandler, Handler, Message, Subscription
from host.bus.inprocess import FaultHandler, InProcess
from host.bus.topics import FAULTS, Topic
from host.bus.wire import WireError, decode_wanted, encode

#: Between two faults about the same thing.
_QUIET_NS = 10**9


class BusError(Exception):
    """The bus cannot be joined or used: says what is wrong and what to do."""


class Node(InProcess, ABC):
    """Delivers what is published here at once, as `InProcess` does, and what comes from others in `poll`.

    A process has one, in one thread; nothing here waits. What a process published is known by its source: its name,
    and how many times it has been started. Garbage and gaps that nobody else is told of become faults on the bus.

    Parameters
    ----------
    name : of the process on the bus. incarnation : which start of it.
    clock : gives the time in ns; by default the newest time that any message told.

    Members
    -------
    garbage : frames that were no messages, by source.
    gaps : messages that were missed, by topic.
    """

    def __init__(self, name: str, incarnation: int, clock: Callable[[], int] | None = None,
                 on_fault: FaultHandler | None = None):
        super().__init__(clock or self._heard, on_fault)
        self.name, self.incarnation, self.source = name, incarnation, f"{name}.{incarnation}"
        self.garbage: Counter[str] = Counter()
        self.gaps: Counter[str] = Counter()
        self._newest = 0
        self._carry = self._outward
        self._told: dict[str, int] = {}

    @property
    def linked(self) -> bool:
        """Others can be reached, as far as the transport knows."""
        return True

    # ---- for transports

    @abstractmethod
    def _send(self, topic: Topic, frame: bytes, key: object) -> None:
        """Bring a frame to all others. Returns at once; raises where a kept message cannot be kept."""

    @abstractmethod
    def _receive(self) -> Iterable[tuple[str, bytes]]:
        """Source and frame of what has come since the last call, in order; at once."""

    @abstractmethod
    def _held(self, topic: Topic) -> Iterable[Message]:
        """What others have published on a topic, oldest first, at least the last value of each key."""

    @abstractmethod
    def history(self, topic: Topic) -> list[Message]:
        """Everything ever published on a kept topic, by everyone who can still tell, oldest first of each source."""

    @abstractmethod
    def close(self) -> None:
        """Leave the bus in good order. Safe to call twice."""

    # ---- for everyone

    def poll(self) -> int:
        """Deliver what has come from others; returns how many messages there were for us."""
        count = 0
        wanted = None if self._every else self._subscriptions
        for source, frame in self._receive():
            try:
                message = decode_wanted(frame, source, wanted)
            except WireError as error:
                self.garbage[source] += 1
                self._tell(f"garbage from {source}", f"a message of {source} cannot be read: {error}")
                continue
            if message is not None:
                count += 1
                self._accept(message)
        return count

    def subscribe(self, topic: Topic, handler: Handler, *, name: str = "", last: bool = False,
                  on_gap: GapHandler | None = None) -> Subscription:
        """As `Bus.subscribe`. Without `on_gap` a gap is told as a fault."""
        values: dict[object, Message] = {}
        expected: dict[str, int] = {}
        if last:
            for message in (*self._held(topic), *self._own(topic)):
                values.pop(message.key, None)
                values[message.key] = message
                expected[message.source] = max(message.seq + 1, expected.get(message.source, 0))
            self._last.setdefault(topic.name, {}).update(values)
            for message in values.values():
                self._newest = max(self._newest, message.time)
                handler(message)
        subscription = super().subscribe(topic, handler, name=name, on_gap=on_gap or self._on_gap)
        subscription.expected |= expected
        return subscription

    def replay(self, messages: Iterable[Message], wanted: Callable[[Message], bool] = lambda message: True) -> None:
        """Deliver what was missed before this process started, from `history`; none of it is delivered again when it
        comes on the bus. What is not `wanted` counts as delivered."""
        for message in messages:
            subscriptions = self._subscriptions.get(message.topic.name, [])
            fresh = [one for one in subscriptions if message.seq >= one.expected.get(message.source, 0)]
            for subscription in subscriptions:
                subscription.expected[message.source] = message.seq + 1
            self._newest = max(self._newest, message.time)
            for subscription in fresh if wanted(message) else ():
                subscription.handler(message)

    def publish_fault(self, what: str) -> None:
        """Tell everyone of something that is wrong with this process."""
        self.publish(FAULTS, {"service": self.name, "what": what})

    def __enter__(self) -> "Node":
        return self

    def __exit__(self, *_exc: Any) -> None:
        self.close()

    # ---- how

    def _heard(self) -> int:
        return self._newest

    def _outward(self, message: Message) -> None:
        try:
            self._send(message.topic, encode(message), message.key)
        except BaseException:
            self.counts[message.topic.name] -= 1  # it was not published: nobody shall miss it
            raise

    def _accept(self, message: Message) -> None:
        """Deliver a message of another process, with everything that follows from it here."""
        topic, _, time_, _, key, _, _ = message
        if time_ > self._newest:
            self._newest = time_
        last = self._last.get(topic.name)
        if last is None:
            last = self._last[topic.name] = {}
        last[key] = message
        self._queue.append(message)
        if not self._draining:
            self._drain()

    def _born(self, source: str) -> None:
        """For transports: a source that came after us. Its first message is number 1, or some are missing."""
        for subscriptions in self._subscriptions.values():
            for subscription in subscriptions:
                subscription.expected.setdefault(source, 1)

    def _own(self, topic: Topic) -> list[Message]:
        own = (one for one in self._last.get(topic.name, {}).values() if one.source == self.source)
        return sorted(own, key=lambda message: message.seq)

    def _on_gap(self, topic: Topic, expected: int, seq: int) -> None:
        self.gaps[topic.name] += seq - expected
        self._tell(f"gap in {topic}", f"{self.gaps[topic.name]} messages of {topic} missed by now: this process is too "
                                      f"slow, or was away")

    def _tell(self, about: str, what: str) -> None:
        """A fault, unless the same was told a moment ago."""
        now = time.monotonic_ns()
        if now - self._told.get(about, -_QUIET_NS) >= _QUIET_NS:
            self._told[about] = now
            self.publish_fault(what)
