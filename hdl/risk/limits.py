"""The limits of every symbol: written and read back over the bus, one row an order."""

from amaranth.hdl import Array, Cat, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from hdl.config import NicConfig
from hdl.csr import BusSignature
from hdl.messages import SYMBOL_BITS
from hdl.registers import LIMITS, RegisterMap
from hdl.risk.check import Divisors, limit_row
from hdl.risk.divisible import DivisorMaker


def symbol_rows(config: NicConfig) -> int:
    """Rows of a memory with one for each symbol; a power of two, so that low bits always address one."""
    return 1 << max(1, (config.symbols - 1).bit_length())


class LimitStore(wiring.Component):
    """LIMITS block, and the row of `symbol` one cycle after it is asked.

    After a write to `control` the symbol is not `ready` until lot and tick have been prepared for the
    division test: at most 60 cycles, and as long for every other symbol in line. A row read in the cycle
    of a write is the old one.

    Members
    -------
    bus : `READ_LATENCY` holds.
    symbol : asked in one cycle; out of range, its low bits pick a row.
    row, divisors, ready : the answer, in the next cycle.
    """

    def __init__(self, config: NicConfig):
        self.config = config
        super().__init__({"bus": In(BusSignature()), "symbol": In(SYMBOL_BITS), "row": Out(limit_row()),
                          "divisors": Out(Divisors), "ready": Out(1)})

    def elaborate(self, platform):
        m = Module()
        rows = symbol_rows(self.config)
        scanned = Signal(range(rows))
        control = self._memories(m, rows, scanned)
        self._prepare(m, rows, scanned, control)
        return m

    def _memories(self, m, rows, scanned):
        """A memory for each register. Returns the control word of `scanned`, and the strobe of its writes."""
        where = RegisterMap(self.config)
        reg_bits = (LIMITS.stride - 1).bit_length()
        base = where.base[LIMITS.name] >> (where.size[LIMITS.name] - 1).bit_length()
        here, reg = Signal(), self.bus.addr[:reg_bits]
        m.d.comb += here.eq(self.bus.addr[(where.size[LIMITS.name] - 1).bit_length():] == base)
        self.index = Signal(range(rows))
        m.d.comb += self.index.eq(self.bus.addr[reg_bits:])

        answers, asked, asked_reg = [], Signal(), Signal(reg_bits)
        control = None
        for n, declared in enumerate(LIMITS.regs):
            shape = limit_row()[declared.name].shape
            width = limit_row()[declared.name].width
            m.submodules[declared.name] = memory = Memory(shape=width, depth=rows, init=[])
            write, read, back = memory.write_port(), memory.read_port(), memory.read_port()
            m.d.comb += [
                write.addr.eq(self.index), write.data.eq(self.bus.wdata),
                write.en.eq(here & self.bus.write & (reg == n)),
                read.addr.eq(self.symbol), Cat(self.row[declared.name]).eq(read.data), back.addr.eq(self.index),
            ]
            answers.append(back.data)
            if declared.name == "control":
                scan = memory.read_port()
                m.d.comb += scan.addr.eq(scanned)
                control = (shape(scan.data), write.en)
        m.d.sync += [asked.eq(here & self.bus.read), asked_reg.eq(reg), self.bus.rdata.eq(0)]
        padded = answers + [0] * (LIMITS.stride - len(answers))
        with m.If(asked):
            m.d.sync += self.bus.rdata.eq(Array(padded)[asked_reg])
        return control

    def _prepare(self, m, rows, scanned, control):
        """Walks the symbols and makes the divisors of those whose control word was written."""
        word, written = control
        m.submodules.lot = lot = DivisorMaker()
        m.submodules.tick = tick = DivisorMaker()
        m.submodules.divisors = memory = Memory(shape=Divisors, depth=rows, init=[])
        write, read = memory.write_port(), memory.read_port()
        prepared, ready = Signal(rows), Signal()
        torn = Signal()   # written again while being prepared
        m.d.comb += [
            lot.value.eq(word.lot), tick.value.eq(word.tick), write.addr.eq(scanned),
            write.data.lot.eq(lot.divisor), write.data.tick.eq(tick.divisor),
            read.addr.eq(self.symbol), self.divisors.eq(read.data), self.ready.eq(ready),
        ]
        m.d.sync += ready.eq(prepared.bit_select(self.symbol[:len(scanned)], 1))

        with m.FSM():
            with m.State("FIND"):
                m.d.sync += torn.eq(0)
                with m.If(prepared.bit_select(scanned, 1)):
                    m.d.sync += scanned.eq(scanned + 1)
                with m.Else():
                    m.next = "READ"
            with m.State("READ"):
                m.d.comb += [lot.start.eq(1), tick.start.eq(1)]
                m.next = "MAKE"
            with m.State("MAKE"):
                with m.If(lot.done & tick.done):
                    m.d.comb += write.en.eq(1)
                    m.d.sync += prepared.bit_select(scanned, 1).eq(~torn)
                    m.next = "FIND"
        with m.If(written):
            m.d.sync += prepared.bit_select(self.index, 1).eq(0)
            with m.If(self.index == scanned):
                m.d.sync += torn.eq(1)
