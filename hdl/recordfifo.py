"""Plumbing of 64-byte records: assembling one from fields, catching one, and a deep queue of them."""

from amaranth.hdl import Cat, Const, Module, Signal, Value, ValueLike
from amaranth.lib import fifo, stream, wiring
from amaranth.lib.wiring import In, Out

from hdl.layouts import RECORD_BITS, Record
from hdl.streams import records

HALF = RECORD_BITS // 2


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
    """Holds one transfer of a valid-only stream until it is taken, latency 1.

    `lost` is high for one cycle, one cycle late, where another came while one was held and not taken.
    """

    def __init__(self, shape):
        super().__init__({"i": In(stream.Signature(shape, always_ready=True)), "o": Out(stream.Signature(shape)),
                          "lost": Out(1)})

    def elaborate(self, platform):
        m = Module()
        free = ~self.o.valid | self.o.ready
        with m.If(free):
            m.d.sync += [self.o.payload.eq(self.i.payload), self.o.valid.eq(self.i.valid)]
        m.d.sync += self.lost.eq(self.i.valid & ~free)
        return m


class RecordFifo(wiring.Component):
    """A queue of `depth` records in block RAM, moved in halves: one record every two cycles, latency 5.

    Members
    -------
    i, o : the records; `o` is registered.
    level : records held between both ends, one cycle late.
    """

    def __init__(self, depth: int):
        self.depth = depth
        super().__init__({"i": In(records), "o": Out(records), "level": Out(range(depth + 1))})

    def elaborate(self, platform):
        m = Module()
        m.submodules.halves = halves = fifo.SyncFIFOBuffered(width=HALF, depth=2 * self.depth)

        high_in = Signal()
        written = halves.w_en & halves.w_rdy
        m.d.comb += [
            halves.w_en.eq(self.i.valid),
            halves.w_data.eq(self.i.payload.word_select(high_in, HALF)),
            self.i.ready.eq(high_in & halves.w_rdy),
        ]
        m.d.sync += high_in.eq(high_in ^ written)

        high_out = Signal()
        taken = self.o.valid & self.o.ready
        m.d.comb += halves.r_en.eq(~self.o.valid | self.o.ready)
        with m.If(taken):
            m.d.sync += self.o.valid.eq(0)
        with m.If(halves.r_en & halves.r_rdy):
            m.d.sync += [self.o.payload.word_select(high_out, HALF).eq(halves.r_data),
                         high_out.eq(~high_out), self.o.valid.eq(high_out)]
        m.d.sync += self.level.eq(halves.level >> 1)
        return m


__all__ = ["Catch", "RecordFifo", "assemble"]
