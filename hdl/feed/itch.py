"""ITCH 5.0: from the bytes of a message to its fields, by the tables of `hdl.feed.spec`."""

from dataclasses import dataclass

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from hdl.feed.moldudp64 import MessageByte
from hdl.feed.spec import COMMON_BYTES, LONGEST, MESSAGES
from hdl.messages import FeedMessage

#: Field of the specification -> member of `FeedMessage`. Fields not named here are not delivered.
MEMBER_OF = {
    "locate": "locate", "timestamp": "itch_time", "ref": "ref", "new_ref": "new_ref", "match": "new_ref",
    "side": "sell", "shares": "qty", "price": "price", "stock": "stock",
    "trading_state": "detail", "halt_action": "detail", "printable": "detail", "event_code": "detail",
}
#: Q alone: the cross type. (I has a field of that name too, and nothing else that is delivered but its stock.)
CROSS = "Q"

#: Byte that says sell in `side`.
SELL = ord("S")


@dataclass(frozen=True)
class Placement:
    """`member` lies at these bytes of the messages of these types; types in the order of `MESSAGES`."""
    member: str
    offset: int
    width: int
    types: str

    @property
    def end(self) -> int:
        return self.offset + self.width


def member_of(type_: str, field: str) -> str | None:
    """Member of `FeedMessage` that a field of a message goes to, if any."""
    if field == "cross_type":
        return "detail" if type_ == CROSS else None
    return MEMBER_OF.get(field)


def _placements() -> tuple[Placement, ...]:
    found: dict[tuple[str, int, int], str] = {}
    for type_, spec in MESSAGES.items():
        for item in spec.items:
            if member := member_of(type_, item.name):
                key = member, item.offset, item.width
                found[key] = found.get(key, "") + type_
    return tuple(Placement(*key, types) for key, types in found.items())


PLACEMENTS = _placements()
#: Bytes of a message after which all that is delivered of it is known.
NEEDED = {type_: max(place.end for place in PLACEMENTS if type_ in place.types) for type_ in MESSAGES}
#: The same for types that the specification does not have: their common header.
NEEDED_UNKNOWN = COMMON_BYTES
#: Cycles from the last needed byte to the message.
LATENCY = 1

MEMBERS = tuple(dict.fromkeys(place.member for place in PLACEMENTS))
_ALL = "".join(MESSAGES)
_INDEX_BITS = (LONGEST + 1).bit_length()


def _decoded() -> data.StructLayout:
    whole = data.Layout.cast(FeedMessage)
    return data.StructLayout({member: whole[member].shape for member in ("type", *MEMBERS)})


#: The members of `FeedMessage` that the message itself decides.
Decoded = _decoded()


class ItchDecoder(wiring.Component):
    """All 23 message types, one byte a cycle.

    Latency: a message leaves 1 cycle after its last needed byte, which is the last of the fields that
    `FeedMessage` has (byte numbers from 1):

    ====================  ======================================================================
    last byte             S 12, A 36, E 31, C 36, X 23, D 19, U 35, P 44, Q 40, B 19, h 21
    4 bytes before        F 36 (attribution follows)
    other bytes before    H 20, R 19, Y 19, K 19, J 19, N 19, O 19, L 23, I 36
    after byte 11         V, W, and types not in the specification
    ====================  ======================================================================

    So a message may leave before its own end; where its frame is then torn, `end.error` of the datagram says so.

    Throughput: messages leave at least 13 cycles apart, because no two types together need fewer bytes.

    A message of a known type and another length is malformed and not delivered, as is any shorter than the 11
    bytes that all types begin with. A message of another type is delivered with type, locate and time alone.
    A number wider than its member (shares of Q) is cut to its low bits. Any `side` but S is a buy.

    Ports
    -----
    i : In, valid-only `MessageByte`.
    clear : In, sets all members of `o` to 0 in the next cycle; not together with `i`.
    o : Out, valid-only `Decoded`; members that the type does not have are 0.
    unknown : Out, high together with `o.valid` of a type that the specification does not have.
    needed : Out, combinational: the byte on `i` is the last that its message needs.
    malformed : Out, one strobe for each message not delivered, 2 cycles after its first byte.
    """

    def __init__(self):
        super().__init__({
            "i": In(stream.Signature(MessageByte, always_ready=True)), "clear": In(1),
            "o": Out(stream.Signature(Decoded, always_ready=True)),
            "unknown": Out(1), "needed": Out(1), "malformed": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        byte, take = self.i.payload, self.i.valid
        index = Signal(_INDEX_BITS)             # number of the byte on `i`, from 0; stays at its largest value
        index_next = Signal.like(index)
        good, known = Signal(), Signal()
        last_needed = Signal.like(index)
        begins, began = take & byte.first, Signal()
        length, right = Signal.like(byte.length), Signal(range(LONGEST + 1))    # of the message, of its type
        fits = Mux(known, length == right, length >= COMMON_BYTES)

        m.d.comb += index_next.eq(index + ~index.all())
        with m.If(byte.first):
            m.d.comb += index_next.eq(1)
        with m.If(take):
            m.d.sync += index.eq(index_next)
        m.d.comb += self.needed.eq(take & ~byte.first & good & (index == last_needed))
        m.d.sync += [self.o.valid.eq(self.needed), self.unknown.eq(self.needed & ~known)]

        m.d.sync += [began.eq(begins), self.malformed.eq(began & ~fits)]
        with m.If(began):
            m.d.sync += good.eq(fits)
        with m.If(begins):
            m.d.sync += self.o.payload.type.eq(byte.data)
            self._judge(m, known, last_needed, length, right)
        with m.If(self.clear):
            m.d.sync += self.o.payload.type.eq(0)
        self._load(m, take, begins, index_next)
        return m

    def _judge(self, m, known, last_needed, length, right):
        """At the type byte: after which byte is all known? And in the next cycle: is the length right?"""
        byte = self.i.payload
        with m.Switch(byte.data):
            for spec in MESSAGES.values():
                with m.Case(spec.code):
                    m.d.sync += [known.eq(1), last_needed.eq(NEEDED[spec.type] - 1), right.eq(spec.length)]
            with m.Default():
                m.d.sync += [known.eq(0), last_needed.eq(NEEDED_UNKNOWN - 1)]
        m.d.sync += length.eq(byte.length)

    def _load(self, m, take, begins, index_next):
        """Shifts the byte on `i` into its member; which one was worked out with the byte before."""
        byte = self.i.payload
        loads = {member: 0 for member in MEMBERS}
        for place in PLACEMENTS:
            has, load = Signal(name=f"has_{place.member}_{place.offset}"), \
                Signal(name=f"load_{place.member}_{place.offset}")
            if place.types == _ALL:
                m.d.comb += has.eq(1)
            else:
                with m.If(begins):
                    m.d.sync += has.eq(Cat(byte.data == ord(type_) for type_ in place.types).any())
            with m.If(take):
                m.d.sync += load.eq(has & (index_next >= place.offset) & (index_next < place.end))
            loads[place.member] = loads[place.member] | load
        for member, load in loads.items():
            value = getattr(self.o.payload, member)
            with m.If(begins | self.clear):
                m.d.sync += value.eq(0)
            with m.Elif(take & load):
                m.d.sync += value.eq(_shifted(member, value, byte.data))


def _shifted(member: str, value, byte):
    """The member with one more byte: text first byte lowest, numbers big-endian."""
    if member == "sell":
        return byte == SELL
    if member == "stock":
        return Cat(value[8:], byte)
    return Cat(byte, value)[:len(value)]
