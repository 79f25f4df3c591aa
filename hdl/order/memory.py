"""Register blocks that live in a memory."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import memory, wiring
from amaranth.lib.wiring import In, Out

from hdl.config import NicConfig
from hdl.csr import BusSignature
from hdl.registers import WORD_BITS, Block, RegisterMap


class BusMemory(wiring.Component):
    """A block with `memory=True`: all instances in one memory, readable and writable over the bus at any time.

    Answers the bus `READ_LATENCY` cycles after the strobe. `data` follows `addr` by one cycle; a word that is
    written in the same cycle reads its old value. Contents start at 0.

    Ports
    -----
    bus : In(BusSignature)
    addr : In, instance and register, as in the register map. data : Out(64).
    """

    def __init__(self, config: NicConfig, block: Block):
        registers = RegisterMap(config)
        self.base, self.bits = registers.base[block.name], (registers.size[block.name] - 1).bit_length()
        super().__init__({"bus": In(BusSignature()), "addr": In(self.bits), "data": Out(WORD_BITS)})

    def elaborate(self, platform):
        m = Module()
        m.submodules.words = words = memory.Memory(shape=WORD_BITS, depth=1 << self.bits, init=[])
        write, read, unit = words.write_port(), words.read_port(), words.read_port()
        here, asked = Signal(), Signal()
        m.d.comb += [
            here.eq(self.bus.addr[self.bits:] == self.base >> self.bits),
            write.addr.eq(self.bus.addr), write.data.eq(self.bus.wdata), write.en.eq(here & self.bus.write),
            read.addr.eq(self.bus.addr), unit.addr.eq(self.addr), self.data.eq(unit.data),
        ]
        m.d.sync += [asked.eq(here & self.bus.read), self.bus.rdata.eq(Mux(asked, read.data, 0))]
        return m
