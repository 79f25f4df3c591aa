"""The exact order table: every live order of the subscribed symbols."""

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import data, enum, memory, wiring
from amaranth.lib.wiring import In, Out

from hdl.book.shapes import Shapes
from hdl.book.skew import row_value
from hdl.config import NicConfig


class Seek(enum.Enum, shape=2):
    """What the third cycle of a look-up marks."""
    KEY = 0      # the order with the key
    SCAN = 1     # orders that the scan is after: all of them for a sweep, the first for a refill
    VICTIM = 2   # the order in way `victim`, to be pushed out
    STASH = 3    # the stashed order that is next to move


def first_of(bits) -> Value:
    """The lowest bit that is set, alone."""
    bits = Value.cast(bits)
    return bits & ~(bits - 1)[:len(bits)]


class OrderTable(wiring.Component):
    """`order_ways` skewed ways of `order_rows` slots in block RAM, and a small stash beside them.

    An order lies in its row (`hdl.book.skew`) of one way, or in the stash. The first way whose slot is free
    takes it; when there is none, the stash does. Orders leave the stash in idle cycles: the order goes to one
    of its ways and pushes the occupant out, which takes its place in the stash and has other ways to go to
    (cuckoo hashing, Pagh and Rodler 2001). Memory starts with every slot invalid.

    Capacity, for 5 ways of 2,048 rows and a stash of 8: see docs/book.md.

    A look-up, by cycle:

    0. `read` with `key`: rows are computed and block RAM is read.
    1. `capture`: the slots that came out are held, with their rows.
    2. `seek` says what to mark; `matched` is high if a scan marks any.
    3. `found`, `no_way`, `full` and `picked` (the marked order, combinational) are valid, and `kept` (the same,
       registered) from the next cycle on. `insert` or `erase` may be given.
    5. `rewrite` or `swap` may be given; `swap` needs `key` to have been `kept`'s tag, above a row of 0, in this cycle.

    Writes are seen by a `read` in the cycle after.

    Ports
    -----
    order : In, what `insert`, `rewrite` and `swap` write. `low`: the low key bits of that order.
    insert : In(1), into the first free way or stash slot (`move`: never the stash, whose slot it leaves).
    erase : In(1), invalidates every marked order. `rewrite` : In(1), replaces the marked order.
    swap : In(1), `order` goes to way `victim`, and `kept` to the stash slot that `order` came from.
    stashed : Out, the stash holds something: `stash_order` and `stash_low` are its first.
    live : Out, slots taken.
    """

    def __init__(self, config: NicConfig):
        self.config, self.shapes = config, (shapes := Shapes(config))
        if config.order_ways >= 1 << shapes.row_bits and shapes.row_bits > 1:
            raise ValueError(f"{config.name}: {config.order_ways} ways need more than {config.order_rows} rows")
        self.slots = config.order_ways * config.order_rows + config.order_stash
        super().__init__({
            "key": In(shapes.key_bits), "read": In(1), "capture": In(1), "seek": In(Seek),
            "want": In(shapes.key_bits), "life": In(1), "scan": In(shapes.scan),
            "scan_life": In(1), "scan_lap": In(1), "victim": In(config.order_ways),
            "matched": Out(1), "found": Out(1), "full": Out(1), "no_way": Out(1), "picked": Out(shapes.order),
            "kept": Out(shapes.order), "order": In(shapes.order), "low": In(shapes.row_bits),
            "insert": In(1), "move": In(1), "erase": In(1), "rewrite": In(1), "swap": In(1),
            "stashed": Out(1), "stash_order": Out(shapes.order), "stash_low": Out(shapes.row_bits),
            "stash_matched": Out(1), "live": Out(range(self.slots + 1)),
        })

    def elaborate(self, platform):
        m = Module()
        config, shapes = self.config, self.shapes
        ways, n = range(config.order_ways), shapes.row_bits
        hashed = [Signal(n, name=f"hashed{w}") for w in ways]
        asked = [Signal(n, name=f"asked{w}", reset_less=True) for w in ways]
        rows = [Signal(n, name=f"row{w}", reset_less=True) for w in ways]
        slots = [Signal(shapes.order, name=f"slot{w}", reset_less=True) for w in ways]
        ports = []
        for w in ways:
            m.submodules[f"way{w}"] = store = memory.Memory(shape=shapes.order, depth=config.order_rows, init=[])
            read, write = store.read_port(), store.write_port()
            ports.append(write)
            m.d.comb += [hashed[w].eq(row_value(self.key, w, n)), read.addr.eq(hashed[w]),
                         write.addr.eq(rows[w]), write.data.eq(self.order)]
            with m.If(self.read):
                m.d.sync += asked[w].eq(hashed[w])
            with m.If(self.capture):
                m.d.sync += [slots[w].eq(read.data), rows[w].eq(asked[w])]

        stash = data.ArrayLayout(shapes.order, config.order_stash)
        self.stash, self.lows = Signal(stash), Signal(data.ArrayLayout(n, config.order_stash), reset_less=True)
        marks = self._mark(m, slots)
        self._pick(m, slots, marks)
        self._write(m, rows, hashed, slots, marks, ports)
        return m

    def _mark(self, m, slots):
        """Cycle 2: which of the ways and stash slots the job is about."""
        shapes, ways, stashes = self.shapes, len(slots), self.config.order_stash
        n = shapes.row_bits
        scan, sides = self.scan, [*slots, *(self.stash[e] for e in range(stashes))]
        by_key, by_scan = Signal(ways + stashes), Signal(ways + stashes)
        marks = Signal(ways + stashes)
        for e, order in enumerate(sides):
            low = True if e < ways else self.lows[e - ways] == self.want[:n]
            m.d.comb += by_key[e].eq(order.valid & (order.life == self.life) & (order.tag == self.want[n:]) & low)
            due = Mux(scan.sweep, order.life != self.scan_life,
                      (order.life == self.scan_life) & (order.side == scan.side) & (order.lap != self.scan_lap))
            m.d.comb += by_scan[e].eq(scan.active & order.valid & (shapes.symbol_of(order.tag) == scan.symbol) & due)
        occupied = Cat(self.stash[e].valid for e in range(stashes))
        m.d.comb += [self.matched.eq(by_scan.any()), self.stashed.eq(occupied.any()),
                     self.stash_matched.eq(by_scan[ways:].any())]
        with m.Switch(self.seek):
            with m.Case(Seek.KEY):
                m.d.sync += marks.eq(by_key)
            with m.Case(Seek.SCAN):
                m.d.sync += marks.eq(Mux(scan.sweep, by_scan, first_of(by_scan)))
            with m.Case(Seek.VICTIM):
                m.d.sync += marks.eq(self.victim)
        return marks

    def _pick(self, m, slots, marks):
        """Cycle 3: the marked order."""
        everything = [Value.cast(slot) for slot in slots]
        everything += [Value.cast(self.stash[e]) for e in range(self.config.order_stash)]
        picked = 0
        for mark, order in zip(marks, everything, strict=True):
            picked = picked | order & mark.replicate(len(order))
        m.d.comb += [self.picked.eq(picked), self.found.eq(marks.any())]
        m.d.sync += self.kept.eq(self.picked)
        first = 0
        for order, low, mark in zip(self.stash, self.lows, first_of(Cat(o.valid for o in self.stash)), strict=True):
            both = Cat(Value.cast(order), low)
            first = first | both & mark.replicate(len(both))
        m.d.comb += Cat(Value.cast(self.stash_order), self.stash_low).eq(first)

    def _write(self, m, rows, hashed, slots, marks, ports):
        """Cycles 3 and 5."""
        ways, stashes = len(slots), self.config.order_stash
        vacant = Signal(ways)                       # ways that the job's order could go to, held from cycle 2
        occupied = Cat(order.valid for order in self.stash)
        m.d.sync += vacant.eq(~Cat(slot.valid for slot in slots))
        m.d.comb += [self.no_way.eq(~vacant.any()), self.full.eq(self.no_way & occupied.all())]
        chosen, chosen_slot, leaving = Signal(ways), Signal(stashes), Signal(stashes)
        m.d.comb += [chosen.eq(first_of(vacant)), chosen_slot.eq(first_of(~occupied)), leaving.eq(first_of(occupied))]

        writes, stash_writes = Signal(ways), Signal(stashes)
        with m.If(self.insert):
            m.d.comb += [writes.eq(chosen), stash_writes.eq(Mux(self.move | ~self.no_way, 0, chosen_slot))]
        with m.If(self.rewrite | self.erase):
            m.d.comb += [writes.eq(marks[:ways]), stash_writes.eq(marks[ways:])]
        with m.If(self.swap):
            m.d.comb += [writes.eq(self.victim), stash_writes.eq(leaving)]
        m.d.comb += [port.en.eq(enable) for port, enable in zip(ports, writes, strict=True)]

        returning = 0                               # low key bits of the order pushed out
        for victim, row, rest in zip(self.victim, rows, hashed, strict=True):
            returning = returning | (row ^ rest) & victim.replicate(len(row))
        for e in range(stashes):
            with m.If(stash_writes[e]):
                m.d.sync += self.stash[e].eq(Mux(self.swap, self.kept, self.order))
            with m.If(stash_writes[e] & (self.insert | self.swap)):
                m.d.sync += self.lows[e].eq(Mux(self.swap, returning, self.low))
            with m.If(self.insert & self.move & leaving[e]):
                m.d.sync += self.stash[e].valid.eq(0)
        self._count(m, marks)

    def _count(self, m, marks):
        gone = Signal(range(len(marks) + 1))
        m.d.sync += gone.eq(0)
        with m.If((self.erase | self.rewrite) & ~self.order.valid):
            m.d.sync += gone.eq(sum(marks))
        come = Signal()
        m.d.sync += [come.eq(self.insert & ~self.move), self.live.eq(self.live + come - gone)]


__all__ = ["OrderTable", "Seek", "first_of"]
