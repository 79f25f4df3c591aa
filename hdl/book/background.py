"""What the book does while no message is in it: refills, sweeps, and moves out of the stash."""

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hdl.book.shapes import PRICE_BITS, REF_BITS, Kind, Shapes
from hdl.config import NicConfig
from hdl.pick import first_of, index_of


class First:
    """The first of the bits that are set, a cycle later: whether there is one, and which."""

    def __init__(self, m: Module, bits, unless=0):
        self.valid, self.index = Signal(), Signal((len(bits) - 1).bit_length() or 1)
        m.d.sync += [self.valid.eq(bits.any() & ~Value.cast(unless)), self.index.eq(index_of(first_of(bits)))]


class Background(wiring.Component):
    """Chooses the next job of the book's own, and follows scans of the order table.

    A scan goes once through all rows, for one of two ends:

    - **refill** of one list: each order of it that is not yet counted in this `lap` is counted, and marked so.
      LIFT begins it and gives the list a new lap, in which orders added from then on are born. SETTLE ends it.
    - **sweep** of one symbol: erases the orders of the life before. A clear that comes when orders have been added
      since a clear whose sweep is still under way is `refused`: a third life could not be told from the first.

    An order in the stash that a scan is after is dealt with before any move, so that a scan cannot miss an order
    which moves behind it. Moves take turns with all else. First come reports (`owed`), then moves, then scans.

    Ports
    -----
    plan_valid, plan : Out, the job to do next, by what was up to 2 cycles before.
    idle : In(1), nothing else goes on, nor did in the 2 cycles before. Scans begin and sweeps end in such cycles.
    owed : In(symbols). stashed, stash_matched, stash_ref, stash_symbol : In, from the table.
    thin, floor : In, from the lists.
    lifted, settled, checked, moved : In, strobes: such a job is done; `checked`: a row has nothing for the scan.
    symbol, side : In, of the job that LIFT did. stored : In, an order of `symbol` went into the table.
    clear : In(symbols), empties books. refused : Out(symbols), which of them not, combinational.
    scan, scan_life, scan_lap : Out, the scan under way. more : Out, it goes on after the row being read.
    life : Out(symbols), lap : Out(2 x symbols): what a new order is marked with.
    """

    def __init__(self, config: NicConfig):
        self.config, self.shapes = config, (shapes := Shapes(config))
        super().__init__({
            "plan_valid": Out(1), "plan": Out(shapes.task), "idle": In(1), "owed": In(config.symbols),
            "stashed": In(1), "stash_matched": In(1), "stash_ref": In(REF_BITS), "stash_symbol": In(shapes.symbol_bits),
            "thin": In(shapes.lists), "floor": In(PRICE_BITS), "lifted": In(1), "settled": In(1), "checked": In(1),
            "moved": In(1), "symbol": In(shapes.symbol_bits), "side": In(1), "stored": In(1),
            "clear": In(config.symbols), "refused": Out(config.symbols), "scan": Out(shapes.scan), "scan_life": Out(1),
            "scan_lap": Out(1), "interrupt": Out(1), "life": Out(config.symbols), "lap": Out(shapes.lists),
        })

    def elaborate(self, platform):
        m = Module()
        scan, rows = self.scan, self.config.order_rows
        self.row = Signal(range(rows + 1))        # next row of the scan; `rows` at its end
        self.turn = Signal()                      # something else before the next move
        # These describe what memory holds, which a reset does not empty.
        self.sweeping, self.stored_since, life = (Signal(self.config.symbols, reset_less=True, name=name)
                                                  for name in ("sweeping", "stored_since", "life"))
        m.d.comb += self.life.eq(life)
        complete, move, other, swept = Signal(), Signal(), Signal(), Signal()
        wanting, seen = Signal(self.shapes.lists), Signal(self.shapes.lists)
        with m.If(self.lifted):                   # round robin: the lists up to this one come last
            m.d.sync += seen.eq(Cat(n <= Cat(self.side, self.symbol) for n in range(self.shapes.lists)))
        stash_matched = Signal()
        m.d.sync += [wanting.eq(Mux((self.thin & ~seen).any(), self.thin & ~seen, self.thin)),
                     stash_matched.eq(self.stash_matched)]
        self.due, self.to_sweep, self.to_refill = First(m, self.owed), First(m, self.sweeping, swept), First(m, wanting)
        m.d.comb += [
            complete.eq((self.row == rows) & ~stash_matched),
            other.eq(scan.active | self.to_sweep.valid | self.to_refill.valid),
            move.eq(self.stashed & ~(other & self.turn) & ~(scan.active & stash_matched)),
            self.interrupt.eq(self.due.valid | move),
        ]
        m.d.sync += [
            self.scan_life.eq(self.life.bit_select(scan.symbol, 1)),
            self.scan_lap.eq(self.lap.bit_select(Cat(scan.side, scan.symbol), 1)),
        ]
        self._plan(m, move, complete)
        self._progress(m, move, complete, swept)
        self._lives(m, life)
        return m

    def _plan(self, m, move, complete):
        plan, scan = self.plan, self.scan
        with m.If(self.due.valid):
            m.d.comb += [self.plan_valid.eq(1), plan.kind.eq(Kind.NOTIFY), plan.symbol.eq(self.due.index)]
        with m.Elif(move):
            m.d.comb += [self.plan_valid.eq(1), plan.kind.eq(Kind.MOVE), plan.ref.eq(self.stash_ref),
                         plan.symbol.eq(self.stash_symbol)]
        with m.Elif(scan.active):
            m.d.comb += [
                self.plan_valid.eq(~complete | ~scan.sweep), plan.kind.eq(Mux(complete, Kind.SETTLE, Kind.SCAN)),
                plan.ref.eq(self.row[:self.shapes.row_bits]), plan.symbol.eq(scan.symbol), plan.side.eq(scan.side)]
        with m.Elif(~self.sweeping.any()):
            m.d.comb += [self.plan_valid.eq(self.to_refill.valid), plan.kind.eq(Kind.LIFT),
                         Cat(plan.side, plan.symbol).eq(self.to_refill.index)]

    def _progress(self, m, move, complete, swept):
        scan = self.scan
        with m.If(self.checked):
            m.d.sync += self.turn.eq(0)
            with m.If(self.row != self.config.order_rows):
                m.d.sync += self.row.eq(self.row + 1)
        with m.If(self.moved):
            m.d.sync += self.turn.eq(1)
        with m.If(self.idle & ~self.due.valid & ~move):
            with m.If(~scan.active & self.to_sweep.valid):
                m.d.sync += [scan.active.eq(1), scan.sweep.eq(1), self.row.eq(0), self.turn.eq(0),
                             scan.symbol.eq(self.to_sweep.index)]
            with m.Elif(scan.active & scan.sweep & complete):
                m.d.comb += swept.eq(1)
                m.d.sync += [scan.active.eq(0), self.sweeping.bit_select(scan.symbol, 1).eq(0)]
        with m.If(self.lifted):
            m.d.sync += [scan.active.eq(1), scan.sweep.eq(0), scan.symbol.eq(self.symbol), scan.side.eq(self.side),
                         scan.floor.eq(self.floor), self.row.eq(0), self.turn.eq(0)]
        with m.If(self.settled):
            m.d.sync += scan.active.eq(0)

    def _lives(self, m, life):
        """Clears: a new life for the symbol's orders, and a sweep of the old one."""
        here = Cat(self.side, self.symbol)
        with m.If(self.lifted):
            m.d.sync += self.lap.bit_select(here, 1).eq(~self.lap.bit_select(here, 1))
        with m.If(self.stored):
            m.d.sync += self.stored_since.bit_select(self.symbol, 1).eq(1)
        m.d.comb += self.refused.eq(self.clear & self.stored_since & self.sweeping)
        renew = self.clear & self.stored_since & ~self.sweeping
        scanned = self.clear.bit_select(self.scan.symbol, 1)
        for n in range(self.config.symbols):
            with m.If(renew[n]):
                m.d.sync += [life[n].eq(~life[n]), self.stored_since[n].eq(0), self.sweeping[n].eq(1)]
        with m.If(scanned & self.scan.active & ~self.scan.sweep):
            m.d.sync += self.scan.active.eq(0)


__all__ = ["Background"]
