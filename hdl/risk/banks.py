"""Two sets of the same rows: orders look at one while the next one is made ready beside it."""

from amaranth.hdl import Cat, Module
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

#: Smallest memory that is worth more than flip-flops.
FEW = 2


class Banked(wiring.Component):
    """A memory with a row for each of `rows` in each of two banks, and one write port.

    Parameters
    ----------
    shape, rows : of a row, and how many there are in a bank; `rows` counts as the next power of two.
    init : what every row holds after power-up.

    Members
    -------
    row, bank : asked. value : the answer, in the same cycle.
    load_row, load_bank, load_value, load : `load` writes that row of that bank.
    """

    def __init__(self, shape, rows: int, init=None):
        self.shape, self.init = shape, init
        self.row_bits = (rows - 1).bit_length()
        address = range(1 << self.row_bits)
        super().__init__({
            "row": In(address), "bank": In(1), "value": Out(shape),
            "load_row": In(address), "load_bank": In(1), "load_value": In(shape), "load": In(1),
        })

    def elaborate(self, platform):
        m = Module()
        depth = 2 << self.row_bits
        m.submodules.rows = rows = Memory(shape=self.shape, depth=depth, init=[self.init] * depth if self.init else [],
                                          attrs={"ram_style": "logic"} if depth <= FEW else {})
        write, read = rows.write_port(), rows.read_port(domain="comb")
        m.d.comb += [
            write.addr.eq(Cat(self.load_row, self.load_bank)), write.data.eq(self.load_value), write.en.eq(self.load),
            read.addr.eq(Cat(self.row, self.bank)), self.value.eq(read.data),
        ]
        return m
