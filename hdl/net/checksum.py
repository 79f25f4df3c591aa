"""The Internet checksum (RFC 1071), byte by byte."""

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out


class Checksum(wiring.Component):
    """Tells whether 16-bit words, sent high byte first, sum to zero.

    Ports
    -----
    data, take : In, a byte and its strobe.
    clear : In, starts over; not in a cycle of `take`.
    good : Out, combinational: the words so far and the byte now on `data`, a low one, sum to zero.
    """

    data: In(8)
    take: In(1)
    clear: In(1)
    good: Out(1)

    def elaborate(self, platform):
        m = Module()
        high, low_next = Signal(8), Signal()
        total = Signal(17)  # bit 16 is a carry that is owed; the next high byte pays it
        word = Signal(16)
        m.d.comb += [
            word.eq(high << 8 | self.data),
            # In ones' complement a sum is zero (0xffff) where one term is the complement of the other.
            self.good.eq(low_next & ((total[:16] == ~word) | (word.all() & total[:16].all()))),
        ]
        with m.If(self.clear):
            m.d.sync += [total.eq(0), low_next.eq(0)]
        with m.Elif(self.take):
            m.d.sync += low_next.eq(~low_next)
            with m.If(low_next):
                m.d.sync += total.eq(total[:16] + word)
            with m.Else():
                m.d.sync += [high.eq(self.data), total.eq(total[:16] + total[16])]
        return m
