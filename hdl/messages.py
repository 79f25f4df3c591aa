"""What the blocks of the NIC say to each other.

These structs never leave the NIC (records that do are in `hdl.layouts`). Prices are in 1e-4 USD,
quantities in shares, times in nanoseconds of the NIC's clock. All move on valid-only wires: a block
on the receive path must be ready for the worst case that its docstring names.
"""

import enum

from amaranth.hdl import signed, unsigned
from amaranth.lib import data, stream

from hdl.config import NicConfig
from hdl.layouts import Reason

SYMBOL_BITS, FEED_BITS, PORT_BITS, VENUE_BITS, STRATEGY_BITS = 8, 2, 2, 2, 4


class FeedFilter(data.Struct):
    """Which datagrams belong to a feed; the receivers match, the sequencer owns the registers."""
    ip: unsigned(32)        # destination address
    port: unsigned(16)      # destination UDP port
    enable: unsigned(1)
    promiscuous: unsigned(1)  # match any address and port


class VenueFilter(data.Struct):
    """The TCP connection of an order session, seen from us."""
    remote_ip: unsigned(32)
    remote_port: unsigned(16)
    local_ip: unsigned(32)
    local_port: unsigned(16)
    enable: unsigned(1)


class PayloadMeta(data.Struct):
    """What is known of a frame when its payload starts; constant from `first` to `last`."""
    index: unsigned(2)      # feed (UDP) or venue (TCP)
    port: unsigned(PORT_BITS)
    rx_time: unsigned(64)   # first byte of the frame at the core
    tcp_seq: unsigned(32)   # TCP alone: sequence number of the first payload byte
    length: unsigned(16)    # payload bytes, from the UDP length or the IP total length


def payload(width: int) -> stream.Signature:
    """Payload of one datagram or segment, realigned so that its first byte is in lane 0 of the `first` beat.

    `last` comes with the frame's last beat, which may carry no payload byte (`keep` = 0); `error` is
    valid with `last`: the frame was bad, or shorter than its headers say. Padding never shows.
    """
    return stream.Signature(data.StructLayout({
        "data": width, "keep": width // 8, "first": 1, "last": 1, "error": 1, "meta": PayloadMeta,
    }), always_ready=True)


class Note(enum.IntEnum):
    """What a `FeedMessage` is."""
    MESSAGE = 0      # an ITCH message
    HEARTBEAT = 1    # seq is the next sequence number
    END = 2          # end of session; seq is the next sequence number
    BAD_FRAME = 3    # messages already passed on came in a frame with a bad FCS, or torn


class FeedMessage(data.Struct):
    """One decoded ITCH 5.0 message. Fields that its type does not have are 0."""
    note: unsigned(2)       # `Note`
    type: unsigned(8)       # ASCII
    feed: unsigned(FEED_BITS)
    port: unsigned(PORT_BITS)
    session: unsigned(64)   # first 8 bytes of the MoldUDP64 session, first byte lowest
    seq: unsigned(64)
    locate: unsigned(16)
    itch_time: unsigned(48)
    ref: unsigned(64)       # for U the original
    new_ref: unsigned(64)   # U: new reference; E, C, P: match number
    sell: unsigned(1)
    qty: unsigned(32)
    price: unsigned(32)
    stock: unsigned(64)     # first byte lowest
    detail: unsigned(8)     # H: trading state; C: printable; S: event code; Q: cross type
    rx_time: unsigned(64)   # first byte of its packet at the core
    needed: unsigned(32)    # low half of the clock when its last needed byte was on the port


class BookMessage(data.Struct):
    """A `FeedMessage` in sequence, of a subscribed symbol."""
    message: FeedMessage
    symbol: unsigned(SYMBOL_BITS)


class FeedFault(data.Struct):
    """Every book of `feed` is inexact from here on: `cause` is a one-hot of `Inexact` bits."""
    feed: unsigned(FEED_BITS)
    cause: unsigned(16)


class Level(data.Struct):
    price: unsigned(32)
    qty: unsigned(32)


class TopOfBook(data.Struct):
    """The best levels of one symbol as of one message (`event` = 1) or change of exactness (0)."""
    symbol: unsigned(SYMBOL_BITS)
    feed: unsigned(FEED_BITS)
    event: unsigned(1)
    bid: Level              # price and quantity 0 where there is none
    ask: Level
    inexact: unsigned(16)   # `Inexact` bits
    crossed: unsigned(1)    # both sides exist and bid >= ask
    seq: unsigned(64)
    itch_time: unsigned(48)
    rx_time: unsigned(64)
    needed: unsigned(32)


def side_levels(config: NicConfig) -> data.StructLayout:
    """The reported depth of the side that a message changed, best first; valid with its `TopOfBook`."""
    return data.StructLayout({"side": 1, "exact": 1, "levels": data.ArrayLayout(Level, config.depth)})


class Intent(data.Struct):
    """An order or cancel that wants to leave."""
    order_id: unsigned(64)
    orig_id: unsigned(64)
    price: unsigned(32)
    qty: unsigned(32)
    side: unsigned(2)       # `Side`
    action: unsigned(1)     # `Action`
    tif: unsigned(8)        # ASCII
    strategy: unsigned(STRATEGY_BITS)
    venue: unsigned(VENUE_BITS)
    symbol: unsigned(SYMBOL_BITS)
    origin: unsigned(1)     # `Origin`
    invalid: unsigned(1)    # a field of the host's record does not fit the ones above: rejected as restricted
    rx_time: unsigned(64)
    needed: unsigned(32)


class Decision(data.Struct):
    """The gate's verdict on one intent, with the figures it saw."""
    intent: Intent
    reasons: unsigned(max(Reason) + 1)   # `Reason` bits; 0 is pass
    reference: unsigned(32)
    notional: unsigned(64)
    exposure: signed(32)
    rate_slack: signed(32)
    time: unsigned(64)      # clock at the verdict


class SentOrder(data.Struct):
    """The first beat of an order frame leaves in this cycle: that of the decision in this cycle."""
    msg_seq: unsigned(32)   # binary
    tcp_seq: unsigned(32)
    date: unsigned(32)      # binary YYYYMMDD
    ms: unsigned(32)        # of the day, UTC


class ExecReport(data.Struct):
    """An ExecutionReport (35=8) as the NIC read it: CheckSum and BodyLength were right."""
    order_id: unsigned(64)  # 41 where present and not zero, else 11
    last_qty: unsigned(32)
    last_price: unsigned(32)
    leaves_qty: unsigned(32)
    cum_qty: unsigned(32)
    exec_type: unsigned(8)
    ord_status: unsigned(8)
    venue: unsigned(VENUE_BITS)
    rx_time: unsigned(64)
