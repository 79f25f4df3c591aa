"""Exact test of n % d == 0 in two cycles, for any d of 16 bits, without a divider on the order's path.

Write d = 2**k * q with q odd. Then d divides n when the low k bits of n are zero and q divides n; and q
divides n exactly when n * inverse(q) mod 2**32 is at most (2**32 - 1) // q, because multiplication by the
inverse is a permutation that maps the multiples of q, in order, to 0, 1, 2 ... (T. Granlund and P. L.
Montgomery, Division by Invariant Integers using Multiplication, PLDI 1994, section 9). What depends on d
is computed one bit a cycle when a limit is written.
"""

from amaranth.hdl import Cat, Module, Mux, Signal, signed, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from hdl.risk.arithmetic import carry_save

BITS, HALF = 32, 16
#: Most cycles in which a `Divisor` is made.
DIVISOR_CYCLES = BITS + HALF + 1


class Divisor(data.Struct):
    inverse: unsigned(BITS)   # of q, mod 2**32
    bound: unsigned(BITS)     # (2**32 - 1) // q
    mask: unsigned(HALF)      # 2**k - 1
    exists: unsigned(1)       # d is not 0


class DivisorMaker(wiring.Component):
    """Turns a 16-bit number into its `Divisor` in at most `DIVISOR_CYCLES`.

    Members
    -------
    start : takes `value`, even while another is being worked on.
    done : `divisor` belongs to the last `value`; high until the next start.
    """

    start: In(1)
    value: In(HALF)
    divisor: Out(Divisor)
    done: Out(1)

    def elaborate(self, platform):
        m = Module()
        odd = Signal(HALF)               # becomes q
        product = Signal(signed(HALF + 2))   # what q * inverse still lacks of 1, from bit `step` on
        rest = Signal(HALF + 1)
        step = Signal(range(BITS + 1))
        out = self.divisor

        grown, less, fits = Signal(HALF + 2), Signal(signed(HALF + 3)), Signal()
        m.d.comb += [grown.eq(Cat(1, rest)), less.eq(grown - odd), fits.eq(~less[-1])]
        with m.If(self.start):
            m.d.sync += [out.eq(0), out.exists.eq(self.value != 0), odd.eq(self.value), product.eq(1), rest.eq(0),
                         step.eq(0), self.done.eq(self.value == 0)]
        with m.Elif(~self.done & ~odd[0]):
            m.d.sync += [odd.eq(odd >> 1), out.mask.eq(Cat(1, out.mask))]
        with m.Elif(~self.done):
            m.d.sync += [
                out.inverse.eq(Cat(out.inverse[1:], product[0])),
                product.eq((product - Mux(product[0], odd, 0)) >> 1),
                out.bound.eq(Cat(fits, out.bound)),
                rest.eq(Mux(fits, less, grown)),
                step.eq(step + 1), self.done.eq(step == BITS - 1),
            ]
        return m


class DivisibleBy(wiring.Component):
    """Tests `value` % `divisor`, both given at stage 1; `divisible` is valid at stage 2, one cycle later.

    Nothing is divisible by 0.
    """

    value: In(BITS)
    divisor: In(Divisor)
    divisible: Out(1)

    def elaborate(self, platform):
        m = Module()
        n, inverse = self.value, self.divisor.inverse
        product, cross_a, cross_b = Signal(BITS), Signal(HALF), Signal(HALF)
        low, high, carries = Signal(HALF), Signal(HALF), Signal(HALF)
        bound, aligned = Signal(BITS), Signal()
        a, b = carry_save(product[HALF:], cross_a, cross_b)
        m.d.comb += [
            product.eq(n[:HALF] * inverse[:HALF]), cross_a.eq(n[:HALF] * inverse[HALF:]),
            cross_b.eq(n[HALF:] * inverse[:HALF]),
            self.divisible.eq(aligned & ~(bound < Cat(low, (high + carries)[:HALF]))),
        ]
        m.d.sync += [
            low.eq(product), high.eq(a), carries.eq(b), bound.eq(self.divisor.bound),
            aligned.eq(((n[:HALF] & self.divisor.mask) == 0) & self.divisor.exists),
        ]
        return m
