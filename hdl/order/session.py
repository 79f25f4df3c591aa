"""Receive side of the order sessions: TCP segments in order, FIX ExecutionReports, and a copy for the host."""

from amaranth.hdl import Cat, Module, Mux, Signal, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from hdl.config import NicConfig
from hdl.fix.tokenizer import LATENCY as TOKENIZER_LATENCY
from hdl.fix.tokenizer import Tokenizer
from hdl.layouts import CHUNK_BYTES, SESSION_BYTES
from hdl.messages import VENUE_BITS, ExecReport, PayloadMeta, payload
from hdl.order.segments import Segment, SegmentBuffer

#: Counters of a VENUE that receiving moves.
COUNTERS = ("received", "out_of_order", "reports", "malformed")


class Chunker(wiring.Component):
    """Cuts segments into SESSION_BYTES records. A record is offered the cycle after its last byte was taken.

    Ports
    -----
    valid, byte, now, last : In, a reader of the segment buffer; take : Out.
    o : Out, stream of SESSION_BYTES records, `serial` 0.
    """

    def __init__(self):
        super().__init__({
            "valid": In(1), "byte": In(8), "now": In(Segment), "last": In(1), "take": Out(1),
            "o": Out(stream.Signature(SESSION_BYTES.layout))})

    def elaborate(self, platform):
        m = Module()
        record, chunk, used = self.o.payload, Signal(8 * CHUNK_BYTES), Signal(range(CHUNK_BYTES + 1))
        meta = Signal(data.StructLayout({"tcp_seq": 32, "venue": 8, "last": 1, "time": 64}), init={"last": 1})
        m.d.comb += [self.take.eq(~self.o.valid), record.kind.eq(SESSION_BYTES.kind),
                     record.tcp_seq.eq(meta.tcp_seq), record.venue.eq(meta.venue), record.last.eq(meta.last),
                     record.time.eq(meta.time), record.count.eq(used),
                     Cat(record[f"b{n}"] for n in range(CHUNK_BYTES // 8)).eq(chunk)]
        taken = self.valid & self.take
        with m.If(taken):
            m.d.sync += [used.eq(used + 1), self.o.valid.eq(self.last | (used == CHUNK_BYTES - 1)),
                         meta.venue.eq(self.now.venue), meta.last.eq(self.last), meta.time.eq(self.now.rx_time)]
            with m.If(used == 0):   # the chunk before in the same segment was a full one
                m.d.sync += meta.tcp_seq.eq(Mux(meta.last, self.now.tcp_seq, meta.tcp_seq + CHUNK_BYTES))
        for n in range(CHUNK_BYTES):
            with m.If(taken & (used == n)):
                m.d.sync += chunk.word_select(n, 8).eq(self.byte)
        with m.If(self.o.valid & self.o.ready):     # last, so that flip-flops with enable and clear do it
            m.d.sync += [self.o.valid.eq(0), used.eq(0), chunk.eq(0)]
        return m


class SessionReceiver(wiring.Component):
    """Follows each venue's TCP stream, reads its ExecutionReports, and hands every byte to the host.

    A segment counts when it starts exactly at `rcv_nxt` and its frame ended well; anything else (a repeat, an
    overlap, a gap, a bad frame, no room) changes nothing but a counter, and TCP brings it again. Nothing of a
    segment is looked at before the frame has ended: so a bad FCS needs no undoing, at the price of reading the
    bytes once more afterwards.

    Latency: a report leaves n + 7 cycles after the segment's last beat, n being the place of the report's last
    byte in the segment, from 1 (later if earlier segments are still being read). Throughput: one byte a cycle,
    so segments may come at line rate (their headers keep them more than a cycle apart). The host's copy may be
    held back for as long as `segments.DEPTH` bytes have room; after that segments are refused until the host
    reads. Reports do not wait for the host.

    Handshake, retransmission and sending of pure ACKs belong in `hdl/order/session.py` beside this class; they
    need the TCP flags in `PayloadMeta`.

    Ports
    -----
    i : In(payload(8)), segments; `meta.index` is the venue.
    rcv_nxt : In, next byte expected, for each venue. restart : In, one bit a venue: a new stream starts.
    update : Out, one bit a venue: `rcv_nxt` becomes `following`, 3 cycles after the last beat.
    report : Out, valid-only ExecReport. bytes_o : Out, stream of SESSION_BYTES.
    count : Out, for each of `COUNTERS` one bit a venue.
    """

    def __init__(self, config: NicConfig):
        self.config = config
        super().__init__({
            "i": In(payload(8)), "rcv_nxt": In(data.ArrayLayout(32, config.venues)),
            "restart": In(config.venues), "update": Out(config.venues), "following": Out(32),
            "report": Out(stream.Signature(ExecReport, always_ready=True)),
            "bytes_o": Out(stream.Signature(SESSION_BYTES.layout)),
            "count": Out(wiring.Signature({name: Out(unsigned(config.venues)) for name in COUNTERS}))})

    def elaborate(self, platform):
        m = Module()
        m.submodules.buffer = buffer = SegmentBuffer(("venue", "rx_time"), ("venue", "rx_time", "tcp_seq"))
        m.submodules.chunker = chunker = Chunker()
        self._accept(m, buffer)
        self._tokenize(m, buffer.readers[0])
        copy = buffer.readers[1]
        m.d.comb += [chunker.valid.eq(copy.valid), chunker.byte.eq(copy.byte), chunker.now.eq(copy.now),
                     chunker.last.eq(copy.last), copy.take.eq(chunker.take)]
        wiring.connect(m, chunker.o, wiring.flipped(self.bytes_o))
        return m

    def _accept(self, m: Module, buffer):
        """A segment's bytes are written a cycle after they come, and it is judged the cycle after that."""
        beat, valid, ended, error = Signal.like(self.i.payload), Signal(), Signal(), Signal()
        expected, meta = Signal(), Signal(PayloadMeta)
        m.d.sync += [valid.eq(self.i.valid), beat.eq(self.i.payload),
                     ended.eq(valid & beat.last), error.eq(beat.error), meta.eq(beat.meta),
                     expected.eq(beat.meta.tcp_seq == self.rcv_nxt[beat.meta.index])]
        good, kept, venue = Signal(), Signal(), Signal(self.config.venues)
        m.d.comb += [
            buffer.write.eq(valid & beat.keep[0]), buffer.byte.eq(beat.data), buffer.end.eq(ended),
            good.eq(ended & ~error & buffer.count.any()), buffer.commit.eq(good & expected),
            kept.eq(buffer.commit & buffer.fits), venue.eq(1 << meta.index),
            buffer.segment.venue.eq(meta.index), buffer.segment.tcp_seq.eq(meta.tcp_seq),
            buffer.segment.rx_time.eq(meta.rx_time),
        ]
        m.d.sync += [
            self.update.eq(Mux(kept, venue, 0)), self.following.eq(meta.tcp_seq + buffer.count),
            self.count.received.eq(Mux(kept, venue, 0)), self.count.out_of_order.eq(Mux(good & ~kept, venue, 0)),
        ]

    def _tokenize(self, m: Module, reader):
        """One tokenizer a venue, since a message may span segments; bytes of one venue at a time."""
        byte, valid, venue, rx_times = Signal(8), Signal(), Signal(VENUE_BITS), [reader.now.rx_time]
        m.d.comb += reader.take.eq(1)
        m.d.sync += [byte.eq(reader.byte), valid.eq(reader.valid), venue.eq(reader.now.venue)]
        for n in range(1 + TOKENIZER_LATENCY):      # goes along with the byte
            rx_times.append(Signal(64, name=f"rx_time{n}"))
            m.d.sync += rx_times[-1].eq(rx_times[-2])
        chosen, found = Signal(ExecReport), Signal(self.config.venues)
        for n in range(self.config.venues):
            m.submodules[f"tokenizer{n}"] = tokenizer = Tokenizer()
            m.d.comb += [tokenizer.valid.eq(valid & (venue == n)), tokenizer.byte.eq(byte),
                         tokenizer.restart.eq(self.restart[n]), found[n].eq(tokenizer.o.valid)]
            m.d.sync += self.count.malformed[n].eq(tokenizer.malformed)
            with m.If(tokenizer.o.valid):
                m.d.comb += [chosen.eq(tokenizer.o.payload), chosen.venue.eq(n)]
        m.d.comb += chosen.rx_time.eq(rx_times[-1])
        m.d.sync += [self.report.valid.eq(found.any()), self.report.payload.eq(chosen), self.count.reports.eq(found)]
