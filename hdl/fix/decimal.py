"""Binary to decimal digits."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

DIGIT_BITS = 4


def times_ten(value):
    """Two additions: written as a product, synthesis would take a multiplier block, which is slower here."""
    return (value << 3) + (value << 1)


class ToDecimal(wiring.Component):
    """Shift and add three ("double dabble"): two bits a cycle, so that a cycle holds two short digit adders.

    `digits` is the result `latency(bits)` cycles after the cycle of `start`, until the next start.

    Parameters
    ----------
    bits : width of `value`, even.
    digits : decimal digits; a value that has more loses the first ones.

    Ports
    -----
    start, value : In.
    digits : Out(4 x digits), last digit lowest.
    """

    PER_CYCLE = 2

    def __init__(self, bits: int, digits: int):
        self.count, self.bits, self.steps = digits, bits, self.latency(bits) - 1
        super().__init__({"start": In(1), "value": In(bits), "digits": Out(DIGIT_BITS * digits)})

    @classmethod
    def latency(cls, bits: int) -> int:
        if bits % cls.PER_CYCLE:
            raise ValueError(f"a number of {bits} bits is not a whole number of steps of {cls.PER_CYCLE}")
        return bits // cls.PER_CYCLE + 1

    def elaborate(self, platform):
        m = Module()
        left, rest = Signal(range(self.steps + 1)), Signal(self.bits, reset_less=True)
        after = self.digits
        for bit in range(self.PER_CYCLE):
            after = Cat(rest[-1 - bit], *(self._corrected(after.word_select(n, DIGIT_BITS))
                                          for n in range(self.count)))[:DIGIT_BITS * self.count]
        with m.If(self.start):
            m.d.sync += [left.eq(self.steps), rest.eq(self.value), self.digits.eq(0)]
        with m.Elif(left.any()):
            m.d.sync += [left.eq(left - 1), rest.eq(rest << self.PER_CYCLE), self.digits.eq(after)]
        return m

    @staticmethod
    def _corrected(digit):
        """A digit that doubles to ten or more carries into the next one."""
        return Mux(digit >= 5, digit + 3, digit)[:DIGIT_BITS]
