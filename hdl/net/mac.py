"""Gigabit MAC, full duplex: frames on AXI4-Stream on one side, GMII bytes on the other."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hdl.net.gmii import FCS, GAP_BYTES, PREAMBLE, PREAMBLE_BYTES, SFD, Gmii
from hdl.net.headers import FCS_BYTES, MIN_FRAME
from hdl.streams import axis, axis_rx

WIDTH = 8


class RxMac(wiring.Component):
    """Strips preamble and FCS, and says with the last byte whether the frame was good.

    Latency: `LATENCY` cycles from a byte on `i` to `o`, constant: only when four more bytes have followed is a
    byte known not to be of the FCS. Throughput: one byte a cycle. Nothing can be held back.

    `error` comes with `last`, where the FCS is wrong, the PHY signalled an error, or the frame has fewer than 64
    bytes with its FCS. A frame that is all FCS, or less, is one beat with `keep` 0 and `error`. Any length of
    preamble is taken, none too; what starts otherwise is not a frame. There is no upper limit to the length.

    Ports
    -----
    i : In(Gmii)
    o : Out(axis_rx(8))
    """

    LATENCY = FCS_BYTES + 1

    i: In(Gmii)
    o: Out(axis_rx(WIDTH))

    def elaborate(self, platform):
        m = Module()
        m.submodules.fcs = fcs = FCS.create()
        line = [Signal(WIDTH, name=f"line{n}", reset_less=True) for n in range(self.LATENCY)]
        held = Signal(self.LATENCY)     # which of them hold a byte of this frame
        length = Signal(range(MIN_FRAME + FCS_BYTES + 1))   # stops at the least good one
        error = Signal()

        def end_frame():
            m.d.comb += [self.o.valid.eq(1), beat.last.eq(1),
                         beat.error.eq(error | ~fcs.match_detected | (length != MIN_FRAME + FCS_BYTES))]

        beat = self.o.payload
        m.d.comb += [fcs.data.eq(self.i.data), beat.data.eq(line[-1]), beat.keep.eq(held[-1])]
        for before, after in zip([self.i.data, *line], line, strict=False):
            m.d.sync += after.eq(before)

        with m.FSM():
            with m.State("GAP"):    # wait for silence: what follows a bad start is no frame
                with m.If(~self.i.valid):
                    m.next = "PREAMBLE"
            with m.State("PREAMBLE"):
                m.d.comb += fcs.start.eq(1)
                m.d.sync += [held.eq(0), length.eq(0), error.eq(0)]
                with m.If(self.i.valid & ~self.i.error & (self.i.data == SFD)):
                    m.next = "FRAME"
                with m.Elif(self.i.valid & (self.i.error | (self.i.data != PREAMBLE))):
                    m.next = "GAP"
            with m.State("FRAME"):
                with m.If(self.i.valid):
                    m.d.comb += [fcs.valid.eq(1), self.o.valid.eq(held[-1])]
                    m.d.sync += [held.eq(held << 1 | 1), error.eq(error | self.i.error),
                                 length.eq(length + (length != MIN_FRAME + FCS_BYTES))]
                with m.Else():
                    end_frame()
                    m.next = "PREAMBLE"
        return m


class TxMac(wiring.Component):
    """Adds preamble, padding to 60 bytes, FCS and the gap between frames.

    Latency: `LATENCY` cycles from `i.valid` rising while idle to the frame's first byte on `o`; the first byte of
    the preamble is there after one. Throughput: one byte a cycle; a frame of `n` bytes takes max(n, 60) + 24 cycles.

    Once begun a frame must come without a gap: `i.valid` low within it is an underrun. The frame then ends with
    TX_ER and an inverted FCS, and what is left of it is thrown away. `error` with `last` inverts the FCS.

    Ports
    -----
    i : In(axis(8)); every beat has its byte.
    o : Out(Gmii), registered.
    """

    LATENCY = PREAMBLE_BYTES + 2

    i: In(axis(WIDTH))
    o: Out(Gmii)

    def elaborate(self, platform):
        m = Module()
        m.submodules.fcs = fcs = FCS.create()
        beat, taken, out = Signal.like(self.i.payload, reset_less=True), Signal(), Signal(Gmii)
        count = Signal(range(max(GAP_BYTES, PREAMBLE_BYTES, FCS_BYTES)))   # bytes of this state so far
        length = Signal(range(MIN_FRAME + 1))                              # bytes of the frame, up to the least
        poison, underrun = Signal(), Signal()

        def take():
            """In the cycle before it is sent: so it is a register that goes through the FCS."""
            m.d.comb += self.i.ready.eq(1)
            m.d.sync += [beat.eq(self.i.payload), taken.eq(self.i.valid)]

        def send(byte):
            m.d.comb += [out.valid.eq(1), out.data.eq(byte)]

        def covered():
            """This byte is of the frame."""
            m.d.comb += fcs.valid.eq(1)
            with m.If(length != MIN_FRAME):
                m.d.sync += length.eq(length + 1)

        def goto(state):
            m.d.sync += count.eq(0)
            m.next = state

        m.d.sync += [self.o.eq(out), count.eq(count + 1)]
        m.d.comb += fcs.data.eq(out.data)
        full = length >= MIN_FRAME - 1      # with this byte
        with m.FSM():
            with m.State("IDLE"):
                m.d.comb += fcs.start.eq(1)
                m.d.sync += [length.eq(0), poison.eq(0), underrun.eq(0), count.eq(1)]
                with m.If(self.i.valid):
                    send(PREAMBLE)
                    m.next = "PREAMBLE"
            with m.State("PREAMBLE"):
                send(Mux(count == PREAMBLE_BYTES, SFD, PREAMBLE))
                with m.If(count == PREAMBLE_BYTES):
                    take()
                    goto("FRAME")
            with m.State("FRAME"):
                send(beat.data)
                covered()
                with m.If(~taken):
                    m.d.comb += out.error.eq(1)
                    m.d.sync += [underrun.eq(1), poison.eq(1)]
                    goto("FCS")
                with m.Elif(beat.last):
                    m.d.sync += poison.eq(beat.error)
                    with m.If(full):
                        goto("FCS")
                    with m.Else():
                        goto("PAD")
                with m.Else():
                    take()
            with m.State("PAD"):
                send(0)
                covered()
                with m.If(full):
                    goto("FCS")
            with m.State("FCS"):
                send(fcs.crc.word_select(count[:2], WIDTH) ^ poison.replicate(WIDTH))
                with m.If(count == FCS_BYTES - 1):
                    goto("GAP")
            with m.State("GAP"):
                with m.If(count == GAP_BYTES - 1):
                    with m.If(underrun):
                        m.next = "DRAIN"
                    with m.Else():
                        m.next = "IDLE"
            with m.State("DRAIN"):
                m.d.comb += self.i.ready.eq(1)
                with m.If(self.i.valid & self.i.payload.last):
                    m.next = "IDLE"
        return m
