"""Wide arithmetic with short carry chains, as expressions.

A 64-bit carry chain does not fit a cycle at 125 MHz together with anything else. These split it at
bit 32: both halves work at once, the upper one for both values of the carry, and one multiplexer picks.
"""

from amaranth.hdl import C, Cat, Mux, Value

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
