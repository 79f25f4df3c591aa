"""The exact order table: every live order of the subscribed symbols."""

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import data, enum, wiring
from amaranth.lib.wiring import In, Out

from hdl.blockram import BlockRam
from hdl.book.shapes import Shapes
from hdl.book.skew import row_value
from hdl.config import NicConfig
from hdl.pick import first_of, select


class Seek(enum.Enum, shape=2):
    """What the third cycle of a look-up marks."""
    KEY = 0      # the order with the key
    SCAN = 1     # orders that the scan is after: all of them for a sweep, the first for a refill
    VICTIM = 2   # the order in way `victim`, to be pushed out


class OrderTable(wiring.Component):
    """`order_ways` skewed ways of `order_rows` slots in block RAM, and a small stash beside them.

    An order lies in its row (`hdl.book.skew`) of one way, or in the stash. The first way whose slot is free
    takes it; when there is none, the stash does. Orders leave the stash in idle cycles: the order goes to one
    of its ways and pushes the occupant out, which takes its place in the stash and has other ways to go to
    (cuckoo hashing, Pagh and Rodler 2001; with a stash, Kirsch, Mitzenmacher and Wieder 2008). Memory starts with
    every slot invalid. A reset leaves the orders where they are, so what describes them (the stash, `live`, and in
    `hdl.book.background` whose life is which) outlives it too. Capacity and the
    probability of an overflow are in docs/book.md.

    A look-up, by cycle:

    0. `read` with `key`: rows are computed and block RAM is read.
    1. `capture`: the slots that came out are held, with their rows.
    2. `seek` says what to mark, and holds until the end; `matched` is high if a scan marks any.
    3. `found`, `no_way`, `full` and `picked` (the marked order, combinational) are valid, and `kept` (the same,
       registered) from the next cycle on. `insert` or `erase` may be given.
    5. `rewrite` or `swap` may be given; `swap` needs `key` to be `victim_tag`, above a row of 0, in this cycle.

    Writes are seen by a `read` in the cycle after.

    Ports
    -----
    key, read, capture, seek, victim (one-hot), scan, scan_life, scan_lap : In, the look-up.
    want, life : In, key and life of the order sought.
    title, state : In, what is written. low : In, the low key bits of an order that may go to the stash.
    insert : In(1), into the first free way, else into the stash; with `move` out of the stash, to a way alone.
    erase : In(1), `state` to every marked order. rewrite : In(1), `state` to the marked order.
    swap : In(1), `title` and `state` to way `victim`, and what was there to the stash slot that they came from.
    stashed : Out(1), the stash holds something: `stash_title`, `stash_state`, `stash_low` are its first.
    stash_matched : Out(1), it holds something that the scan is after.
    live : Out, slots taken.
    """

    def __init__(self, config: NicConfig):
        self.config, self.shapes = config, (shapes := Shapes(config))
        if config.order_ways >= config.order_rows:
            raise ValueError(f"{config.name}: {config.order_ways} ways need more than {config.order_rows} rows")
        self.slots = config.order_ways * config.order_rows + config.order_stash
        self.marks = config.order_ways + config.order_stash
        super().__init__({
            "key": In(shapes.key_bits), "read": In(1), "capture": In(1), "seek": In(Seek),
            "want": In(shapes.key_bits), "life": In(1), "scan": In(shapes.scan), "scan_life": In(1), "scan_lap": In(1),
            "victim": In(config.order_ways), "victim_tag": Out(shapes.tag_bits),
            "matched": Out(1), "found": Out(1), "full": Out(1), "no_way": Out(1), "picked": Out(shapes.order),
            "kept": Out(shapes.order), "title": In(shapes.title), "state": In(shapes.state), "low": In(shapes.row_bits),
            "insert": In(1), "move": In(1), "erase": In(1), "rewrite": In(1), "swap": In(1),
            "stashed": Out(1), "stash_title": Out(shapes.title), "stash_state": Out(shapes.state),
            "stash_low": Out(shapes.row_bits), "stash_matched": Out(1), "live": Out(range(self.slots + 1)),
        })

    def elaborate(self, platform):
        m = Module()
        shapes, ways, stashes = self.shapes, self.config.order_ways, self.config.order_stash
        slot = data.StructLayout({"title": shapes.title, "state": shapes.state})
        entry = data.StructLayout({"title": shapes.title, "state": shapes.state, "low": shapes.row_bits})
        slots = [Signal(slot, name=f"slot{w}", reset_less=True) for w in range(ways)]
        stash = [Signal(entry, name=f"stash{e}", reset_less=True) for e in range(stashes)]
        marks = Signal(self.marks)                           # of the job, from cycle 3 on
        way, first, place = Signal(ways), Signal(stashes), Signal(stashes)    # one each: free, taken, free
        write, write_title = Signal(self.marks), Signal()    # slots and stash entries that take `state`, `title`
        returning = Signal(shapes.row_bits)                  # low key bits of the order pushed out, after its `swap`

        self._ways(m, slots, write, write_title, returning)
        swapped = Signal()                                   # `returning` is there
        m.d.sync += swapped.eq(self.swap)
        self._mark(m, slots, stash, marks)
        # Seen a cycle late: the stash changes in the last cycle of a job, and is asked in the third at the earliest.
        taken, occupied = (Cat(order.state.valid for order in orders) for orders in (slots, stash))
        m.d.sync += [
            way.eq(first_of(~taken)), self.no_way.eq(taken.all()), self.full.eq(taken.all() & occupied.all()),
            first.eq(first_of(occupied)), self.stashed.eq(occupied.any()), place.eq(first_of(~occupied)),
        ]
        m.d.comb += [
            Cat(Value.cast(self.stash_title), Value.cast(self.stash_state), self.stash_low).eq(select(first, stash)),
        ]
        with m.If(self.insert):
            m.d.comb += [write.eq(Cat(way, place & (self.no_way & ~self.move).replicate(stashes))), write_title.eq(1)]
        with m.If(self.rewrite | self.erase):
            m.d.comb += write.eq(marks)
        with m.If(self.swap):
            m.d.comb += [write.eq(Cat(self.victim, first)), write_title.eq(1)]
        for e, order in enumerate(stash):
            with m.If(write[ways + e]):
                m.d.sync += order.state.eq(Mux(self.swap, Cat(self.kept.qty, self.kept.lap, 1), self.state))
            with m.If(write[ways + e] & write_title):
                m.d.sync += [order.title.eq(Mux(self.swap, self._pushed(slots), self.title)), order.low.eq(self.low)]
            with m.Elif(swapped & first[e]):
                m.d.sync += order.low.eq(returning)
            with m.If(self.insert & self.move & first[e]):
                m.d.sync += order.state.valid.eq(0)
        self._count(m, marks)
        return m

    def _ways(self, m, slots, write, write_title, returning):
        """Block RAM. Title and state are memories of their own, because most writes change the state alone."""
        shapes, n, rest = self.shapes, self.shapes.row_bits, []
        for w, slot in enumerate(slots):
            hashed, asked, row = (Signal(n, name=f"{name}{w}", reset_less=True) for name in ("hashed", "asked", "row"))
            m.d.comb += hashed.eq(row_value(self.key, w, n))
            with m.If(self.read | self.swap):
                m.d.sync += asked.eq(hashed)
            with m.If(self.capture):
                m.d.sync += row.eq(asked)
            for name, enable in (("title", write[w] & write_title), ("state", write[w])):
                m.submodules[f"{name}{w}"] = store = BlockRam(getattr(shapes, name), self.config.order_rows)
                m.d.comb += [store.read_addr.eq(hashed), store.read_en.eq(self.read), store.write_addr.eq(row),
                             store.write_data.eq(getattr(self, name)), store.write_en.eq(enable)]
                with m.If(self.capture):
                    m.d.sync += slot[name].eq(store.read_data)
            rest.append(row ^ asked)
        pushed = Signal.like(self.victim)
        with m.If(self.swap):
            m.d.sync += pushed.eq(self.victim)
        m.d.comb += [returning.eq(select(pushed, rest)),
                     self.victim_tag.eq(select(self.victim, [slot.title.tag for slot in slots]))]

    def _pushed(self, slots):
        """Title of the order in way `victim`, which is the marked one."""
        life = select(self.victim, [slot.title.life for slot in slots])
        return Cat(self.kept.price, self.kept.side, life, self.victim_tag)

    def _mark(self, m, slots, stash, marks):
        """Cycle 2: which of the ways and stash slots the job is about. Cycle 3: the marked order."""
        scan, n, orders = self.scan, self.shapes.row_bits, [*slots, *stash]
        by_key, by_scan = Signal(self.marks), Signal(self.marks)
        for e, order in enumerate(orders):
            title, state = order.title, order.state
            whole = title.tag == self.want[n:]
            if e >= len(slots):
                whole &= order.low == self.want[:n]
            due = Mux(scan.sweep, title.life != self.scan_life,
                      (title.life == self.scan_life) & (title.side == scan.side) & (state.lap != self.scan_lap))
            m.d.comb += [
                by_key[e].eq(state.valid & (title.life == self.life) & whole),
                by_scan[e].eq(scan.active & state.valid & (self.shapes.symbol_of(title.tag) == scan.symbol) & due),
            ]
        m.d.comb += [self.matched.eq(by_scan.any()), self.stash_matched.eq(by_scan[len(slots):].any())]
        with m.Switch(self.seek):
            with m.Case(Seek.KEY):
                m.d.sync += marks.eq(by_key)
            with m.Case(Seek.SCAN):
                m.d.sync += marks.eq(Mux(scan.sweep, by_scan, first_of(by_scan)))
            with m.Case(Seek.VICTIM):
                m.d.sync += marks.eq(self.victim)
        brief = [Cat(order.title.price, order.state.qty, order.title.side, order.state.lap) for order in orders]
        m.d.comb += [self.picked.as_value().eq(select(marks, brief)), self.found.eq(marks.any())]
        m.d.sync += self.kept.eq(self.picked)

    def _count(self, m, marks):
        gone, come = Signal(range(self.marks + 1), reset_less=True), Signal(reset_less=True)
        live = Signal.like(self.live, reset_less=True)
        m.d.sync += gone.eq(Mux((self.erase | self.rewrite) & ~self.state.valid, sum(marks), 0))
        m.d.sync += come.eq(self.insert & ~self.move)
        with m.If(come | gone.any()):
            m.d.sync += live.eq(live + come - gone)
        m.d.comb += self.live.eq(live)


__all__ = ["OrderTable", "Seek"]
