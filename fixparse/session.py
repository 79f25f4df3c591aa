"""A FIX session without I/O: bytes in, bytes out, events for the application, time as an argument.

Source: FIX 4.4 volume 2, "session protocol" and FIXT 1.1, the same rules: logon, heartbeats and test
requests, sequence numbers, resend requests, gap fill and sequence reset, reject, logout.

A gap is closed by asking for everything from the first missing message on (EndSeqNo 0); messages
beyond the gap are dropped until it is closed, as they come again. Session messages are never sent
again: a gap fill stands for them.
"""

from collections.abc import Iterable, MutableMapping
from enum import Enum

from fixparse.codec import Message, parse
from fixparse.enums import SESSION_TYPES, MsgType
from fixparse.errors import FixError
from fixparse.events import Disconnect, Event, Gap, LoggedOn, Received, Rejected
from fixparse.fields import TAGS
from fixparse.forms import Form, Header
from fixparse.resend import resend
from fixparse.stream import Framer
from fixparse.values import NS, format_time

_BEGIN, _END, _NEW_SEQ, _GAP_FILL = TAGS["BeginSeqNo"], TAGS["EndSeqNo"], TAGS["NewSeqNo"], TAGS["GapFillFlag"]
_SEQ, _POSS_DUP = TAGS["MsgSeqNum"], TAGS["PossDupFlag"]
_SENDER, _TARGET, _TEXT, _TEST_ID = TAGS["SenderCompID"], TAGS["TargetCompID"], TAGS["Text"], TAGS["TestReqID"]
_HEART, _ENCRYPT, _RESET, _VERSION = (TAGS["HeartBtInt"], TAGS["EncryptMethod"], TAGS["ResetSeqNumFlag"],
                                      TAGS["DefaultApplVerID"])
_REF_SEQ, _REF_TAG, _REF_TYPE, _REASON = (TAGS["RefSeqNum"], TAGS["RefTagID"], TAGS["RefMsgType"],
                                          TAGS["SessionRejectReason"])
_OTHER, _VALUE_IS_INCORRECT, _COMP_ID_PROBLEM = 99, 5, 9
#: DefaultApplVerID (1137) of FIX 5.0 SP2.
_FIX50SP2 = b"9"

Fields = Iterable[tuple[int, bytes]]


class State(Enum):
    CLOSED = "closed"
    LOGON = "waiting for the other end's Logon"
    UP = "up"
    LOGOUT = "waiting for the other end's Logout"


class Session:
    """One end of a FIX session.

    Call `connect` when the transport is up, `receive` with its bytes, `tick` when `next_time` has come,
    and write `output()` after each call. `send` numbers and keeps an application message.

    Parameters
    ----------
    header : CompIDs and BeginString; its `seq` is the next number to send.
    initiator : this end sends the first Logon.
    heartbeat_ns : offered by the initiator, overruled by the Logon in the acceptor.
    next_in : the next number to receive.
    reset : start both sequences at 1 with this logon (141=Y).
    store : what was sent, by sequence number; give one that lasts to resend over restarts.
    """

    def __init__(self, header: Header, *, initiator: bool, heartbeat_ns: int = 30 * NS, next_in: int = 1,
                 reset: bool = False, store: MutableMapping[int, bytes] | None = None):
        self.header = header
        self.initiator = initiator
        self.heartbeat_ns = heartbeat_ns
        self.next_in = next_in
        self.reset = reset
        self.store: MutableMapping[int, bytes] = {} if store is None else store
        self.state = State.CLOSED
        self._framer = Framer()
        self._out: list[bytes] = []
        self._events: list[Event] = []
        self._last_sent = self._last_received = self._asked_at = 0
        self._test_sent = False
        self._asked_to = 0  # highest number seen beyond the gap that was asked for
        self._handlers = {
            MsgType.HEARTBEAT: lambda message, now: None, MsgType.TEST_REQUEST: self._on_test_request,
            MsgType.RESEND_REQUEST: self._on_resend_request, MsgType.REJECT: self._on_reject,
            MsgType.SEQUENCE_RESET: self._on_sequence_reset, MsgType.LOGOUT: self._on_logout,
            MsgType.LOGON: self._on_second_logon}

    # ---- what the application does ---------------------------------------------------------------

    def connect(self, now: int) -> None:
        """The transport connection is up."""
        self._framer = Framer()
        self._last_received = self._last_sent = now
        self._test_sent, self._asked_to = False, 0
        self.state = State.LOGON
        if self.initiator:
            if self.reset:
                self._restart()
            self._send_logon(now, self.reset)

    def send(self, now: int, msg_type: bytes, fields: Fields) -> int:
        """Send an application message; gives its MsgSeqNum. While the session is not up it is kept, and goes
        out when the other end asks for what it missed."""
        if msg_type in SESSION_TYPES:
            raise ValueError(f"35={msg_type.decode('latin-1')} belongs to the session")
        seq = self.header.seq
        raw = Form(msg_type, "").encode(self.header, now, extra=tuple(fields))
        self.store[seq] = raw
        if self.state is State.UP:
            self._write(raw, now)
        return seq

    def logout(self, now: int, text: bytes = b"") -> None:
        """Begin to leave; `Disconnect` follows with the other end's Logout, or without it after a heartbeat time."""
        if self.state is State.UP:
            self._send(MsgType.LOGOUT, now, ((_TEXT, text),) if text else ())
            self.state = State.LOGOUT

    def disconnected(self) -> None:
        """The transport connection is gone. Sequence numbers go on with the next `connect`."""
        self.state = State.CLOSED
        self._out.clear()

    def output(self) -> bytes:
        """Bytes to send, once."""
        data = b"".join(self._out)
        self._out.clear()
        return data

    def receive(self, now: int, data: bytes) -> list[Event]:
        """Bytes that have come; gives what the application must know, in order."""
        for raw in self._framer.feed(data):
            if self.state is State.CLOSED:
                break
            self._last_received, self._test_sent = now, False
            self._take(raw, now)
        return self._take_events()

    def tick(self, now: int) -> list[Event]:
        """Do what is due at `now`."""
        silent = now - self._last_received
        if self.state is State.UP:
            if now - self._last_sent >= self.heartbeat_ns:
                self._send(MsgType.HEARTBEAT, now)
            if silent >= 2 * self._patience_ns and self._test_sent:
                self._close("the other end is silent")
            elif silent >= self._patience_ns and not self._test_sent:
                self._test_sent = True
                self._send(MsgType.TEST_REQUEST, now, ((_TEST_ID, format_time(now)),))
        elif self.state is not State.CLOSED and silent >= self._patience_ns:
            self._close(f"timed out {self.state.value}")
        return self._take_events()

    def next_time(self) -> int | None:
        """When `tick` has something to do at the earliest; None while there is no connection."""
        if self.state is State.CLOSED:
            return None
        due = self._last_received + self._patience_ns * (2 if self._test_sent else 1)
        return min(due, self._last_sent + self.heartbeat_ns) if self.state is State.UP else due

    # ---- what has come ---------------------------------------------------------------------------

    def _take(self, raw: bytes, now: int) -> None:
        try:
            message = parse(raw)
            seq = message.number(_SEQ)
            if (message[_SENDER], message[_TARGET]) != (self.header.target, self.header.sender):
                self._refuse(message.msg_type, seq, _SENDER, _COMP_ID_PROBLEM, "wrong CompIDs", now)
                self._leave("SenderCompID or TargetCompID is wrong", now)
                return
            if message.begin_string != self.header.begin_string:
                self._leave("BeginString is wrong", now)
                return
            if self.state is State.LOGON:
                self._on_first_logon(message, seq, now)
            elif message.msg_type == MsgType.SEQUENCE_RESET and message.get(_GAP_FILL) != b"Y":
                self._on_sequence_reset(message, now)
            else:
                self._in_order(message, seq, now)
        except FixError as error:
            if error.reject is not None:
                self._on_faulty(raw, error, now)

    def _in_order(self, message: Message, seq: int, now: int) -> None:
        if seq < self.next_in:
            if message.get(_POSS_DUP) != b"Y":
                self._leave(f"MsgSeqNum too low, expected {self.next_in}, received {seq}", now)
            return
        if seq > self.next_in:
            # Both ends may have a gap: a request must be answered even if it is beyond ours.
            if message.msg_type in (MsgType.RESEND_REQUEST, MsgType.LOGOUT):
                self._handlers[message.msg_type](message, now)
            if self.state is State.UP:
                self._ask(seq, now)
            return
        self.next_in += 1
        handler = self._handlers.get(message.msg_type)
        if handler is None:
            self._events.append(Received(message))
        else:
            handler(message, now)

    def _on_first_logon(self, message: Message, seq: int, now: int) -> None:
        if message.msg_type != MsgType.LOGON:
            self._close("the first message is not a Logon")
            return
        reset = message.get(_RESET) == b"Y"
        if reset:
            self.next_in = 1
        if seq < self.next_in:
            self._leave(f"MsgSeqNum too low, expected {self.next_in}, received {seq}", now)
            return
        if not self.initiator:
            self.heartbeat_ns = message.number(_HEART) * NS
            if reset:
                self._restart()
            self._send_logon(now, reset)
        self.state = State.UP
        self._events.append(LoggedOn(self.heartbeat_ns))
        if seq > self.next_in:
            self._ask(seq, now)
        else:
            self.next_in += 1

    def _on_second_logon(self, message: Message, now: int) -> None:
        self._refuse(message.msg_type, message.number(_SEQ), None, _OTHER, "already logged on", now)

    def _on_test_request(self, message: Message, now: int) -> None:
        self._send(MsgType.HEARTBEAT, now, ((_TEST_ID, message[_TEST_ID]),))

    def _on_reject(self, message: Message, now: int) -> None:
        self._events.append(Rejected(message))

    def _on_logout(self, message: Message, now: int) -> None:
        if self.state is not State.LOGOUT:
            self._send(MsgType.LOGOUT, now)
        text = message.text(_TEXT) if _TEXT in message else "no reason given"
        self._close(f"logged out: {text}")

    def _on_sequence_reset(self, message: Message, now: int) -> None:
        new = message.number(_NEW_SEQ)
        if new < self.next_in:
            self._refuse(message.msg_type, message.number(_SEQ), _NEW_SEQ, _VALUE_IS_INCORRECT,
                         f"NewSeqNo {new} is below {self.next_in}", now)
        else:
            self.next_in = new

    def _on_resend_request(self, message: Message, now: int) -> None:
        for raw in resend(self.store, self.header, message.number(_BEGIN), message.number(_END), now):
            self._write(raw, now)

    def _on_faulty(self, raw: bytes, error: FixError, now: int) -> None:
        """A message in sequence that breaks its form is used up by a Reject; any other is ignored."""
        head = b"\x01%d=%d\x01" % (_SEQ, self.next_in)
        if self.state is State.UP and head in raw:
            seq, self.next_in = self.next_in, self.next_in + 1
            self._refuse(None, seq, error.tag, _OTHER if error.reject is None else error.reject, str(error), now)

    # ---- what goes out ---------------------------------------------------------------------------

    def _send(self, msg_type: bytes, now: int, fields: Fields = ()) -> None:
        self._write(Form(msg_type, "").encode(self.header, now, extra=tuple(fields)), now)

    def _send_logon(self, now: int, reset: bool) -> None:
        fields = [(_ENCRYPT, b"0"), (_HEART, b"%d" % (self.heartbeat_ns // NS))]
        if reset:
            fields.append((_RESET, b"Y"))
        if self.header.begin_string.startswith(b"FIXT"):
            fields.append((_VERSION, _FIX50SP2))
        self._send(MsgType.LOGON, now, fields)

    def _refuse(self, kind: bytes | None, seq: int, tag: int | None, reason: int, text: str, now: int) -> None:
        fields = [(_REF_SEQ, b"%d" % seq), (_REASON, b"%d" % reason), (_TEXT, text.encode("latin-1", "replace"))]
        if tag is not None:
            fields.append((_REF_TAG, b"%d" % tag))
        if kind is not None:
            fields.append((_REF_TYPE, kind))
        self._send(MsgType.REJECT, now, fields)

    def _ask(self, seen: int, now: int) -> None:
        """Ask for what is missing, once for each gap, and again where nothing came of it for a heartbeat time."""
        if self.next_in <= self._asked_to and now - self._asked_at < self.heartbeat_ns:
            return
        self._asked_to, self._asked_at = seen, now
        self._events.append(Gap(self.next_in, seen))
        self._send(MsgType.RESEND_REQUEST, now, ((_BEGIN, b"%d" % self.next_in), (_END, b"0")))

    def _leave(self, reason: str, now: int) -> None:
        self._send(MsgType.LOGOUT, now, ((_TEXT, reason.encode("latin-1", "replace")),))
        self._close(reason)

    def _close(self, reason: str) -> None:
        self.state = State.CLOSED
        self._events.append(Disconnect(reason))

    def _write(self, raw: bytes, now: int) -> None:
        self._out.append(raw)
        self._last_sent = now

    def _restart(self) -> None:
        self.header.seq = self.next_in = 1
        self.store.clear()

    @property
    def _patience_ns(self) -> int:
        """A heartbeat time and a fifth for transmission (FIX 4.4 volume 2: "reasonable transmission time")."""
        return self.heartbeat_ns * 6 // 5

    def _take_events(self) -> list[Event]:
        events, self._events = self._events, []
        return events
