"""Fields of an ExecutionReport: which tag this is, what its value is, and whether all are there once."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from fixparse.templates import EXECUTION_REPORT, EXECUTION_REPORT_TYPE, Format
from fixparse.values import PRICE_PLACES
from hdl.fix.number import Character, Decimal, HexId, Scaler
from hdl.messages import ExecReport

MSG_TYPE = 35
#: Tags of the frame, which a body must not hold.
FRAME_TAGS = (8, 9, 10)
#: Digits of the longest tag that is told apart.
TAG_DIGITS = max(len(str(field.tag)) for field in EXECUTION_REPORT)
SHAPES = {Format.ID: 64, Format.CHAR: 8, Format.QTY: 32, Format.PRICE: 32}


class Tag(wiring.Component):
    """The tag under way.

    Ports
    -----
    clear, valid, char : In, as for `Decimal`.
    bad : Out, `char` cannot come here: neither a digit nor `=` after one, a leading zero, or a tag of the frame.
    fields : Out, one bit for each of EXECUTION_REPORT. msg_type : Out.
    """

    def __init__(self):
        super().__init__({"clear": In(1), "valid": In(1), "char": In(Character), "bad": Out(1),
                          "fields": Out(len(EXECUTION_REPORT)), "msg_type": Out(1)})

    def elaborate(self, platform):
        m = Module()
        digits, some, long = Signal(4 * TAG_DIGITS), Signal(), Signal()

        def is_tag(number: int):
            return (digits == int(str(number), 16)) & ~long

        m.d.comb += [self.fields.eq(Cat(is_tag(field.tag) for field in EXECUTION_REPORT)),
                     self.msg_type.eq(is_tag(MSG_TYPE))]
        with m.If(self.char.digit):
            m.d.comb += self.bad.eq(~some & (self.char.nibble == 0))
        with m.Else():
            m.d.comb += self.bad.eq(~self.char.equals | ~some | Cat(is_tag(tag) for tag in FRAME_TAGS).any())
        with m.If(self.valid):
            m.d.sync += [digits.eq(Cat(self.char.nibble, digits)), some.eq(1), long.eq(long | digits[-4:].any())]
        with m.If(self.clear):
            m.d.sync += [digits.eq(0), some.eq(0), long.eq(0)]
        return m


class Fields(wiring.Component):
    """Collects one message's fields, told by the tokenizer where tags and values are.

    Ports
    -----
    valid, char : In, a character of the stream. begin : In, with the last of a new message's prefix.
    clear : In, with the character before a tag or a value.
    in_tag : In, this character is of a tag, or the `=` after it. first : In, the tag must be MsgType.
    tag_bad : Out, it cannot be.
    in_value : In, this character is of a value. end : In, this one ends it. empty : Out, it has none.
    number, number_good : Out, the value so far as a whole number, for BodyLength and CheckSum.
    report : Out(ExecReport), the fields so far; 0 where there is none. is_report : Out, MsgType is 8.
    wrong : Out, a field is malformed, repeated or missing.
    """

    def __init__(self):
        if min(field.tag for field in EXECUTION_REPORT) < 10:
            raise ValueError("a field with a tag of one digit may be too short for the scaler")
        super().__init__({
            "valid": In(1), "char": In(Character), "begin": In(1), "clear": In(1), "in_tag": In(1), "first": In(1),
            "tag_bad": Out(1), "in_value": In(1), "end": In(1), "empty": Out(1), "number": Out(32),
            "number_good": Out(1), "report": Out(ExecReport), "is_report": Out(1), "wrong": Out(1)})

    def elaborate(self, platform):
        m = Module()
        m.submodules.tag = tag = Tag()
        m.submodules.decimal = decimal = Decimal()
        m.submodules.hex_id = hex_id = HexId()
        hit, typed = Signal(len(EXECUTION_REPORT)), Signal()    # which field the value is of
        length, last = Signal(2), Signal(8)                     # of the value: 0, 1, or more; its last character
        for reader, valid in ((tag, self.in_tag), (decimal, self.in_value), (hex_id, self.in_value)):
            m.d.comb += [reader.valid.eq(self.valid & valid), reader.char.eq(self.char), reader.clear.eq(self.clear)]
        m.d.comb += [
            self.tag_bad.eq(tag.bad | self.first & self.char.equals & ~tag.msg_type), self.empty.eq(length == 0),
            self.number.eq(decimal.value), self.number_good.eq(decimal.good),
            decimal.price.eq((hit & _those(Format.PRICE)).any()),
        ]
        with m.If(self.valid & self.in_tag & self.char.equals):
            m.d.sync += [typed.eq(self.first), hit.eq(Mux(self.is_report, tag.fields, 0))]
        with m.If(self.valid & self.in_value):
            m.d.sync += [length.eq(Mux(length[1], length, length + 1)), last.eq(self.char.byte)]
        with m.If(self.clear):
            m.d.sync += length.eq(0)
        with m.If(self.end & typed):
            m.d.sync += self.is_report.eq((length == 1) & (last == ord(EXECUTION_REPORT_TYPE)))
        with m.If(self.begin):
            m.d.sync += self.is_report.eq(0)
        self._store(m, hit, decimal, hex_id, length, last)
        return m

    def _store(self, m: Module, hit, decimal, hex_id, length, last):
        """At the end of a value: into the register of its field, numbers by way of the scaler."""
        m.submodules.scaler = scaler = Scaler()
        seen, target = Signal.like(hit), Signal.like(hit)
        wrong, fault = Signal(), Signal()
        numbers = _those(Format.QTY, Format.PRICE)
        m.d.comb += [
            scaler.start.eq(self.end & (hit & numbers).any() & decimal.good), scaler.number.eq(decimal.value),
            scaler.missing.eq(Mux(decimal.price, PRICE_PLACES - decimal.places, 0)),
            fault.eq(self.end & ((hit & seen).any() | (hit & numbers).any() & ~decimal.good
                                 | (hit & _those(Format.CHAR)).any() & (length != 1))
                     | scaler.done & ~scaler.good),
        ]
        held, is_id = {}, {}     # an id counts if it is one, and is not 0
        for n, field in enumerate(EXECUTION_REPORT):
            held[field.name] = value = Signal(SHAPES[field.format], name=field.name, reset_less=True)
            source = {Format.ID: hex_id.value, Format.CHAR: last}.get(field.format, scaler.value)
            store = scaler.done & target[n] if numbers >> n & 1 else self.end & hit[n]
            with m.If(store):
                m.d.sync += value.eq(source)
                if field.format is Format.ID:
                    is_id[field.name] = Signal(name=f"{field.name}_is_id")
                    m.d.sync += is_id[field.name].eq(hex_id.good & hex_id.value.any())
        with m.If(scaler.start):
            m.d.sync += target.eq(hit)
        with m.If(self.end):
            m.d.sync += seen.eq(seen | hit)
        with m.If(fault):
            m.d.sync += wrong.eq(1)
        with m.If(self.begin):
            m.d.sync += [seen.eq(0), wrong.eq(0)]
        required = sum(field.required << n for n, field in enumerate(EXECUTION_REPORT))
        m.d.comb += self.wrong.eq(wrong | (required & ~seen).any())
        there = {field.name: seen[n] & is_id.get(field.name, 1) for n, field in enumerate(EXECUTION_REPORT)}
        shown = {name: Mux(there[name], value, 0) for name, value in held.items()}
        own = shown.pop("order_id")
        del shown["orig_id"]
        m.d.comb += [self.report.order_id.eq(Mux(there["orig_id"], held["orig_id"], own)),
                     *(self.report[name].eq(value) for name, value in shown.items())]


def _those(*formats: Format) -> int:
    """One bit for each of EXECUTION_REPORT that is of these formats."""
    return sum((field.format in formats) << n for n, field in enumerate(EXECUTION_REPORT))
