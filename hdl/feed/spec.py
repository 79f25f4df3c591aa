"""Facts of the two feed protocols, without behaviour: ITCH 5.0 messages and the MoldUDP64 header.

Sources: Nasdaq TotalView-ITCH 5.0 (edition of 2023-08-22), chapter "Message Formats"; `section` of
each message below is its number there. MoldUDP64 Protocol Specification, version 1.00.
Encoder, decoders and golden models of both are derived from these tables.
"""

from dataclasses import dataclass
from functools import cached_property

#: How the bytes of a field are read (TotalView-ITCH 5.0, "Data Types"): all numbers are unsigned and big-endian.
INTEGER = "integer"
#: ASCII, left-justified and padded with spaces.
ALPHA = "alpha"
#: Integer with 4 implied decimals, 1e-4 USD.
PRICE4 = "price4"
#: Integer with 8 implied decimals, 1e-8 USD.
PRICE8 = "price8"
#: Integer, nanoseconds since midnight.
TIME = "time"


@dataclass(frozen=True)
class Item:
    """One field as it lies in its message: `offset` and `width` in bytes."""
    name: str
    offset: int
    width: int
    kind: str

    @property
    def end(self) -> int:
        """Offset of the byte after its last."""
        return self.offset + self.width


@dataclass(frozen=True)
class MessageSpec:
    """One message: `type` is its first byte, `length` counts that byte too."""
    type: str
    name: str
    section: str
    length: int
    items: tuple[Item, ...]

    @property
    def code(self) -> int:
        return ord(self.type)

    @cached_property
    def by_name(self) -> dict[str, Item]:
        return {item.name: item for item in self.items}


def _items(text: str, offset: int = 0) -> tuple[Item, ...]:
    """`name:width` or `name:width:kind`, separated by spaces, in wire order; the default kind is INTEGER."""
    items = []
    for word in text.split():
        name, width, *kind = word.split(":")
        items.append(Item(name, offset, int(width), kind[0] if kind else INTEGER))
        offset += int(width)
    return tuple(items)


#: Every message starts with these, after its type byte.
COMMON = _items("locate:2 tracking:2 timestamp:6:time", offset=1)
#: Bytes of the type and `COMMON`; no message is shorter.
COMMON_BYTES = COMMON[-1].end


def _message(type_: str, length: int, section: str, name: str, text: str) -> MessageSpec:
    items = COMMON + _items(text, COMMON_BYTES)
    if items[-1].end != length:
        raise ValueError(f"message {type_}: fields end at {items[-1].end}, length is {length}")
    return MessageSpec(type_, name, section, length, items)


#: `ref` is the order reference number (of U, the original one), `match` the match number.
MESSAGES = {spec.type: spec for spec in (
    _message("S", 12, "1.1", "System Event", "event_code:1:alpha"),
    _message("R", 39, "1.2.1", "Stock Directory",
             "stock:8:alpha market_category:1:alpha financial_status:1:alpha round_lot_size:4 round_lots_only:1:alpha "
             "issue_classification:1:alpha issue_subtype:2:alpha authenticity:1:alpha short_sale_threshold:1:alpha "
             "ipo_flag:1:alpha luld_tier:1:alpha etp_flag:1:alpha etp_leverage:4 inverse:1:alpha"),
    _message("H", 25, "1.2.2", "Stock Trading Action",
             "stock:8:alpha trading_state:1:alpha reserved:1:alpha reason:4:alpha"),
    _message("Y", 20, "1.2.3", "Reg SHO Short Sale Price Test Restricted Indicator",
             "stock:8:alpha reg_sho_action:1:alpha"),
    _message("L", 26, "1.2.4", "Market Participant Position",
             "mpid:4:alpha stock:8:alpha primary:1:alpha mode:1:alpha participant_state:1:alpha"),
    _message("V", 35, "1.2.5.1", "MWCB Decline Level", "level1:8:price8 level2:8:price8 level3:8:price8"),
    _message("W", 12, "1.2.5.2", "MWCB Status", "breached_level:1:alpha"),
    _message("K", 28, "1.2.6", "Quoting Period Update",
             "stock:8:alpha release_time:4 release_qualifier:1:alpha ipo_price:4:price4"),
    _message("J", 35, "1.2.7", "LULD Auction Collar",
             "stock:8:alpha collar_reference:4:price4 upper_collar:4:price4 lower_collar:4:price4 extension:4"),
    _message("h", 21, "1.2.8", "Operational Halt", "stock:8:alpha market_code:1:alpha halt_action:1:alpha"),
    _message("A", 36, "1.3.1", "Add Order, No MPID Attribution",
             "ref:8 side:1:alpha shares:4 stock:8:alpha price:4:price4"),
    _message("F", 40, "1.3.2", "Add Order with MPID Attribution",
             "ref:8 side:1:alpha shares:4 stock:8:alpha price:4:price4 attribution:4:alpha"),
    _message("E", 31, "1.4.1", "Order Executed", "ref:8 shares:4 match:8"),
    _message("C", 36, "1.4.2", "Order Executed With Price", "ref:8 shares:4 match:8 printable:1:alpha price:4:price4"),
    _message("X", 23, "1.4.3", "Order Cancel", "ref:8 shares:4"),
    _message("D", 19, "1.4.4", "Order Delete", "ref:8"),
    _message("U", 35, "1.4.5", "Order Replace", "ref:8 new_ref:8 shares:4 price:4:price4"),
    _message("P", 44, "1.5.1", "Trade (Non-Cross)",
             "ref:8 side:1:alpha shares:4 stock:8:alpha price:4:price4 match:8"),
    _message("Q", 40, "1.5.2", "Cross Trade", "shares:8 stock:8:alpha price:4:price4 match:8 cross_type:1:alpha"),
    _message("B", 19, "1.5.3", "Broken Trade", "match:8"),
    _message("I", 50, "1.6", "Net Order Imbalance Indicator",
             "paired_shares:8 imbalance_shares:8 imbalance_direction:1:alpha stock:8:alpha far_price:4:price4 "
             "near_price:4:price4 current_reference:4:price4 cross_type:1:alpha price_variation:1:alpha"),
    _message("N", 20, "1.7", "Retail Price Improvement Indicator", "stock:8:alpha interest_flag:1:alpha"),
    _message("O", 48, "1.8", "Direct Listing with Capital Raise Price Discovery",
             "stock:8:alpha open_eligibility:1:alpha minimum_price:4:price4 maximum_price:4:price4 "
             "near_execution_price:4:price4 near_execution_time:8 lower_price_collar:4:price4 "
             "upper_price_collar:4:price4"),
)}

#: Longest and shortest ITCH message in bytes.
LONGEST = max(spec.length for spec in MESSAGES.values())
SHORTEST = min(spec.length for spec in MESSAGES.values())

#: Downstream packet header (MoldUDP64 1.00, "Downstream Packet"): `count` message blocks follow it.
MOLD_HEADER = {item.name: item for item in _items("session:10:alpha sequence:8 count:2")}
MOLD_HEADER_BYTES = MOLD_HEADER["count"].end
#: Each message block starts with its length, which does not count itself.
MOLD_LENGTH_BYTES = 2
#: `count` of a heartbeat; `sequence` is that of the next message.
MOLD_HEARTBEAT = 0
#: `count` of an end of session; `sequence` is that of the next message, which will not come.
MOLD_END_OF_SESSION = 0xFFFF
