"""The open-order table: own live orders, found by the low bits of their ids."""

from amaranth.hdl import Module, Signal, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from hdl.config import NicConfig
from hdl.layouts import Action
from hdl.messages import SYMBOL_BITS
from hdl.risk.pipeline import PipelineSignature


class OpenOrder(data.Struct):
    order_id: unsigned(64)
    symbol: unsigned(SYMBOL_BITS)
    side: unsigned(2)       # `Side`
    qty: unsigned(32)


class OpenOrders(wiring.Component):
    """Slots for `config.open_orders` orders; the slot is the id's low bits.

    A passing order writes its slot, settlement frees it. A slot is in use while two one-bit memories
    differ there, `opened`, which only passing orders change, and `closed`, which only settlement does; so
    both may act in the same cycle, and each memory has one writer.

    Members
    -------
    pipeline : the orders in the gate.
    taken : the slot of the order at stage 2 is in use; `taken_after`: or will be if the order ahead passes.
    find : slot asked by settlement; its `order`, `filled` and `live` are valid in the next cycle.
    update : settlement writes `filled` of slot `find`, and frees it where `free` is high.
    """

    def __init__(self, config: NicConfig):
        self.config = config
        slot = range(config.open_orders)
        super().__init__({
            "pipeline": In(PipelineSignature()), "taken": Out(1), "taken_after": Out(1),
            "find": In(slot), "order": Out(OpenOrder), "filled": Out(32), "live": Out(1),
            "update": In(1), "new_filled": In(32), "free": In(1),
        })

    def elaborate(self, platform):
        m = Module()
        slots = self.config.open_orders
        m.submodules.orders = orders = Memory(shape=OpenOrder, depth=slots, init=[])
        m.submodules.filled = filled = Memory(shape=unsigned(32), depth=slots, init=[])
        m.submodules.opened = opened = Memory(shape=unsigned(1), depth=slots, init=[])
        m.submodules.closed = closed = Memory(shape=unsigned(1), depth=slots, init=[])
        self._pass(m, orders.write_port(), opened, closed)

        order, progress = orders.read_port(), filled.read_port()
        is_open, is_closed = opened.read_port(), closed.read_port()
        for port in (order, progress, is_open, is_closed):
            m.d.comb += port.addr.eq(self.find)
        m.d.comb += [self.order.eq(order.data), self.filled.eq(progress.data),
                     self.live.eq(is_open.data ^ is_closed.data)]
        write, close = filled.write_port(), closed.write_port()
        m.d.comb += [
            write.addr.eq(self.find), write.en.eq(self.update), write.data.eq(self.new_filled),
            close.addr.eq(self.find), close.en.eq(self.update & self.free), close.data.eq(is_open.data),
        ]
        return m

    def _pass(self, m, order_write, opened, closed):
        """Stages 0 to 3: is the slot free; if the order passes, take it."""
        at, reserve = self.pipeline.at, self.pipeline.reserve
        opened_write, closed_read = opened.write_port(), closed.read_port()
        opened_read = opened.read_port(transparent_for=(opened_write,))
        slots = [Signal(range(self.config.open_orders), name=f"slot{n}") for n in range(4)]
        for n, slot in enumerate(slots):
            m.d.comb += slot.eq(at[n].intent.order_id)
        m.d.comb += [opened_read.addr.eq(slots[0]), closed_read.addr.eq(slots[0])]

        same = Signal()
        closed_bit = Signal(2)
        m.d.sync += [
            self.taken.eq((opened_read.data ^ closed_read.data) | (reserve & (slots[3] == slots[1]))),
            same.eq(at[2].valid & (at[2].intent.action == Action.NEW) & (slots[2] == slots[1])),
            closed_bit.eq((closed_bit << 1) | closed_read.data),
        ]
        order = at[3].intent
        m.d.comb += [
            self.taken_after.eq(self.taken | same),
            opened_write.addr.eq(slots[3]), opened_write.en.eq(reserve), opened_write.data.eq(~closed_bit[1]),
            order_write.addr.eq(slots[3]), order_write.en.eq(reserve),
            *(order_write.data[name].eq(order[name]) for name in OpenOrder.as_shape().members),
        ]
