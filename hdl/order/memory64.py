"""What the host writes once and order frames are played from, eight bytes at a time: IMAGE and SYMBOL_TEXT."""

from amaranth.hdl import Cat, Module, Signal, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from hdl.blockram import BlockRam
from hdl.config import NicConfig
from hdl.csr import BusSignature
from hdl.layouts import Action
from hdl.messages import SYMBOL_BITS, VENUE_BITS
from hdl.order.image import SUMS_WORD
from hdl.registers import IMAGE, IMAGE_WORDS, SYMBOL_TEXT, WORD_BITS, RegisterMap

INDEX_BITS = (IMAGE_WORDS - 1).bit_length()


class Which(data.Struct):
    """Whose image: the order of the IMAGE registers."""
    action: Action
    venue: unsigned(VENUE_BITS)


class FrameTexts64(wiring.Component):
    """The IMAGE and SYMBOL_TEXT registers, in memories. The host can write them alone; they read 0.

    A write must not be of what is being read. Contents start at 0. All outputs come the cycle after.

    Ports
    -----
    bus : In(BusSignature).
    which : In, venue and action; symbol : In. symbol_text (16 bytes, first lowest), static_tcp, static_fix : Out, that
        symbol's, and the sums of that image.
    read : In, look at `image_of` (venue and action) and `word`. image : Out, that word; it holds.
    """

    def __init__(self, config: NicConfig):
        self.config, registers = config, RegisterMap(config)
        self.blocks = {block.name: (registers.base[block.name], (registers.size[block.name] - 1).bit_length())
                       for block in (IMAGE, SYMBOL_TEXT)}
        super().__init__({
            "bus": In(BusSignature()), "read": In(1), "which": In(Which), "image_of": In(Which),
            "symbol": In(SYMBOL_BITS), "word": In(INDEX_BITS), "image": Out(WORD_BITS),
            "symbol_text": Out(2 * WORD_BITS), "static_tcp": Out(16), "static_fix": Out(8)})

    def elaborate(self, platform):
        m = Module()
        sums = Signal(24)
        (at, written), (text_at, text_written) = self._write(IMAGE.name), self._write(SYMBOL_TEXT.name)
        m.submodules.image = image = self._memory(m, 1 << len(at), written, at, self.bus.wdata)
        m.submodules.sums = kept = self._memory(
            m, 1 << len(at) - INDEX_BITS, written & (at[:INDEX_BITS] == SUMS_WORD), at[INDEX_BITS:],
            Cat(self.bus.wdata[:8], self.bus.wdata[16:32]))
        m.d.comb += [image.read_addr.eq(Cat(self.word, self.image_of)), image.read_en.eq(self.read),
                     self.image.eq(image.read_data), kept.read_addr.eq(self.which), kept.read_en.eq(1),
                     sums.eq(kept.read_data), self.static_fix.eq(sums), self.static_tcp.eq(sums[8:])]
        for half in range(len(SYMBOL_TEXT.regs)):
            m.submodules[f"text{half}"] = text = self._memory(
                m, 1 << len(text_at) - 1, text_written & (text_at[0] == half), text_at[1:], self.bus.wdata)
            m.d.comb += [text.read_addr.eq(self.symbol), text.read_en.eq(1),
                         self.symbol_text.word_select(half, WORD_BITS).eq(text.read_data)]
        return m

    def _write(self, name: str):
        """Where in its block the bus writes, and whether it does."""
        base, bits = self.blocks[name]
        return self.bus.addr[:bits], self.bus.write & (self.bus.addr[bits:] == base >> bits)

    @staticmethod
    def _memory(m: Module, depth: int, en, addr, value) -> BlockRam:
        found = BlockRam(len(value), depth)
        m.d.comb += [found.write_en.eq(en), found.write_addr.eq(addr), found.write_data.eq(value)]
        return found


__all__ = ["FrameTexts64", "Which"]
