"""The PORT registers: event counters of one port's receive path, whichever block reports the event."""

from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from hdl.config import NicConfig
from hdl.csr import BusSignature, Counters, RegisterBank
from hdl.registers import PORT


class PortCounters(wiring.Component):
    """Counts strobes and shows the counts as the PORT block of `port`.

    A count shows 2 cycles after its strobe.

    Members
    -------
    i : one strobe for each register of the block.
    bus : register bus.
    """

    def __init__(self, config: NicConfig, port: int):
        self.config, self.port = config, port
        self.names = tuple(reg.name for reg in PORT.regs)
        super().__init__({
            "i": In(wiring.Signature({name: Out(1) for name in self.names})),
            "bus": In(BusSignature()),
        })

    def elaborate(self, platform):
        m = Module()
        m.submodules.counters = counters = Counters(self.names)
        m.submodules.bank = bank = RegisterBank(self.config, PORT, self.port)
        connect(m, flipped(self.bus), bank.bus)
        connect(m, flipped(self.i), counters.i)
        for name in self.names:
            m.d.comb += getattr(bank, f"{name}_status").eq(getattr(counters.o, name))
        return m
