"""ITCH 5.0 at eight bytes a beat: fields where `hdl.feed.spec` has them; `hdl.feed.itch` is the same at one byte."""

from functools import reduce
from operator import or_

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from hdl.feed.itch import _ALL, MEMBERS, NEEDED, NEEDED_UNKNOWN, PLACEMENTS, SELL, Decoded, Placement
from hdl.feed.mold64 import LANES, MessageView
from hdl.feed.spec import COMMON_BYTES, LONGEST, MESSAGES

#: Words of eight bytes that are kept of a message.
WORDS = -(-max(NEEDED.values()) // LANES)


class ItchDecoder64(wiring.Component):
    """All 23 message types, any lane to begin in.

    Latency: a message leaves 1 cycle after the beat that holds its last needed byte; which that is says `ItchDecoder`.
    Throughput: a message a beat. What is delivered of which message is what `ItchDecoder` delivers.

    Ports
    -----
    i : In, valid-only `MessageView`.
    o : Out, valid-only `Decoded`; all members are 0 in any other cycle.
    unknown : Out, high together with `o.valid` of a type that the specification does not have.
    needed : Out, combinational: the beat on `i` holds the last byte that its message needs.
    malformed : Out, one strobe for each message not delivered, the cycle after `i.judge`.
    """

    def __init__(self):
        super().__init__({
            "i": In(stream.Signature(MessageView, always_ready=True)),
            "o": Out(stream.Signature(Decoded, always_ready=True)),
            "unknown": Out(1), "needed": Out(1), "malformed": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        view = self.i.payload
        last, right, known, good, sent = (Signal(range(LONGEST + 1)), Signal(range(LONGEST + 1)), Signal(), Signal(),
                                          Signal())
        with m.Switch(view.type):
            for spec in MESSAGES.values():
                with m.Case(spec.code):
                    m.d.comb += [known.eq(1), last.eq(NEEDED[spec.type]), right.eq(spec.length)]
            with m.Default():
                m.d.comb += last.eq(NEEDED_UNKNOWN)
        m.d.comb += [
            good.eq(Mux(known, view.length == right, view.length >= COMMON_BYTES)),
            self.needed.eq(self.i.valid & ~sent & view.fits & good & (view.count >= last)),
        ]
        with m.If(self.needed):
            m.d.sync += sent.eq(1)
        with m.If(view.opens):
            m.d.sync += sent.eq(0)
        m.d.sync += [self.o.valid.eq(self.needed), self.unknown.eq(self.needed & ~known),
                     self.malformed.eq(view.judge & ~good)]
        self._members(m, self._kept(m))
        return m

    def _kept(self, m: Module) -> list:
        """The bytes of the message, each with the beat that brings it."""
        view = self.i.payload
        words = [Signal(8 * LANES, name=f"word{n}", reset_less=True) for n in range(WORDS)]
        for n, word in enumerate(words):
            with m.If(self.i.valid & (view.beat == n)):
                m.d.sync += word.eq(view.bytes)
            if n:
                with m.Elif(self.i.valid & (view.beat == n - 1)):
                    m.d.sync += word.eq(view.bytes[8 * LANES:])
        return [word.word_select(lane, 8) for word in words for lane in range(LANES)]

    def _members(self, m: Module, kept: list):
        """What the message has; a register for each place says whether its type has a field there."""
        fields: dict[str, list] = {member: [] for member in MEMBERS}
        type_ = self.i.payload.type
        for place in PLACEMENTS:
            has = Signal(name=f"has_{place.member}_{place.offset}")
            mine = 1 if place.types == _ALL else Cat(type_ == ord(type) for type in place.types).any()
            m.d.sync += has.eq(self.needed & mine)
            value = _field(place, kept[place.offset:place.end])
            fields[place.member].append(Mux(has, value, 0))
        for member, values in fields.items():
            m.d.comb += self.o.payload[member].eq(reduce(or_, values))
        m.d.comb += self.o.payload.type.eq(Mux(self.o.valid, kept[0], 0))


def _field(place: Placement, bytes_: list):
    """Its member: text first byte lowest, numbers big-endian; a number wider than the member is cut by that."""
    if place.member == "sell":
        return bytes_[0] == SELL
    return Cat(bytes_) if place.member == "stock" else Cat(reversed(bytes_))


__all__ = ["WORDS", "ItchDecoder64"]
