"""Rows in two banks (`hdl.risk.banks`) as a claim looks at them: one row, in both."""

from amaranth.hdl import Cat, Const, Signal, Value


def peeked(base: type) -> type:
    """`Banked`, with the row `peek_row` of both banks in `peek`."""
    class Banked(base):
        def __init__(self, *args):
            super().__init__(*args)
            self.peek_row = Signal(self.row_bits)
            self.peek = [Signal(len(Value.cast(self.value)), name=f"peek{n}") for n in range(2)]

        def elaborate(self, platform):
            m = super().elaborate(platform)
            for bank, shown in enumerate(self.peek):
                port = m.submodules.rows.read_port(domain="comb")
                m.d.comb += [port.addr.eq(Cat(self.peek_row, Const(bank, 1))), shown.eq(port.data)]
            return m
    return Banked
