"""Plumbing of 64-byte records: assembling one from fields, catching what one is made of, and a deep queue of them."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, ValueLike
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from hdl.blockram import BlockRam
from hdl.layouts import RECORD_BITS, UP, Record
from hdl.messages import SYMBOL_BITS
from hdl.streams import records

#: Bits that header fields of records going up really have; the queue does not keep the others.
_NARROW = {"kind": max(record.kind for record in UP).bit_length(), "symbol": SYMBOL_BITS}


def assemble(record: Record, **fields: ValueLike) -> Value:
    """The 512 bits of `record` with these fields, sign- or zero-extended; its kind set, every other field 0."""
    fields["kind"] = record.kind
    parts = [_sized(fields.pop(field.name, 0), 8 * field.bytes) for field in record.fields]
    if fields:
        raise ValueError(f"record {record.name} has no field {', '.join(fields)}")
    used = sum(len(part) for part in parts)
    return Cat(*parts, Const(0, RECORD_BITS - used))


def _sized(value: ValueLike, width: int) -> Value:
    value = Value.cast(value)
    if isinstance(value, Const):
        return Const(value.value, width)
    fill = value[-1] if value.shape().signed else Const(0, 1)
    return Cat(value, fill.replicate(max(0, width - len(value))))[:width]


class Catch(wiring.Component):
    """Holds one transfer of a valid-only stream until it is taken.

    Members
    -------
    i : what comes; it is held from the next cycle on.
    o : what is held.
    take : it is taken in this cycle, for good.
    wants : combinational: something is held in the next cycle.
    lost : combinational: something comes while another is held and not taken. It is the one that is lost.
    """

    def __init__(self, shape):
        super().__init__({"i": In(stream.Signature(shape, always_ready=True)), "o": Out(shape), "take": In(1),
                          "wants": Out(1), "lost": Out(1)})

    def elaborate(self, platform):
        m = Module()
        held, stays = Signal(), Signal()
        word = Signal.like(self.o, reset_less=True)
        m.d.comb += [stays.eq(held & ~self.take), self.wants.eq(self.i.valid | stays), self.o.eq(word),
                     self.lost.eq(self.i.valid & stays)]
        m.d.sync += held.eq(self.wants)
        with m.If(self.i.valid & ~stays):
            m.d.sync += word.eq(self.i.payload)
        return m


class RecordFifo(wiring.Component):
    """A queue of `depth` records in block RAM: one a cycle in and out, latency 2.

    Members
    -------
    i, write : a record to append; there must be room for it.
    o : the records.
    level : records that wait behind the one on `o`.
    """

    def __init__(self, depth: int):
        self.depth = depth
        super().__init__({"i": In(RECORD_BITS), "write": In(1), "o": Out(records), "level": Out(range(depth + 1))})

    def elaborate(self, platform):
        m = Module()
        m.submodules.words = words = BlockRam(len(_packed(self.i)), self.depth)
        read = Signal()
        m.d.comb += [
            words.write_data.eq(_packed(self.i)), words.write_en.eq(self.write),
            read.eq((self.level != 0) & (~self.o.valid | self.o.ready)), words.read_en.eq(read),
            self.o.payload.eq(_unpacked(words.read_data)),
        ]
        with m.If(self.write ^ read):
            m.d.sync += self.level.eq(self.level + Mux(read, -1, 1))
        for port, moves in ((words.write_addr, self.write), (words.read_addr, read)):
            at = Signal(range(self.depth))
            m.d.comb += port.eq(at)
            with m.If(moves):
                m.d.sync += at.eq((at + 1) % self.depth)
        with m.If(read):
            m.d.sync += self.o.valid.eq(1)
        with m.Elif(self.o.ready):
            m.d.sync += self.o.valid.eq(0)
        return m


def _kept() -> list[tuple[int, int]]:
    """[start, end) of the bits of a record that the queue keeps."""
    ranges, start = [], 0
    for name, width in _NARROW.items():
        field = UP[0].layout[name]
        ranges.append((start, field.offset + width))
        start = field.offset + field.width
    return [*ranges, (start, RECORD_BITS)]


def _packed(record: Value) -> Value:
    return Cat(record[start:end] for start, end in _kept())


def _unpacked(word: Value) -> Value:
    parts, at, end = [], 0, 0
    for start, following in _kept():
        parts += [Const(0, start - end), word[at:at + following - start]]
        at, end = at + following - start, following
    return Cat(parts)


__all__ = ["Catch", "RecordFifo", "assemble"]
