"""Block RAM without the logic that makes reading and writing one address in one cycle defined."""

from amaranth.hdl import Module, Signal
from amaranth.lib import memory, wiring
from amaranth.lib.wiring import In, Out


class BlockRam(wiring.Component):
    """One write port and one registered read port, latency 1; in block RAM where it is large enough to be worth one.

    A read of the address that is being written in the same cycle gives the old word in simulation and anything in
    hardware: the user must not look at it. (A plain synchronous read port promises the old word; on ECP5 that costs a
    LUT and two flip-flops for each bit, since its block RAM does not promise it.)

    Parameters
    ----------
    shape, depth : of a word, and how many there are. All words are 0 at first.

    Members
    -------
    write_addr, write_data, write_en : In.
    read_addr, read_en : In.
    read_data : Out(shape), the word of the last cycle with `read_en`; holds.
    """

    def __init__(self, shape, depth: int):
        self.shape, self.depth = shape, depth
        super().__init__({
            "write_addr": In(range(depth)), "write_data": In(shape), "write_en": In(1),
            "read_addr": In(range(depth)), "read_en": In(1), "read_data": Out(shape),
        })

    def elaborate(self, platform):
        m = Module()
        m.submodules.words = words = memory.Memory(shape=self.shape, depth=self.depth, init=[],
                                                   attrs={"no_rw_check": 1})
        write, read = words.write_port(), words.read_port(domain="comb")
        word = Signal(self.shape, reset_less=True)    # synthesis makes it the memory's own output register
        m.d.comb += [
            write.addr.eq(self.write_addr), write.data.eq(self.write_data), write.en.eq(self.write_en),
            read.addr.eq(self.read_addr), self.read_data.eq(word),
        ]
        with m.If(self.read_en):
            m.d.sync += word.eq(read.data)
        return m


__all__ = ["BlockRam"]
