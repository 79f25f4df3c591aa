"""Orders that passed a moment ago, to know their duplicates."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from hdl.config import NicConfig
from hdl.registers import GATE
from hdl.risk.arithmetic import alike
from hdl.risk.check import Recent, is_new, is_sell
from hdl.risk.pipeline import PipelineSignature
from hdl.risk.watchdog import Periods

#: Orders that are remembered. With so many in the window, nothing more may pass.
ENTRIES = 8
#: Shortest window, in clock periods: that of orders still in the gate.
SHORTEST = 4
assert not ENTRIES & (ENTRIES - 1), "pointers wrap"
WINDOW_BITS = GATE["duplicate"].width


class RecentOrders(wiring.Component):
    """Remembers symbol, direction, price and quantity of the last `ENTRIES` orders that passed, for a window.

    An order that passed in cycle v has a duplicate in each that is the same and has its verdict before v + window;
    where windows differ, orders leave in the order in which they came, one a cycle. A window is rounded down to clock
    periods, and then at least `SHORTEST`, unless it is less than one: then nothing is remembered. What is remembered
    keeps its own window when another is written.

    Members
    -------
    pipeline : the orders in the gate.
    window : in ns; 0: every order is a duplicate.
    recent : for the order at stage 2.
    """

    def __init__(self, config: NicConfig):
        self.periods = Periods(config)
        super().__init__({"pipeline": In(PipelineSignature()), "window": In(WINDOW_BITS), "recent": Out(Recent)})

    def elaborate(self, platform):
        m = Module()
        at, reserve = self.pipeline.at, self.pipeline.reserve
        keys = [Cat(one.intent.symbol, is_sell(one.intent), one.intent.price, one.intent.qty) for one in at]
        closed, keeps, time = Signal(), Signal(), Signal(self.periods.bits + 1)
        cycles, window = Signal(self.periods.bits), Signal(self.periods.bits)
        m.d.comb += cycles.eq(self.periods.of(self.window))
        m.d.sync += [closed.eq(self.window == 0), keeps.eq(cycles != 0), time.eq(time + 1),
                     window.eq(Mux(cycles < SHORTEST, SHORTEST, cycles))]
        held, count = self._ring(m, keys[3], reserve & keeps, time, window)

        # stage 1: like one that is remembered, or like the one at its verdict; and the same of the order ahead
        like, ahead = Signal(len(held) + 1), Signal()
        following, full, nearly = at[2].valid & is_new(at[2].intent), Signal(), Signal()
        m.d.comb += like.eq(Cat(*(valid & alike(m, key, keys[1]) for valid, key in held),
                                 reserve & alike(m, keys[3], keys[1])))
        m.d.sync += [
            self.recent.again.eq((like.any() & keeps) | full | closed),
            ahead.eq(following & keeps & (alike(m, keys[2], keys[1]) | nearly)),
        ]
        m.d.comb += [full.eq(keeps & (count + reserve >= ENTRIES)), nearly.eq(count + reserve == ENTRIES - 1),
                     self.recent.again_after.eq(self.recent.again | ahead)]
        return m

    def _ring(self, m: Module, key, push, time, window):
        """Entries as (valid, key), and how many are valid."""
        head, tail, count = Signal(range(ENTRIES)), Signal(range(ENTRIES)), Signal(range(ENTRIES + 1))
        keys = [Signal(len(key), name=f"key{n}", reset_less=True) for n in range(ENTRIES)]
        valid, pop, left = Signal(ENTRIES), Signal(), Signal(len(time))
        m.submodules.ends = ends = Memory(shape=len(time), depth=ENTRIES, init=[])
        write, read = ends.write_port(), ends.read_port(domain="comb")
        m.d.comb += [
            write.addr.eq(head), write.data.eq(time + window), write.en.eq(push), read.addr.eq(tail),
            left.eq(read.data - time - (SHORTEST - 1)), pop.eq(valid.bit_select(tail, 1) & (left[-1] | (left == 0))),
        ]
        m.d.sync += count.eq(count + push - pop)
        with m.If(push):
            m.d.sync += [head.eq(head + 1), valid.bit_select(head, 1).eq(1)]
            with m.Switch(head):
                for n, entry in enumerate(keys):
                    with m.Case(n):
                        m.d.sync += entry.eq(key)
        with m.If(pop):
            m.d.sync += [tail.eq(tail + 1), valid.bit_select(tail, 1).eq(0)]
        return [(valid[n], entry) for n, entry in enumerate(keys)], count
