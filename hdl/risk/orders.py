"""The open-order table: own live orders, found by the low bits of their ids."""

from amaranth.hdl import Cat, Module, Mux, Signal, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from hdl.config import NicConfig
from hdl.messages import STRATEGY_BITS, SYMBOL_BITS
from hdl.risk.check import is_new
from hdl.risk.pipeline import PipelineSignature


class OpenOrder(data.Struct):
    order_id: unsigned(64)
    symbol: unsigned(SYMBOL_BITS)
    side: unsigned(2)       # `Side`
    strategy: unsigned(STRATEGY_BITS)
    price: unsigned(32)
    qty: unsigned(32)


class Opened(data.Struct):
    """A slot as the last order that passed left it."""
    order: OpenOrder
    mark: unsigned(1)


class Closed(data.Struct):
    """A slot as settlement left it."""
    filled: unsigned(32)
    mark: unsigned(1)


class OpenOrders(wiring.Component):
    """Slots for `config.open_orders` orders; the slot is the id's low bits.

    A passing order writes its slot, settlement frees it. A slot is in use while two marks differ there, one that
    only passing orders change, and one that only settlement does; so both may act in the same cycle, and each
    memory has one writer. Orders look at copies of the marks.

    Members
    -------
    pipeline : the orders in the gate.
    taken : the slot of the order at stage 2 is in use; `taken_after`: or will be if the order ahead passes.
    reused : the id of the order at stage 2 is not above the last one that passed in its slot; what passed in the last
        3 cycles does not count, for its slot is taken.
    find : slot asked by settlement; its `order`, `filled` and `live` are valid in the next cycle.
    update : settlement writes `filled` of slot `find`, and frees it where `free` is high. Not in the first cycle
        after `find` has changed.
    """

    def __init__(self, config: NicConfig):
        self.config = config
        slot = range(config.open_orders)
        super().__init__({
            "pipeline": In(PipelineSignature()), "taken": Out(1), "taken_after": Out(1),
            "reused": Out(1),
            "find": In(slot), "order": Out(OpenOrder), "filled": Out(32), "live": Out(1),
            "update": In(1), "new_filled": In(32), "free": In(1),
        })

    def elaborate(self, platform):
        m = Module()
        slots = self.config.open_orders
        m.submodules.opened = opened = Memory(shape=Opened, depth=slots, init=[])
        m.submodules.closed = closed = Memory(shape=Closed, depth=slots, init=[])
        m.submodules.open_marks = open_marks = Memory(shape=1, depth=slots, init=[])
        m.submodules.closed_marks = closed_marks = Memory(shape=1, depth=slots, init=[])

        found, progress = opened.read_port(), closed.read_port()
        m.d.comb += [
            found.addr.eq(self.find), progress.addr.eq(self.find), self.order.eq(found.data.order),
            self.filled.eq(progress.data.filled), self.live.eq(found.data.mark ^ progress.data.mark),
        ]
        write, mark = closed.write_port(), closed_marks.write_port()
        m.d.comb += [
            write.addr.eq(self.find), write.en.eq(self.update), write.data.filled.eq(self.new_filled),
            write.data.mark.eq(Mux(self.free, found.data.mark, progress.data.mark)),
            mark.addr.eq(self.find), mark.en.eq(self.update & self.free), mark.data.eq(found.data.mark),
        ]
        self._last_ids(m)
        self._pass(m, opened.write_port(), open_marks, closed_marks)
        return m

    def _last_ids(self, m):
        """A copy of the ids, which orders look at: read at stage 0, compared at stage 1 in halves."""
        at, half = self.pipeline.at, 32
        m.submodules.ids = ids = Memory(shape=64, depth=self.config.open_orders, init=[])
        write, read, order_id = ids.write_port(), ids.read_port(), at[1].intent.order_id
        above, same, above_low = Signal(), Signal(), Signal()
        m.d.comb += [
            read.addr.eq(at[0].intent.order_id), write.addr.eq(at[3].intent.order_id),
            write.en.eq(self.pipeline.reserve), write.data.eq(at[3].intent.order_id),
            self.reused.eq(~(above | same & above_low)),
        ]
        m.d.sync += [above.eq(read.data[half:] < order_id[half:]), same.eq(read.data[half:] == order_id[half:]),
                     above_low.eq(read.data[:half] < order_id[:half])]

    def _pass(self, m, order_write, open_marks, closed_marks):
        """Stages 1 to 3: is the slot free; if the order passes, take it."""
        at, reserve = self.pipeline.at, self.pipeline.reserve
        is_open, is_closed = (marks.read_port(domain="comb") for marks in (open_marks, closed_marks))
        slots = [Signal(range(self.config.open_orders), name=f"slot{n}") for n in range(4)]
        for n, slot in enumerate(slots):
            m.d.comb += slot.eq(at[n].intent.order_id)
        m.d.comb += [is_open.addr.eq(slots[1]), is_closed.addr.eq(slots[1])]

        same, verdict_same, closed_mark = Signal(), Signal(), Signal(2)
        m.d.sync += [
            self.taken.eq((is_open.data ^ is_closed.data) | (reserve & verdict_same)),
            verdict_same.eq(slots[2] == slots[0]),
            same.eq(at[2].valid & is_new(at[2].intent) & (slots[2] == slots[1])),
            closed_mark.eq(Cat(is_closed.data, closed_mark)),
        ]
        mark, order, kept = open_marks.write_port(), at[3].intent, order_write.data.order
        m.d.comb += [
            self.taken_after.eq(self.taken | same),
            mark.addr.eq(slots[3]), mark.en.eq(reserve), mark.data.eq(~closed_mark[1]),
            order_write.addr.eq(slots[3]), order_write.en.eq(reserve), order_write.data.mark.eq(~closed_mark[1]),
            *(kept[name].eq(order[name]) for name in OpenOrder.as_shape().members),
        ]
