"""Where an order may lie: one row in each way of the order table.

The key (order reference, then symbol above it) is cut into chunks of n bits, lowest first, and read as the
polynomial c0 + c1 x + c2 x^2 + ... over GF(2^n). Its row in way w is the polynomial's value at a^w, a being
the field's generator. Three properties follow:

- Two different keys of at most k chunks meet in at most k - 1 ways, because their difference has at most
  k - 1 roots. References up to 2^33 have three chunks of 11 bits: 5 ways keep any two apart in 3.
- A key is known from its row and its chunks above the lowest: c0 = row - (the rest), so a slot stores the
  upper chunks alone (`tag`) and still identifies the full 64-bit reference.
- The key {c0 = r, rest 0} lies in row r of every way, which is how the table is walked.

All of it is linear over GF(2): each row bit is the exclusive-or of about half of the key's bits.
"""

from functools import cache

from amaranth.hdl import Cat, Value

#: Primitive polynomials over GF(2) by degree, without the leading term (Peterson and Weldon, appendix C).
PRIMITIVE = {1: 0b1, 2: 0b11, 3: 0b11, 4: 0b11, 5: 0b101, 6: 0b11, 7: 0b1001, 8: 0b11101, 9: 0b10001, 10: 0b1001,
             11: 0b101, 12: 0b1010011, 13: 0b11011, 14: 0b10001000011, 15: 0b11, 16: 0b1000000001011}


def multiply(a: int, b: int, n: int) -> int:
    """Product in GF(2^n)."""
    product = 0
    for bit in reversed(range(n)):
        product <<= 1
        if product >> n:
            product ^= 1 << n | PRIMITIVE[n]
        if b >> bit & 1:
            product ^= a
    return product


def row(key: int, way: int, n: int) -> int:
    """Row of `key` in `way`, for 2^n rows."""
    point = 1
    for _ in range(way):
        point = multiply(point, 2 if n > 1 else 1, n)
    value, power = 0, 1
    while key:
        value ^= multiply(key & (1 << n) - 1, power, n)
        power = multiply(power, point, n)
        key >>= n
    return value


@cache
def _taps(width: int, way: int, n: int) -> tuple[tuple[int, ...], ...]:
    """Key bits that each row bit is the exclusive-or of."""
    images = [row(1 << bit, way, n) for bit in range(width)]
    return tuple(tuple(bit for bit in range(width) if images[bit] >> out & 1) for out in range(n))


def row_value(key: Value, way: int, n: int) -> Value:
    """The same in gateware, combinational."""
    return Cat(Cat(key[bit] for bit in taps).xor() for taps in _taps(len(key), way, n))


__all__ = ["multiply", "row", "row_value"]
