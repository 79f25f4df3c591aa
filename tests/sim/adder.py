"""A component with signed struct streams and a constant port, for the tests of the simulation tools."""

from amaranth.hdl import Module, signed, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out


class Pair(data.Struct):
    a: signed(8)
    b: signed(8)


class Sum(data.Struct):
    sum: signed(9)
    zero: unsigned(1)


class Adder(wiring.Component):
    """`o` is `i` added up, one cycle later; `copy` is `o` without back-pressure."""
    i: In(stream.Signature(Pair))
    o: Out(stream.Signature(Sum))
    copy: Out(stream.Signature(Sum, always_ready=True))

    def elaborate(self, platform):
        m = Module()
        m.d.comb += [self.i.ready.eq(~self.o.valid | self.o.ready),
                     self.copy.payload.eq(self.o.payload), self.copy.valid.eq(self.o.valid & self.o.ready)]
        total = self.i.payload.a + self.i.payload.b
        with m.If(self.i.ready):
            m.d.sync += self.o.valid.eq(self.i.valid)
        with m.If(self.i.ready & self.i.valid):
            m.d.sync += [self.o.payload.sum.eq(total), self.o.payload.zero.eq(total == 0)]
        return m
