"""The in-process transport: every service in one thread, deterministic to the last message."""

from collections import deque
from collections.abc import Callable
from typing import Any

from host.bus.bus import GapHandler, Handler, Hop, Message, Subscription
from host.bus.topics import TAP, Topic

#: Called with the subscription and the exception when a handler fails.
FaultHandler = Callable[[Subscription, Exception], None]


#: A NamedTuple from its values in order, in half the time that its constructor takes.
_new = tuple.__new__


class Tap(Subscription):
    """A subscription to every topic: sequence numbers are not its business."""

    def __init__(self, handler: Handler, name: str):
        super().__init__(TAP, handler, name)

    def deliver(self, message: Message) -> None:
        self.handler(message)


class InProcess:
    """Delivers in the order of publication, to subscribers in the order of subscription.

    A message published by a handler waits until the current one has reached all its subscribers, so
    causes are always seen before effects and the call stack stays flat. `publish` from outside
    returns once everything that follows from it has been delivered.

    A handler that raises is unsubscribed and the others still get the message; the failure goes to
    `on_fault`, or, without one, is raised when the queue is empty.

    Parameters
    ----------
    clock : gives the time in ns; the simulation's own, or `time.monotonic_ns`.
    """

    def __init__(self, clock: Callable[[], int], on_fault: FaultHandler | None = None):
        self.clock = clock
        self.on_fault = on_fault
        self.source = ""
        self.counts: dict[str, int] = {}
        self._subscriptions: dict[str, list[Subscription]] = {}
        self._every: list[Subscription] = []
        self._last: dict[str, dict[object, Message]] = {}
        self._queue: deque[Message] = deque()
        self._draining = False
        self._carry: Handler | None = None  # to other processes, where there are any (`host.bus.node`)

    def publish(self, topic: Topic, payload: Any, *, key: object = None, cause: Message | None = None,
                hops: tuple[Hop, ...] = ()) -> Message:
        name, now = topic.name, self.clock()
        seq = self.counts[name] = self.counts.get(name, 0) + 1
        own = (_new(Hop, (name, now)),)
        trail = cause.hops + hops + own if cause else hops + own
        message = _new(Message, (topic, seq, now, payload, key, trail, self.source))
        if self._carry:
            self._carry(message)
        last = self._last.get(name)
        if last is None:
            last = self._last[name] = {}
        last[key] = message
        self._queue.append(message)
        if not self._draining:
            self._drain()
        return message

    def subscribe(self, topic: Topic, handler: Handler, *, name: str = "", last: bool = False,
                  on_gap: GapHandler | None = None) -> Subscription:
        subscription = Subscription(topic, handler, name or topic.name, on_gap)
        if last:
            values = sorted(self._last.get(topic.name, {}).values(), key=lambda message: message.seq)
            for message in values:
                handler(message)
        subscription.expected[self.source] = self.counts.get(topic.name, 0) + 1
        self._subscriptions.setdefault(topic.name, []).append(subscription)
        return subscription

    def tap(self, handler: Handler, *, name: str = "tap") -> None:
        """Call `handler` with every message of every topic, before its subscribers (recorders)."""
        self._every.append(Tap(handler, name))

    def last(self, topic: Topic, key: object = None) -> Message | None:
        return self._last.get(topic.name, {}).get(key)

    def poll(self) -> int:
        """Nothing comes from elsewhere; for those who serve any transport."""
        return 0

    def close(self) -> None:
        """There is nothing to leave."""

    def _drain(self) -> None:
        failures: list[Exception] = []
        queue, every, subscriptions = self._queue, self._every, self._subscriptions
        self._draining = True
        try:
            while queue:
                message = queue.popleft()
                for subscription in (*every, *subscriptions.get(message.topic.name, ())):
                    if not subscription.active:
                        continue
                    try:
                        subscription.deliver(message)
                    except Exception as error:
                        subscription.cancel()
                        if self.on_fault:
                            self.on_fault(subscription, error)
                        else:
                            failures.append(error)
        finally:
            self._draining = False
        if failures:
            raise failures[0]
