"""Every record that crosses between NIC and host, declared once.

A `Record` is a fixed 64-byte, little-endian block: 16 bytes of header, then its own fields. From one
declaration come the gateware struct (`layout`), the numpy dtype (`dtype`) and the reference page.
Records going up and down share the shape, so a DMA ring is an array of 64-byte slots.

This module imports no hardware: the host uses it as data.
"""

import enum
from dataclasses import dataclass
from functools import cached_property

import numpy as np

RECORD_BYTES = 64
RECORD_BITS = 8 * RECORD_BYTES
#: Price levels in one `BOOK_LEVELS` record.
LEVELS_PER_RECORD = 5
#: Bytes of order-session payload in one `SESSION_BYTES` record.
CHUNK_BYTES = 40


class Side(enum.IntEnum):
    """Side of an order. Bit 0 is the direction, bit 1 marks a short sale."""
    BUY = 0
    SELL = 1
    SELL_SHORT = 3


class Origin(enum.IntEnum):
    """Who asked for an order."""
    HOST = 0
    TRIGGER = 1


class Action(enum.IntEnum):
    """What an intent asks for."""
    NEW = 0
    CANCEL = 1


class Condition(enum.IntEnum):
    """When an armed trigger fires. Thresholds are in the unit named."""
    NONE = 0
    #: Opposite top of book at `threshold` (price) or better for us.
    CROSS = 1
    #: Own side's share of the two top quantities at least `threshold` / 256, opposite side within `price`.
    IMBALANCE = 2
    #: A trade printed at `threshold` (price) or through it, in our favour's direction.
    TRADE_THROUGH = 3


class Reason(enum.IntEnum):
    """Bits of a gate decision; none set means pass. The numbers are those of the design's table."""
    KILL = 0
    RESTRICTED = 1
    STALE = 2
    QUANTITY = 3
    NOTIONAL = 4
    COLLAR = 5
    POSITION = 6
    GROSS = 7
    DELTA = 8
    RATE = 9
    DUPLICATE = 10
    SELF_MATCH = 11
    SHORT_SALE = 12
    REPEAT = 13
    OPEN_ORDERS = 14
    LOSS = 15
    WATCHDOG = 16
    INTEGRITY = 17


class Inexact(enum.IntEnum):
    """Why a book is not exact (bits; zero means exact)."""
    NOT_STARTED = 0        # neither cleared by the host nor resynchronised
    GAP = 1                # a message of its feed was missed
    BAD_FRAME = 2          # a frame already applied had a bad FCS
    UNKNOWN_REFERENCE = 3  # a message named an order the table does not hold
    TABLE_FULL = 4         # an order did not fit the order table
    ARITHMETIC = 5         # a quantity would wrap, or an execution exceeded its order
    DUPLICATE_REFERENCE = 6  # an add named an order the table already holds
    REFILL = 7             # fewer known levels than the reported depth, refill under way


class FeedCause(enum.IntEnum):
    """What a FEED_EVENT reports."""
    GAP = 1
    SESSION_CHANGE = 2
    END_OF_SESSION = 3
    BAD_FRAME = 4
    MALFORMED = 5


_NUMPY = {"u1": 8, "u2": 16, "u4": 32, "u8": 64, "i4": 32, "i8": 64}


@dataclass(frozen=True)
class Field:
    """One field of a record: `kind` is a numpy scalar code (u1 u2 u4 u8 i4 i8) or `S<n>` (ASCII)."""
    name: str
    kind: str
    doc: str
    unit: str = ""

    @property
    def bytes(self) -> int:
        return int(self.kind[1:])

    @property
    def signed(self) -> bool:
        return self.kind[0] == "i"


HEADER = (
    Field("kind", "u1", "record kind, see `Kind`"),
    Field("flags", "u1", "meaning is the record's own"),
    Field("symbol", "u2", "symbol index"),
    Field("serial", "u4", "counts the records of one ring; a jump is a loss"),
    Field("time", "u8", "when it happened, by the NIC's clock", "ns since the epoch the host set"),
)


@dataclass(frozen=True)
class Record:
    """A 64-byte record: `HEADER`, then `body`, then zero padding."""
    name: str
    kind: int
    body: tuple[Field, ...]
    doc: str

    def __post_init__(self):
        used = sum(field.bytes for field in self.fields)
        if used > RECORD_BYTES:
            raise ValueError(f"record {self.name} has {used} bytes, the slot {RECORD_BYTES}")

    @property
    def fields(self) -> tuple[Field, ...]:
        return HEADER + self.body

    @cached_property
    def layout(self):
        """Amaranth `StructLayout` of 512 bits, the padding named `_`."""
        from amaranth.hdl import signed
        from amaranth.lib import data
        members, used = {}, 0
        for field in self.fields:
            width = 8 * field.bytes
            members[field.name] = signed(width) if field.signed else width
            used += width
        if used < RECORD_BITS:
            members["_"] = RECORD_BITS - used
        return data.StructLayout(members)

    @cached_property
    def dtype(self) -> np.dtype:
        names, formats, offsets, offset = [], [], [], 0
        for field in self.fields:
            names.append(field.name)
            formats.append(field.kind if field.kind[0] == "S" else "<" + field.kind)
            offsets.append(offset)
            offset += field.bytes
        return np.dtype({"names": names, "formats": formats, "offsets": offsets,
                         "itemsize": RECORD_BYTES})

    def make(self, **values) -> np.ndarray:
        """One record as an array of shape (1,); fields not named are zero."""
        record = np.zeros(1, self.dtype)
        record["kind"] = self.kind
        for name, value in values.items():
            record[name] = value
        return record


def _levels():
    for n in range(LEVELS_PER_RECORD):
        yield Field(f"price{n}", "u4", f"price of level first+{n}; 0 where there is none", "1e-4 USD")
        yield Field(f"qty{n}", "u4", f"total quantity of level first+{n}", "shares")


# ---- NIC to host -------------------------------------------------------------------------------

MARKET_EVENT = Record("MARKET_EVENT", 1, (
    Field("feed", "u1", "feed index"),
    Field("type", "u1", "ITCH message type, ASCII"),
    Field("side", "u1", "`Side`; adds alone"),
    Field("detail", "u1", "trading state (H), printable (C), cross type (Q), event code (S); else 0"),
    Field("price", "u4", "price of the message, or 0", "1e-4 USD"),
    Field("qty", "u4", "shares of the message, or 0", "shares"),
    Field("seq", "u8", "MoldUDP64 sequence number"),
    Field("itch_time", "u8", "the exchange's time stamp", "ns since midnight"),
    Field("ref", "u8", "order reference (for U the original)"),
    Field("new_ref", "u8", "U: the new order reference; P and E: match number"),
), "A normalised ITCH message of a subscribed symbol. `time`: its packet's first byte at the core.")

BOOK_TOP = Record("BOOK_TOP", 2, (
    Field("bid_price", "u4", "best bid, 0 where there is none", "1e-4 USD"),
    Field("bid_qty", "u4", "quantity at the best bid", "shares"),
    Field("ask_price", "u4", "best ask, 0 where there is none", "1e-4 USD"),
    Field("ask_qty", "u4", "quantity at the best ask", "shares"),
    Field("seq", "u8", "MoldUDP64 sequence number of the message that caused it"),
    Field("itch_time", "u8", "the exchange's time stamp", "ns since midnight"),
    Field("inexact", "u2", "`Inexact` bits; 0 is exact"),
    Field("feed", "u1", "feed index"),
    Field("crossed", "u1", "1 where bid >= ask"),
), "Top of book after a message of its symbol, or after its exactness changed (`flags` bit 0: no "
   "message). When the host is slow, the newest replaces older ones of the same symbol.")

BOOK_LEVELS = Record("BOOK_LEVELS", 3, (
    Field("side", "u1", "`Side.BUY` for bids, `Side.SELL` for asks"),
    Field("first", "u1", "index of the first level here, 0 is the best"),
    Field("exact", "u1", "1 where every level reported for this side is exact"),
    Field("feed", "u1", "feed index"),
    Field("seq", "u4", "low half of the MoldUDP64 sequence number"),
    *_levels(),
), "Part of the depth of one side after a message of its symbol.")

DECISION = Record("DECISION", 4, (
    Field("order_id", "u8", "ClOrdID"),
    Field("reasons", "u4", "`Reason` bits; 0 is pass"),
    Field("price", "u4", "limit price", "1e-4 USD"),
    Field("qty", "u4", "order quantity", "shares"),
    Field("reference", "u4", "reference price the collar used", "1e-4 USD"),
    Field("notional", "u8", "price x quantity", "1e-4 USD"),
    Field("exposure", "i4", "worst-case signed position with this order filled", "shares"),
    Field("rate_slack", "i4", "time that the tighter of the two rate limits had to spare; below 0: it had no token, "
          "and has the next one in so many; the least number: it never has one", "core clock periods"),
    Field("side", "u1", "`Side`"),
    Field("origin", "u1", "`Origin`"),
    Field("action", "u1", "`Action`"),
    Field("strategy", "u1", "strategy index"),
    Field("venue", "u1", "venue index"),
    Field("serial_limits", "u1", "low byte of the serial number of the limits in force"),
), "One gate decision, pass or reject, with the figures it saw: the audit record.")

ORDER_SENT = Record("ORDER_SENT", 5, (
    Field("order_id", "u8", "ClOrdID"),
    Field("rx_time", "u8", "first byte of the causing packet at the core (host orders: intent in)", "ns"),
    Field("cause_delay", "u4", "last needed byte of the causing message, after rx_time (host orders: 0)", "ns"),
    Field("decide_delay", "u4", "gate verdict, after rx_time", "ns"),
    Field("msg_seq", "u4", "FIX MsgSeqNum it carries"),
    Field("tcp_seq", "u4", "TCP sequence number of its first payload byte"),
    Field("origin", "u1", "`Origin`"),
    Field("action", "u1", "`Action`"),
    Field("venue", "u1", "venue index"),
    Field("poisoned", "u1", "1 where the frame left with a bad FCS"),
    Field("transact_date", "u4", "date written in the frame, as YYYYMMDD"),
    Field("transact_ms", "u4", "UTC time of day written in the frame", "ms"),
), "An order frame has left. `time`: its first beat at the core. `flags` bit 0: no, it did not reach its venue; "
   "stopped before its first beat, or poisoned, and its reservation is given back.")

EXECUTION = Record("EXECUTION", 6, (
    Field("order_id", "u8", "ClOrdID (of the original for a cancel)"),
    Field("last_qty", "u4", "LastQty (32)", "shares"),
    Field("last_price", "u4", "LastPx (31)", "1e-4 USD"),
    Field("leaves_qty", "u4", "LeavesQty (151)", "shares"),
    Field("cum_qty", "u4", "CumQty (14)", "shares"),
    Field("position", "i4", "position of the symbol after it", "shares"),
    Field("open_qty", "u4", "open quantity of its side of the symbol after it", "shares"),
    Field("exec_type", "u1", "ExecType (150), ASCII"),
    Field("ord_status", "u1", "OrdStatus (39), ASCII"),
    Field("side", "u1", "`Side` of the order"),
    Field("venue", "u1", "venue index"),
    Field("known", "u1", "1 where the NIC follows this order, 0 where it does not"),
), "An ExecutionReport read by the NIC and applied to its exposure.")

SESSION_BYTES = Record("SESSION_BYTES", 7, (
    Field("tcp_seq", "u4", "TCP sequence number of the first byte"),
    Field("venue", "u1", "venue index"),
    Field("count", "u1", f"bytes used, at most {CHUNK_BYTES}"),
    Field("last", "u1", "1 where the segment ends here"),
    Field("_reserved", "u1", "0"),
    *(Field(f"b{n}", "u8", f"bytes {8 * n} to {8 * n + 7}, first byte lowest") for n in range(CHUNK_BYTES // 8)),
), "In-order payload of an order session, as received: the host's own copy of what the venue said.")

REG_VALUE = Record("REG_VALUE", 8, (
    Field("addr", "u4", "register word address"),
    Field("tag", "u4", "tag of the request"),
    Field("data", "u8", "the register"),
), "Answer to REG_READ.")

FEED_EVENT = Record("FEED_EVENT", 9, (
    Field("feed", "u1", "feed index"),
    Field("cause", "u1", "`FeedCause`"),
    Field("port", "u1", "port it came in on"),
    Field("_reserved", "u1", "0"),
    Field("expected", "u8", "sequence number expected"),
    Field("received", "u8", "sequence number received"),
), "A feed is not what it should be, or has ended.")

# ---- host to NIC -------------------------------------------------------------------------------

REG_WRITE = Record("REG_WRITE", 16, (
    Field("addr", "u4", "register word address"),
    Field("tag", "u4", "ignored"),
    Field("data", "u8", "value"),
), "Write one register.")

REG_READ = Record("REG_READ", 17, (
    Field("addr", "u4", "register word address"),
    Field("tag", "u4", "comes back in the answer"),
), "Read one register; answered by REG_VALUE in order.")

_ORDER = (
    Field("order_id", "u8", "ClOrdID, written as 16 hexadecimal digits; low bits pick the open-order slot"),
    Field("orig_id", "u8", "OrigClOrdID of a cancel"),
    Field("price", "u4", "limit price", "1e-4 USD"),
    Field("qty", "u4", "quantity", "shares"),
    Field("side", "u1", "`Side`"),
    Field("action", "u1", "`Action`"),
    Field("strategy", "u1", "strategy index"),
    Field("venue", "u1", "venue index"),
    Field("tif", "u1", "TimeInForce (59), ASCII: 0 day, 3 immediate or cancel"),
)

INTENT = Record("INTENT", 18, _ORDER, "An order or cancel the host wants sent; it takes the gate like any other.")

ARM = Record("ARM", 19, (
    *_ORDER,
    Field("condition", "u1", "`Condition`; NONE disarms"),
    Field("refills", "u2", "times it may fire after the first, with order_id counting up"),
    Field("threshold", "u4", "see `Condition`"),
), "Arm the trigger of `symbol`, replacing what was armed, in one cycle.")

UP = (MARKET_EVENT, BOOK_TOP, BOOK_LEVELS, DECISION, ORDER_SENT, EXECUTION, SESSION_BYTES, REG_VALUE, FEED_EVENT)
DOWN = (REG_WRITE, REG_READ, INTENT, ARM)
BY_KIND = {record.kind: record for record in UP + DOWN}

#: Any record by its header alone: `raw.view(HEADER_DTYPE)` reads `kind` before the body is known.
HEADER_DTYPE = Record("HEADER", 0, (), "").dtype
