"""What settlement, and a change of a delta, do to the use of the delta limit (`hdl.risk.delta`)."""

from amaranth.hdl import Cat, Module, Mux, Signal, signed, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from hdl.config import NicConfig
from hdl.csr import BusSignature
from hdl.messages import SYMBOL_BITS
from hdl.registers import EXPOSURE, RegisterMap
from hdl.risk.arithmetic import add
from hdl.risk.check import ADVERSE_BITS
from hdl.risk.words import symbol_rows

DELTA_BITS = EXPOSURE["delta"].bits[0].width
#: Where an amount is cut for two multipliers of 18 bits.
CUT = 17
#: From a change to the cycle in which `back` has it.
CHANGE_CYCLES = 5


def use_bits(config: NicConfig) -> int:
    """Bits of the use of the limit, of which only a difference is looked at (bounds: `hdl.risk.delta`)."""
    return 49 + symbol_rows(config).bit_length()


def delta_cycles(config: NicConfig) -> int:
    """Most cycles from a write of a delta until it is settled, where nothing else wants the ports."""
    rows = symbol_rows(config)
    return rows + 7 + max(rows, CHANGE_CYCLES + 3) + 8


class Change(data.Struct):
    """The adverse position of a symbol's side grows by `amount` (two's complement) + `carry`."""
    valid: unsigned(1)
    symbol: unsigned(SYMBOL_BITS)
    sell: unsigned(1)
    amount: unsigned(ADVERSE_BITS)
    carry: unsigned(1)


class DeltaRow(data.Struct):
    """A delta as the arithmetic wants it."""
    size: unsigned(DELTA_BITS)
    negative: unsigned(1)
    known: unsigned(1)


class DeltaSettlement(wiring.Component):
    """Multiplies what the adverse positions change by with the deltas in force, one change a cycle.

    A write of `EXPOSURE.delta` is kept, and read back, at once. From the next cycle on `unsettled` is high, until what
    the symbol holds was charged at the new delta and given back at the old one: in at most `delta_cycles(config)`,
    where the bus does not read and settlement does nothing. Deltas may be written in any cycles.

    Members
    -------
    bus : `EXPOSURE.delta`; `READ_LATENCY` holds.
    change : from `Settlement`. It is in `back` `CHANGE_CYCLES` later.
    ask, ask_symbol, granted, adverse : asks for the adverse positions of a symbol. The buy side's is there in the cycle
        after the one in which it was granted, the sell side's, less one, one later; but if the bus reads in the first
        of these, neither. No `change` comes in the cycle granted and in the next.
    symbol, row : the delta in force of a symbol, in the same cycle.
    back : by direction, up and down: what was taken off its use.
    unsettled : nothing may pass. An order that has its verdict in the cycle in which it rises counts.
    """

    def __init__(self, config: NicConfig):
        self.config, self.rows = config, symbol_rows(config)
        #: Rows that must be found settled, one after the other: all, and as many as it takes to be in `back`.
        self.round = max(self.rows, CHANGE_CYCLES + 3)
        super().__init__({
            "bus": In(BusSignature()), "change": In(Change),
            "ask": Out(1), "ask_symbol": Out(range(self.rows)), "granted": In(1), "adverse": In(ADVERSE_BITS),
            "symbol": In(range(self.rows)), "row": Out(DeltaRow), "back": Out(use_bits(config)).array(2),
            "unsettled": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        shape = EXPOSURE["delta"].width
        m.submodules.written = self.written = Memory(shape=shape, depth=self.rows, init=[])
        m.submodules.in_force = self.in_force = Memory(shape=DeltaRow, depth=self.rows, init=[])
        #: A change, or a part of what the symbol `at` holds, at its old delta or at the one in force.
        self.taken, self.is_old = Signal(Change), Signal()
        self.at, self.old, self.new = Signal(range(self.rows)), Signal(DeltaRow), Signal(DeltaRow)
        here, written = self._registers(m)
        self._multiply(m)
        self._exchange(m, here, written)
        return m

    def _registers(self, m: Module):
        """Keeps what is written. Whether the bus reads a word here, and whether one is written."""
        where, reg_bits = RegisterMap(self.config), (EXPOSURE.stride - 1).bit_length()
        size = (where.size[EXPOSURE.name] - 1).bit_length()
        here, bus = Signal(), self.bus
        row = bus.addr[reg_bits:size]
        m.d.comb += here.eq((bus.addr[size:] == where.base[EXPOSURE.name] >> size) &
                            (bus.addr[:reg_bits] == EXPOSURE.regs.index(EXPOSURE["delta"])))
        write, read = self.written.write_port(), self.written.read_port(domain="comb")
        reads = here & bus.read
        m.d.comb += [write.addr.eq(row), write.data.eq(bus.wdata), write.en.eq(here & bus.write),
                     read.addr.eq(Mux(reads, row, self.at))]
        answer, answers = Signal(len(read.data)), Signal()
        m.d.sync += [answer.eq(read.data), answers.eq(reads), bus.rdata.eq(Mux(answers, answer, 0))]
        value, known = read.data[:DELTA_BITS], read.data[DELTA_BITS]
        m.d.comb += [self.new.negative.eq(value[-1]), self.new.known.eq(known),
                     self.new.size.eq(add(value ^ value[-1].replicate(len(value)), 0 * value, value[-1]))]
        return reads, write.en

    def _multiply(self, m: Module):
        """Stages: `taken`; amount and delta; two products; their sum; what was taken off."""
        read, decision = (self.in_force.read_port(domain="comb") for _ in range(2))
        taken, row = self.taken, Signal(DeltaRow)
        m.d.comb += [decision.addr.eq(self.symbol), self.row.eq(decision.data), row.eq(
                         Mux(self.is_old, self.old, read.data)),
                     read.addr.eq(Mux(taken.valid, taken.symbol, self.at))]
        self.force = read.data
        # what is taken off is what the adverse position does not grow by: -(a + c) = ~a + 1 - c
        amount, size, down = Signal(signed(ADVERSE_BITS)), Signal(DELTA_BITS), Signal(3)
        low, high, product = Signal(CUT + DELTA_BITS), Signal(signed(ADVERSE_BITS - CUT + DELTA_BITS + 1)), Signal(
            signed(ADVERSE_BITS + DELTA_BITS + 1))
        m.d.sync += [
            amount.eq(add(~taken.amount, 0 * taken.amount, ~taken.carry)),
            size.eq(Mux(taken.valid, row.size, 0)), down.eq(Cat(taken.sell ^ row.negative, down)),
            low.eq(amount[:CUT] * size), high.eq(amount[CUT:].as_signed() * size),
            product.eq(Cat(low[:CUT], high + low[CUT:])),
        ]
        which, before, after = down[2], Signal.like(self.back[0]), Signal.like(self.back[0])
        m.d.comb += [before.eq(Mux(which, self.back[1], self.back[0])), after.eq(before + product)]
        for n, back in enumerate(self.back):
            with m.If(which == n):
                m.d.sync += back.eq(after)

    def _exchange(self, m: Module, reads, written):
        """Goes round all rows. Where another delta is written than is in force: asks what the symbol holds, takes the
        new one in force, charges at the new, gives back at the old.
        """
        held = [Signal(ADVERSE_BITS, name=f"held_{side}") for side in ("buy", "sell")]
        put, settled, value = self.in_force.write_port(), Signal(range(self.round + 1)), Signal(DeltaRow)
        step = Signal(2)    # bit 0: the sell side; bit 1: at the old delta
        m.d.sync += [self.taken.eq(self.change), self.is_old.eq(0)]
        m.d.comb += [put.addr.eq(self.at), put.data.eq(value), self.ask_symbol.eq(self.at)]
        with m.If(written):
            m.d.sync += [settled.eq(0), self.unsettled.eq(1)]
        with m.FSM():
            with m.State("LOOK"):
                with m.If(~reads & ~self.taken.valid & ~written):
                    m.d.sync += [self.old.eq(self.force), value.eq(self.new)]
                    with m.If(self.new != self.force):
                        m.d.sync += settled.eq(0)
                        m.next = "ASK"
                    with m.Else():
                        m.d.sync += self.at.eq(Mux(self.at == self.rows - 1, 0, self.at + 1))
                        with m.If(settled == self.round):
                            m.d.sync += self.unsettled.eq(0)
                        with m.Else():
                            m.d.sync += settled.eq(settled + 1)
            with m.State("ASK"):
                m.d.comb += self.ask.eq(1)
                with m.If(self.granted):
                    m.next = "BUY"
            with m.State("BUY"):
                m.d.sync += held[0].eq(self.adverse)
                with m.If(self.bus.read):
                    m.next = "ASK"
                with m.Else():
                    m.d.comb += put.en.eq(1)
                    m.next = "SELL"
            with m.State("SELL"):
                m.d.sync += [held[1].eq(self.adverse), step.eq(0)]
                m.next = "CHARGE"
            with m.State("CHARGE"):
                # the sell side's is one less: a + 1 to charge, and -a - 1 = ~a to give back
                amount = Mux(step[0], held[1], held[0])
                with m.If(~self.change.valid):
                    m.d.sync += [
                        self.taken.valid.eq(1), self.taken.symbol.eq(self.at), self.taken.sell.eq(step[0]),
                        self.taken.amount.eq(amount ^ step[1].replicate(ADVERSE_BITS)),
                        self.taken.carry.eq(step[0] ^ step[1]), self.is_old.eq(step[1]), step.eq(step + 1),
                    ]
                    with m.If(step == 3):
                        m.next = "LOOK"
        return m
