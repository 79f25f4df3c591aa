"""Binary to decimal digits in five cycles: the digits of each byte out of a table, and the four of them added."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import data, memory, wiring
from amaranth.lib.wiring import In, Out

from hdl.fix.decimal import DIGIT_BITS

BYTE_BITS, NUMBER_BYTES = 8, 4
NUMBER_BITS = BYTE_BITS * NUMBER_BYTES
#: Digits of the largest number, and of the largest in its two low bytes.
DIGITS, LOW_DIGITS = len(str(2**NUMBER_BITS - 1)), len(str(2**(NUMBER_BITS // 2) - 1))
_SPARE = 16 - 10    # what a digit lacks, so that ten of it carry out of its four bits


def coded(number: int, digits: int, spare: bool = False) -> int:
    """The decimal digits of a number, four bits each; with `spare`, each is six more."""
    return sum((number // 10**n % 10 + _SPARE * spare) << DIGIT_BITS * n for n in range(digits))


def table(byte: int) -> list[int]:
    """What each value of this byte of a number is worth. Of each two that are added, the higher has its spare."""
    return [coded(value << BYTE_BITS * byte, _digits(byte), bool(byte & 1)) for value in range(1 << BYTE_BITS)]


def _digits(byte: int) -> int:
    """A table with `spare` has all digits of the sum that it is part of."""
    return len(str((1 << BYTE_BITS * (byte + 1)) - 1))


class Sum(data.Struct):
    """The sum of two decimals, one of which had its spare: a digit that did not carry still has it."""
    digits: data.ArrayLayout(DIGIT_BITS, DIGITS)
    carried: DIGITS

    @staticmethod
    def of(a, b) -> "Cat":
        """As an expression. `b` is as long as the sum, and has its spare."""
        a, total = Cat(a, Const(0, len(b) - len(a))), (a + b)[:len(b) + 1]
        ends = range(DIGIT_BITS, len(b) + 1, DIGIT_BITS)
        carried = Cat(total[end] ^ (a[end] ^ b[end] if end < len(b) else 0) for end in ends)
        missing = DIGITS - len(ends)
        return Cat(total[:len(b)], Const(0, DIGIT_BITS * missing), carried, Const((1 << missing) - 1, missing))


class FastDecimal(wiring.Component):
    """The decimal digits of a 32-bit number. Latency: `LATENCY` = 5 cycles. Throughput: one a cycle.

    Four tables in block RAM have the digits of each byte at its place; they are added two by two. A decimal sum is a
    binary one in which each digit of one operand is six more, so that it carries at ten (`Sum`).

    Ports
    -----
    value : In(32). en : In, the `value` of the cycle before was a number.
    digits : Out(array of 10 digits), last digit first; those of the last number stay.
    """

    LATENCY = 5

    def __init__(self):
        super().__init__({"en": In(1), "value": In(NUMBER_BITS), "digits": Out(data.ArrayLayout(DIGIT_BITS, DIGITS))})

    def elaborate(self, platform):
        m = Module()
        bytes_ = []
        for n in range(NUMBER_BYTES):
            words = table(n)
            m.submodules[f"table{n}"] = rom = memory.Memory(
                shape=max(words).bit_length(), depth=len(words), init=words, attrs={"ram_style": "block"})
            port, word = rom.read_port(), Signal(DIGIT_BITS * _digits(n), name=f"byte{n}", reset_less=True)
            m.d.comb += port.addr.eq(self.value.word_select(n, BYTE_BITS))
            with m.If(self.en):
                m.d.sync += word.eq(port.data)      # a block RAM's output comes late in its cycle
            bytes_.append(word)
        low, high, both = (Signal(Sum, name=name, reset_less=True) for name in ("low", "high", "both"))
        m.d.sync += [
            low.eq(Sum.of(bytes_[0], bytes_[1])), high.eq(Sum.of(bytes_[2], bytes_[3])),
            both.eq(Sum.of(_settled(low, LOW_DIGITS), _settled(high, DIGITS, spare=_SPARE))),
            self.digits.eq(_settled(both, DIGITS)),
        ]
        return m


def _settled(total, digits: int, spare: int = 0):
    """The digits of a `Sum`, with as much to spare as said."""
    return Cat(Mux(total.carried[n], total.digits[n] + spare, total.digits[n] - _SPARE + spare)[:DIGIT_BITS]
               for n in range(digits))


__all__ = ["DIGITS", "FastDecimal", "coded"]
