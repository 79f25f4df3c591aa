"""Exposure: position and open quantity of every symbol, and what an order would make of them.

For each symbol and side the gate needs one number, the adverse position: the position seen in that
side's direction plus what is open on that side. It is kept as the sum of two, each with one writer, so
that orders and executions never wait for each other and both count in the same cycle:

    reserved[symbol][side]   grows by the quantity of every order that passes         (written here)
    settled[symbol][side]    the position, less all that was filled or released       (`Settlement`)

A fill of n on one side leaves that side's sum alone (the position moves by n, n less is open), and takes
n from the other side's. A release of n takes n from the own side. The sell side is kept in ones'
complement, that is one less, so that changing its sign is an inversion.

Bounds: position is 32 bits signed, and no order passes whose worst case leaves that; so open quantity is
below 2**32, a worst case with a quantity below 2**34, and all sums are exact at `ADVERSE_BITS` = 35 bits
although `reserved` and `settled` wrap.
"""

from amaranth.hdl import Cat, Module, Mux, Signal, signed, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from hdl.config import NicConfig
from hdl.csr import BusSignature
from hdl.layouts import RECORD_BITS, Action
from hdl.messages import ExecReport, Intent
from hdl.registers import EXPOSURE, RegisterMap
from hdl.risk.check import ADVERSE_BITS, Exposed
from hdl.risk.limits import symbol_rows
from hdl.risk.orders import OpenOrders
from hdl.risk.pipeline import PipelineSignature
from hdl.risk.settlement import FAULTS, Settlement

#: One number for each side, buy first.
BothSides = data.ArrayLayout(unsigned(ADVERSE_BITS), 2)
#: Position 0, nothing open.
FLAT = [0, (1 << ADVERSE_BITS) - 1]


class Exposure(wiring.Component):
    """Reserves what passes, settles what is reported.

    A reservation is visible to the next order, in the very next cycle. A report acts on orders accepted 7
    cycles after it or later, its EXECUTION record leaves 8 cycles after it; until then the order is
    counted as before, which is never less strict. Reports, unsent orders and writes of a position are
    settled one at a time, 8 cycles each, and wait for each other in this order; each must keep 8 cycles'
    distance from its own kind, or the kill falls (`overrun`).

    Members
    -------
    pipeline : the orders in the gate.
    exposed : for the order at stage 2.
    worst : signed position with the order at its verdict and all open ones of its side filled, within 32 bits.
    report, unsent : what became of orders. execution : valid-only EXECUTION records.
    faults : strobes, named by `FAULTS`.
    bus : EXPOSURE block, `READ_LATENCY` holds.
    """

    def __init__(self, config: NicConfig):
        self.config = config
        super().__init__({
            "pipeline": In(PipelineSignature()), "exposed": Out(Exposed), "worst": Out(signed(32)),
            "report": In(stream.Signature(ExecReport, always_ready=True)),
            "unsent": In(stream.Signature(Intent, always_ready=True)),
            "execution": Out(stream.Signature(RECORD_BITS, always_ready=True)),
            "faults": Out(len(FAULTS)), "bus": In(BusSignature()),
        })

    def elaborate(self, platform):
        m = Module()
        rows = symbol_rows(self.config)
        m.submodules.orders = orders = OpenOrders(self.config)
        m.submodules.settlement = settlement = Settlement(self.config)
        m.submodules.reserved = reserved = Memory(shape=BothSides, depth=rows, init=[])
        m.submodules.settled = settled = Memory(shape=BothSides, depth=rows, init=[FLAT] * rows)
        m.submodules.position = position = Memory(shape=signed(32), depth=rows, init=[])
        for n in range(4):
            m.d.comb += orders.pipeline.at[n].eq(self.pipeline.at[n])
        m.d.comb += [orders.pipeline.reserve.eq(self.pipeline.reserve),
                     self.exposed.taken.eq(orders.taken), self.exposed.taken_after.eq(orders.taken_after)]
        self._reserve(m, reserved, settled)
        self._settle(m, settlement, orders, reserved, settled, position)
        self._registers(m, settlement, reserved, settled, position)
        return m

    def _reserve(self, m, reserved, settled):
        """Stages 0 to 3 of an order: read, add, keep both cases of the order ahead, write if it passes."""
        at, reserve = self.pipeline.at, self.pipeline.reserve
        write = reserved.write_port(granularity=1)
        read, base = reserved.read_port(transparent_for=(write,)), settled.read_port()
        symbol_bits = (reserved.depth - 1).bit_length()
        keys = [Signal(1 + symbol_bits, name=f"key{n}") for n in range(4)]
        for n, key in enumerate(keys):
            m.d.comb += key.eq(Cat(at[n].intent.side[0], at[n].intent.symbol[:symbol_bits]))
        m.d.comb += [read.addr.eq(keys[0][1:]), base.addr.eq(keys[0][1:])]

        # stage 1: what is reserved, the orders up to the one at its verdict included
        with_order = Signal(ADVERSE_BITS)   # of the order at its verdict
        before, reserved_2 = Signal(ADVERSE_BITS), Signal(ADVERSE_BITS)
        sell = keys[1][0]
        m.d.comb += before.eq(Mux(reserve & (keys[3] == keys[1]), with_order, Mux(sell, read.data[1], read.data[0])))
        same = Signal()
        m.d.comb += same.eq(at[2].valid & (at[2].intent.action == Action.NEW) & (keys[2] == keys[1]))
        ahead_same = Signal()
        m.d.sync += [
            reserved_2.eq(before), ahead_same.eq(same), self.exposed.ahead.eq(Mux(same, at[2].intent.qty, 0)),
            self.exposed.adverse.eq(before + Mux(sell, base.data[1], base.data[0]) + at[1].intent.qty),
        ]
        # stage 2: now the order ahead is at its verdict
        qty, follows = at[2].intent.qty, Signal()
        adverse = Signal(ADVERSE_BITS)
        m.d.comb += [
            follows.eq(ahead_same & reserve),
            adverse.eq(self.exposed.adverse + Mux(reserve, self.exposed.ahead, 0)),
        ]
        m.d.sync += [with_order.eq(Mux(follows, with_order, reserved_2) + qty),
                     self.worst.eq(saturated(adverse ^ at[2].intent.side[0].replicate(ADVERSE_BITS)))]
        # stage 3
        m.d.comb += [
            write.addr.eq(keys[3][1:]), write.en.eq(Cat(reserve & ~keys[3][0], reserve & keys[3][0])),
            write.data[0].eq(with_order), write.data[1].eq(with_order),
        ]

    def _settle(self, m, settlement, orders, reserved, settled, position):
        for stream_name in ("report", "unsent"):
            inner, outer = getattr(settlement, stream_name), getattr(self, stream_name)
            m.d.comb += [inner.valid.eq(outer.valid), inner.payload.eq(outer.payload)]
        m.d.comb += [
            self.execution.valid.eq(settlement.execution.valid),
            self.execution.payload.eq(settlement.execution.payload), self.faults.eq(settlement.faults),
            orders.find.eq(settlement.find), settlement.order.eq(orders.order), settlement.filled.eq(orders.filled),
            settlement.live.eq(orders.live), orders.update.eq(settlement.update_order),
            orders.new_filled.eq(settlement.new_filled), orders.free.eq(settlement.free),
        ]
        for memory, old, new in ((settled, settlement.settled, settlement.new_settled),
                                 (position, settlement.position, settlement.new_position)):
            read, write = memory.read_port(), memory.write_port()
            m.d.comb += [read.addr.eq(settlement.symbol), old.eq(read.data), write.addr.eq(settlement.symbol),
                         write.data.eq(new), write.en.eq(settlement.update)]
        read = reserved.read_port()
        m.d.comb += [read.addr.eq(settlement.symbol), settlement.reserved.eq(read.data)]

    def _registers(self, m, settlement, reserved, settled, position):
        where = RegisterMap(self.config)
        size = (where.size[EXPOSURE.name] - 1).bit_length()
        reg_bits = (EXPOSURE.stride - 1).bit_length()
        here, is_open = Signal(), Signal()
        reads = [memory.read_port() for memory in (reserved, settled, position)]
        m.d.comb += [
            here.eq(self.bus.addr[size:] == where.base[EXPOSURE.name] >> size),
            is_open.eq(self.bus.addr[:reg_bits] == EXPOSURE.regs.index(EXPOSURE["open"])),
            settlement.set.eq(here & self.bus.write & ~is_open),
            settlement.set_symbol.eq(self.bus.addr[reg_bits:size]), settlement.set_value.eq(self.bus.wdata),
            *(port.addr.eq(self.bus.addr[reg_bits:size]) for port in reads),
        ]
        asked, asked_open = Signal(), Signal()
        m.d.sync += [asked.eq(here & self.bus.read), asked_open.eq(is_open), self.bus.rdata.eq(0)]
        taken, rest, held = (port.data for port in reads)
        with m.If(asked):
            m.d.sync += self.bus.rdata.eq(Mux(asked_open, Cat(*open_quantities(taken, rest, held)),
                                              held.as_unsigned()))


def open_quantities(reserved, settled, position):
    """Open quantity of the buy side and the sell side, 32 bits each."""
    own = (position, ~position)
    return [(reserved[n] + settled[n] - own[n])[:32] for n in range(2)]


def saturated(value):
    """A two's complement number of `ADVERSE_BITS` cut to what 32 bits can say."""
    fits, negative = (value[31:] == 0) | value[31:].all(), value[-1]
    return Cat(Mux(fits, value[:31], (~negative).replicate(31)), negative)
