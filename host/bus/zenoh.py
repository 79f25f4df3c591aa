"""The zenoh transport: processes on one machine or many, through a router (`host.bus.router`).

Kept topics are sent reliably with blocking congestion control, lossy ones may be dropped on the way. Whatever zenoh
does not deliver of a kept topic (its peer was cut off, the router was away) is asked for: every process keeps a log of
what it published (`host.bus.kept`), says now and then how much that was, and answers questions for any part of it, for
last values and for its history.

Keys: `tickgate/BUS/m/TOPIC/NAME/START` messages, and questions about them; `tickgate/BUS/b/NAME/START` beats. NAME and
START are those of the process that publishes or answers, and nothing is believed under a key that it does not belong
to: so who may publish what can be said of keys alone (`host.bus.certificates`).
"""

import atexit
import contextlib
import time
from collections import deque
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import msgspec
import zenoh

from host.bus.bus import GapHandler, Handler, Message, Subscription
from host.bus.inprocess import FaultHandler
from host.bus.kept import SUFFIX, KeptLog, KeptReader, starts
from host.bus.node import BusError, Node
from host.bus.router import LISTEN, configuration, opened
from host.bus.topics import TOPICS, Topic
from host.bus.wire import WireError, decode, encode, seq_of, topic_of

#: Between two beats, and how long a process may be silent before somebody says so.
BEAT_NS, SILENCE_NS = 200_000_000, 10_000_000_000
#: An answer is waited for so long.
_PATIENCE_S = 2.0
#: Frames of lossy topics that wait to be polled; beyond it new ones are dropped, and told as a gap.
BACKLOG = 100_000
#: Bytes of one part of an answer.
_PART = 1 << 20

_pack, _unpack = msgspec.msgpack.Encoder().encode, msgspec.msgpack.Decoder(list[tuple[str, bytes]]).decode


class Beat(msgspec.Struct, array_like=True):
    """How much of each kept topic a source has published; `ended` with its last one."""
    counts: dict[str, int]
    ended: bool = False


class Question(msgspec.Struct, array_like=True):
    """What one process asks another of the topic that the key names: the `last` values, its `history`, or of a
    `source` the messages `first` to `end` (exclusive)."""
    what: str
    source: str = ""
    first: int = 0
    end: int = 0


_beat_of, _question_of = msgspec.msgpack.Decoder(Beat).decode, msgspec.msgpack.Decoder(Question).decode


class _Peer:
    """Another process: the next number of each kept topic, what it says it has sent, and when it was heard."""

    def __init__(self) -> None:
        self.next: dict[str, int] = {}
        self.said: dict[str, int] = {}
        self.heard, self.silent = time.monotonic_ns(), False


class Zenoh(Node):
    """See the module. Raises `BusError` where the router cannot be reached or the name is taken.

    Parameters
    ----------
    folder : of this process's logs; each host has its own.
    bus : name of the bus: others on the same router do not disturb it.
    connect : endpoint of the router. config : a zenoh configuration instead (TLS, access control; docs/bus.md).
    """

    def __init__(self, folder: Path, name: str, *, bus: str = "desk", connect: str = LISTEN,
                 config: Path | None = None, clock: Callable[[], int] | None = None,
                 on_fault: FaultHandler | None = None):
        try:
            folder.mkdir(parents=True, exist_ok=True)
            earlier = starts(folder, name)
        except OSError as error:
            raise BusError(f"{folder}: cannot be used ({error.strerror}); choose another folder") from None
        super().__init__(name, max(earlier, default=0) + 1, clock, on_fault)
        self.folder, self._where, self._root = folder, str(config or connect), f"tickgate/{bus}"
        self._place = f"{name}/{self.incarnation}"
        self._peers: dict[str, _Peer] = {}
        self._arrived: deque[tuple[str, bytes]] = deque()
        self._beats: deque[tuple[str, Beat]] = deque()
        self._publishers: dict[str, zenoh.Publisher] = {}
        self._listening: dict[str, zenoh.Subscriber[Any]] = {}
        self._beaten = 0
        self._linked = True
        self._log = KeptLog(folder / f"{self.source}{SUFFIX}")
        self._session = opened(configuration("client", connect, config), self._where)
        atexit.register(self.close)
        self._join()

    @property
    def linked(self) -> bool:
        """The router is there, as of the last beat."""
        return self._linked

    def subscribe(self, topic: Topic, handler: Handler, *, name: str = "", last: bool = False,
                  on_gap: GapHandler | None = None) -> Subscription:
        self._listen(topic.name)
        return super().subscribe(topic, handler, name=name, last=last, on_gap=on_gap)

    def tap(self, handler: Handler, *, name: str = "tap") -> None:
        for topic in TOPICS:
            self._listen(topic)
        super().tap(handler, name=name)

    def history(self, topic: Topic) -> list[Message]:
        if topic.lossy:
            raise ValueError(f"{topic} is not kept")
        own = [(source, frame) for source, frame in self._past() if topic_of(frame) is topic]
        return _messages([*self._ask(topic.name, "*/*", Question("history")), *own])

    def close(self) -> None:
        if self._session.is_closed():
            return
        atexit.unregister(self.close)
        self._beat(ended=True)
        self._session.close()  # type: ignore[no-untyped-call]
        self._log.close()

    # ---- out

    def _send(self, topic: Topic, frame: bytes, key: object) -> None:
        if not topic.lossy:
            self._log.append(frame)
        publisher = self._publishers.get(topic.name) or self._offer(topic)
        publisher.put(frame)

    def _offer(self, topic: Topic) -> zenoh.Publisher:
        """Publish a topic from now on, and answer questions about it."""
        key = f"{self._root}/m/{topic.name}/{self._place}"
        self._session.declare_queryable(key, self._on_question)
        publisher = self._publishers[topic.name] = self._session.declare_publisher(
            key, express=not topic.lossy, reliability=zenoh.Reliability.RELIABLE,
            congestion_control=zenoh.CongestionControl.DROP if topic.lossy else zenoh.CongestionControl.BLOCK,
            priority=zenoh.Priority.DATA if topic.lossy else zenoh.Priority.INTERACTIVE_HIGH)
        return publisher

    def _beat(self, ended: bool = False) -> None:
        self._session.put(f"{self._root}/b/{self._place}", _pack(Beat(self._kept_counts(), ended)))

    # ---- in

    def _receive(self) -> Iterable[tuple[str, bytes]]:
        self._pulse()
        for _ in range(len(self._arrived)):
            source, frame = self._arrived.popleft()
            topic = topic_of(frame)
            if topic is None or topic.lossy:
                yield source, frame
                continue
            next_ = self._peer(source).next
            seq, expected = seq_of(frame), next_.get(topic.name, 1)
            if seq < expected:
                continue
            if seq > expected:
                yield from self._missing(source, topic.name, expected, seq)
            if seq == next_.get(topic.name, 1):
                next_[topic.name] = seq + 1
            yield source, frame

    def _missing(self, source: str, topic: str, first: int, end: int) -> Iterable[tuple[str, bytes]]:
        """Messages of a kept topic that did not come. What nobody can tell any more is a gap."""
        found = self._ask(topic, f"{source.rpartition('.')[0]}/*", Question("part", source, first, end))
        self._peer(source).next[topic] = end
        return found

    def _pulse(self) -> None:
        """Beat, look after the link and after the others."""
        now = time.monotonic_ns()
        while self._beats:
            source, beat = self._beats.popleft()
            self._take_beat(source, beat, now)
        if now - self._beaten < BEAT_NS:
            return
        self._beaten = now
        self._beat()
        linked = bool(self._session.info.routers_zid())
        if linked != self._linked:
            self._linked = linked
            for peer in self._peers.values():
                peer.heard = now
            self.publish_fault(
                f"the router at {self._where} is back: what was kept meanwhile is asked for" if linked else
                f"the router at {self._where} is gone: nothing reaches other processes; orders and executions are "
                f"kept, and told when it is back")
        for source, peer in self._peers.items():
            if linked and not peer.silent and now - peer.heard > SILENCE_NS:
                peer.silent = True
                self._tell(f"silence of {source}", f"no word from {source} for {SILENCE_NS // 10**9} s: it was killed, "
                                                   f"hangs, or cannot be reached")

    def _take_beat(self, source: str, beat: Beat, now: int) -> None:
        """A beat. What the one before said and has not come by now is asked for."""
        if beat.ended:
            self._peers.pop(source, None)
            return
        peer = self._peer(source)
        peer.heard, peer.silent = now, False
        for topic, count in peer.said.items():
            expected = peer.next.get(topic, 1)
            if count >= expected and topic in self._listening:
                self._arrived.extend(self._missing(source, topic, expected, count + 1))
                peer.next[topic] = expected  # they come in order now, one by one
        peer.said = beat.counts

    def _peer(self, source: str) -> _Peer:
        peer = self._peers.get(source)
        if peer is None:
            peer = self._peers[source] = _Peer()
            self._born(source)
        return peer

    def _held(self, topic: Topic) -> Iterable[Message]:
        return _messages(self._ask(topic.name, "*/*", Question("last")))

    # ---- how

    def _join(self) -> None:
        """Listen to beats, learn who was here before (of them nothing is owed), and answer for earlier starts."""
        key = f"{self._root}/b/{self._place}"
        self._session.declare_queryable(key, lambda query: query.reply(key, _pack(Beat(self._kept_counts()))))
        self._session.declare_subscriber(f"{self._root}/b/*/*", self._on_beat, allowed_origin=zenoh.Locality.REMOTE)
        for reply in self._get("b/*/*", b""):
            source, beat = _source(reply.key_expr), _beat_of(reply.payload.to_bytes())
            if source.rpartition(".")[0] == self.name:
                self.close()
                raise BusError(f"{self._where}: a process called {self.name} is on this bus already; stop it first")
            self._peers[source] = peer = _Peer()
            peer.next = {name: count + 1 for name, count in beat.counts.items()}
        for topic in {topic.name: topic for _, frame in self._past() if (topic := topic_of(frame))}.values():
            self._offer(topic)

    def _listen(self, topic: str) -> None:
        if topic not in self._listening:
            keep = not TOPICS[topic].lossy
            arrived = self._arrived
            for peer in self._peers.values():  # what they said before is not owed
                peer.next[topic] = max(peer.next.get(topic, 1), peer.said.get(topic, 0) + 1)

            def hear(sample: zenoh.Sample) -> None:  # in a thread of zenoh's
                if keep or len(arrived) < BACKLOG:
                    arrived.append((_source(sample.key_expr), _belonging(topic, sample.payload.to_bytes())))
            self._listening[topic] = self._session.declare_subscriber(
                f"{self._root}/m/{topic}/*/*", hear, allowed_origin=zenoh.Locality.REMOTE)

    def _on_beat(self, sample: zenoh.Sample) -> None:
        try:
            self._beats.append((_source(sample.key_expr), _beat_of(sample.payload.to_bytes())))
        except msgspec.MsgspecError:
            self.garbage[_source(sample.key_expr)] += 1

    def _ask(self, topic: str, whom: str, question: Question) -> list[tuple[str, bytes]]:
        """Every part of every answer about a topic; nothing where nobody answers in time."""
        found: list[tuple[str, bytes]] = []
        for reply in self._get(f"m/{topic}/{whom}", _pack(question)):
            name = _source(reply.key_expr).rpartition(".")[0]
            for source, frame in _unpack(reply.payload.to_bytes()):
                if source.rpartition(".")[0] == name:
                    found.append((source, _belonging(topic, frame)))
        return found

    def _get(self, key: str, payload: bytes) -> Iterable[zenoh.Sample]:
        try:
            for reply in self._session.get(
                    f"{self._root}/{key}", payload=payload, target=zenoh.QueryTarget.ALL, timeout=_PATIENCE_S,
                    consolidation=zenoh.ConsolidationMode.NONE, allowed_destination=zenoh.Locality.REMOTE):
                if reply.ok:
                    yield reply.ok
        except (zenoh.ZError, msgspec.MsgspecError) as error:
            self._tell("answers", f"an answer on the bus cannot be read or did not come: {error}")

    def _on_question(self, query: zenoh.Query) -> None:
        """In a thread of zenoh's: reads what is only ever added to."""
        with query:
            topic = TOPICS.get(str(query.key_expr).split("/")[3])
            try:
                asked = _question_of(query.payload.to_bytes() if query.payload else b"")
            except msgspec.MsgspecError as error:
                query.reply_err(str(error))
                return
            if topic is None:
                return
            key, part, size = f"{self._root}/m/{topic.name}/{self._place}", list[tuple[str, bytes]](), 0
            for source, frame in self._answer(topic, asked):
                part.append((source, frame))
                size += len(frame)
                if size > _PART:
                    query.reply(key, _pack(part))
                    part, size = [], 0
            query.reply(key, _pack(part))

    def _answer(self, topic: Topic, asked: Question) -> Iterable[tuple[str, bytes]]:
        if asked.what == "last":
            values = list(self._last.get(topic.name, {}).values())
            return [(self.source, encode(message)) for message in values if message.source == self.source]
        past = ((source, frame) for source, frame in self._past() if topic_of(frame) is topic)
        if asked.what == "history":
            return past
        return (one for one in past if one[0] == asked.source and asked.first <= seq_of(one[1]) < asked.end)

    def _past(self) -> Iterable[tuple[str, bytes]]:
        """What this process and earlier starts of it have kept."""
        for start in starts(self.folder, self.name):
            source = f"{self.name}.{start}"
            for entry in KeptReader(self.folder / f"{source}{SUFFIX}").read():
                yield source, entry.frame

    def _kept_counts(self) -> dict[str, int]:
        return {name: count for name, count in list(self.counts.items()) if not TOPICS[name].lossy}


def _belonging(topic: str, frame: bytes) -> bytes:
    """A frame that came under a topic's key; one of another topic is none (and will be found to be garbage)."""
    of = topic_of(frame)
    return frame if of is not None and of.name == topic else b""


def _source(key: zenoh.KeyExpr) -> str:
    """NAME/START at the end of a key as a source."""
    return ".".join(str(key).rsplit("/", 2)[-2:])


def _messages(frames: Iterable[tuple[str, bytes]]) -> list[Message]:
    """By their time; what cannot be read is left out."""
    messages = []
    for source, frame in frames:
        with contextlib.suppress(WireError):
            messages.append(decode(frame, source))
    return sorted(messages, key=lambda message: message.time)
