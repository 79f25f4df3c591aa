"""Register banks: the gateware side of `hdl.registers`.

One bus reaches every unit. The master drives `addr`, `wdata` and the one-cycle strobes `write` and `read`, and leaves
`addr` and `wdata` as they are in the cycle after a strobe; a unit answers a read of its own registers on `rdata`
exactly `READ_LATENCY` cycles after the strobe and drives 0 at any other time, so that answers are merged with OR.
"""

from amaranth.hdl import Module, Signal, unsigned
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hdl.config import NicConfig
from hdl.registers import WORD_BITS, Block, RegisterMap

READ_LATENCY = 2
ADDR_BITS = 16


class BusSignature(wiring.Signature):
    """Seen from the master. `addr` and `wdata` hold in the cycle of the strobe and in the next."""

    def __init__(self):
        super().__init__({
            "addr": Out(ADDR_BITS), "wdata": Out(WORD_BITS), "write": Out(1), "read": Out(1),
            "rdata": In(WORD_BITS),
        })


class RegisterBank(wiring.Component):
    """Registers of one instance (`index`) of a block, kept in flip-flops.

    A register that names its bits holds those; others read 0.

    Parameters
    ----------
    without : registers of the block that another unit keeps and answers for.

    Ports
    -----
    bus : In(BusSignature)
    <reg>_value : Out(64), for `rw`: what is held; the unit reads it. Updated 2 cycles after the write's strobe.
    <reg>_set, <reg>_data : In, for `rw`: the unit itself replaces the value (a bus write wins).
    <reg>_status : In(64), for `ro`: what a read returns.
    <reg>_stb, <reg>_wdata : Out, for `rw` and `wo`: `stb` is high for one cycle, that after the bus write's strobe;
        `wdata` is what is being written.
    """

    def __init__(self, config: NicConfig, block: Block, index: int = 0, without: tuple[str, ...] = ()):
        self.block, self.index = block, index
        self.base = RegisterMap(config).address(block, block.regs[0].name, index)
        self.kept = [(n, reg) for n, reg in enumerate(block.regs) if reg.name not in without]
        ports = {"bus": In(BusSignature())}
        for _, reg in self.kept:
            if reg.access == "ro":
                ports[f"{reg.name}_status"] = In(unsigned(WORD_BITS))
                continue
            ports[f"{reg.name}_stb"] = Out(1)
            ports[f"{reg.name}_wdata"] = Out(WORD_BITS)
            if reg.access == "rw":
                ports[f"{reg.name}_value"] = Out(WORD_BITS)
                ports[f"{reg.name}_set"] = In(1)
                ports[f"{reg.name}_data"] = In(WORD_BITS)
        super().__init__(ports)

    def elaborate(self, platform):
        m = Module()
        bits = (self.block.stride - 1).bit_length()
        here, write, read, number = Signal(), Signal(), Signal(), Signal(bits)    # a cycle after the strobe
        m.d.comb += here.eq(self.bus.addr[bits:] == self.base >> bits)
        m.d.sync += [write.eq(here & self.bus.write), read.eq(here & self.bus.read), self.bus.rdata.eq(0)]
        with m.If(here):    # else every bank would have the same one, and the one that is left all their load
            m.d.sync += number.eq(self.bus.addr[:bits])
        answers = {}
        for n, reg in self.kept:
            hit = Signal(name=f"{reg.name}_hit")
            m.d.comb += hit.eq(number == n if bits else 1)
            if reg.access == "ro":
                value = getattr(self, f"{reg.name}_status")
            else:
                m.d.comb += [getattr(self, f"{reg.name}_stb").eq(hit & write),
                             getattr(self, f"{reg.name}_wdata").eq(self.bus.wdata)]
                value = 0
            if reg.access == "rw":
                value = Signal(reg.width, init=reg.init, name=f"{reg.name}_held")
                m.d.comb += getattr(self, f"{reg.name}_value").eq(value)
                with m.If(hit & write):
                    m.d.sync += value.eq(self.bus.wdata)
                with m.Elif(getattr(self, f"{reg.name}_set")):
                    m.d.sync += value.eq(getattr(self, f"{reg.name}_data"))
            answers[n] = value
        with m.If(read), m.Switch(number):
            for n, value in answers.items():
                with m.Case(n):
                    m.d.sync += self.bus.rdata.eq(value)
        return m


class BusFanout(wiring.Component):
    """One master to many units: the way down is registered once, answers are ORed and registered.

    A read through it takes `READ_LATENCY + 2` cycles.
    """

    def __init__(self, units: int):
        self.units = units
        super().__init__({"i": In(BusSignature()), "o": Out(BusSignature()).array(units)})

    def elaborate(self, platform):
        m = Module()
        addr, wdata = Signal(ADDR_BITS), Signal(WORD_BITS)
        write, read = Signal(), Signal()
        m.d.sync += [write.eq(self.i.write), read.eq(self.i.read)]
        with m.If(self.i.write | self.i.read):
            m.d.sync += [addr.eq(self.i.addr), wdata.eq(self.i.wdata)]
        merged = 0
        for n in range(self.units):
            m.d.comb += [self.o[n].addr.eq(addr), self.o[n].wdata.eq(wdata),
                         self.o[n].write.eq(write), self.o[n].read.eq(read)]
            merged = merged | self.o[n].rdata
        m.d.sync += self.i.rdata.eq(merged)
        return m


class Counters(wiring.Component):
    """32-bit event counters, one for each name: `o.<name>` counts the cycles in which `i.<name>` is high."""

    def __init__(self, names):
        self.names = tuple(names)
        super().__init__({"i": In(wiring.Signature({name: Out(1) for name in self.names})),
                          "o": Out(wiring.Signature({name: Out(32) for name in self.names}))})

    def elaborate(self, platform):
        m = Module()
        for name in self.names:
            strobe, count = Signal(name=f"{name}_stb"), getattr(self.o, name)
            m.d.sync += strobe.eq(getattr(self.i, name))
            with m.If(strobe):
                m.d.sync += count.eq(count + 1)
        return m


__all__ = ["ADDR_BITS", "READ_LATENCY", "BusFanout", "BusSignature", "Counters", "RegisterBank"]
