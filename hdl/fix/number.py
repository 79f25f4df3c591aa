"""Values of tag=value fields, character by character: decimals and hexadecimal ids."""

from amaranth.hdl import Cat, Module, Mux, Signal, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from fixparse.templates import ORDER_ID
from fixparse.values import PRICE_PLACES
from hdl.fix.decimal import times_ten

NUMBER_BITS = 32
#: A number that would not fit shows in these extra bits when it is multiplied by ten.
WIDE_BITS = NUMBER_BITS + 4
ID_CHARS = ORDER_ID.chars
NIBBLE_BITS = 4


class Character(data.Struct):
    """A byte and what it is."""
    byte: unsigned(8)
    digit: unsigned(1)      # 0 to 9
    hex: unsigned(1)        # 0 to 9, A to F
    nibble: unsigned(NIBBLE_BITS)   # its value
    soh: unsigned(1)
    equals: unsigned(1)


def classify(m: Module, byte) -> data.View:
    """`Character` of `byte`, in the same cycle."""
    char = Signal(Character)
    letter = (byte >= ord("A")) & (byte <= ord("F"))
    m.d.comb += [
        char.byte.eq(byte), char.digit.eq((byte[4:] == ord("0") >> 4) & (byte[:4] <= 9)),
        char.hex.eq(char.digit | letter), char.nibble.eq(Mux(letter, byte[:4] + 9, byte[:4])),
        char.soh.eq(byte == 1), char.equals.eq(byte == ord("=")),
    ]
    return char


class Decimal(wiring.Component):
    """Decimal text to a 32-bit number. Leading zeros mean nothing.

    Ports
    -----
    clear : In, the next character starts a value. valid, char : In, one more character of it.
    price : In, four decimals count (digits after them must be 0); else none do (a fraction must be 0).
    value : Out(32), digits so far, `places` : Out, decimals that are in it.
    good : Out, at least one digit, nothing else but one point, nothing lost, below 2**32.
    """

    def __init__(self):
        super().__init__({"clear": In(1), "valid": In(1), "char": In(Character), "price": In(1),
                          "value": Out(NUMBER_BITS), "places": Out(range(PRICE_PLACES + 1)), "good": Out(1)})

    def elaborate(self, platform):
        m = Module()
        point, some, wrong = Signal(), Signal(), Signal()
        grown, counts = Signal(WIDE_BITS), Signal()
        m.d.comb += [
            grown.eq(times_ten(self.value) + self.char.nibble), self.good.eq(some & ~wrong),
            counts.eq(~point | self.price & (self.places != PRICE_PLACES)),
        ]
        with m.If(self.valid):
            with m.If(self.char.digit):
                m.d.sync += some.eq(1)
                with m.If(counts):
                    m.d.sync += [self.value.eq(grown), self.places.eq(self.places + point)]
                    with m.If(grown[NUMBER_BITS:].any()):
                        m.d.sync += wrong.eq(1)
                with m.Elif(self.char.nibble.any()):
                    m.d.sync += wrong.eq(1)
            with m.Elif((self.char.byte == ord(".")) & ~point):
                m.d.sync += point.eq(1)
            with m.Else():
                m.d.sync += wrong.eq(1)
        with m.If(self.clear):
            m.d.sync += [self.value.eq(0), self.places.eq(0), point.eq(0), some.eq(0), wrong.eq(0)]
        return m


class Scaler(wiring.Component):
    """A price with fewer than four decimals gets the missing zeros, one a cycle.

    `done` comes 1 to 5 cycles after `start`, with `value` and `good` (below 2**32). A field with a tag
    of two digits is at least five characters long, so the next start comes with `done` at the earliest, and may.

    Ports
    -----
    start, missing, number : In. done, value, good : Out.
    """

    def __init__(self):
        super().__init__({"start": In(1), "missing": In(range(PRICE_PLACES + 1)), "number": In(NUMBER_BITS),
                          "done": Out(1), "value": Out(NUMBER_BITS), "good": Out(1)})

    def elaborate(self, platform):
        m = Module()
        left, running, grown = Signal.like(self.missing), Signal(), Signal(WIDE_BITS)
        m.d.comb += [grown.eq(times_ten(self.value)), self.done.eq(running & (left == 0))]
        with m.If(self.start):
            m.d.sync += [left.eq(self.missing), self.value.eq(self.number), running.eq(1), self.good.eq(1)]
        with m.Elif(left.any()):
            m.d.sync += [left.eq(left - 1), self.value.eq(grown)]
            with m.If(grown[NUMBER_BITS:].any()):
                m.d.sync += self.good.eq(0)
        with m.Else():
            m.d.sync += running.eq(0)
        return m


class HexId(wiring.Component):
    """An order id: 16 upper-case hex digits.

    Ports
    -----
    clear, valid, char : In, as for `Decimal`.
    value : Out(64), the last 16 characters. good : Out, they are the whole text, and hex digits.
    """

    def __init__(self):
        super().__init__({"clear": In(1), "valid": In(1), "char": In(Character),
                          "value": Out(NIBBLE_BITS * ID_CHARS), "good": Out(1)})

    def elaborate(self, platform):
        m = Module()
        count, wrong = Signal(range(ID_CHARS + 1)), Signal()
        m.d.comb += self.good.eq((count == ID_CHARS) & ~wrong)
        with m.If(self.valid):
            m.d.sync += self.value.eq(Cat(self.char.nibble, self.value))
            with m.If((count == ID_CHARS) | ~self.char.hex):
                m.d.sync += wrong.eq(1)
            with m.Else():
                m.d.sync += count.eq(count + 1)
        with m.If(self.clear):
            m.d.sync += [count.eq(0), wrong.eq(0)]
        return m
