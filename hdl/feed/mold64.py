"""MoldUDP64 (version 1.00) at eight bytes a beat: where each message is; `hdl.feed.moldudp64` is the same at one."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, signed, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from hdl.config import NicConfig
from hdl.feed.moldudp64 import SESSION_BYTES, DatagramEnd
from hdl.feed.spec import (
    COMMON_BYTES,
    MOLD_END_OF_SESSION,
    MOLD_HEADER,
    MOLD_HEADER_BYTES,
    MOLD_HEARTBEAT,
    MOLD_LENGTH_BYTES,
)
from hdl.messages import payload

LANES, LANE_BITS = 8, 3
#: A block shorter than this ends the messages of its datagram: no ITCH message is. So one begins in a beat at most.
SHORTEST = COMMON_BYTES
#: Bytes of a message that a beat may bring into sight: those of one aligned beat, and what there is of the next.
SIGHT = 2 * LANES - 1
#: The first message is this far behind the header's last full beat, counted from the byte before that beat.
_FIRST = MOLD_HEADER_BYTES % LANES + 1
_HEADER_BEATS = MOLD_HEADER_BYTES // LANES
_LENGTH_BITS = 16
_LOW_BITS = 32
_COUNT_BITS = 6


class MessageView(data.Struct):
    """What a beat shows of the message under way, which began in an earlier one.

    Seen from its first byte a message is beats of its own: `bytes` begins with beat number `beat` of them, which is
    complete unless the datagram ends, and goes on with as much of the next as is there.
    """
    bytes: unsigned(8 * SIGHT)
    beat: unsigned(LANE_BITS)       # stays at its largest value
    count: unsigned(_COUNT_BITS)    # bytes that have arrived, this beat's too; stays where it is when far too large
    type: unsigned(8)               # known when `count` is `SHORTEST` or more
    length: unsigned(_LENGTH_BITS)
    judge: unsigned(1)              # whatever else: in this cycle type and length are those of a message that counts
    fits: unsigned(1)               # it lies within the datagram
    opens: unsigned(1)              # another message begins in this beat: the next beats are of that one


class MoldUDP64Wide(wiring.Component):
    """Takes datagrams apart, eight bytes a cycle; messages may begin in any lane.

    Latency: a message is in sight in the same cycle (`o` is combinational from `i`). Throughput: one beat a cycle.
    Nothing is held back and nothing can overflow. What ends the messages of a datagram is what does so in
    `MoldUDP64`, and a block shorter than `SHORTEST` besides; those before it stand.

    Ports
    -----
    i : In(payload(64))
    o : Out, valid-only `MessageView`, with every beat that holds bytes; `judge` and what belongs to it at any time.
    seq : Out(64), sequence number of the message of `o`, from the second cycle after that of its length on, for one
        cycle longer. From 2 cycles after `end` on it is that of the next message, a malformed block counted as one.
    session : Out(64), the first 8 bytes of the session, first byte lowest.
    end : Out, valid-only `DatagramEnd`, `END_LATENCY` cycles after the datagram's last beat.
    """

    #: Cycles from a datagram's last beat to the `end` it causes, and to the `seq` that is right for it.
    END_LATENCY, SEQ_LATENCY = 3, 4

    def __init__(self, config: NicConfig):
        super().__init__({
            "i": In(payload(config.data_width)), "o": Out(stream.Signature(MessageView, always_ready=True)),
            "seq": Out(64), "session": Out(8 * SESSION_BYTES),
            "end": Out(stream.Signature(DatagramEnd, always_ready=True)),
        })

    def elaborate(self, platform):
        m = Module()
        beat = self.i.payload
        self.take, self.ends = Signal(), Signal(3)      # ends: so many cycles after the datagram's last beat, less one
        self.before = Signal(8 * LANES)                 # the beat before
        self.left = Signal(signed(_LENGTH_BITS + 2))    # bytes of the datagram from the next beat on
        self.at = Signal(signed(_LENGTH_BITS + 2))      # of the next block, counted from the byte before the next beat
        self.blocks, self.whole, self.owed = Signal(), Signal(), Signal()
        self.togo, self.kind = Signal(_LENGTH_BITS), Signal(DatagramEnd)
        here, opens, opened = Signal.like(self.left), Signal(), Signal()
        m.d.comb += [self.take.eq(self.i.valid & beat.keep[0]),
                     here.eq(Mux(beat.first, beat.meta.length, self.left))]
        with m.If(self.take):
            m.d.sync += [self.before.eq(beat.data), self.left.eq(here - LANES), self.at.eq(self.at - LANES)]
        none = self._header(m, here)
        length = self._find(m, opens)
        stops = self._judge(m, opened, length)
        m.d.sync += opened.eq(opens & ~none & ~stops)
        with m.If(opens & ~none & ~stops):
            m.d.sync += self.owed.eq(1)
        self._follow(m, opens, opened, length)
        self._sequence(m, opened)
        self._end(m)
        return m

    # ---- header --------------------------------------------------------------------------------------

    def _header(self, m: Module, here):
        """Session, sequence number and count. Returns that no message follows, in the header's last beat."""
        beat = self.i.payload
        number, none = Signal(range(_HEADER_BEATS + 2), init=_HEADER_BEATS + 1), Signal()
        now = Mux(beat.first, 0, number)
        self.headed, self.begun = Signal(), Signal()    # the header is complete, the first block has begun
        count = Signal(_LENGTH_BITS)
        at = MOLD_HEADER["count"].offset % LANES
        m.d.comb += count.eq(Cat(beat.data.word_select(at + n, 8) for n in reversed(range(2))))
        sequence = MOLD_HEADER["sequence"]
        with m.If(self.i.valid & beat.first):
            m.d.sync += [self.kind.eq(0), self.headed.eq(0), self.begun.eq(0), self.whole.eq(0), self.blocks.eq(0),
                         self.owed.eq(0), number.eq(_HEADER_BEATS + 1)]
        with m.If(self.take & (now <= _HEADER_BEATS)):
            m.d.sync += number.eq(now + 1)
            for byte in range(SESSION_BYTES):
                with m.If(now == byte // LANES):
                    m.d.sync += self.session.word_select(byte, 8).eq(beat.data.word_select(byte % LANES, 8))
            for byte in range(sequence.offset, sequence.end):
                with m.If(now == byte // LANES):
                    m.d.sync += self.seq.word_select(sequence.end - 1 - byte, 8).eq(
                        beat.data.word_select(byte % LANES, 8))
            with m.If(now == _HEADER_BEATS - 1):
                m.d.sync += self.at.eq(_FIRST)
        with m.If(self.take & ~beat.first & (number == _HEADER_BEATS) & beat.keep[MOLD_HEADER_BYTES % LANES - 1]):
            m.d.comb += none.eq((count == MOLD_HEARTBEAT) | (count == MOLD_END_OF_SESSION))
            m.d.sync += [self.headed.eq(1), self.blocks.eq(~none), self.togo.eq(count),
                         self.kind.heartbeat.eq(count == MOLD_HEARTBEAT),
                         self.kind.end.eq(count == MOLD_END_OF_SESSION),
                         self.whole.eq(none & (here == MOLD_HEADER_BYTES % LANES))]
        self.opening = Signal()     # the header ends in this beat, so a block may begin
        m.d.comb += self.opening.eq(number == _HEADER_BEATS)
        return none

    # ---- blocks --------------------------------------------------------------------------------------

    def _find(self, m: Module, opens):
        """Whether both bytes of a block's length are here, with the last one in this beat; the length."""
        beat = self.i.payload
        where, window = self.at[:LANE_BITS], Cat(self.before[-8:], beat.data, Const(0, 8))
        found = Signal(8 * (MOLD_LENGTH_BYTES + 1))
        m.d.comb += [
            found.eq(window.bit_select(where << 3, len(found))),
            opens.eq(self.take & ~beat.first & (self.blocks | self.opening) & ~self.at[LANE_BITS:].any()
                     & beat.keep.bit_select(where, 1)),
        ]
        length = Cat(found[8:16], found[:8])
        with m.If(opens):
            m.d.sync += self.at.eq(self.at + length - (LANES - MOLD_LENGTH_BYTES))
        self.type_here = found[16:]
        return length

    def _judge(self, m: Module, opened, length):
        """The cycle after a length: whether its block lies in the datagram. Returns that no further one is wanted."""
        kept, self.fits = Signal(_LENGTH_BITS), Signal()
        inside, last, stops = Signal(), Signal(), Signal()
        m.d.sync += kept.eq(length)
        m.d.comb += [
            inside.eq((kept >= SHORTEST) & (self.at <= self.left + 1)), last.eq(self.togo == 1),
            stops.eq(opened & (~inside | last)), self.fits.eq(opened & inside),
        ]
        with m.If(self.take):
            m.d.sync += self.owed.eq(self.owed & (self.at > _count(self.i.payload.keep) + 1))
        with m.If(opened):
            m.d.sync += self.togo.eq(self.togo - 1)
            with m.If(stops):
                m.d.sync += [self.blocks.eq(0), self.whole.eq(inside & (self.at == self.left + 1))]
            with m.If(~inside):
                m.d.sync += self.owed.eq(0)
        return stops

    def _follow(self, m: Module, opens, opened, length):
        """Brings the message under way into sight."""
        beat, view = self.i.payload, self.o.payload
        where, late, granted = Signal(LANE_BITS), Signal(), Signal()
        type_, size, number, count = Signal(8), Signal(_LENGTH_BITS), Signal(LANE_BITS), Signal(_COUNT_BITS)
        typed = Signal()
        m.d.comb += [
            self.o.valid.eq(self.take), view.bytes.eq(Cat(self.before, beat.data)[8:] >> Cat(Const(0, 3), where)),
            view.beat.eq(number), view.count.eq(count + _count(beat.keep)), view.type.eq(type_), view.length.eq(size),
            view.fits.eq((self.fits | granted & ~opened) & ~(self.i.valid & beat.first)),
            view.judge.eq(typed & view.fits), view.opens.eq(opens),
        ]
        m.d.sync += typed.eq(0)
        with m.If(opened):
            m.d.sync += granted.eq(self.fits)
        with m.If(self.i.valid & beat.first):   # what was under way was torn
            m.d.sync += granted.eq(0)
        with m.If(self.take):
            m.d.sync += [number.eq(number + ~number.all()), late.eq(0)]
            with m.If(count < (1 << _COUNT_BITS) - 2 * LANES):
                m.d.sync += count.eq(count + LANES)
            with m.If(late):
                m.d.sync += [type_.eq(beat.data[:8]), typed.eq(1)]
        with m.If(opens):   # the type follows the length, perhaps in the next beat
            m.d.sync += [where.eq(self.at), late.eq(self.at[:LANE_BITS].all()), type_.eq(self.type_here),
                         size.eq(length), number.eq(0), count.eq(~self.at[:LANE_BITS]),
                         typed.eq(beat.keep.bit_select(self.at[:LANE_BITS] + 1, 1))]

    # ---- what is known of the datagram ---------------------------------------------------------------

    def _sequence(self, m: Module, opened):
        """Steps at each block but the first, and behind the last one at the datagram's end."""
        low, high, steps = self.seq[:_LOW_BITS], self.seq[_LOW_BITS:], Signal()
        m.d.comb += steps.eq(self.begun & (opened | self.ends[-1] & ~self.owed))
        with m.If(opened):
            m.d.sync += self.begun.eq(1)
        with m.If(steps):
            m.d.sync += low.eq(low + 1)
            with m.If(low.all()):
                m.d.sync += high.eq(high + 1)

    def _end(self, m: Module):
        """By the second cycle after the last beat all is judged; the verdict is registered."""
        ended, end = self.ends, self.end.payload
        error = Signal(2)
        m.d.sync += [
            ended.eq(Cat(self.i.valid & self.i.payload.last, ended)), error.eq(Cat(self.i.payload.error, error)),
            self.end.valid.eq(ended[1]), end.error.eq(error[1]), end.malformed.eq(~error[1] & ~self.whole),
            end.numbered.eq(self.headed), end.heartbeat.eq(~error[1] & self.whole & self.kind.heartbeat),
            end.end.eq(~error[1] & self.whole & self.kind.end),
        ]


def _count(keep):
    """Bytes of a beat; they are contiguous from lane 0."""
    count = 0
    for n in range(LANES):
        count = Mux(keep[n], n + 1, count)
    return count


__all__ = ["LANES", "SHORTEST", "MessageView", "MoldUDP64Wide"]
