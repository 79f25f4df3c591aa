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

from amaranth.hdl import Cat, Module, Mux, Signal, signed
from amaranth.lib import stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out, connect, flipped

from hdl.config import NicConfig
from hdl.csr import BusSignature
from hdl.layouts import RECORD_BITS
from hdl.messages import SYMBOL_BITS, ExecReport, Intent
from hdl.registers import EXPOSURE, RegisterMap
from hdl.risk.check import ADVERSE_BITS, Exposed, is_new, is_sell
from hdl.risk.credits import Portion
from hdl.risk.deltasettlement import Change
from hdl.risk.orders import OpenOrders
from hdl.risk.pipeline import PipelineSignature
from hdl.risk.settlement import FAULTS, Settlement
from hdl.risk.words import symbol_rows

#: Position 0, nothing open: the numbers of the buy side and of the sell side.
FLAT = (0, (1 << ADVERSE_BITS) - 1)


class Exposure(wiring.Component):
    """Reserves what passes, settles what is reported.

    A reservation is visible to the next order, in the very next cycle. A report acts on orders accepted 6 cycles
    after it or later (what an overfill adds to its own side: 7), its EXECUTION record leaves 8 cycles after it (9);
    until then the order is counted as before, which is never less strict. Reports, unsent orders and writes of a
    position are settled one at a time and wait for each other in this order, and two cycles for each read of the
    bus. Reports and unsent orders must keep 24 cycles' distance from their own kind, writes of a position 6 where
    nothing else happens, or the kill falls (`overrun`).

    Members
    -------
    pipeline : the orders in the gate.
    exposed : for the order at stage 2.
    worst : signed position with the order at its verdict and all open ones of its side filled, within 32 bits.
    report, unsent : what became of orders. execution : valid-only EXECUTION records.
    change ... adverse : see `hdl.risk.deltasettlement`.
    faults : strobes, named by `FAULTS`. portion : what was executed or released of an order.
    bus : EXPOSURE block, `READ_LATENCY` holds.
    """

    def __init__(self, config: NicConfig):
        self.config = config
        super().__init__({
            "pipeline": In(PipelineSignature()), "exposed": Out(Exposed), "worst": Out(signed(32)),
            "report": In(stream.Signature(ExecReport, always_ready=True)),
            "unsent": In(stream.Signature(Intent, always_ready=True)),
            "execution": Out(stream.Signature(RECORD_BITS, always_ready=True)),
            "change": Out(Change), "ask": In(1), "ask_symbol": In(SYMBOL_BITS),
            "granted": Out(1), "adverse": Out(ADVERSE_BITS), "faults": Out(len(FAULTS)), "portion": Out(Portion),
            "bus": In(BusSignature()),
        })

    def elaborate(self, platform):
        m = Module()
        rows = symbol_rows(self.config)
        self.symbol_bits = (rows - 1).bit_length()
        m.submodules.orders = orders = OpenOrders(self.config)
        m.submodules.settlement = settlement = Settlement(self.config)
        m.submodules.reserved = reserved = Memory(shape=ADVERSE_BITS, depth=2 * rows, init=[])
        m.submodules.settled = settled = Memory(shape=ADVERSE_BITS, depth=2 * rows, init=FLAT * rows)
        m.submodules.position = position = Memory(shape=signed(32), depth=rows, init=[])
        for n in range(4):
            m.d.comb += orders.pipeline.at[n].eq(self.pipeline.at[n])
        m.d.comb += [orders.pipeline.reserve.eq(self.pipeline.reserve),
                     self.exposed.taken.eq(orders.taken), self.exposed.taken_after.eq(orders.taken_after),
                     self.exposed.reused.eq(orders.reused)]
        self._reserve(m, reserved, settled)
        self._settle(m, settlement, orders, reserved, settled, position)
        self._registers(m, settlement)
        return m

    def _key(self, symbol, sell):
        """Address of a number: two rows a symbol."""
        return Cat(sell, symbol[:self.symbol_bits])

    def _reserve(self, m, reserved, settled):
        """Stages 1 to 3 of an order: read, add, keep both cases of the order ahead, write if it passes."""
        at, reserve = self.pipeline.at, self.pipeline.reserve
        keys = [self._key(at[n].intent.symbol, is_sell(at[n].intent)) for n in range(4)]
        write = reserved.write_port()
        read, base = (memory.read_port(domain="comb") for memory in (reserved, settled))
        m.d.comb += [read.addr.eq(keys[1]), base.addr.eq(keys[1])]

        # stage 1: what is reserved, the orders up to the one at its verdict included
        with_order = Signal(ADVERSE_BITS)   # of the order at its verdict
        before, reserved_2 = Signal(ADVERSE_BITS), Signal(ADVERSE_BITS)
        same, ahead_same, verdict_same = Signal(), Signal(), Signal()
        m.d.comb += [
            before.eq(Mux(reserve & verdict_same, with_order, read.data)),
            same.eq(at[2].valid & is_new(at[2].intent) & (keys[2] == keys[1])),
        ]
        m.d.sync += verdict_same.eq(keys[2] == keys[0])
        m.d.sync += [
            reserved_2.eq(before), ahead_same.eq(same), self.exposed.ahead.eq(Mux(same, at[2].intent.qty, 0)),
            self.exposed.adverse.eq(before + base.data + at[1].intent.qty),
        ]
        # stage 2: now the order ahead is at its verdict
        qty, follows = at[2].intent.qty, Signal()
        adverse = Signal(ADVERSE_BITS)
        m.d.comb += follows.eq(ahead_same & reserve)
        m.d.sync += [with_order.eq(Mux(follows, with_order, reserved_2) + qty),
                     adverse.eq(self.exposed.adverse + Mux(reserve, self.exposed.ahead, 0))]
        # stage 3
        m.d.comb += [write.addr.eq(keys[3]), write.en.eq(reserve), write.data.eq(with_order),
                     self.worst.eq(saturated(adverse ^ is_sell(at[3].intent).replicate(ADVERSE_BITS)))]

    def _settle(self, m, settlement, orders, reserved, settled, position):
        """Settlement, the bus and who asks for adverse positions share the ports: a read of the bus takes them in its
        cycle and in the next, and so does asking, if the bus does not.
        """
        for name in ("report", "unsent"):
            inner, outer = getattr(settlement, name), getattr(self, name)
            m.d.comb += [inner.valid.eq(outer.valid), inner.payload.eq(outer.payload)]
        connect(m, settlement.execution, flipped(self.execution))
        self.asked, self.asked_at = Signal(), Signal(self.symbol_bits)     # the bus, in the cycle before
        symbol_at = (EXPOSURE.stride - 1).bit_length()
        symbol, sell, reads = Signal(self.symbol_bits), Signal(), Signal()
        m.d.comb += [self.granted.eq(self.ask & ~self.bus.read & ~self.asked), reads.eq(self.bus.read | self.granted)]
        m.d.sync += [self.asked.eq(reads), self.asked_at.eq(symbol)]
        with m.If(reads):
            m.d.comb += [symbol.eq(Mux(self.bus.read, self.bus.addr[symbol_at:], self.ask_symbol)), sell.eq(0)]
        with m.Elif(self.asked):
            m.d.comb += [symbol.eq(self.asked_at), sell.eq(1)]
        with m.Else():
            m.d.comb += [symbol.eq(settlement.symbol), sell.eq(settlement.sell)]

        key, read = self._key(symbol, sell), {}
        for name, memory, place in (("reserved", reserved, key), ("settled", settled, key),
                                    ("position", position, symbol)):
            port = memory.read_port(domain="comb")
            m.d.comb += port.addr.eq(place)
            read[name] = port.data
        for memory, place, data, enable in ((settled, key, settlement.new_settled, settlement.update_settled),
                                            (position, symbol, settlement.new_position, settlement.update_position)):
            write = memory.write_port()
            m.d.comb += [write.addr.eq(place), write.data.eq(data), write.en.eq(enable)]
        # of the side asked in the cycle before: adverse position, and position
        both, held = Signal(ADVERSE_BITS), Signal(32)
        m.d.sync += [both.eq(read["reserved"] + read["settled"]), held.eq(read["position"] ^ sell.replicate(32))]
        m.d.comb += [
            settlement.settled.eq(read["settled"]), settlement.position.eq(read["position"]),
            settlement.open_qty.eq(both - held), settlement.open_position.eq(held),
            settlement.pause.eq(reads | self.asked), self.faults.eq(settlement.faults),
            self.portion.eq(settlement.portion), self.change.eq(settlement.change), self.adverse.eq(both),
            orders.find.eq(settlement.find), settlement.order.eq(orders.order), settlement.filled.eq(orders.filled),
            settlement.live.eq(orders.live), orders.update.eq(settlement.update_order),
            orders.new_filled.eq(settlement.new_filled), orders.free.eq(settlement.free),
        ]

    def _registers(self, m, settlement):
        """A read: the buy side is known one cycle after the strobe, the sell side two cycles after."""
        where = RegisterMap(self.config)
        size = (where.size[EXPOSURE.name] - 1).bit_length()
        reg_bits = (EXPOSURE.stride - 1).bit_length()
        here, is_open, is_position = Signal(), Signal(), Signal()
        m.d.comb += [
            here.eq((self.bus.addr[size:] == where.base[EXPOSURE.name] >> size) & (is_open | is_position)),
            *(value.eq(self.bus.addr[:reg_bits] == EXPOSURE.regs.index(EXPOSURE[name]))
              for name, value in (("open", is_open), ("position", is_position))),
            settlement.set.eq(here & self.bus.write & is_position),
            settlement.set_symbol.eq(self.bus.addr[reg_bits:size]), settlement.set_value.eq(self.bus.wdata),
        ]
        answers, asks_open, low = Signal(2), Signal(2), Signal(32)
        m.d.sync += [answers.eq(Cat(here & self.bus.read, answers)), asks_open.eq(Cat(is_open, asks_open)),
                     low.eq(Mux(asks_open[0], settlement.open_qty, settlement.open_position))]
        with m.If(answers[1]):
            m.d.comb += self.bus.rdata.eq(Cat(low, Mux(asks_open[1], settlement.open_qty, 0)))


def saturated(value):
    """A two's complement number of `ADVERSE_BITS` cut to what 32 bits can say."""
    fits, negative = (value[31:] == 0) | value[31:].all(), value[-1]
    return Cat(Mux(fits, value[:31], (~negative).replicate(31)), negative)
