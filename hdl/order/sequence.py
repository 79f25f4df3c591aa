"""MsgSeqNum of one session, as digits for the message and as a number for the record."""

from amaranth.hdl import Const, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hdl.fix.decimal import DIGIT_BITS, times_ten
from hdl.fix.encoder import MSG_SEQ_DIGITS


class MsgSeqNumber(wiring.Component):
    """Follows VENUE.msg_seq. `number` is right 10 cycles after a write of `digits`; `step` takes one cycle.

    Ports
    -----
    digits : In(36), the register: last digit lowest. written : In, it is being written by the host.
    step : In, one message more. following : Out(36), the digits plus one.
    number : Out(32), the same as `digits`.
    """

    def __init__(self):
        bits = DIGIT_BITS * MSG_SEQ_DIGITS
        super().__init__({"digits": In(bits), "written": In(1), "step": In(1), "following": Out(bits),
                          "number": Out(32)})

    def elaborate(self, platform):
        m = Module()
        carry = Const(1, 1)
        for n in range(MSG_SEQ_DIGITS):
            digit = self.digits.word_select(n, DIGIT_BITS)
            m.d.comb += self.following.word_select(n, DIGIT_BITS).eq(
                Mux(carry, Mux(digit == 9, 0, digit + 1), digit))
            carry = carry & (digit == 9)

        left = Signal(range(MSG_SEQ_DIGITS + 1))
        with m.If(self.written):
            m.d.sync += [left.eq(MSG_SEQ_DIGITS), self.number.eq(0)]
        with m.Elif(left.any()):
            m.d.sync += [left.eq(left - 1),
                         self.number.eq(times_ten(self.number) + self.digits.word_select((left - 1)[:4], DIGIT_BITS))]
        with m.Elif(self.step):
            m.d.sync += self.number.eq(self.number + 1)
        return m
