"""Between the clock of a port and the clock of the core."""

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.fifo import AsyncFIFO, AsyncFIFOBuffered
from amaranth.lib.wiring import In, Out

from hdl.streams import axis, axis_rx


class Crossing(wiring.Component):
    """Moves frames from `domain` to `sync` through a small FIFO that the core empties as fast as it can.

    Latency: the core takes a beat with its `LATENCY`th edge after the beat was written, or the one after that where
    the two clocks' edges coincide.
    Both clocks are nominally equal and IEEE Std 802.3-2022, 35.4 allows each 100 ppm, so a frame of 9,000 bytes
    grows the FIFO by 2 beats, and the gap empties it. Should it ever be full (the core clock stopped), the frame
    loses its end and is closed with `error`; frames that begin before that end is written are lost with it.

    For a core that is slower than the line, `depth` is in block RAM, and beats come a cycle later. At half the speed,
    frames of twice `depth` bytes cross whole, as long as what comes is no more than half the line's rate.

    Ports
    -----
    i : In(axis_rx), in `domain`.
    o : Out(axis_rx), in `sync`; beats of one frame may be apart.
    """

    DEPTH = 16
    LATENCY = 3

    def __init__(self, domain: str, width: int = 8, depth: int = DEPTH):
        self.domain, self.depth = domain, depth
        super().__init__({"i": In(axis_rx(width)), "o": Out(axis_rx(width))})

    def elaborate(self, platform):
        m = Module()
        shape = self.i.payload.shape()
        make = AsyncFIFO if self.depth == self.DEPTH else AsyncFIFOBuffered
        m.submodules.fifo = fifo = make(width=shape.size, depth=self.depth, r_domain="sync", w_domain=self.domain)
        m.d.comb += [self.o.payload.eq(fifo.r_data), self.o.valid.eq(fifo.r_rdy), fifo.r_en.eq(1)]

        lost = Signal()     # the frame's end is still owed
        over = Signal()     # no more beats of the lost frame, or of one that began since, are to come
        end = Signal(shape)
        m.d.comb += [end.last.eq(1), end.error.eq(1)]
        with m.If(~lost):
            m.d.comb += [fifo.w_data.eq(self.i.payload), fifo.w_en.eq(self.i.valid)]
            with m.If(self.i.valid & ~fifo.w_rdy):
                m.d[self.domain] += [lost.eq(1), over.eq(self.i.payload.last)]
        with m.Else():
            m.d.comb += [fifo.w_data.eq(end), fifo.w_en.eq(over & ~self.i.valid)]
            with m.If(self.i.valid):
                m.d[self.domain] += over.eq(self.i.payload.last)
            with m.Elif(over & fifo.w_rdy):
                m.d[self.domain] += lost.eq(0)
        return m


class FrameCrossing(wiring.Component):
    """Moves frames from a slower `sync` to `domain`, whose MAC must have each without a gap: whole frames alone leave.

    Latency: the whole frame, and some cycles of both clocks. Throughput: one beat a cycle of `sync`. A frame longer
    than `DEPTH` beats would never leave: none that the NIC or its host bridge sends is.

    Ports
    -----
    i : In(axis(8)), in `sync`.
    o : Out(axis(8)), in `domain`.
    """

    #: Beats, in block RAM; and frames that are whole and wait.
    DEPTH, FRAMES = 2048, 16

    def __init__(self, domain: str, width: int = 8):
        self.domain = domain
        super().__init__({"i": In(axis(width)), "o": Out(axis(width))})

    def elaborate(self, platform):
        m = Module()
        shape, ways = self.i.payload.shape(), {"w_domain": "sync", "r_domain": self.domain}
        m.submodules.beats = beats = AsyncFIFOBuffered(width=shape.size, depth=self.DEPTH, **ways)
        m.submodules.whole = whole = AsyncFIFO(width=1, depth=self.FRAMES, **ways)
        written, read = self.i.valid & self.i.ready, self.o.valid & self.o.ready
        m.d.comb += [
            self.i.ready.eq(beats.w_rdy & whole.w_rdy), beats.w_data.eq(self.i.payload), beats.w_en.eq(written),
            whole.w_en.eq(written & self.i.payload.last),
            self.o.payload.eq(beats.r_data), self.o.valid.eq(beats.r_rdy & whole.r_rdy), beats.r_en.eq(read),
            whole.r_en.eq(read & self.o.payload.last),
        ]
        return m


__all__ = ["Crossing", "FrameCrossing"]
