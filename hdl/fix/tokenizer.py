"""FIX in: a byte stream of tag=value messages to ExecutionReports, with BodyLength and CheckSum verified."""

from amaranth.hdl import Array, Const, Module, Mux, Signal
from amaranth.lib import enum, stream, wiring
from amaranth.lib.wiring import In, Out

from fixparse.checksum import SOH, byte_sum
from fixparse.templates import BEGIN_STRING
from hdl.fix.fields import Fields
from hdl.fix.number import Character, classify
from hdl.messages import ExecReport

#: What every message starts with; nothing else in a message can look like it.
PREFIX = f"8={BEGIN_STRING}".encode() + SOH + b"9="
TRAILER = b"10="
CHECKSUM_DIGITS = 3
MAX_BODY_BITS = 16
#: Cycles from the SOH that ends CheckSum to the report.
LATENCY = 2


class Part(enum.Enum, shape=3):
    """Where in a message we are."""
    IDLE = 0        # between messages: nothing but a new one may come
    HUNT = 1        # lost: anything may come until the next one
    LENGTH = 2
    TAG = 3
    VALUE = 4
    TRAILER = 5


class Matcher(wiring.Component):
    """Finds `PREFIX` anywhere in the stream, whatever the rest of the tokenizer is doing.

    Ports
    -----
    valid, byte : In. clear : In, forget what came before, and this byte.
    found : Out, the byte of the cycle before completes the prefix. stray : Out, it was not the next of it.
    """

    def __init__(self):
        super().__init__({"valid": In(1), "byte": In(8), "found": Out(1), "stray": Out(1), "clear": In(1)})

    def elaborate(self, platform):
        m = Module()
        assert PREFIX.count(PREFIX[:1]) == 1, "a mismatch may start over with the prefix's first byte alone"
        at = Signal(range(len(PREFIX)))
        fits = self.byte == Array(Const(byte, 8) for byte in PREFIX)[at]
        found, valid = fits & (at == len(PREFIX) - 1), self.valid & ~self.clear
        m.d.sync += [self.found.eq(valid & found), self.stray.eq(valid & ~fits)]
        with m.If(self.clear):
            m.d.sync += at.eq(0)
        with m.Elif(self.valid):
            m.d.sync += at.eq(Mux(fits & ~found, at + 1, (self.byte == PREFIX[0]) & ~fits))
        return m


class Tokenizer(wiring.Component):
    """Reads one venue's stream of FIX 4.4 messages, one byte a cycle, never held back.

    Every message must have the right BodyLength and CheckSum (FIX 4.4 volume 2), MsgType as its third field,
    tags without leading zeros and no empty value. From an ExecutionReport the fields of
    `fixparse.templates.EXECUTION_REPORT` are taken: one that is there twice, a number that is not exact in its
    unit, or a required one missing makes the message malformed. Ids that are not 16 hex digits read 0. Other
    message types are verified and passed over. A data field (such as EncodedText, 355) is read like text: one
    that holds SOH makes its message malformed.

    A malformed message, or a run of bytes outside any message, gives one `malformed`, and the tokenizer goes on
    at the next `PREFIX`, even if it comes in the middle of a message.

    Latency: the report leaves `LATENCY` cycles after the cycle of the SOH that ends CheckSum. Two reports are at least
    60 bytes apart. Its payload is right in the cycle of `valid`, and changes later.
    The golden model is sim.models.tokenizer.

    Ports
    -----
    valid, byte : In, the stream.
    restart : In, forget everything, a new stream starts.
    o : Out, valid-only ExecReport, `venue` and `rx_time` 0. malformed : Out, strobe.
    """

    def __init__(self):
        super().__init__({
            "valid": In(1), "byte": In(8), "restart": In(1),
            "o": Out(stream.Signature(ExecReport, always_ready=True)), "malformed": Out(1)})

    def elaborate(self, platform):
        m = Module()
        m.submodules.matcher = matcher = Matcher()
        m.submodules.fields = fields = Fields()
        part, valid, char = Signal(Part), Signal(), Signal(Character)
        m.d.sync += [valid.eq(self.valid & ~self.restart), char.eq(classify(m, self.byte))]
        m.d.comb += [matcher.valid.eq(self.valid), matcher.byte.eq(self.byte), matcher.clear.eq(self.restart)]

        bad, good, bad_length = Signal(), Signal(), Signal()    # bad_length: known a cycle after it has ended
        m.d.sync += bad_length.eq(0)
        total, left, at = Signal(8), Signal(MAX_BODY_BITS), Signal(range(len(TRAILER) + CHECKSUM_DIGITS + 1))
        body_first = Signal()
        m.d.comb += [fields.valid.eq(valid), fields.char.eq(char), fields.begin.eq(matcher.found),
                     fields.first.eq(body_first)]
        with m.If(valid):
            m.d.sync += [total.eq(total + char.byte), left.eq(left - 1)]
            with m.Switch(part):
                with m.Case(Part.IDLE):
                    m.d.comb += bad.eq(matcher.stray)
                with m.Case(Part.LENGTH):
                    m.d.comb += fields.in_value.eq(~char.soh)
                    with m.If(char.soh):
                        self._go(m, part, Part.TAG, fields)
                        m.d.sync += [left.eq(fields.number), body_first.eq(1)]
                        m.d.sync += bad_length.eq(~fields.number_good | fields.number[MAX_BODY_BITS:].any()
                                                  | ~fields.number.any())
                    with m.Elif(~char.digit):
                        m.d.comb += bad.eq(1)
                with m.Case(Part.TAG):
                    m.d.comb += [fields.in_tag.eq(1), bad.eq(fields.tag_bad | (left == 1))]
                    with m.If(char.equals):
                        self._go(m, part, Part.VALUE, fields)
                        m.d.sync += body_first.eq(0)
                with m.Case(Part.VALUE):
                    m.d.comb += [fields.in_value.eq(~char.soh), bad.eq((left == 1) & ~char.soh)]
                    with m.If(char.soh):
                        m.d.comb += [fields.end.eq(1), bad.eq(fields.empty)]
                        self._go(m, part, Mux(left == 1, Part.TRAILER, Part.TAG), fields)
                        m.d.sync += at.eq(0)
                with m.Case(Part.TRAILER):
                    m.d.sync += [at.eq(at + 1), total.eq(total)]
                    self._trailer(m, at, char, total, fields, bad, good)

        with m.If(bad_length):
            m.d.comb += bad.eq(1)
        with m.If(good):
            m.d.sync += part.eq(Part.IDLE)
        with m.If(bad):
            m.d.sync += part.eq(Part.HUNT)
        with m.If(matcher.found):
            self._go(m, part, Part.LENGTH, fields)
            m.d.sync += total.eq(byte_sum(PREFIX))
        with m.If(self.restart):
            m.d.sync += part.eq(Part.IDLE)
        broken_off = matcher.found & (part != Part.IDLE) & (part != Part.HUNT)
        m.d.sync += [
            self.malformed.eq((bad | broken_off | good & fields.is_report & fields.wrong) & ~self.restart),
            self.o.valid.eq(good & fields.is_report & ~fields.wrong & ~self.restart),
        ]
        m.d.comb += self.o.payload.eq(fields.report)
        return m

    @staticmethod
    def _go(m: Module, part, where, fields):
        m.d.sync += part.eq(where)
        m.d.comb += fields.clear.eq(1)

    @staticmethod
    def _trailer(m: Module, at, char, total, fields, bad, good):
        """`10=`, three digits equal to the total, SOH."""
        last = len(TRAILER) + CHECKSUM_DIGITS
        with m.If(at < len(TRAILER)):
            m.d.comb += bad.eq(char.byte != Array(Const(byte, 8) for byte in (*TRAILER, 0))[at[:2]])
        with m.Elif(at < last):
            m.d.comb += [bad.eq(~char.digit), fields.in_value.eq(1)]
        with m.Else():
            m.d.comb += [good.eq(char.soh & (fields.number == total)), bad.eq(~good)]
