"""Two small components for the tests of the simulation tools: signed struct streams, and fields that cross."""

from amaranth.hdl import Cat, Module, Signal, signed, unsigned
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


class Crossed(wiring.Component):
    """`o` is 7 where `i` is set, by way of two vectors: each takes a bit of the other, and no bit depends on itself."""
    i: In(1)
    o: Out(3)

    def elaborate(self, platform):
        m = Module()
        count = Signal()
        m.d.sync += count.eq(~count)  # a testbench wants a clock
        there, back = Signal(2), Signal(2)
        with m.If(self.i):
            m.d.comb += [there[0].eq(1), back[0].eq(there[0]), there[1].eq(back[0]), back[1].eq(there[1])]
        m.d.comb += self.o.eq(Cat(there, back[1]))
        return m
