"""Segments of the order sessions, kept until their frame has ended well, then read byte by byte."""

from amaranth.hdl import Cat, Module, Mux, Signal, unsigned
from amaranth.lib import data, fifo, memory, wiring
from amaranth.lib.wiring import In, Out

from hdl.messages import VENUE_BITS

#: Bytes kept; two segments of the longest kind fit.
DEPTH = 4096
POINTER_BITS = DEPTH.bit_length()
#: Bytes kept free, because it is known a cycle late how many are.
MARGIN = 2
#: Segments that can wait for a reader. While one of the longest kind is read at line rate, so many more can come only
#: if they are shorter than any FIX message.
SEGMENTS = 16


class Segment(data.Struct):
    """One segment in the buffer."""
    venue: unsigned(VENUE_BITS)
    tcp_seq: unsigned(32)
    end: unsigned(POINTER_BITS - 1)     # where its last byte is
    rx_time: unsigned(64)


class SegmentReader(wiring.Component):
    """Walks the segments one byte at a time.

    Parameters
    ----------
    fields : what it needs to know of a segment; the rest of `now` is 0.

    Ports
    -----
    push, segment : In, a segment is complete. full : Out, no more segments can wait.
    addr : Out, the byte to read. tail : Out, everything before it is read.
    valid : Out, there is a byte (at the memory's output); `now`: Out(Segment) it belongs to, `last`: Out, it is the
        segment's last. take : In, go on.
    """

    def __init__(self, fields: tuple[str, ...]):
        self.fields = (*fields, "end")
        super().__init__({
            "push": In(1), "segment": In(Segment), "full": Out(1), "addr": Out(POINTER_BITS - 1),
            "tail": Out(POINTER_BITS), "valid": Out(1), "now": Out(Segment), "last": Out(1), "take": In(1)})

    def elaborate(self, platform):
        m = Module()
        kept, now = (Cat(segment[name] for name in self.fields) for segment in (self.segment, self.now))
        m.submodules.waiting = waiting = fifo.SyncFIFOBuffered(width=len(kept), depth=SEGMENTS)
        following = Signal(POINTER_BITS)
        taken = self.valid & self.take
        m.d.comb += [
            waiting.w_en.eq(self.push), waiting.w_data.eq(kept), self.full.eq(~waiting.w_rdy),
            now.eq(waiting.r_data), self.valid.eq(waiting.r_rdy), waiting.r_en.eq(taken & self.last),
            self.last.eq(self.tail[:-1] == self.now.end),
            following.eq(Mux(taken, self.tail + 1, self.tail)), self.addr.eq(following),
        ]
        m.d.sync += self.tail.eq(following)
        return m


class SegmentBuffer(wiring.Component):
    """Keeps the bytes of a segment and gives them to each reader once it is committed.

    Every byte of a segment is written as it comes; after its end the segment is committed or forgotten. A segment
    that does not fit (a reader is too far behind) cannot be committed: its sender will send it again. A byte
    reaches a reader 3 cycles after `commit` at the earliest.

    Parameters
    ----------
    readers : for each, the fields of a segment that it needs to know.

    Ports
    -----
    write, byte : In, one more byte of the segment under way.
    end : In, the segment has ended in the cycle before; not together with `write`. commit : In, keep it, if `fits`.
    fits : Out, in the cycle of `end`: no byte of it was lost. count : Out, bytes of it that were written.
    segment : In(Segment), all but `end`.
    readers : Out, the array of readers' byte sides: `valid`, `byte`, `now`, `last`, and In `take`.
    """

    def __init__(self, *readers: tuple[str, ...]):
        self.fields = readers
        super().__init__({
            "write": In(1), "byte": In(8), "end": In(1), "commit": In(1), "segment": In(Segment),
            "fits": Out(1), "count": Out(POINTER_BITS),
            "readers": Out(wiring.Signature({
                "valid": Out(1), "byte": Out(8), "now": Out(Segment), "last": Out(1), "take": In(1),
            })).array(len(readers))})

    def elaborate(self, platform):
        m = Module()
        m.submodules.bytes = store = memory.Memory(shape=8, depth=DEPTH, init=[])
        write = store.write_port()
        head, at, lost = Signal(POINTER_BITS), Signal(POINTER_BITS), Signal()   # head: end of what is committed
        full, crowded = Signal(len(self.readers)), Signal(len(self.readers))
        kept = Signal(Segment)
        m.d.comb += [
            write.addr.eq(at), write.data.eq(self.byte), write.en.eq(self.write & ~full.any()),
            self.fits.eq(~lost & ~crowded.any()), kept.eq(self.segment), kept.end.eq(at - 1),
        ]
        with m.If(write.en):
            m.d.sync += [at.eq(at + 1), self.count.eq(self.count + 1)]
        with m.If(self.write & full.any()):
            m.d.sync += lost.eq(1)
        with m.If(self.end):
            m.d.sync += [lost.eq(0), self.count.eq(0)]
            with m.If(self.commit & self.fits):
                m.d.sync += head.eq(at)
            with m.Else():
                m.d.sync += at.eq(head)

        for n, (port, fields) in enumerate(zip(self.readers, self.fields, strict=True)):
            m.submodules[f"reader{n}"] = reader = SegmentReader(fields)
            read = store.read_port()
            m.d.sync += full[n].eq((at - reader.tail)[:POINTER_BITS] >= DEPTH - MARGIN)
            m.d.comb += [
                crowded[n].eq(reader.full), reader.push.eq(self.end & self.commit & self.fits), reader.segment.eq(kept),
                read.addr.eq(reader.addr), port.byte.eq(read.data), port.valid.eq(reader.valid),
                port.now.eq(reader.now), port.last.eq(reader.last), reader.take.eq(port.take)]
        return m
