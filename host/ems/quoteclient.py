"""The other side of a request for a quote: asks with 35=R, and reads the 35=S or 35=AG that answers it.

Source: FIX 4.4 (errata 20030618) volume 3, QuoteRequest (R), Quote (S) and QuoteRequestReject (AG).
"""

import itertools
from dataclasses import dataclass

from fixparse.codec import Message as FixMessage
from fixparse.codec import build, encode, parse
from fixparse.fields import FIX44
from fixparse.values import format_time
from hdl.layouts import Side
from host import fixmap
from host.bus import Bus, Message
from host.bus.topics import QUOTE_REQUESTS, QUOTES

_REQUEST_ID, _RELATED, _SYMBOL, _QTY, _SIDE, _TEXT = 131, 146, 55, 38, 54, 58
#: (price, quantity) of our bid and of our offer.
_SIDES = {"bid": (132, 134), "offer": (133, 135)}
_VALID_UNTIL, _QUOTE_ID, _SENT = 62, 117, 60
_PLACES = 9


@dataclass(frozen=True)
class Answer:
    """What came of a request.

    Parameters
    ----------
    request, raw : 35=R as it was asked, 35=S or 35=AG as it was answered.
    sides : "bid" and "offer", as far as they are quoted: price (1e-4 USD) and shares.
    quote_id : QuoteID (117). valid_ns : how long it stands. why : there is none; else empty.
    """
    request: bytes
    raw: bytes
    sides: dict[str, tuple[int, int]]
    quote_id: str = ""
    valid_ns: int = 0
    why: str = ""


class QuoteClient:
    """Asks on the bus. The answer is there once what the desk says to it has been delivered here.

    Parameters
    ----------
    sender : whose request it is; its QuoteReqIDs count from 1.
    """

    def __init__(self, bus: Bus, sender: str = "CLIENT"):
        self.bus, self.sender = bus, sender
        self._numbers = itertools.count(1)
        self._asked: dict[bytes, bytes] = {}
        self._answers: dict[bytes, Answer] = {}
        bus.subscribe(QUOTES, self._on_quote, name="quote client")

    def ask(self, stock: str, qty: int, side: Side | None = None) -> bytes:
        """Send a request for both sides, or for the one that the client would trade; returns its QuoteReqID."""
        number = next(self._numbers)
        request = b"R%06d" % number
        raw = encode(build(FIX44.encode(), [
            (35, b"R"), (34, b"%d" % number), (49, self.sender.encode()), (52, format_time(self.bus.clock(), _PLACES)),
            (56, b"TICKGATE"), (_REQUEST_ID, request), (_RELATED, b"1"), (_SYMBOL, stock.encode()),
            (_QTY, b"%d" % qty), *([] if side is None else [(_SIDE, fixmap.SIDES[side])])]))
        self._asked[request] = raw
        self.bus.publish(QUOTE_REQUESTS, raw)
        return request

    def take(self, request: bytes) -> Answer | None:
        """The answer to a request, once."""
        return self._answers.pop(request, None)

    def _on_quote(self, message: Message) -> None:
        quote = parse(message.payload)
        asked = self._asked.pop(quote[_REQUEST_ID], None) if _REQUEST_ID in quote else None
        if asked:
            self._answers[quote[_REQUEST_ID]] = _read(asked, message.payload, quote)


def _read(request: bytes, raw: bytes, quote: FixMessage) -> Answer:
    sides = {name: (quote.price(price), quote.qty(size)) for name, (price, size) in _SIDES.items() if price in quote}
    if not sides:
        return Answer(request, raw, {}, why=quote.text(_TEXT) if _TEXT in quote else "refused")
    return Answer(request, raw, sides, quote.text(_QUOTE_ID), quote.time(_VALID_UNTIL) - quote.time(_SENT))
