"""Messages of fixed length: constant text with slots at fixed offsets, declared once.

The gateware encoder, its golden model and the host's frame images come from the templates here; the
gateware tokenizer comes from `EXECUTION_REPORT`.

Text whose length varies is followed by a number that is padded with leading zeros, so that everything
after it stands still: the CompIDs by MsgSeqNum, the symbol by OrderQty. Leading zeros are legal in both
(FIX 4.4 with errata 20030618, volume 1, "data types": int "may contain leading zeros (e.g. 00023 = 23)",
and float likewise), and the order of body fields is free (volume 1, "message format"). So the length of a
message is constant, and BodyLength with it.

Sources: FIX 4.4 with errata 20030618, volume 1 (data types, message format, standard header and trailer),
volume 2 (checksum), volume 4 (NewOrderSingle, OrderCancelRequest, ExecutionReport).
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from functools import cached_property

from fixparse.checksum import checksum

BEGIN_STRING = "FIX.4.4"
#: CompIDs and symbols have at most so many characters.
NAME_CHARS = 8
#: Bytes of the symbol window: the symbol, SOH, `38=`, leading zeros of the quantity.
SYMBOL_BYTES = 16
#: SOH as it is written in this file.
_SOH = "|"


class Kind(Enum):
    """What one variable character of a slot is: a decimal digit, an upper-case hex digit, or any byte."""
    DIGIT = 4
    HEX = 5
    BYTE = 8


@dataclass(frozen=True)
class OrderValues:
    """What an order message says beyond its constant text.

    Parameters
    ----------
    msg_seq : MsgSeqNum (34).
    date, ms : UTC time written as SendingTime (52) and TransactTime (60): YYYYMMDD as a number, ms of the day.
    order_id, orig_id : ClOrdID (11) and, of a cancel, OrigClOrdID (41); written as 16 hex digits.
    symbol : Symbol (55).
    qty : OrderQty (38), shares. price : Price (44), 1e-4 USD.
    side : Side (54), the character: 1 buy, 2 sell, 5 sell short. tif : TimeInForce (59), the character.
    """
    msg_seq: int
    date: int
    ms: int
    order_id: int
    symbol: str
    qty: int
    side: str
    price: int = 0
    tif: str = "0"
    orig_id: int = 0


def symbol_text(symbol: str) -> bytes:
    """The symbol window: what stands between `55=` and the fixed digits of the quantity."""
    return f"{_name('symbol', symbol)}{_SOH}38=".ljust(SYMBOL_BYTES, "0").encode().replace(_SOH.encode(), b"\x01")


def time_of_day(ms: int) -> str:
    """Milliseconds of the day as the nine digits HHMMSSmmm."""
    seconds, ms = divmod(ms, 1000)
    return f"{seconds // 3600:02d}{seconds // 60 % 60:02d}{seconds % 60:02d}{ms:03d}"


def _name(what: str, text: str) -> str:
    if not 1 <= len(text) <= NAME_CHARS or not text.isascii() or not text.isprintable() or {"=", _SOH, " "} & set(text):
        raise ValueError(f"{what} {text!r} must be 1 to {NAME_CHARS} ASCII characters without space, '=' and '|'")
    return text


@dataclass(frozen=True)
class Slot:
    """Variable characters of a message.

    Parameters
    ----------
    name : what it holds; one value may stand in several places.
    pattern : `#` for each variable character, anything else stands for itself.
    kind : of its variable characters.
    text : the variable characters of given values; None where the encoder itself computes them.
    """
    name: str
    pattern: str
    kind: Kind
    text: Callable[[OrderValues], str] | None

    @property
    def chars(self) -> int:
        """Variable characters."""
        return self.pattern.count("#")

    def characters(self, values: OrderValues) -> bytes:
        """The variable characters; a value that does not fit is an error."""
        assert self.text is not None
        chars = self.text(values).encode("latin-1")
        if len(chars) != self.chars:
            raise ValueError(f"{self.name}: {self.text(values)!r} does not fit {self.chars} characters")
        return chars


MSG_SEQ = Slot("msg_seq", "#########", Kind.DIGIT, lambda v: f"{v.msg_seq:09d}")
TIME = Slot("time", "########-##:##:##.###", Kind.DIGIT, lambda v: f"{v.date:08d}{time_of_day(v.ms)}")
ORDER_ID = Slot("order_id", "#" * 16, Kind.HEX, lambda v: f"{v.order_id:016X}")
ORIG_ID = Slot("orig_id", "#" * 16, Kind.HEX, lambda v: f"{v.orig_id:016X}")
SYMBOL = Slot("symbol", "#" * SYMBOL_BYTES, Kind.BYTE, lambda v: symbol_text(v.symbol).decode())
#: 10 digits hold any 32-bit number; the price has 4 of them after the point.
QTY = Slot("qty", "#" * 10, Kind.DIGIT, lambda v: f"{v.qty:010d}")
PRICE = Slot("price", "######.####", Kind.DIGIT, lambda v: f"{v.price:010d}")
SIDE = Slot("side", "#", Kind.BYTE, lambda v: v.side)
TIF = Slot("tif", "#", Kind.BYTE, lambda v: v.tif)
CHECKSUM = Slot("checksum", "###", Kind.DIGIT, None)


@dataclass(frozen=True)
class SessionText:
    """Constant text of one session: SenderCompID (49) and TargetCompID (56) of what we send."""
    sender: str
    target: str

    @property
    def window(self) -> bytes:
        """Both CompIDs and the leading zeros of MsgSeqNum, always the same length."""
        text = f"49={_name('SenderCompID', self.sender)}|56={_name('TargetCompID', self.target)}|34="
        return text.ljust(self.length, "0").replace(_SOH, "\x01").encode()

    length = len("49=|56=|34=") + 2 * NAME_CHARS


@dataclass(frozen=True)
class Place:
    """A slot in a message: `offsets` of its variable characters from the `8` of `8=`."""
    slot: Slot
    offsets: tuple[int, ...]


class Template:
    """A message: constant text, the session's text, slots.

    Parameters
    ----------
    msg_type : MsgType (35).
    body : what follows SendingTime (52): text (`|` for SOH) and slots, in order.
    """

    def __init__(self, msg_type: str, *body: str | Slot):
        self.msg_type = msg_type
        start = f"35={msg_type}|"
        self._body: tuple[str | Slot | None, ...] = (start, None, MSG_SEQ, "|52=", TIME, *body)  # None: the session's
        self.body_length = sum(self._length(part) for part in self._body)
        if not 100 <= self.body_length <= 999:
            raise ValueError(f"35={msg_type} has a body of {self.body_length} bytes, which is not three digits")
        self._parts = (f"8={BEGIN_STRING}|9={self.body_length}|", *self._body, "10=", CHECKSUM, "|")
        self.length = sum(self._length(part) for part in self._parts)

    @staticmethod
    def _length(part: str | Slot | None) -> int:
        if part is None:
            return SessionText.length
        return len(part.pattern) if isinstance(part, Slot) else len(part)

    @cached_property
    def places(self) -> tuple[Place, ...]:
        """Every slot, in the order of the message; CHECKSUM is the last."""
        places, at = [], 0
        for part in self._parts:
            if isinstance(part, Slot):
                places.append(Place(part, tuple(at + n for n, char in enumerate(part.pattern) if char == "#")))
            at += self._length(part)
        return tuple(places)

    @cached_property
    def summed(self) -> int:
        """CheckSum covers the bytes before this offset (volume 2): up to the SOH before `10=`."""
        return self.length - len("10=###|")

    def image(self, session: SessionText) -> bytes:
        """The constant bytes; every variable character is 0."""
        text = b"".join(session.window if part is None else
                        (part.pattern.replace("#", "\0") if isinstance(part, Slot) else part).encode()
                        for part in self._parts)
        return text.replace(_SOH.encode(), b"\x01")

    def encode(self, session: SessionText, values: OrderValues) -> bytes:
        """The message, byte for byte as the gateware sends it."""
        message = bytearray(self.image(session))
        for place in self.places:
            if place.slot is not CHECKSUM:
                _patch(message, place, place.slot.characters(values))
        _patch(message, self.places[-1], checksum(bytes(message[:self.summed])))
        return bytes(message)


def _patch(message: bytearray, place: Place, chars: bytes) -> None:
    for offset, char in zip(place.offsets, chars, strict=True):
        message[offset] = char


#: A limit order (40=2), automated and private (21=1).
NEW_ORDER_SINGLE = Template(
    "D", "|11=", ORDER_ID, "|21=1|55=", SYMBOL, QTY, "|54=", SIDE, "|60=", TIME, "|40=2|44=", PRICE, "|59=", TIF, "|")
ORDER_CANCEL_REQUEST = Template(
    "F", "|11=", ORDER_ID, "|41=", ORIG_ID, "|55=", SYMBOL, QTY, "|54=", SIDE, "|60=", TIME, "|")


class Format(Enum):
    """How the tokenizer reads a value; the golden model is sim.models.tokenizer."""
    ID = "16 upper-case hex digits; any other text reads 0"
    CHAR = "one character"
    QTY = "decimal, whole, below 2**32; a fraction must be zeros"
    PRICE = "decimal below 2**32 in units of 1e-4; decimals after the fourth must be zeros"


@dataclass(frozen=True)
class ReportField:
    """A field that the NIC reads; `required` fields are those the standard requires in every ExecutionReport."""
    tag: int
    name: str
    format: Format
    required: bool = False


EXECUTION_REPORT_TYPE = "8"
#: Fields of ExecutionReport (35=8) that move exposure. Names are those of `hdl.messages.ExecReport`.
EXECUTION_REPORT = (
    ReportField(11, "order_id", Format.ID),
    ReportField(41, "orig_id", Format.ID),
    ReportField(150, "exec_type", Format.CHAR, required=True),
    ReportField(39, "ord_status", Format.CHAR, required=True),
    ReportField(32, "last_qty", Format.QTY),
    ReportField(31, "last_price", Format.PRICE),
    ReportField(151, "leaves_qty", Format.QTY, required=True),
    ReportField(14, "cum_qty", Format.QTY, required=True),
)
