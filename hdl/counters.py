"""Event counters in LUT RAM: one adder serves them all."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import memory, wiring
from amaranth.lib.wiring import In, Out

COUNT_BITS = 32


class EventCounters(wiring.Component):
    """Counts events of `count` kinds, each in its own 32 bits, that wrap.

    An event waits until it is counted, the lowest kind first, one a cycle; a cycle with `read` counts none. An event
    that comes while one of its kind has to wait is lost. None is, where in any `count` cycles without `read` each kind
    comes once at most; lower kinds may come more often, as far as they leave higher ones their cycles.

    Ports
    -----
    events : In, one bit a kind.
    read, which : In, look at this kind. value : Out(32), in the same cycle; what the two cycles before brought is not
        in it, nor what still waits.
    """

    def __init__(self, count: int):
        self.count = count
        super().__init__({"events": In(count), "read": In(1), "which": In(range(count)), "value": Out(COUNT_BITS)})

    def elaborate(self, platform):
        m = Module()
        m.submodules.counts = counts = memory.Memory(shape=COUNT_BITS, depth=self.count, init=[])
        write, read = counts.write_port(), counts.read_port(domain="comb")
        waiting, next_up = Signal(self.count), Signal(range(self.count))
        for n in reversed(range(self.count)):
            with m.If(waiting[n]):
                m.d.comb += next_up.eq(n)
        counted = waiting & -waiting
        busy, at = Signal(), Signal(range(self.count))      # chosen, and counted in this cycle
        m.d.sync += waiting.eq(waiting & ~Mux(self.read, 0, counted)[:self.count] | self.events)
        with m.If(~self.read):
            m.d.sync += [busy.eq(waiting.any()), at.eq(next_up)]
        m.d.comb += [
            read.addr.eq(Mux(self.read, self.which, at)), self.value.eq(read.data), write.addr.eq(at),
            write.data.eq(read.data + 1), write.en.eq(busy & ~self.read),
        ]
        return m
