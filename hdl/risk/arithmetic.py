"""Wide arithmetic with short carry chains, as expressions.

A 64-bit carry chain does not fit a cycle at 125 MHz together with anything else. These split it at
bit 32: both halves work at once, the upper one for both values of the carry, and one multiplexer picks.
"""

from amaranth.hdl import C, Cat, Const, Module, Mux, Signal, Value

CUT = 32


def add(a: Value, b: Value, carry=0) -> Value:
    """a + b + carry, one bit wider than the wider of them, in one carry chain."""
    return (Cat(C(1, 1), a) + Cat(carry, b))[1:]


def split_add(a: Value, b: Value, carry=0) -> Value:
    """a + b + carry (64 bits or less, unsigned, the sum one bit wider), in chains of `CUT` bits."""
    low = add(a[:CUT], b[:CUT], carry)
    return Cat(low[:CUT], Mux(low[CUT], add(a[CUT:], b[CUT:], 1), a[CUT:] + b[CUT:]))


def carry_save(a: Value, b: Value, c: Value) -> tuple[Value, Value]:
    """Two numbers with the sum of three (unsigned, each result at most one bit wider), without a carry chain."""
    return a ^ b ^ c, Cat(C(0, 1), (a & b) | (a & c) | (b & c))


def sum_exceeds(a: Value, b: Value, limit: Value) -> Value:
    """a + b > limit, for 64-bit unsigned numbers whose sum fits 64 bits, without adding them first.

    It is the sign of limit - a - b = limit + ~a + ~b + 2, taken at 66 bits.
    """
    width = 66
    def inverted(value):
        return Cat(~value, C((1 << width - len(value)) - 1, width - len(value)))
    rest, carries = carry_save(Cat(limit, C(0, width - len(limit))), inverted(a), inverted(b))
    carries = Cat(C(1, 1), carries[1:width])   # the first of the two ones; `split_add` takes the other
    return split_add(rest, carries, 1)[width - 1]


def product(m: Module, a: Value, b: Value) -> tuple[Value, Value]:
    """Two 64-bit numbers with the sum a x b, for 32-bit unsigned numbers, from four 16-bit multipliers.

    The lowest 16 bits of the second one are 0.
    """
    low, high, cross, other = (Signal(32, name=f"product{n}") for n in range(4))
    m.d.comb += [low.eq(a[:16] * b[:16]), high.eq(a[16:] * b[16:]),
                 cross.eq(a[:16] * b[16:]), other.eq(a[16:] * b[:16])]
    space = Const(0, 16)
    rest, carries = carry_save(Cat(low, high), Cat(space, cross, space), Cat(space, other, space))
    return rest[:64], carries[:64]


def alike(m: Module, a: Value, b: Value) -> Value:
    """a == b, two bits of each to a LUT. Left to itself the mapper takes twice as many for wide comparisons."""
    pairs = Signal(-(-len(a) // 2), attrs={"keep": "true"})
    m.d.comb += pairs.eq(Cat(a[n:n + 2] == b[n:n + 2] for n in range(0, len(a), 2)))
    return pairs.all()
