"""MoldUDP64 (version 1.00): from datagrams to the bytes of their messages."""

from amaranth.hdl import Cat, Module, Signal, unsigned
from amaranth.lib import data, enum, stream, wiring
from amaranth.lib.wiring import In, Out

from hdl.config import NicConfig
from hdl.feed.spec import MOLD_END_OF_SESSION, MOLD_HEADER, MOLD_HEADER_BYTES, MOLD_HEARTBEAT
from hdl.messages import payload

#: Bytes of the session that are kept: those of `FeedMessage.session`.
SESSION_BYTES = 8
#: Cycles from a datagram's last beat to the `end` it causes.
END_LATENCY = 2
_LENGTH_BITS = 16
_LOW_BITS = 32  # a sequence number counts up in two halves, one cycle apart


class MessageByte(data.Struct):
    """One byte of a message; `length` holds from `first` to `last` and was checked to fit the datagram."""
    data: unsigned(8)
    first: unsigned(1)
    last: unsigned(1)
    length: unsigned(_LENGTH_BITS)


class DatagramEnd(data.Struct):
    """What a datagram turned out to be; `error`, `malformed`, `heartbeat` and `end` exclude each other."""
    error: unsigned(1)      # the frame was bad or torn
    malformed: unsigned(1)  # a length beyond the datagram, an empty block, bytes missing or left over
    numbered: unsigned(1)   # its header was complete, so `seq` means something
    heartbeat: unsigned(1)  # no message by design
    end: unsigned(1)        # end of session


class Part(enum.Enum, shape=3):
    """What the next byte is."""
    HEADER = 0
    LENGTH_HIGH = 1
    LENGTH_LOW = 2
    MESSAGE = 3
    NOTHING = 4   # the datagram is complete
    REST = 5      # malformed: skip the rest


class MoldUDP64(wiring.Component):
    """Takes datagrams apart, one byte a cycle, any number of blocks of any length up to the datagram's.

    Latency: a message byte passes in the same cycle (`o` is combinational from `i`). Throughput: one beat
    a cycle. Nothing is held back and nothing can overflow.

    A block whose length is 0 or reaches beyond the datagram ends the messages; those before it stand. The
    datagram must end exactly with its last block; a heartbeat or end of session has none.

    Ports
    -----
    i : In(payload(8))
    o : Out, valid-only `MessageByte`. The bytes of one message never stop before `last` unless the frame is torn.
    seq : Out(64), sequence number of the message on `o`: header's plus index. It holds until the cycle after
        `last`. From the cycle after `end` it is that of the next message, a malformed block counted as one:
        so much was sent.
    session : Out(64), the first 8 bytes of the session, first byte lowest.
    end : Out, valid-only `DatagramEnd`, `END_LATENCY` cycles after the datagram's last beat.
    """

    def __init__(self, config: NicConfig):
        if config.data_width != 8:
            raise ValueError(f"{config.name}: MoldUDP64 is 8 bits wide here, not {config.data_width}")
        super().__init__({
            "i": In(payload(config.data_width)),
            "o": Out(stream.Signature(MessageByte, always_ready=True)),
            "seq": Out(64), "session": Out(8 * SESSION_BYTES),
            "end": Out(stream.Signature(DatagramEnd, always_ready=True)),
        })

    def elaborate(self, platform):
        m = Module()
        beat = self.i.payload
        take, ended = Signal(), Signal()
        left = Signal(_LENGTH_BITS)     # payload bytes after this one
        known = Signal(_LENGTH_BITS)    # payload bytes from this one on, if this is not the first
        part, here = Signal(Part), Signal(Part)
        m.d.comb += [
            take.eq(self.i.valid & beat.keep[0]),
            ended.eq(self.i.valid & beat.last),
            here.eq(part),
            left.eq(known - 1),
        ]
        with m.If(beat.first):  # whatever came before
            m.d.comb += [here.eq(Part.HEADER), left.eq(beat.meta.length - 1)]
        with m.If(take):
            m.d.sync += known.eq(left)

        count, step = Signal(_LENGTH_BITS), Signal()
        kind = Signal(DatagramEnd)
        self._header(m, take, here, part, count, kind)
        self._blocks(m, take, here, part, left, count, step)
        self._sequence(m, step)
        self._end(m, ended, part, kind)
        return m

    def _header(self, m, take, here, part, count, kind):
        """Session, sequence number and count; the count says what follows."""
        beat = self.i.payload
        at, at_next = Signal(range(MOLD_HEADER_BYTES)), Signal(range(MOLD_HEADER_BYTES + 1))
        high = Signal(8)
        total = Cat(beat.data, high)
        m.d.comb += at_next.eq(at)
        with m.If(beat.first):
            m.d.comb += at_next.eq(0)
        number = MOLD_HEADER["sequence"]
        with m.If(take & (here == Part.HEADER)):
            m.d.sync += [at.eq(at_next + 1), high.eq(beat.data), part.eq(Part.HEADER)]
            with m.If(at_next < SESSION_BYTES):
                m.d.sync += self.session.eq(Cat(self.session[8:], beat.data))
            with m.If((at_next >= number.offset) & (at_next < number.end)):
                m.d.sync += self.seq.eq(Cat(beat.data, self.seq[:-8]))
            with m.If(at_next == MOLD_HEADER_BYTES - 1):
                m.d.sync += [count.eq(total), part.eq(Part.LENGTH_HIGH),
                             kind.heartbeat.eq(total == MOLD_HEARTBEAT), kind.end.eq(total == MOLD_END_OF_SESSION)]
                with m.If((total == MOLD_HEARTBEAT) | (total == MOLD_END_OF_SESSION)):
                    m.d.sync += part.eq(Part.NOTHING)
        with m.If(self.i.valid & beat.first):
            m.d.sync += kind.eq(0)
            with m.If(~take):
                m.d.sync += part.eq(Part.HEADER)

    def _blocks(self, m, take, here, part, left, count, step):
        """Lengths and message bytes; `step` follows each block, the malformed one too."""
        beat = self.i.payload
        length, high, togo = Signal(_LENGTH_BITS), Signal(8), Signal(_LENGTH_BITS)
        fresh = Signal()
        block = Cat(beat.data, high)
        m.d.comb += [
            self.o.valid.eq(take & (here == Part.MESSAGE)),
            self.o.payload.data.eq(beat.data), self.o.payload.length.eq(length),
            self.o.payload.first.eq(fresh), self.o.payload.last.eq(togo == 1),
        ]
        m.d.sync += step.eq(0)
        with m.If(take):
            with m.Switch(here):
                with m.Case(Part.LENGTH_HIGH):
                    m.d.sync += [high.eq(beat.data), part.eq(Part.LENGTH_LOW)]
                with m.Case(Part.LENGTH_LOW):
                    m.d.sync += [length.eq(block), togo.eq(block), fresh.eq(1), part.eq(Part.MESSAGE)]
                    with m.If((block == 0) | (block > left)):
                        m.d.sync += [part.eq(Part.REST), step.eq(1)]
                with m.Case(Part.MESSAGE):
                    m.d.sync += [togo.eq(togo - 1), fresh.eq(0)]
                    with m.If(togo == 1):
                        m.d.sync += [count.eq(count - 1), step.eq(1), part.eq(Part.LENGTH_HIGH)]
                        with m.If(count == 1):
                            m.d.sync += part.eq(Part.NOTHING)
                with m.Case(Part.NOTHING):
                    m.d.sync += part.eq(Part.REST)

    def _sequence(self, m, step):
        carry = Signal()
        m.d.sync += carry.eq(0)
        with m.If(step):
            m.d.sync += [self.seq[:_LOW_BITS].eq(self.seq[:_LOW_BITS] + 1), carry.eq(self.seq[:_LOW_BITS].all())]
        with m.If(carry):
            m.d.sync += self.seq[_LOW_BITS:].eq(self.seq[_LOW_BITS:] + 1)

    def _end(self, m, ended, part, kind):
        """One cycle after the last beat `part` says whether all is in; the verdict is registered."""
        last, error = Signal(), Signal()
        whole = Signal()
        m.d.comb += whole.eq(part == Part.NOTHING)
        m.d.sync += [
            last.eq(ended), error.eq(self.i.payload.error),
            self.end.valid.eq(last),
            self.end.payload.error.eq(error),
            self.end.payload.malformed.eq(~error & ~whole),
            self.end.payload.numbered.eq(part != Part.HEADER),
            self.end.payload.heartbeat.eq(~error & whole & kind.heartbeat),
            self.end.payload.end.eq(~error & whole & kind.end),
        ]
