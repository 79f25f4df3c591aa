"""The session side of order entry at one venue: FIX 4.4 over bytes in order.

The session is up from the start: there is no logon yet, and a message with a MsgSeqNum other than the
next is refused and counted. What breaks the form of FIX is answered with 35=3, a message that the
venue does not take with 35=j (FIX 4.4 volume 2, "Reject" and "Business Message Reject").
"""

import re
from collections import Counter
from collections.abc import Iterable

from fixparse.codec import Message, parse
from fixparse.dictionary import dictionary
from fixparse.enums import BusinessRejectReason, MsgType
from fixparse.errors import FixError
from fixparse.fields import FIX44, TAGS
from fixparse.forms import Form, Header
from fixparse.orders import business_reject, reject
from fixparse.stream import Framer
from hdl.venue import VenueSpec
from sim.exchange.clients import Listing, Reporter
from sim.exchange.desk import Answer, Desk
from sim.exchange.fade import Fade
from sim.exchange.matching import Event

_MSG_SEQ_NUM, _SENDER, _TARGET = TAGS["MsgSeqNum"], TAGS["SenderCompID"], TAGS["TargetCompID"]
_SEQ_FIELD = re.compile(rb"\x01%d=(\d{1,40})\x01" % _MSG_SEQ_NUM)
_HEARTBEAT = Form(MsgType.HEARTBEAT, "TestReqID")
#: Decimals of the seconds in SendingTime and TransactTime: more than FIX 4.4 asks for, as the simulation has them.
TIME_PLACES = 9
#: SessionRejectReason (373).
_VALUE_IS_INCORRECT, _COMP_ID_PROBLEM, _OTHER = 5, 9, 99


class Gateway:
    """One session at one venue.

    Parameters
    ----------
    spec : the venue; its CompIDs are those of the client, so they are the other way round here.
    listings : what the venue lists.
    fade : how it treats large orders.

    `count` holds messages taken by type (`in.D`), `refused` ones (answered with 35=3 or j), `garbage`
    bytes between messages, and what the `Desk` counts.
    """

    def __init__(self, spec: VenueSpec, listings: Iterable[Listing], fade: Fade | None = None):
        self.next_in = 1
        self.count: Counter[str] = Counter()
        self.header = Header(FIX44.encode(), spec.target_comp_id.encode(), spec.sender_comp_id.encode(),
                             places=TIME_PLACES)
        self.desk = Desk(listings, Reporter(self.header, spec.name), self.count, fade)
        self._client = spec.sender_comp_id.encode(), spec.target_comp_id.encode()
        self._framer = Framer()
        self._dictionary = dictionary(FIX44)
        self._handlers = {MsgType.NEW_ORDER_SINGLE: self.desk.new, MsgType.ORDER_CANCEL_REQUEST: self.desk.cancel,
                          MsgType.ORDER_CANCEL_REPLACE_REQUEST: self.desk.replace}

    def receive(self, payload: bytes, now: int) -> Answer:
        """Bytes of the session, in order, at `now` ns UTC."""
        answer = Answer()
        for raw in self._framer.feed(payload):
            self._take(raw, now, answer)
        self.count["garbage"] = self._framer.garbage
        return answer

    def fills(self, events: Iterable[Event], now: int) -> list[bytes]:
        """Reports of the client orders that traded in `events`."""
        return self.desk.fills(now, events)

    def _take(self, raw: bytes, now: int, answer: Answer) -> None:
        found = _SEQ_FIELD.search(raw)
        seq = int(found[1]) if found else 0
        try:
            if found is None or seq != self.next_in:
                raise FixError(_MSG_SEQ_NUM, found.start() + 1 if found else len(raw),
                               f"is {seq}, expected {self.next_in}", _VALUE_IS_INCORRECT)
            self.next_in += 1
            message = parse(raw)
            self._dictionary.validate(message)
            if (message[_SENDER], message[_TARGET]) != self._client:
                raise FixError(_SENDER, message.offset(_SENDER), "and TargetCompID are not those of this session",
                               _COMP_ID_PROBLEM)
            self._dispatch(message, now, answer)
        except FixError as error:
            self.count["refused"] += 1
            reason = _OTHER if error.reject is None else error.reject
            answer.messages.append(reject(self.header, now, ref_seq=seq, reason=reason, ref_tag=error.tag,
                                          text=str(error).encode("latin-1", "replace")))

    def _dispatch(self, message: Message, now: int, answer: Answer) -> None:
        kind = message.msg_type
        self.count[f"in.{kind.decode('latin-1')}"] += 1
        handler = self._handlers.get(kind)
        if handler is not None:
            handler(message, now, answer)
        elif kind == MsgType.TEST_REQUEST:
            answer.messages.append(_HEARTBEAT.encode(self.header, now, message[TAGS["TestReqID"]]))
        elif kind != MsgType.HEARTBEAT:
            self.count["refused"] += 1
            answer.messages.append(business_reject(
                self.header, now, ref_seq=message.number(_MSG_SEQ_NUM), ref_type=kind,
                reason=BusinessRejectReason.UNSUPPORTED_MESSAGE_TYPE, text=b"this venue takes 35=D, F and G"))
