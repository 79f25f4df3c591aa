"""FIX CheckSum and TCP checksum of a frame whose header is already leaving; see `hdl.fix.program` for the order."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hdl.fix.decimal import DIGIT_BITS
from hdl.fix.lanes import WORD_BITS
from hdl.fix.program import SumStep

#: Enough for 64 words from each lane.
TOTAL_BITS = WORD_BITS + 7


class Checksums(wiring.Component):
    """Adds a word of each lane in every cycle that its instruction says so.

    Latency: a word given with its instruction is in `fix` two cycles later, and in `tcp` three.

    Ports
    -----
    clear : In, a frame starts: both sums are 0, but for `fix_static`, the image's own part of the CheckSum.
    how : In(SumStep), which of these count, and how. word : In(16). digits : In(8), a pair of decimal digits.
    fix : Out(8), FIX CheckSum of what was added. tcp : Out(16), the field of the TCP header.
    """

    def __init__(self):
        super().__init__({"clear": In(1), "fix_static": In(8), "how": In(SumStep), "word": In(WORD_BITS),
                          "digits": In(2 * DIGIT_BITS), "fix": Out(8), "tcp": Out(WORD_BITS)})

    def elaborate(self, platform):
        m = Module()
        how = self.how
        word = self._placed(m, self.word, how.words_add, how.words_swap, "word")
        digits = self._placed(m, self._text(), how.digits_add, how.digits_swap, "pair")
        total, folded = Signal(TOTAL_BITS), Signal(WORD_BITS + 1)
        from_words, from_digits = Signal(8), Signal(8)
        with m.If(self.clear):
            m.d.sync += [total.eq(0), from_words.eq(self.fix_static), from_digits.eq(0)]
        with m.Else():
            m.d.sync += [total.eq(total + (word + digits)),
                         from_words.eq(from_words + Mux(how.words_fix, (word[:8] + word[8:])[:8], 0)),
                         from_digits.eq(from_digits + digits[:8] + digits[8:])]
        m.d.sync += self.fix.eq(from_words + from_digits)
        # Ones' complement (RFC 1071): what is carried out of 16 bits comes back in at the bottom.
        m.d.sync += [folded.eq(total[:WORD_BITS] + total[WORD_BITS:]),
                     self.tcp.eq(~(folded[:WORD_BITS] + folded[WORD_BITS]))]
        return m

    def _text(self):
        """The digits as characters; one that is not there is 0."""
        second, first = self.digits[:DIGIT_BITS], self.digits[DIGIT_BITS:]
        there = ~self.how.single
        return Cat(second, there, there, Const(0, 2), first, Const(ord("0") >> DIGIT_BITS, 4))

    @staticmethod
    def _placed(m: Module, word, add, swap, name: str):
        """As it stands in the frame's words, or 0."""
        placed = Signal(WORD_BITS, name=name)
        m.d.comb += placed.eq(Mux(add, Mux(swap, Cat(word[8:], word[:8]), word), 0))
        return placed
