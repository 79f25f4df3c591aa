"""The two lanes out of which the characters of an order frame come, a pair at a time."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from hdl.fix.decimal import DIGIT_BITS
from hdl.fix.program import (
    BYTE_SLOTS,
    CODE_BITS,
    DIGIT_SLOTS,
    HEX_SLOTS,
    STATIC,
    SYMBOL_CODE,
    WORD_CODE,
    chars,
    code,
)
from hdl.pick import pick

WORD_BITS = 16
HEX_BITS = 4
#: Options of the last choice of each lane that have no code of their own are never chosen.
_NOTHING = Const(0, WORD_BITS)


def _big_endian(value, bits: int) -> list:
    """Pieces of a number, highest first."""
    return [value.word_select(n, bits) for n in reversed(range(len(value) // bits))]


class WordSlots(data.Struct):
    """What the lane of words chooses from, besides the symbol."""
    order_id: unsigned(64)
    orig_id: unsigned(64)
    tcp_seq: unsigned(32)
    tcp_ack: unsigned(32)
    tcp_checksum: unsigned(16)
    side: unsigned(8)
    tif: unsigned(8)
    static: unsigned(16)


class WordLane(wiring.Component):
    """Pairs of characters as a word, the first one in the high byte, the cycle after their code; a symbol's one later.

    Ports
    -----
    code : In, see `hdl.fix.program`. step : In, look at it, and go on; else everything stays.
    slots : In(WordSlots).
    symbol_data : In(16), the symbol's pair of the code in the step before, first character lowest.
    o : Out(16).
    """

    def __init__(self):
        super().__init__({"code": In(CODE_BITS), "step": In(1), "slots": In(WordSlots), "symbol_data": In(WORD_BITS),
                          "o": Out(WORD_BITS)})

    def elaborate(self, platform):
        m = Module()
        ids = [pair for name in HEX_SLOTS for pair in _big_endian(self.slots[name], 2 * HEX_BITS)]
        digits, word, symbol = Signal(2 * HEX_BITS), Signal(WORD_BITS), Signal()
        named = [word for name in (*BYTE_SLOTS, STATIC) for word in self._words(self.slots[name])]
        assert code(STATIC, 0) == WORD_CODE + len(named) - 1
        m.d.comb += [digits.eq(pick(ids, self.code[:4])), word.eq(pick(named, self.code[:3]))]
        text = Cat(_hex(digits[:HEX_BITS]), _hex(digits[HEX_BITS:]))
        with m.If(self.step):
            m.d.sync += [symbol.eq(self.code >= SYMBOL_CODE),
                         self.o.eq(Mux(symbol, Cat(self.symbol_data[8:], self.symbol_data[:8]),
                                       Mux(self.code[-1], word, text)))]
        return m

    @staticmethod
    def _words(value) -> list:
        return [value] if len(value) <= WORD_BITS else _big_endian(value, WORD_BITS)


def _hex(digit):
    letter = digit > 9
    return Cat(Mux(letter, digit - 9, digit)[:4], ~letter, ~letter, letter, Const(0, 1))


#: What the lane of digits chooses from: the digits of each slot, last digit lowest.
DigitSlots = data.StructLayout({name: DIGIT_BITS * chars(name) for name in DIGIT_SLOTS})


class DigitLane(wiring.Component):
    """Pairs of decimal digits, the first one high, the cycle after their code.

    Ports
    -----
    code, step : In, as for `WordLane`. digits : In(DigitSlots).
    o : Out(8), both digits; what stands behind a slot's last digit is 0.
    """

    def __init__(self):
        super().__init__({
            "code": In(CODE_BITS), "step": In(1), "digits": In(DigitSlots), "o": Out(2 * DIGIT_BITS)})

    def elaborate(self, platform):
        m = Module()
        options = []
        for name in DIGIT_SLOTS:
            digits = _big_endian(self.digits[name], DIGIT_BITS)
            digits += [Const(0, DIGIT_BITS)] * (len(digits) & 1)
            options += [Cat(second, first) for first, second in zip(digits[::2], digits[1::2], strict=True)]
        with m.If(self.step):
            m.d.sync += self.o.eq(pick(options, self.code))
        return m
