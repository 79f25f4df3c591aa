"""Segments of the order sessions from eight bytes a beat to one: sessions are far slower than the wire."""

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import fifo, wiring
from amaranth.lib.wiring import In, Out

from hdl.config import NicConfig
from hdl.messages import PayloadMeta, payload
from hdl.order.segments import DEPTH as BUFFERED

LANES, LANE_BITS = 8, 3
#: Beats that wait: as many bytes as the buffer of the sessions has.
DEPTH = BUFFERED // LANES
#: Segments that wait.
SEGMENTS = 16
#: Beats of a segment beside its full ones: one that is not full, one that ends it.
_MORE = 2
#: Cycles from a segment's first beat to its first byte, where nothing waits.
LATENCY = 2
#: Cycles between two segments: the first one's sequence number is counted on before the next one's is looked at.
GAP = 8


class Narrow(wiring.Component):
    """Keeps segments and gives them on, one byte a cycle.

    Latency: `LATENCY` = 2 cycles to the first byte where nothing waits. Throughput: one byte a cycle, and `GAP` cycles
    after each segment. A segment that does not fit as a whole, when it begins, is dropped as a whole: nothing is
    acknowledged, and TCP brings it again. So what is given on is never cut.

    Ports
    -----
    i : In(payload(64))
    o : Out(payload(8))
    dropped : Out, one bit a venue, a strobe for each segment dropped.
    """

    def __init__(self, config: NicConfig):
        super().__init__({"i": In(payload(config.data_width)), "o": Out(payload(8)), "dropped": Out(config.venues)})

    def elaborate(self, platform):
        m = Module()
        beat, meta = self.i.payload, Value.cast(self.i.payload.meta)
        kept = Cat(beat.data, beat.keep, beat.last, beat.error)
        m.submodules.beats = beats = fifo.SyncFIFOBuffered(width=len(kept), depth=DEPTH)
        m.submodules.metas = metas = fifo.SyncFIFOBuffered(width=len(meta), depth=SEGMENTS)
        free, fits, taking, taken = Signal(range(DEPTH + 1), init=DEPTH), Signal(), Signal(), Signal()
        m.d.sync += free.eq(DEPTH - beats.level)
        m.d.comb += [
            fits.eq(((beat.meta.length >> LANE_BITS) + _MORE <= free) & metas.w_rdy),
            taken.eq(Mux(beat.first, fits, taking)),
            beats.w_data.eq(kept), beats.w_en.eq(self.i.valid & taken),
            metas.w_data.eq(meta), metas.w_en.eq(self.i.valid & beat.first & fits),
            self.dropped.eq(Mux(self.i.valid & beat.first & ~fits, 1 << beat.meta.index, 0)),
        ]
        with m.If(self.i.valid):
            m.d.sync += taking.eq(taken)
        self._play(m, beats, metas)
        return m

    def _play(self, m: Module, beats, metas):
        out, lane, wait, fresh = self.o.payload, Signal(LANE_BITS), Signal(range(GAP + 1)), Signal(init=1)
        word, keep, last, error = (beats.r_data[:8 * LANES], beats.r_data[8 * LANES:9 * LANES],
                                   beats.r_data[-2], beats.r_data[-1])
        final = ~(keep >> 1 >> lane)[0]     # no further byte of this beat
        m.d.comb += [
            self.o.valid.eq(beats.r_rdy & metas.r_rdy & (wait == 0)), out.data.eq(word.word_select(lane, 8)),
            out.keep.eq(keep.bit_select(lane, 1)), out.first.eq(fresh), out.last.eq(last & final),
            out.error.eq(out.last & error), out.meta.eq(PayloadMeta(metas.r_data)),
            beats.r_en.eq(self.o.valid & final), metas.r_en.eq(self.o.valid & out.last),
        ]
        with m.If(wait.any()):
            m.d.sync += wait.eq(wait - 1)
        with m.If(self.o.valid):
            m.d.sync += [lane.eq(Mux(final, 0, lane + 1)), fresh.eq(out.last)]
            with m.If(out.last):
                m.d.sync += wait.eq(GAP)


__all__ = ["DEPTH", "GAP", "LATENCY", "SEGMENTS", "Narrow"]
