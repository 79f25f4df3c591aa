"""The best levels of every side of every symbol, and one step on one of them."""

from amaranth.hdl import Array, Cat, Module, Mux, Signal
from amaranth.lib import data, memory, wiring
from amaranth.lib.wiring import In, Out

from hdl.book.shapes import PRICE_BITS, QTY_BITS, Only, Shapes, Step
from hdl.config import NicConfig


class Levels(wiring.Component):
    """Sorted lists of price levels in LUT RAM, one a symbol and side; compare, then update, then write.

    Latency: the list named by `symbol` and `side` in the cycle of `start` is read in that cycle, compared in the
    next, and written in the one after, if `commit` is high there; the results are valid from the cycle after
    `commit` on. Throughput: one step in 3 cycles, a `start` may follow its predecessor's `commit` directly.
    A `start` before the `commit` forgets the step before.

    Let B be a list's floor (exclusive, or none) and, while the list is being refilled, F its floor of before.
    What holds of a list after every step (the argument is in docs/book.md):

    - it holds a level for exactly those keys below B at which counted orders stand, with the sum of their
      quantities, sorted, best first;
    - orders with keys below min(F, B) are always counted, so those levels (`known`) are the true book.

    Parameters
    ----------
    config : `symbols`, `levels` and `depth` are used.

    Ports
    -----
    start, symbol, side, step, only, key, qty : In, the step. `key` is the price's sort key.
    commit : In(1), in the second cycle after `start`.
    scan : In, the refill under way; `scan.floor` is F.
    empty : In(symbols), empties both lists of each symbol marked.
    list, list_side : Out, the list after the step, and its side. best : Out, the best level of the opposite side.
    floor : Out(32), during `commit`: the floor of before the step.
    short : Out(2 x symbols), fewer known levels than `depth` although there may be more, by list {symbol, side}.
    thin : Out(2 x symbols), the list has a floor and is so short that it wants a refill.
    crossed : Out(symbols), best bid at or above best ask.
    wrong : Out(1), the step named a level that is not there, or its quantity wrapped.
    """

    def __init__(self, config: NicConfig):
        self.config, self.shapes = config, (shapes := Shapes(config))
        #: A list with fewer levels wants a refill: half of the slack is gone.
        self.enough = config.depth + (config.levels - config.depth) // 2
        super().__init__({
            "start": In(1), "symbol": In(shapes.symbol_bits), "side": In(1), "step": In(Step), "only": In(Only),
            "key": In(PRICE_BITS), "qty": In(QTY_BITS), "commit": In(1), "scan": In(shapes.scan),
            "empty": In(config.symbols),
            "list": Out(shapes.list), "list_side": Out(1), "best": Out(shapes.best), "floor": Out(PRICE_BITS),
            "short": Out(shapes.lists), "thin": Out(shapes.lists), "crossed": Out(config.symbols), "wrong": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        shapes = self.shapes
        now, other = Signal(shapes.list, reset_less=True), Signal(shapes.best, reset_less=True)
        self.step_now = Signal(Step)
        self.only_now, self.key_now, self.qty_now = Signal(Only), Signal(PRICE_BITS), Signal(QTY_BITS)
        self.at, self.refilling = Signal(shapes.list_bits), Signal()
        after = Signal(shapes.list)

        self._store(m, now, other, after)
        with m.If(self.start):
            m.d.sync += [
                self.at.eq(Cat(self.side, self.symbol)), self.step_now.eq(self.step), self.only_now.eq(self.only),
                self.key_now.eq(self.key), self.qty_now.eq(self.qty),
                self.refilling.eq(self._refilled(self.symbol, self.side)),
            ]
        found = self._compare(m, now, other)
        self._update(m, now, found, after)
        self._judge(m, now, other, found, after)
        m.d.comb += self.floor.eq(now.floor)
        return m

    def _refilled(self, symbol, side):
        scan = self.scan
        return scan.active & ~scan.sweep & (scan.symbol == symbol) & (scan.side == side)

    def _store(self, m, now, other, after):
        """The lists, and the best level of each once more, to be read for the opposite side in the same cycle.

        `used` marks lists written since they were emptied: what memory holds of the others is void."""
        shapes, depth = self.shapes, 1 << self.shapes.list_bits
        m.submodules.lists = lists = memory.Memory(shape=shapes.list, depth=depth, init=[])
        m.submodules.bests = bests = memory.Memory(shape=shapes.best, depth=depth, init=[])
        here, there = Cat(self.side, self.symbol), Cat(~self.side, self.symbol)
        used = Signal(depth)
        read, peek = lists.read_port(domain="comb"), bests.read_port(domain="comb")
        m.d.comb += [read.addr.eq(here), peek.addr.eq(there)]
        with m.If(self.start):
            keep, keep_other = used.bit_select(here, 1), used.bit_select(there, 1)
            m.d.sync += [
                now.eq(read.data), other.eq(peek.data), other.valid.eq(peek.data.valid & keep_other),
                now.valid.eq(read.data.valid & keep.replicate(len(now.valid))),
                now.known.eq(read.data.known & keep.replicate(len(now.known))),
                now.bounded.eq(read.data.bounded & keep),
            ]
        write, post = lists.write_port(), bests.write_port()
        m.d.comb += [
            write.addr.eq(self.at), write.data.eq(after), write.en.eq(self.commit),
            post.addr.eq(self.at), post.en.eq(self.commit),
            post.data.key.eq(after.keys[0]), post.data.qty.eq(after.qtys[0]), post.data.valid.eq(after.valid[0]),
        ]
        for n in range(shapes.lists):
            with m.If(self.empty[n // 2]):
                m.d.sync += used[n].eq(0)
            with m.Elif(self.commit & (self.at == n)):
                m.d.sync += used[n].eq(1)

    def _compare(self, m, now, other):
        """Second cycle: the step's key against every level, and what follows from it, registered."""
        levels = self.config.levels
        found = Signal(data.StructLayout({
            "better": levels, "equal": levels, "sums": data.ArrayLayout(QTY_BITS, levels), "insert": 1, "merge": 1,
            "delete": 1, "missing": 1, "wrap": 1, "known": 1, "crossed": data.StructLayout({"key": 1, "first": 1,
                                                                                          "second": 1})}),
            reset_less=True)
        key, qty, sub = self.key_now, self.qty_now, Signal()
        inside, known, applies = Signal(), Signal(), Signal()
        better, equal, same, wrap = (Signal(levels, name=name) for name in ("better", "equal", "same", "wrap"))
        m.d.comb += [
            sub.eq(self.step_now == Step.SUB),
            inside.eq(~now.bounded | (key < now.floor)),
            known.eq(~self.refilling | (key < self.scan.floor)),
            applies.eq(inside & Mux(known, self.only_now != Only.BEYOND, self.only_now != Only.KNOWN)),
        ]
        for n in range(levels):
            total = Signal(QTY_BITS + 2, name=f"total{n}")   # bit 0 carries the two's complement in
            m.d.comb += [
                better[n].eq(now.valid[n] & (now.keys[n] < key)),
                equal[n].eq(now.valid[n] & (now.keys[n] == key)),
                same[n].eq(now.qtys[n] == qty),
                total.eq(Cat(1, now.qtys[n]) + Cat(sub, qty ^ sub.replicate(QTY_BITS))),
                wrap[n].eq(total[-1] ^ sub),
            ]
            m.d.sync += found.sums[n].eq(total[1:])
        hit = equal.any()
        m.d.sync += [
            found.better.eq(better), found.equal.eq(equal), found.known.eq(known), found.wrap.eq((equal & wrap).any()),
            found.insert.eq((self.step_now == Step.ADD) & applies & ~hit),
            found.merge.eq(((self.step_now == Step.ADD) | sub) & applies & hit),
            found.delete.eq(sub & applies & (equal & same).any()),
            found.missing.eq(sub & applies & ~hit),
            found.crossed.key.eq(self._crosses(key, other)),
            found.crossed.first.eq(self._crosses(now.keys[0], other)),
            found.crossed.second.eq(self._crosses(now.keys[1], other)),
        ]
        return found

    @staticmethod
    def _crosses(key, other):
        """Bid at or above ask. A bid's key is the complement of its price, so: the two keys add up without a carry."""
        return other.valid & ~(key + other.key)[PRICE_BITS]

    def _update(self, m, now, found, after):
        """Third cycle: keep, insert, merge or delete, each level from itself and its neighbours alone."""
        last = self.config.levels - 1
        settle = self.step_now == Step.SETTLE
        for n in range(last + 1):
            moved = ~found.better[n]
            first = found.better[n - 1] if n else 1
            with m.If(found.insert & moved & first):
                m.d.comb += [after.keys[n].eq(self.key_now), after.qtys[n].eq(self.qty_now), after.valid[n].eq(1),
                             after.known[n].eq(found.known)]
            with m.Elif(found.insert & moved):
                if n:
                    m.d.comb += [after.keys[n].eq(now.keys[n - 1]), after.qtys[n].eq(now.qtys[n - 1]),
                                 after.valid[n].eq(now.valid[n - 1]), after.known[n].eq(now.known[n - 1])]
            with m.Elif(found.delete & moved):
                if n < last:
                    m.d.comb += [after.keys[n].eq(now.keys[n + 1]), after.qtys[n].eq(now.qtys[n + 1]),
                                 after.valid[n].eq(now.valid[n + 1]), after.known[n].eq(now.known[n + 1])]
            with m.Else():
                m.d.comb += [
                    after.keys[n].eq(now.keys[n]), after.valid[n].eq(now.valid[n]),
                    after.qtys[n].eq(Mux(found.merge & found.equal[n], found.sums[n], now.qtys[n])),
                    after.known[n].eq(Mux(settle, now.valid[n], now.known[n])),
                ]
        drop = Signal()
        m.d.comb += [
            drop.eq(found.insert & now.valid[last]),
            after.bounded.eq((now.bounded | drop) & (self.step_now != Step.LIFT)),
            after.floor.eq(Mux(drop, Mux(found.better[last], self.key_now, now.keys[last]), now.floor)),
        ]

    def _judge(self, m, now, other, found, after):
        """What the step means for the list's exactness and for the symbol's top of book."""
        crossed, short, thin = Signal(), Signal(), Signal()
        open_end = Signal()   # there may be more levels than the list holds
        lifted = Signal()
        shift = ~found.better[0]
        m.d.comb += [
            lifted.eq((self.step_now == Step.LIFT) | (self.refilling & (self.step_now != Step.SETTLE))),
            open_end.eq(after.bounded | lifted),
            short.eq(open_end & ~after.known[self.config.depth - 1]),
            thin.eq(after.bounded & ~after.valid[self.enough - 1]),
            crossed.eq(Mux(found.insert & shift, found.crossed.key,
                           Mux(found.delete & shift, found.crossed.second & now.valid[1],
                               found.crossed.first & now.valid[0]))),
        ]
        with m.If(self.commit):
            m.d.sync += [
                self.list.eq(after), self.list_side.eq(self.at[0]), self.best.eq(other),
                self.wrong.eq(found.missing | (found.merge & found.wrap))]
        flags = Array(Cat(self.short[n], self.thin[n]) for n in range(self.shapes.lists))
        with m.If(self.commit):
            m.d.sync += [flags[self.at].eq(Cat(short, thin)), Array(self.crossed)[self.at[1:]].eq(crossed)]
        for n in range(self.shapes.lists):
            with m.If(self.empty[n // 2]):
                m.d.sync += [self.short[n].eq(0), self.thin[n].eq(0), self.crossed[n // 2].eq(0)]


__all__ = ["Levels"]
