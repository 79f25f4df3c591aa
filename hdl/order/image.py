"""Order frames as data: where everything stands, the image the host writes, and the frame that leaves.

An order frame is Ethernet II, IPv4 and TCP without options, and one FIX message of constant length. The
host writes its constant bytes into the IMAGE registers; the gateware plays them and patches the slots.
Host, golden model and gateware take every offset from `FRAMES`. No hardware is imported here.

Sources: IEEE Std 802.3-2022 clause 3; RFC 791 section 3.1; RFC 6864 section 4.1 (the identification of a
packet that is never fragmented may be constant); RFC 9293 section 3.1; RFC 1071 (checksums).
"""

from dataclasses import dataclass

from fixparse.checksum import byte_sum
from fixparse.templates import (
    NEW_ORDER_SINGLE,
    ORDER_CANCEL_REQUEST,
    Kind,
    OrderValues,
    SessionText,
    Template,
    symbol_text,
)
from hdl.layouts import Action, Side
from hdl.net.headers import ETHERNET, IPV4, PROTOCOL_TCP, TCP, TYPE_IPV4, WORD_BYTES
from hdl.registers import IMAGE_WORDS
from hdl.venue import VenueSpec

TTL, WINDOW = 64, 0xFFFF
#: TCP flags PSH and ACK (RFC 9293, section 3.1).
PSH_ACK = 0x18

IP_AT = ETHERNET.bytes
TCP_AT = IP_AT + IPV4.bytes
FIX_AT = TCP_AT + TCP.bytes

#: Side (54), FIX 4.4 volume 6.
SIDE_CHARS = {Side.BUY: "1", Side.SELL: "2", Side.SELL_SHORT: "5"}
TEMPLATES = {Action.NEW: NEW_ORDER_SINGLE, Action.CANCEL: ORDER_CANCEL_REQUEST}
#: Bytes in one register word; the sums stand in the word after the last byte a frame may have.
WORD = 8
SUMS_WORD = IMAGE_WORDS - 1
MAX_FRAME = SUMS_WORD * WORD


@dataclass(frozen=True)
class FrameSlot:
    """Variable bytes of a frame.

    Parameters
    ----------
    name, kind : as in `fixparse.templates`; slots of the headers are of `Kind.BYTE`.
    places : for each appearance, the frame offsets of its variable characters.
    """
    name: str
    kind: Kind
    places: tuple[tuple[int, ...], ...]

    @property
    def chars(self) -> int:
        return len(self.places[0])

    @property
    def in_fix(self) -> bool:
        """Whether the FIX CheckSum covers it (the CheckSum itself, of course, is not)."""
        return self.places[0][0] >= FIX_AT and self.name != "checksum"


class Frame:
    """The order frame of one template: its length and its slots by name."""

    def __init__(self, template: Template):
        self.template = template
        self.payload = template.length
        self.length = FIX_AT + template.length
        if self.length > MAX_FRAME:
            raise ValueError(f"35={template.msg_type} makes frames of {self.length} bytes, an image holds {MAX_FRAME}")
        self.slots = {name: FrameSlot(name, Kind.BYTE, (tuple(header[field].bytes.start + at + n
                                                              for n in range(len(header[field].bytes))),))
                      for name, header, field, at in (("tcp_seq", TCP, "seq", TCP_AT),
                                                      ("tcp_ack", TCP, "ack", TCP_AT),
                                                      ("tcp_checksum", TCP, "checksum", TCP_AT))}
        for place in template.places:
            name, offsets = place.slot.name, tuple(FIX_AT + n for n in place.offsets)
            before = self.slots[name].places if name in self.slots else ()
            self.slots[name] = FrameSlot(name, place.slot.kind, (*before, offsets))


FRAMES = {action: Frame(template) for action, template in TEMPLATES.items()}


def sum16(data: bytes) -> int:
    """Ones' complement sum of 16-bit big-endian words (RFC 1071), not inverted; an odd byte counts as the high half."""
    total = sum(data[0::2]) * 256 + sum(data[1::2])
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total


def _ipv4(venue: VenueSpec, length: int) -> bytes:
    fields = {"version": 4, "ihl": IPV4.bytes // WORD_BYTES, "total_length": IPV4.bytes + length, "dont_fragment": 1,
              "ttl": TTL, "protocol": PROTOCOL_TCP, "source": venue.local_ip, "destination": venue.remote_ip}
    return IPV4.pack(**fields, checksum=~sum16(IPV4.pack(**fields)) & 0xFFFF)


def _tcp(venue: VenueSpec, **fields: int) -> bytes:
    return TCP.pack(source=venue.local_port, destination=venue.remote_port, data_offset=TCP.bytes // WORD_BYTES,
                    flags=PSH_ACK, window=WINDOW, **fields)


def _tcp_sum(venue: VenueSpec, segment: bytes) -> int:
    """Sum of the pseudo header (RFC 9293, section 3.1) and the segment."""
    pseudo = (venue.local_ip << 64 | venue.remote_ip << 32 | PROTOCOL_TCP << 16 | len(segment)).to_bytes(12, "big")
    return sum16(pseudo + segment)


def _ethernet(venue: VenueSpec) -> bytes:
    return ETHERNET.pack(destination=venue.remote_mac, source=venue.local_mac, type=TYPE_IPV4)


def session_text(venue: VenueSpec) -> SessionText:
    return SessionText(venue.sender_comp_id, venue.target_comp_id)


def image_bytes(venue: VenueSpec, action: Action) -> bytes:
    """The constant bytes of the frame; slots are 0."""
    message = TEMPLATES[action].image(session_text(venue))
    segment = _tcp(venue) + message
    return _ethernet(venue) + _ipv4(venue, len(segment)) + segment


def image(venue: VenueSpec, action: Action) -> list[int]:
    """The IMAGE registers of one venue and action: byte n in bits 8(n%8) of word n//8, sums in the last word."""
    data = image_bytes(venue, action)
    segment = data[TCP_AT:]
    sums = byte_sum(segment[TCP.bytes:][:TEMPLATES[action].summed]) | _tcp_sum(venue, segment) << 16
    data = data.ljust(MAX_FRAME, b"\0")
    return [*(int.from_bytes(data[at:at + WORD], "little") for at in range(0, MAX_FRAME, WORD)), sums]


def symbol_words(symbol: str) -> tuple[int, int]:
    """The SYMBOL_TEXT registers (low, high) of a symbol."""
    text = symbol_text(symbol)
    return int.from_bytes(text[:WORD], "little"), int.from_bytes(text[WORD:], "little")


def frame(venue: VenueSpec, action: Action, values: OrderValues, tcp_seq: int, tcp_ack: int) -> bytes:
    """The frame that leaves, byte for byte, without preamble and FCS. The golden model of the encoder."""
    message = TEMPLATES[action].encode(session_text(venue), values)
    fields = {"seq": tcp_seq, "ack": tcp_ack}
    total = _tcp_sum(venue, _tcp(venue, **fields) + message)
    segment = _tcp(venue, **fields, checksum=~total & 0xFFFF) + message
    return _ethernet(venue) + _ipv4(venue, len(segment)) + segment
