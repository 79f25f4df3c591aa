"""The PORT registers: event counters of one port's receive path, whichever block reports the event."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hdl.config import NicConfig
from hdl.counters import COUNT_BITS, EventCounters
from hdl.csr import BusSignature, Counters
from hdl.registers import PORT, RegisterMap

#: What a port of 64 bits may count in every cycle.
MESSAGES = ("messages", "unknown_type")


class PortCounters(wiring.Component):
    """Counts strobes and shows the counts as the PORT block of `port`.

    All share one adder (`EventCounters`), the last register first: a message of unknown type, which may be three bytes
    with its block, can follow another soonest, and the causes of frames latest. So that none is lost frames are at
    least as many cycles apart as the block has registers, which preamble and gap alone take care of. A count shows
    two cycles more than that after its strobe at the latest, and one more for each read in between.

    At 64 bits messages may come in every cycle, so `MESSAGES` are counted by adders of their own there, and the others
    by the shared one: frames, of a beat at least and 20 bytes apart, bring three events in four cycles at most.

    Members
    -------
    i : one strobe for each register of the block.
    bus : register bus.
    """

    def __init__(self, config: NicConfig, port: int):
        self.names = tuple(reg.name for reg in PORT.regs)
        self.alone = MESSAGES if config.lanes > 1 else ()
        self.base = RegisterMap(config).address(PORT, self.names[0], port)
        super().__init__({
            "i": In(wiring.Signature({name: Out(1) for name in self.names})),
            "bus": In(BusSignature()),
        })

    def elaborate(self, platform):
        m = Module()
        m.submodules.counters = counters = EventCounters(len(self.names))
        m.submodules.alone = alone = Counters(self.alone)
        bits = (PORT.stride - 1).bit_length()
        here, kind = Signal(), Signal(bits)
        value = Signal(COUNT_BITS)
        m.d.comb += [
            here.eq((self.bus.addr[bits:] == self.base >> bits) & (self.bus.addr[:bits] < len(self.names))),
            counters.events.eq(Cat(0 if name in self.alone else getattr(self.i, name)
                                   for name in reversed(self.names))),
            counters.which.eq(kind), value.eq(counters.value),
        ]
        for name in self.alone:
            m.d.comb += getattr(alone.i, name).eq(getattr(self.i, name))
            with m.If(kind == len(self.names) - 1 - self.names.index(name)):
                m.d.comb += value.eq(getattr(alone.o, name))
        m.d.sync += [
            counters.read.eq(here & self.bus.read), kind.eq(len(self.names) - 1 - self.bus.addr[:bits]),
            self.bus.rdata.eq(Mux(counters.read, value, 0)),
        ]
        return m
