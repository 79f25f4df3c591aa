"""The bus, as services see it: topics, messages, and the interface that every transport has.

A transport promises, for each topic and each process that publishes on it (its source): messages arrive in
the order in which they were published, each with a sequence number that counts from 1, and a subscriber that
missed some is told so before it sees the next. Of kept topics (see `topics`) it misses none. It promises nothing
between topics and sources; what a transport does beyond this, it says.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from host.bus.topics import Topic


class Hop(NamedTuple):
    """A place a message, or what caused it, passed, and when (ns)."""
    place: str
    time: int


class Message(NamedTuple):
    """One message of one topic.

    Parameters
    ----------
    seq : counts the topic's messages from 1, those of one source.
    time : when it was published, ns of the bus's clock.
    payload : FIX bytes, record array, or struct: as the topic says.
    key : which of several last values this one replaces, for example a symbol.
    hops : where its causes passed, oldest first; ends with this message's own publication.
    source : the process that published it, and which start of it ("ems.2"); empty where there is only one.
    """

    topic: Topic
    seq: int
    time: int
    payload: Any
    key: object = None
    hops: tuple[Hop, ...] = ()
    source: str = ""


Handler = Callable[[Message], object]
GapHandler = Callable[[Topic, int, int], None]


class Bus(Protocol):
    """What every transport offers. `clock` gives the time in ns by which messages are stamped."""

    clock: Callable[[], int]

    def publish(self, topic: Topic, payload: Any, *, key: object = None, cause: Message | None = None,
                hops: tuple[Hop, ...] = ()) -> Message:
        """Send a message. `cause` hands its hops on, `hops` adds earlier ones (hardware times)."""

    def subscribe(self, topic: Topic, handler: Handler, *, name: str = "", last: bool = False,
                  on_gap: GapHandler | None = None) -> "Subscription":
        """Call `handler` with every later message; with `last`, first with the last value of each key."""

    def last(self, topic: Topic, key: object = None) -> Message | None:
        """The last message of a topic (and key) that a subscriber here was told of, or None."""

    def poll(self) -> int:
        """Deliver what has come from other processes; returns how many messages. Never waits."""

    def close(self) -> None:
        """Leave the bus."""


@dataclass
class Subscription:
    """One handler on one topic; watches the sequence numbers on its behalf.

    Parameters
    ----------
    expected : next sequence number by source; of one that is not in it, any number may come first.
    missed : messages that never arrived.
    active : cleared when the handler failed or the subscriber left; nothing more is delivered.
    """

    topic: Topic
    handler: Handler
    name: str = ""
    on_gap: GapHandler | None = None
    expected: dict[str, int] = field(default_factory=dict)
    missed: int = 0
    active: bool = field(default=True)

    def deliver(self, message: Message) -> None:
        """Hand over one message, telling of a gap first. A message seen before is dropped."""
        seq, expected = message.seq, self.expected.get(message.source, 0)
        if seq != expected and expected:
            if seq < expected:
                return
            self.missed += seq - expected
            if self.on_gap:
                self.on_gap(self.topic, expected, seq)
        self.expected[message.source] = seq + 1
        self.handler(message)

    def cancel(self) -> None:
        self.active = False
