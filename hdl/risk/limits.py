"""The limits of every symbol, as the checks look at them."""

from amaranth.hdl import Cat, Module, Signal, unsigned
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from hdl.config import NicConfig
from hdl.messages import SYMBOL_BITS
from hdl.registers import LIMITS
from hdl.risk.banks import Banked
from hdl.risk.check import Divisors, limit_row
from hdl.risk.divisible import Divisor, DivisorMaker
from hdl.risk.words import LoadSignature, symbol_rows


class LimitStore(wiring.Component):
    """The row of `symbol` one cycle after it is asked, from memories that `LimitWords` fills.

    Lot and tick are prepared for the division test one after the other, when `control`, which comes last of a
    row, has been written.

    Members
    -------
    load : words of LIMITS.
    bank, next_bank : the set in force, and in the next cycle.
    symbol : asked in one cycle; out of range, its low bits pick a row.
    row, divisors : the answer of the set in force, in the next cycle.
    """

    def __init__(self, config: NicConfig):
        self.config, self.rows = config, symbol_rows(config)
        super().__init__({
            "load": In(LoadSignature(self.rows, LIMITS)), "bank": In(1), "next_bank": In(1),
            "symbol": In(SYMBOL_BITS), "row": Out(limit_row()), "divisors": Out(Divisors),
        })

    def elaborate(self, platform):
        m = Module()
        symbol = Signal(range(self.rows))
        m.d.sync += symbol.eq(self.symbol)
        for n, reg in enumerate(LIMITS.regs):
            m.submodules[reg.name] = banks = Banked(unsigned(reg.width), self.rows)
            m.d.comb += [
                banks.load_row.eq(self.load.row), banks.load_bank.eq(self.load.bank),
                banks.load_value.eq(self.load.word), banks.load.eq(self.load.strobe & (self.load.reg == n)),
                banks.row.eq(symbol), banks.bank.eq(self.bank), Cat(self.row[reg.name]).eq(banks.value),
            ]
        self._divisors(m)
        return m

    def _divisors(self, m: Module):
        m.submodules.maker = maker = DivisorMaker()
        control = limit_row()["control"].shape(self.load.word[:LIMITS["control"].width])
        lot, tick = Signal(len(control.lot)), Signal(len(control.tick))
        writes = {}
        for name in Divisors.as_shape().members:
            m.submodules[f"{name}_divisors"] = memory = Memory(shape=Divisor, depth=2 * self.rows, init=[])
            write, read = memory.write_port(), memory.read_port()
            m.d.comb += [write.addr.eq(Cat(self.load.row, self.load.bank)), write.data.eq(maker.divisor),
                         read.addr.eq(Cat(self.symbol[:len(self.load.row)], self.next_bank)),
                         self.divisors[name].eq(read.data)]
            writes[name] = write.en

        is_control = self.load.reg == LIMITS.regs.index(LIMITS["control"])
        with m.FSM() as fsm:
            with m.State("IDLE"):
                m.d.sync += [lot.eq(control.lot), tick.eq(control.tick)]
                with m.If(self.load.strobe & is_control & self.load.remake):
                    m.next = "START_LOT"
            for name, value, following in (("lot", lot, "START_TICK"), ("tick", tick, "IDLE")):
                with m.State(f"START_{name.upper()}"):
                    m.d.comb += [maker.value.eq(value), maker.start.eq(1)]
                    m.next = name.upper()
                with m.State(name.upper()):
                    with m.If(maker.done):
                        m.d.comb += writes[name].eq(1)
                        m.next = following
        m.d.comb += self.load.busy.eq(~fsm.ongoing("IDLE"))
