"""Golden models of `hdl.feed`: feed path, sequencer and subscription, message by message, without time.

`FeedModel` is the three together: datagrams in, `BookMessage`s, faults and events out. Everything is
keyed by the names of `hdl.messages`, `hdl.layouts` and `hdl.registers`, so that a testbench compares
what came out of the gateware with `==`.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field, make_dataclass

from amaranth.lib import data

from hdl import messages
from hdl.config import NicConfig
from hdl.feed.mold64 import SHORTEST
from hdl.feed.patience import REACH_BITS
from hdl.feed.spec import (
    COMMON_BYTES,
    MESSAGES,
    MOLD_END_OF_SESSION,
    MOLD_HEADER,
    MOLD_HEADER_BYTES,
    MOLD_HEARTBEAT,
    MOLD_LENGTH_BYTES,
)
from hdl.layouts import FeedCause, Inexact
from hdl.messages import Note

#: `hdl.messages.FeedMessage` as a value; every member defaults to 0.
FeedMessage = make_dataclass("FeedMessage", [(name, int, 0) for name, _ in data.Layout.cast(messages.FeedMessage)],
                             frozen=True)
_WORD, _HALF_WORD = 1 << 64, 1 << 32
_SESSION_KEPT = 8


def _number(raw: bytes) -> int:
    return int.from_bytes(raw, "big")


def _text(raw: bytes) -> int:
    return int.from_bytes(raw, "little")


# ---- feed path --------------------------------------------------------------------------------------

#: Field of the specification -> (member of FeedMessage, how its bytes are read), for every type that has it.
_FIELDS: dict[str, tuple[str, Callable[[bytes], int]]] = {
    "locate": ("locate", _number), "timestamp": ("itch_time", _number), "ref": ("ref", _number),
    "new_ref": ("new_ref", _number), "match": ("new_ref", _number), "side": ("sell", lambda raw: int(raw == b"S")),
    "shares": ("qty", lambda raw: _number(raw) % _HALF_WORD), "price": ("price", _number), "stock": ("stock", _text),
}
#: The one field of each type that goes to `detail`.
_DETAIL = {"S": "event_code", "H": "trading_state", "h": "halt_action", "C": "printable", "Q": "cross_type"}


def _delivered(type_: str) -> list[tuple[str, str, Callable[[bytes], int]]]:
    """(field, member, how it is read) of what is delivered of a type; of an unknown one the common header."""
    names = MESSAGES[type_].by_name if type_ in MESSAGES else ("locate", "timestamp")
    found = [(name, *_FIELDS[name]) for name in names if name in _FIELDS]
    if type_ in _DETAIL:
        found.append((_DETAIL[type_], "detail", _number))
    return found


def needed_bytes(type_: str) -> int:
    """Bytes of a message after which all that is delivered of it is known."""
    if type_ not in MESSAGES:
        return COMMON_BYTES
    return max(MESSAGES[type_].by_name[name].end for name, _, _ in _delivered(type_))


def members(message: bytes) -> dict[str, int]:
    """Members of FeedMessage that the message decides; `message` may lack bytes that are not needed."""
    type_ = chr(message[0])
    items = MESSAGES.get(type_, MESSAGES["A"]).by_name
    return {"type": message[0]} | {
        member: read(message[items[name].offset:items[name].end]) for name, member, read in _delivered(type_)}


@dataclass
class FeedPathModel:
    """One port. `datagram` gives what `hdl.feed.path.FeedPath` puts out; `count` has its PORT counters.

    A block shorter than `shortest` ends the messages of its datagram: `hdl.feed.mold64.SHORTEST` at 64 bits.
    """
    port: int = 0
    shortest: int = 1
    count: Counter = field(default_factory=Counter)

    @classmethod
    def of(cls, config: NicConfig, port: int = 0) -> "FeedPathModel":
        """The model of a variant's port."""
        return cls(port) if config.lanes == 1 else cls(port, SHORTEST)

    def datagram(self, payload: bytes, feed: int = 0, rx_time: int = 0, length: int | None = None,
                 error: bool = False, port_time: Callable[[int], int] = lambda byte: 0) -> list:
        """`payload` is what arrived of `length` bytes; `port_time(n)` is the time of its byte n on the port."""
        context = {"feed": feed, "port": self.port, "rx_time": rx_time}
        if len(payload) < MOLD_HEADER_BYTES:
            self.count["malformed"] += not error
            return []
        session, seq, count = (payload[item.offset:item.end] for item in MOLD_HEADER.values())
        context["session"] = _text(session[:_SESSION_KEPT])
        walk = _Walk(payload, len(payload) if length is None else length, _number(seq), _number(count), self.shortest)
        out, malformed = [], False
        for seq, body, size, start in walk.blocks():
            type_ = chr(body[0])
            right = MESSAGES[type_].length == size if type_ in MESSAGES else size >= COMMON_BYTES
            malformed |= not right
            needed = needed_bytes(type_)
            if right and len(body) >= needed:
                out.append(FeedMessage(**context, **members(body), seq=seq,
                                       needed=port_time(start + needed - 1) % _HALF_WORD))
                self.count["messages"] += 1
                self.count["unknown_type"] += type_ not in MESSAGES
        note = self._note(walk, malformed, error, bool(out))
        if note is not None:
            out.append(FeedMessage(**context, note=note, seq=walk.seq))
        return out

    def _note(self, walk: "_Walk", malformed: bool, error: bool, passed: bool) -> Note | None:
        if error:
            return Note.BAD_FRAME if passed else None
        if malformed or not walk.whole:
            self.count["malformed"] += 1
            return Note.HEARTBEAT
        return {MOLD_HEARTBEAT: Note.HEARTBEAT, MOLD_END_OF_SESSION: Note.END}.get(walk.count)


@dataclass
class _Walk:
    """Through the blocks of a datagram. Afterwards `seq` is the next number and `whole` says that all was there."""
    payload: bytes
    length: int
    seq: int
    count: int
    shortest: int = 1
    whole: bool = False

    def blocks(self) -> Iterator[tuple[int, bytes, int, int]]:
        """(sequence number, bytes that arrived, length, offset of the first byte) of each message begun."""
        at, togo = MOLD_HEADER_BYTES, self.count % MOLD_END_OF_SESSION
        while togo:
            head = self.payload[at:at + MOLD_LENGTH_BYTES]
            if len(head) < MOLD_LENGTH_BYTES:
                return
            size, start = _number(head), at + MOLD_LENGTH_BYTES
            at = start + size
            body = self.payload[start:at]
            fits = size >= self.shortest and at <= self.length
            if fits and body:
                yield self.seq, body, size, start
            if fits and len(body) < size:
                return
            self.seq = (self.seq + 1) % _WORD
            togo -= 1
            if not fits:
                return
        self.whole = at == len(self.payload)


# ---- sequencer --------------------------------------------------------------------------------------

@dataclass
class FeedState:
    """Registers and hidden state of one feed.

    `wait` is the register, `owed` how many messages it waits for, `due` those of them for which the time runs, `since`
    when it began to (the `now` of the message that it began with).
    """
    expected: int = 0
    started: bool = False
    session: int | None = None
    shown_session: int = 0
    gap: bool = False
    ended: bool = False
    strange: bool = False
    wait: int = 0
    owed: int = 0
    due: int = 0
    since: int = 0
    owed_port: int = 0
    doubt: bool = False
    count: Counter = field(default_factory=Counter)

    def write_expected(self, value: int):
        self.expected, self.started, self.session = value, value != 0, None
        self.gap = self.ended = self.strange = False
        self.settle()

    def settle(self):
        """Nothing is owed any more."""
        self.owed = self.due = 0
        self.doubt = False

    def near(self, seq: int, following: int) -> bool:
        """A number ahead is so near that what is missing is waited for."""
        return (self.wait > 0 and self.expected // _HALF_WORD == following // _HALF_WORD
                and seq - self.expected < 1 << REACH_BITS)

    def owe(self, count: int, port: int, now: int):
        """So many messages, from the next one on, were shown by a line."""
        if not self.owed:
            self.count["waits"] += 1
            self.due, self.since = count, now
        if count > self.owed:
            self.owed, self.owed_port = count, port

    def pay(self, now: int):
        """The next message went on."""
        if self.owed:
            self.owed -= 1
            self.due -= 1
            if not self.due:
                self.due, self.since = self.owed, now
        self.doubt = self.doubt and self.owed > 0


class SequencerModel:
    """All ports and feeds. `message` takes one `FeedMessage` and returns it if it goes on.

    Time is the caller's: `now` counts whatever it likes, and `give_up` says that a feed with `owed` has waited for
    its `wait` since `since`. `put_off` says that the last message was dropped for being ahead.

    `faults` are (feed, bits of Inexact), `events` dicts of FEED_EVENT's own fields and `time`, `bad` rx_times.
    """

    def __init__(self, config: NicConfig):
        self.feeds = [FeedState() for _ in range(config.feeds)]
        #: port -> (low half of rx_time of the last that went on or was put off, whether one of its frame went on)
        self.last_frame: dict[int, tuple[int, bool]] = {}
        self.faults: list[tuple[int, int]] = []
        self.events: list[dict[str, int]] = []
        self.bad: list[int] = []
        self.put_off = False

    def message(self, message, now: int = 0):
        feed, self.put_off = self.feeds[message.feed], False
        if message.note == Note.BAD_FRAME:
            self._bad_frame(feed, message)
            return None
        if feed.session not in (None, message.session):
            self._other_session(feed, message)
            return None
        is_message = message.note == Note.MESSAGE
        if feed.started and message.seq > feed.expected and feed.near(message.seq, message.seq + is_message):
            self._put_off(feed, message, now)
            return None
        feed.session = feed.shown_session = message.session
        feed.strange = False
        return self._sequence(feed, message, now)

    def _put_off(self, feed: FeedState, message, now: int):
        self.put_off, is_message = True, message.note == Note.MESSAGE
        feed.strange = feed.strange and feed.session is None
        feed.count["heartbeats"] += message.note == Note.HEARTBEAT
        feed.count["ahead"] += is_message
        feed.owe(message.seq + is_message - feed.expected, message.port, now)
        self._of_frame(message, False)

    def give_up(self, index: int, now: int):
        """What is owed counts as missed, or where a frame that showed it was bad, all is taken anew."""
        feed = self.feeds[index]
        cause = FeedCause.BAD_FRAME if feed.doubt else FeedCause.GAP
        received = feed.expected + feed.owed
        self.events.append({"feed": index, "cause": int(cause), "port": feed.owed_port, "time": now,
                            "expected": feed.expected, "received": received})
        self.faults.append((index, 1 << (Inexact.BAD_FRAME if feed.doubt else Inexact.GAP)))
        feed.gap = True
        if feed.doubt:
            feed.started, feed.session = False, None
        else:
            feed.count["gaps"] += 1
            feed.count["missed"] = (feed.count["missed"] + feed.owed) % _HALF_WORD
        feed.expected = received
        feed.settle()

    def _sequence(self, feed: FeedState, message, now: int):
        ahead = feed.started and message.seq > feed.expected
        behind = feed.started and message.seq < feed.expected
        is_message, ends = message.note == Note.MESSAGE, message.note == Note.END
        feed.count["heartbeats"] += message.note == Note.HEARTBEAT
        feed.count["duplicate"] += is_message and behind
        feed.count["delivered"] += is_message and not behind
        if ahead:
            feed.gap = True
            feed.count["gaps"] += 1
            feed.count["missed"] = (feed.count["missed"] + message.seq - feed.expected) % _HALF_WORD
            self.faults.append((message.feed, 1 << Inexact.GAP))
            feed.settle()
        if ends and not feed.ended:
            self._event(FeedCause.END_OF_SESSION, feed, message)
        elif ahead:
            self._event(FeedCause.GAP, feed, message)
        feed.ended |= ends
        if behind:
            return None
        feed.expected, feed.started = (message.seq + is_message) % _WORD, True
        if not is_message:
            return None
        feed.pay(now)
        self._of_frame(message, True)
        return message

    def _of_frame(self, message, went_on: bool):
        frame, acted = self.last_frame.get(message.port, (None, False))
        now = message.rx_time % _HALF_WORD
        self.last_frame[message.port] = now, went_on or (frame == now and acted)

    def _bad_frame(self, feed: FeedState, message):
        frame, acted = self.last_frame.get(message.port, (None, False))
        if frame != message.rx_time % _HALF_WORD:
            return
        if not acted:
            feed.doubt = feed.owed > 0
            return
        self._event(FeedCause.BAD_FRAME, feed, message)
        self.faults.append((message.feed, 1 << Inexact.BAD_FRAME))
        self.bad.append(message.rx_time)
        feed.started, feed.session, feed.gap = False, None, True
        feed.settle()

    def _other_session(self, feed: FeedState, message):
        feed.count["other_session"] += 1
        if not feed.strange:
            self._event(FeedCause.SESSION_CHANGE, feed, message)
            self.faults.append((message.feed, 1 << Inexact.GAP))
        feed.strange = feed.gap = True

    def _event(self, cause: FeedCause, feed: FeedState, message):
        self.events.append({"feed": message.feed, "cause": int(cause), "port": message.port, "time": message.rx_time,
                            "expected": feed.expected, "received": message.seq})


# ---- subscription -----------------------------------------------------------------------------------

@dataclass
class SymbolState:
    """Registers of one symbol. `name` as the register has it, first byte lowest."""
    name: int = 0
    locate: int = 0
    feed: int = 0
    enable: bool = False
    stopped: bool = True
    suspended: bool = False

    @property
    def halted(self) -> bool:
        return self.stopped or self.suspended

    def clear(self):
        self.stopped = self.suspended = False


class SubscriptionModel:
    """`message` gives the index of the symbol that a `FeedMessage` is for, or None."""

    def __init__(self, config: NicConfig):
        self.symbols = [SymbolState() for _ in range(config.symbols)]

    def subscribe(self, index: int, stock: str, feed: int = 0, locate: int = 0):
        self.symbols[index] = SymbolState(_text(stock.encode().ljust(8)), locate, feed, True)

    def message(self, message) -> int | None:
        own = [symbol for symbol in self.symbols if symbol.feed == message.feed]
        if message.type == ord("W") or (message.type == ord("S") and message.detail in b"MEC"):
            for symbol in own:
                symbol.stopped = True
        found = next((symbol for symbol in own
                      if symbol.enable and symbol.locate == message.locate and message.locate), None)
        if message.type == ord("R") and message.locate:
            named = [symbol for symbol in own if symbol.name == message.stock and symbol.locate != message.locate]
            for symbol in named:
                symbol.locate = message.locate
            found = found or next((symbol for symbol in named if symbol.enable), None)
        if found is None:
            return None
        if message.type == ord("H"):
            found.stopped = message.detail != ord("T")
        if message.type == ord("J"):
            found.stopped = True
        if message.type == ord("h"):
            found.suspended = message.detail != ord("T")
        return next(n for n, symbol in enumerate(self.symbols) if symbol is found)


# ---- the three together -----------------------------------------------------------------------------

class FeedModel:
    """Datagrams of any port in the order of their arrival; (symbol, `FeedMessage`) out."""

    def __init__(self, config: NicConfig):
        self.ports = [FeedPathModel.of(config, port) for port in range(config.ports)]
        self.sequencer = SequencerModel(config)
        self.subscription = SubscriptionModel(config)

    def datagram(self, port: int, payload: bytes, **context) -> list[tuple[int, object]]:
        """`context`: the arguments of `FeedPathModel.datagram`."""
        out = []
        for message in self.ports[port].datagram(payload, **context):
            if (passed := self.sequencer.message(message)) is not None:
                if (symbol := self.subscription.message(passed)) is not None:
                    out.append((symbol, passed))
        return out


__all__ = ["FeedMessage", "FeedModel", "FeedPathModel", "SequencerModel", "SubscriptionModel", "asdict",
           "members", "needed_bytes"]
