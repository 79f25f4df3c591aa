"""What the host writes once and order frames are played from: IMAGE and SYMBOL_TEXT."""

from amaranth.hdl import Cat, Module, Signal, unsigned
from amaranth.lib import data, memory, wiring
from amaranth.lib.wiring import In, Out

from hdl.config import NicConfig
from hdl.csr import BusSignature
from hdl.order.image import SUMS_WORD
from hdl.registers import IMAGE, IMAGE_WORDS, SYMBOL_TEXT, WORD_BITS, Block, RegisterMap

#: Frames take two bytes at a time; so many such pieces make a register.
PIECE_BITS = 16
PIECES = WORD_BITS // PIECE_BITS
INDEX_BITS = (PIECES - 1).bit_length()


class Head(data.Struct):
    """What must be known of an image before it can be read."""
    first: unsigned(8)      # its first byte
    fix: unsigned(8)        # its sums, see IMAGE
    tcp: unsigned(16)


def address_bits(config: NicConfig, block: Block) -> int:
    """Bits of a piece's address: instance, register, piece."""
    return (RegisterMap(config).size[block.name] - 1).bit_length() + INDEX_BITS


class FrameTexts(wiring.Component):
    """The IMAGE and SYMBOL_TEXT registers, in block RAM. The host can write them alone; they read 0.

    A write takes `PIECES` cycles, so writes are at least as far apart (`hdl.rings.HostDown` keeps 6); it must not be
    of what is being read. Contents start at 0.

    Ports
    -----
    bus : In(BusSignature).
    which : In, venue and action; head : Out(Head), of that image, in the same cycle.
    image_addr, symbol_addr : In, instance, register and piece. image_en, symbol_en : In, read it.
    image_data, symbol_data : Out(16), the cycle after, first byte lowest; holds.
    """

    def __init__(self, config: NicConfig):
        self.config, registers = config, RegisterMap(config)
        self.blocks = {"image": IMAGE, "symbol": SYMBOL_TEXT}
        self.bits = {name: address_bits(config, block) for name, block in self.blocks.items()}
        self.base = {name: registers.base[block.name] for name, block in self.blocks.items()}
        self.which_bits = self.bits["image"] - INDEX_BITS - (IMAGE_WORDS - 1).bit_length()
        super().__init__({
            "bus": In(BusSignature()), "which": In(self.which_bits), "head": Out(Head),
            **{f"{name}_{port}": flow for name, bits in self.bits.items() for port, flow in (
                ("addr", In(bits)), ("en", In(1)), ("data", Out(PIECE_BITS)))}})

    def elaborate(self, platform):
        m = Module()
        held, at, piece = Signal(WORD_BITS), Signal(max(self.bits.values()) - INDEX_BITS), Signal(INDEX_BITS)
        writing, here = Signal(len(self.blocks)), Signal(len(self.blocks))
        m.d.comb += here.eq(Cat(self.bus.addr[bits - INDEX_BITS:] == self.base[name] >> bits - INDEX_BITS
                                for name, bits in self.bits.items()))
        m.d.sync += piece.eq(piece + 1)
        with m.If(piece == PIECES - 1):
            m.d.sync += writing.eq(0)
        with m.If(self.bus.write & here.any()):
            m.d.sync += [held.eq(self.bus.wdata), at.eq(self.bus.addr), piece.eq(0), writing.eq(here)]
        for n, (name, bits) in enumerate(self.bits.items()):
            m.submodules[name] = words = memory.Memory(shape=PIECE_BITS, depth=1 << bits, init=[], attrs={
                "ram_style": "block", "no_rw_check": 1})
            write, read = words.write_port(), words.read_port(domain="comb")
            m.d.comb += [
                write.addr.eq(Cat(piece, at)), write.data.eq(held.word_select(piece, PIECE_BITS)),
                write.en.eq(writing[n]), read.addr.eq(getattr(self, f"{name}_addr"))]
            with m.If(getattr(self, f"{name}_en")):     # synthesis makes it the memory's own output register
                m.d.sync += getattr(self, f"{name}_data").eq(read.data)
        self._heads(m, self.bus.write & here[0])
        return m

    def _heads(self, m: Module, written):
        m.submodules.heads = heads = memory.Memory(
            shape=unsigned(Head.as_shape().size), depth=1 << self.which_bits, init=[])
        write, read = heads.write_port(granularity=8), heads.read_port(domain="comb")
        word, which = self.bus.addr[:(IMAGE_WORDS - 1).bit_length()], self.bus.addr[(IMAGE_WORDS - 1).bit_length():]
        first, sums = written & (word == 0), written & (word == SUMS_WORD)
        m.d.comb += [
            write.addr.eq(which), write.data.eq(Cat(self.bus.wdata[:8], self.bus.wdata[:8], self.bus.wdata[16:32])),
            write.en.eq(Cat(first, sums, sums, sums)), read.addr.eq(self.which), self.head.eq(read.data)]
