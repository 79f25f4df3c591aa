"""Binary to decimal digits."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from hdl.fix.program import CHECKSUM_BITS, CHECKSUM_START, CYCLE_BITS, NUMBERS, PER_CYCLE, STARTS, chars, steps
from hdl.pick import pick

DIGIT_BITS = 4
#: Digits of the longest number.
DIGITS = max(chars(name) for name in NUMBERS)


def times_ten(value):
    """Two additions: written as a product, synthesis would take a multiplier block, which is slower here."""
    return (value << 3) + (value << 1)


class Decimals(wiring.Component):
    """Digits of the numbers of a frame, one after another: shift and add three ("double dabble").

    A step takes `PER_CYCLE` bits, so that a cycle holds as many short digit adders. Each number starts in its cycle
    of `hdl.fix.program.STARTS`; its digits are there `steps(bits) + 1` cycles later, until the next frame. The
    CheckSum starts in `CHECKSUM_START`, and its digits are there `steps(CHECKSUM_BITS)` cycles later. A number with
    more digits than its slot loses the first ones.

    Ports
    -----
    cycle : In, of the frame, 0 is its first beat.
    values : In, the numbers by name; `checksum` is looked at in its cycles.
    digits : Out, digits of each by name, last digit lowest.
    """

    def __init__(self):
        names = {**NUMBERS, "checksum": CHECKSUM_BITS}
        super().__init__({
            "cycle": In(CYCLE_BITS), "values": In(data.StructLayout(names)),
            "digits": Out(data.StructLayout({name: DIGIT_BITS * DIGITS for name in names}))})

    def elaborate(self, platform):
        m = Module()
        running, first = Signal(DIGIT_BITS * DIGITS), Signal()
        starts = {**STARTS, "checksum": CHECKSUM_START}
        m.d.comb += [first.eq(Cat(self.cycle == start for start in starts.values()).any()),
                     self.digits.checksum.eq(running)]
        for name, bits in NUMBERS.items():
            with m.If(self.cycle == STARTS[name] + steps(bits)):
                m.d.sync += self.digits[name].eq(running)
        bits, after = Signal(PER_CYCLE), running
        m.d.comb += bits.eq(self._bits())
        for n, bit in enumerate(reversed(bits)):
            after = self._doubled(m, after, bit, f"step{n}")
        with m.If(first):
            m.d.sync += running.eq(bits)
        with m.Elif(self.cycle < CHECKSUM_START + steps(CHECKSUM_BITS)):
            m.d.sync += running.eq(after)
        return m

    def _bits(self) -> Value:
        """The bits that are due in this cycle, of whichever number it is; first bits first."""
        groups = [Const(0, PER_CYCLE)] * (1 << CYCLE_BITS)
        for name, start in {**STARTS, "checksum": CHECKSUM_START}.items():
            value = self.values[name]
            count = steps(len(value))
            padded = Cat(value, Const(0, PER_CYCLE))
            groups[start:start + count] = [padded[at:at + PER_CYCLE]
                                           for at in reversed(range(0, PER_CYCLE * count, PER_CYCLE))]
        end = CHECKSUM_START + steps(CHECKSUM_BITS)
        return pick(groups[:end], self.cycle)

    @staticmethod
    def _doubled(m: Module, digits, bit, name: str) -> Signal:
        """The digits of twice the number, and the bit. One that doubles to ten or more carries into the next.

        A signal of its own for each step: without, every step would be written out anew in the next, threefold.
        """
        doubled = Signal(DIGIT_BITS * DIGITS, name=name)
        corrected = [Mux(digit >= 5, digit + 3, digit)[:DIGIT_BITS]
                     for digit in (digits.word_select(n, DIGIT_BITS) for n in range(DIGITS))]
        m.d.comb += doubled.eq(Cat(bit, *corrected))
        return doubled
