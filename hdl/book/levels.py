"""The best levels of every side of every symbol, and one step on one of them."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, enum, memory, wiring
from amaranth.lib.wiring import In, Out

from hdl.book.shapes import PRICE_BITS, QTY_BITS, Only, Shapes, Step
from hdl.config import NicConfig


class Take(enum.Enum, shape=2):
    """Where a level's next value comes from. The bits are decoded one LUT each, see `Levels._update`."""
    SELF = 0
    NEW = 1
    BETTER = 2   # the neighbour before it: all behind an insertion move down
    WORSE = 3    # the neighbour behind it: all behind a deletion move up


#: Levels whose findings are gathered in the compare cycle; the groups', in the update cycle.
GROUP = 4


def _by_group(bits) -> Cat:
    return Cat(bits[n:n + GROUP].any() for n in range(0, len(bits), GROUP))


class Levels(wiring.Component):
    """Sorted lists of price levels in LUT RAM, one a symbol and side.

    Latency: the list named by `symbol` and `side` in the cycle of `start` is read in that cycle, compared in the
    next, and written in the one after, if `commit` is high there; the results are valid from the cycle after
    `commit` on. Throughput: one step in 3 cycles, a `start` may follow its predecessor's `commit` directly.
    A `start` before the `commit` forgets the step before.

    Let B be a list's floor (exclusive, or none) and, while the list is being refilled, F its floor of before.
    What holds of a list after every step (the argument is in docs/book.md):

    - it holds a level for exactly those prices better than B at which counted orders stand, with the sum of their
      quantities, best first;
    - orders at prices better than F and B are always counted, so those levels (`known`) are the true book.

    Parameters
    ----------
    config : `symbols`, `levels` (at least 2) and `depth` are used.

    Ports
    -----
    start, symbol, side, step, only, price, qty : In, the step.
    kill : In(1), the step under way is forgotten, and only then may a `start` follow another in the next cycle.
    commit : In(1), in the second cycle after `start`.
    scan : In, the refill under way; `scan.floor` is F.
    empty : In(symbols), empties both lists of each symbol marked.
    list, list_side : Out, the list after the step, and its side. best : Out, the best level of the opposite side.
    floor : Out(32), during `commit`: the floor of before the step.
    short : Out(2 x symbols), fewer known levels than `depth` although there may be more, by list {symbol, side}.
    thin : Out(2 x symbols), the list has a floor and is so short that it wants a refill; a cycle late.
    wrong : Out(1), the step named a level that is not there, or its quantity wrapped.
    """

    def __init__(self, config: NicConfig):
        if config.levels < 2:
            raise ValueError(f"{config.name}: the book needs at least 2 levels, not {config.levels}")
        self.config, self.shapes = config, (shapes := Shapes(config))
        #: A list with fewer levels wants a refill: half of the slack is gone.
        self.enough = config.depth + (config.levels - config.depth) // 2
        groups = -(-config.levels // GROUP)
        #: What the compare cycle finds out (`hit` and `gone` for groups of levels), for the update cycle.
        self.finding = data.StructLayout({
            "better": config.levels, "merged": config.levels, "wrapped": config.levels, "hit": groups, "gone": groups,
            "sums": data.ArrayLayout(QTY_BITS, config.levels), "applies": 1, "known": 1})
        #: A step under way.
        self.errand = data.StructLayout({
            "symbol": shapes.symbol_bits, "side": 1, "step": Step, "only": Only, "price": PRICE_BITS, "qty": QTY_BITS})
        super().__init__({
            "start": In(1), "kill": In(1), "symbol": In(shapes.symbol_bits), "side": In(1), "step": In(Step),
            "only": In(Only), "price": In(PRICE_BITS), "qty": In(QTY_BITS), "commit": In(1), "scan": In(shapes.scan),
            "empty": In(config.symbols),
            "list": Out(shapes.list), "list_side": Out(1), "best": Out(shapes.best), "floor": Out(PRICE_BITS),
            "short": Out(shapes.lists), "thin": Out(shapes.lists), "wrong": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        shapes = self.shapes
        errand = Signal(self.errand, reset_less=True)
        now, after = Signal(shapes.list, reset_less=True), Signal(shapes.list)
        other = Signal(shapes.best, reset_less=True)
        found = Signal(self.finding, reset_less=True)
        with m.If(self.start):
            m.d.sync += [errand[name].eq(getattr(self, name))
                         for name in ("symbol", "side", "step", "only", "price", "qty")]
        refilling = Signal()
        m.d.comb += refilling.eq(self.scan.active & ~self.scan.sweep & (self.scan.symbol == errand.symbol)
                                 & (self.scan.side == errand.side))
        void = Signal(2)         # in the second cycle: what was read of the list, of the other list, is not in use
        self._store(m, errand, now, other, void, after)
        self._compare(m, errand, refilling, now, void[0], found)
        self._update(m, errand, now, found, after)
        self._judge(m, errand, refilling, after)
        m.d.comb += self.floor.eq(now.floor)
        with m.If(self.commit):
            m.d.sync += [self.list.eq(after), self.list_side.eq(errand.side), self.best.eq(other),
                         self.wrong.eq((found.merged & found.wrapped).any()
                                       | (found.applies & (errand.step == Step.SUB) & ~found.hit.any()))]
        return m

    def _store(self, m, errand, now, other, void, after):
        """The lists, and the best level of each once more, to be read for the opposite side in the same cycle.

        `used` marks lists written since they were emptied: what memory holds of the others is void."""
        shapes, depth = self.shapes, 1 << self.shapes.list_bits
        m.submodules.lists = lists = memory.Memory(shape=shapes.list, depth=depth, init=[])
        m.submodules.bests = bests = memory.Memory(shape=shapes.best, depth=depth, init=[])
        here, there = Cat(self.side, self.symbol), Cat(~self.side, self.symbol)
        used = Signal(depth)
        read, peek = lists.read_port(domain="comb"), bests.read_port(domain="comb")
        m.d.comb += [read.addr.eq(here), peek.addr.eq(there)]
        # What is void is known only at the end of the first cycle: it goes in the second.
        for n, (kept, memory_port) in enumerate(((now, read), (other, peek))):
            with m.If(void[n] & ~self.kill):
                m.d.sync += kept.eq(0)
            with m.Elif(self.start):
                m.d.sync += kept.eq(memory_port.data)
        m.d.sync += void.eq(Cat(~used.bit_select(here, 1), ~used.bit_select(there, 1)) & self.start.replicate(2))
        write, post = lists.write_port(), bests.write_port()
        at = Cat(errand.side, errand.symbol)
        m.d.comb += [
            write.addr.eq(at), write.data.eq(after), write.en.eq(self.commit),
            post.addr.eq(at), post.en.eq(self.commit),
            post.data.price.eq(after.prices[0]), post.data.qty.eq(after.qtys[0]), post.data.valid.eq(after.valid[0]),
        ]
        for n in range(shapes.lists):
            with m.If(self.empty[n // 2]):
                m.d.sync += used[n].eq(0)
            with m.Elif(self.commit & (at == n)):
                m.d.sync += used[n].eq(1)

    def _compare(self, m, errand, refilling, now, void, found):
        """Second cycle: the step's price against every level, and what follows from it, registered."""
        levels, price, sell = self.config.levels, errand.price, errand.side
        better, equal, same, wrap = (Signal(levels, name=name) for name in ("better", "equal", "same", "wrap"))
        add, sub, inside, known, applies = Signal(), Signal(), Signal(), Signal(), Signal()
        m.d.comb += [
            add.eq(errand.step == Step.ADD), sub.eq(errand.step == Step.SUB),
            inside.eq(~now.bounded | void | Mux(sell, price < now.floor, price > now.floor)),
            known.eq(~refilling | Mux(sell, price < self.scan.floor, price > self.scan.floor)),
            applies.eq(inside & Mux(known, errand.only != Only.BEYOND, errand.only != Only.KNOWN)),
        ]
        valid = now.valid & (~void).replicate(levels)
        for n in range(levels):
            lower = Signal(name=f"lower{n}")
            total = Signal(QTY_BITS + 2, name=f"total{n}")   # bit 0 carries the two's complement in
            m.d.comb += [
                lower.eq(now.prices[n] < price), equal[n].eq(valid[n] & (now.prices[n] == price)),
                better[n].eq(valid[n] & ~equal[n] & (lower == sell)),
                same[n].eq(now.qtys[n] == errand.qty),
                total.eq(Cat(1, now.qtys[n]) + Cat(sub, errand.qty ^ sub.replicate(QTY_BITS))),
                wrap[n].eq(total[-1] ^ sub),
            ]
            m.d.sync += found.sums[n].eq(total[1:])
        m.d.sync += [
            found.better.eq(better), found.known.eq(known), found.applies.eq((add | sub) & applies),
            found.merged.eq(equal & ((add | sub) & applies).replicate(levels)), found.wrapped.eq(wrap),
            found.hit.eq(_by_group(equal)), found.gone.eq(_by_group(equal & same)),
        ]

    def _update(self, m, errand, now, found, after):
        """Third cycle: each level from itself, its neighbours or the step alone."""
        last = self.config.levels - 1
        settle, insert, delete = errand.step == Step.SETTLE, Signal(), Signal()
        m.d.comb += [insert.eq(found.applies & (errand.step == Step.ADD) & ~found.hit.any()),
                     delete.eq(found.applies & (errand.step == Step.SUB) & found.gone.any())]
        for n in range(last + 1):
            first = found.better[n - 1] if n else 1          # if this level moves, it is the first that does
            take = Signal(Take, name=f"take{n}")
            m.d.comb += take.as_value().eq(Cat(
                ~found.better[n] & (delete | (insert & first)),
                ~found.better[n] & (delete | (insert & ~first))))
            values = {
                Take.SELF: (now.prices[n], Mux(found.merged[n], found.sums[n], now.qtys[n]), now.valid[n],
                            Mux(settle, now.valid[n], now.known[n])),
                Take.NEW: (errand.price, errand.qty, 1, found.known),
            }
            for source, from_ in ((Take.BETTER, n - 1), (Take.WORSE, n + 1)):
                values[source] = (now.prices[from_], now.qtys[from_], now.valid[from_], now.known[from_]) \
                    if 0 <= from_ <= last else (0, 0, 0, 0)
            with m.Switch(take):
                for source, (price, qty, valid, known) in values.items():
                    with m.Case(source):
                        m.d.comb += [after.prices[n].eq(price), after.qtys[n].eq(qty), after.valid[n].eq(valid),
                                     after.known[n].eq(known)]
        drop = Signal()
        m.d.comb += [
            drop.eq(insert & now.valid[last]),
            after.bounded.eq((now.bounded | drop) & (errand.step != Step.LIFT)),
            after.floor.eq(Mux(drop, Mux(found.better[last], errand.price, now.prices[last]), now.floor)),
        ]

    def _judge(self, m, errand, refilling, after):
        """What the step means for the list's exactness."""
        short, thin = Signal(), Signal()
        lifted = (errand.step == Step.LIFT) | (refilling & (errand.step != Step.SETTLE))
        m.d.comb += [     # with a floor, or while it is lifted, there may be more levels than the list holds
            short.eq((after.bounded | lifted) & ~after.known[self.config.depth - 1]),
            thin.eq(after.bounded & ~after.valid[self.enough - 1]),
        ]
        ended, ended_at, ended_thin = Signal(), Signal(self.shapes.list_bits), Signal()    # `thin` is in no hurry
        m.d.sync += [ended.eq(self.commit), ended_at.eq(Cat(errand.side, errand.symbol)), ended_thin.eq(thin)]
        for n in range(self.shapes.lists):
            with m.If(self.empty[n // 2]):
                m.d.sync += self.short[n].eq(0)
            with m.Elif(self.commit & (Cat(errand.side, errand.symbol) == n)):
                m.d.sync += self.short[n].eq(short)
            with m.If(self.empty[n // 2]):
                m.d.sync += self.thin[n].eq(0)
            with m.Elif(ended & (ended_at == n)):
                m.d.sync += self.thin[n].eq(ended_thin)


__all__ = ["Levels"]
