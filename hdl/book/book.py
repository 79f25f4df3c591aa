"""The book: exact order table, best levels, top of book."""

from amaranth.hdl import Array, Cat, Module, Mux, Signal
from amaranth.lib import data, memory, stream, wiring
from amaranth.lib.wiring import In, Out

from hdl.book.arrivals import Arrivals
from hdl.book.background import Background
from hdl.book.exactness import Exactness
from hdl.book.levels import Levels
from hdl.book.shapes import CAUSES, META, QTY_BITS, Kind, Meta, Only, Shapes, Step, key_of
from hdl.book.table import OrderTable, Seek
from hdl.config import NicConfig
from hdl.csr import BusSignature, Counters, RegisterBank
from hdl.layouts import Inexact, Side
from hdl.messages import FEED_BITS, BookMessage, FeedFault, TopOfBook, side_levels
from hdl.registers import BOOK


class Book(wiring.Component):
    """Keeps the books of all symbols. See docs/book.md for how, and why it is right.

    Latency, from the cycle of `i.valid` to that of `top.valid`, constant while messages are further apart:

    | messages | cycles | takes |
    |---|---|---|
    | A, F, and those that change no book | 3 | 4 |
    | E, C, X, D | 6 | 6 |
    | U | 9 | 10 |

    Throughput: a message occupies the book for the cycles in the last column. Up to 16 messages wait; an average
    of one in 10 cycles can be sustained. A message that finds no place is dropped and counted as `busy`, and all
    books of its feed are inexact from there on (GAP). The book's own jobs (refills, sweeps, moves out of the stash)
    run in cycles without a message and are abandoned when one comes, so they never delay it; a refill needs some
    gaps of 6 cycles to come to an end.

    What the messages mean is in sections 1.3 and 1.4 of the ITCH 5.0 specification: A and F add an order; E, C and
    X take their shares from it, C at the order's own price too; D removes it; U removes it and adds a new one, of
    the same side, behind every other. Whatever contradicts the book makes it inexact until it is cleared: an unknown
    reference (its message, and the whole of a U, is left out), a reference that lives already, an order without
    shares, more shares taken than there are, a level whose quantity passes 2^32, an order without a place.

    Ports
    -----
    i : In, valid-only `BookMessage`. Every one gives one `top` with `event` 1, in order.
    fault : In, valid-only `FeedFault`: every book of that feed is inexact, from the messages after this cycle on.
    clear : In(symbols), a strobe each: the book is empty and exact, from the messages after this cycle on. Refused
        (the book is NOT_STARTED then) in the 2,048 idle cycles after a clear, if orders have been added since.
    feed_of : In(array of feed by symbol).
    bus : In(BusSignature), BOOK.
    top : Out, valid-only `TopOfBook`. `event` is 0 when exactness changed or the book was cleared; `seq` and times
        are then those of the symbol's last message.
    levels : Out(`side_levels`), valid with `top`: the side that the message changed, or either.
    inexact : Out(array of `Inexact` bits by symbol). crossed : Out(symbols).
    """

    def __init__(self, config: NicConfig):
        self.config, self.shapes = config, Shapes(config)
        super().__init__({
            "i": In(stream.Signature(BookMessage, always_ready=True)),
            "fault": In(stream.Signature(FeedFault, always_ready=True)),
            "clear": In(config.symbols), "feed_of": In(data.ArrayLayout(FEED_BITS, config.symbols)),
            "bus": In(BusSignature()),
            "top": Out(stream.Signature(TopOfBook, always_ready=True)), "levels": Out(side_levels(config)),
            "inexact": Out(data.ArrayLayout(16, config.symbols)), "crossed": Out(config.symbols),
        })

    def elaborate(self, platform):
        m = Module()
        config, shapes = self.config, self.shapes
        m.submodules.arrivals = self.arrivals = arrivals = Arrivals(config)
        m.submodules.table = self.table = OrderTable(config)
        m.submodules.lists = self.lists = Levels(config)
        m.submodules.background = self.background = Background(config)
        m.submodules.exactness = self.exactness = Exactness(config)

        self.phase = Signal(6)                   # one-hot: cycle of the job `now`, from 1 on
        self.now, self.own = Signal(shapes.job), Signal()           # `own`: it gives way to messages
        self.next, self.next_valid = Signal(shapes.job), Signal()   # a job of the book's own, or U's second half
        self.second = Signal()                   # `next` is U's second half
        self.job = Signal(shapes.job)            # the job that may start in this cycle
        self.life, self.laps = Signal(), Signal(2)                  # of the symbol of `now`, from cycle 2 on
        self.reading, self.checking = Signal(), Signal()            # rows of a scan on their way, cycles 1 and 2
        self.go, self.kill = Signal(), Signal()

        m.d.comb += [
            arrivals.clear.eq(self.clear), arrivals.feed_of.eq(self.feed_of),
            arrivals.i.payload.eq(self.i.payload), arrivals.i.valid.eq(self.i.valid),
            arrivals.fault.payload.eq(self.fault.payload), arrivals.fault.valid.eq(self.fault.valid),
        ]
        self._schedule(m)
        self._look_up(m)
        self._rewrite(m)
        self._step(m)
        self._maintain(m)
        self._judge(m)
        self._report(m)
        self._count(m)
        return m

    def _is(self, *kinds):
        return Cat(self.now.kind == kind for kind in kinds).any()

    def _schedule(self, m):
        """Which job starts: U's second half, a message, what lies between messages, the book's own."""
        arrivals, now, phase = self.arrivals, self.now, self.phase
        idle, busy, message, change = Signal(), Signal(), Signal(), Signal()
        own = Signal()                            # a job of the book's own starts
        hit = Signal()                            # a scan has found something
        self.long = Signal()
        m.d.comb += [
            idle.eq(~phase.any()), busy.eq((phase.any() & ~self.own) | self.second),
            hit.eq(self.checking & self.table.matched),
            message.eq(~busy & arrivals.valid), change.eq(~busy & arrivals.change_valid),
            own.eq(idle & ~busy & ~arrivals.valid & ~arrivals.change_valid & self.next_valid & ~hit),
            arrivals.take.eq(message), arrivals.change_take.eq(change),
            self.go.eq(message | self.second | own), self.kill.eq(self.own & (message | change)),
            self.job.eq(Mux(arrivals.valid & ~self.second, arrivals.job, self.next)),
            self.long.eq(self._is(Kind.REDUCE, Kind.DELETE, Kind.MOVE, Kind.SCAN)),
        ]
        self.change, self.hit, self.streaming = change, hit, Signal()
        last = phase[5] | (phase[3] & (~self.long | (self._is(Kind.MOVE) & ~self.table.no_way)
                                       | (self._is(Kind.SCAN) & self.background.scan.sweep)))
        m.d.comb += self.streaming.eq(own & (self.next.kind == Kind.SCAN))
        with m.If(self.go & ~self.streaming):
            m.d.sync += phase.eq(0b10)
        with m.Elif(change | last):
            m.d.sync += phase.eq(0)
        with m.Elif(hit):
            m.d.sync += phase.eq(0b1000)
        with m.Else():
            m.d.sync += phase.eq(phase << 1)
        with m.If(self.go):
            m.d.sync += [now.eq(self.job), self.own.eq(own)]
        stop = message | change | hit
        m.d.sync += [self.reading.eq(self.streaming), self.checking.eq(self.reading & ~stop)]
        scanning = self.reading | self.checking
        m.d.comb += self.background.idle.eq(idle & ~self.go & ~change & ~self.next_valid & ~scanning)

        replace = phase[5] & self._is(Kind.DELETE) & now.replace & self.table.found
        m.d.sync += self.second.eq(replace)
        self._prepare(m, message | change, hit, replace)

    def _prepare(self, m, outside, hit, replace):
        """The register `next`: what may start when no message does."""
        background, now, kept, n = self.background, self.now, self.table.kept, self.shapes.row_bits
        nothing = self.background.interrupt | self.next.ref[:n].all()     # or the last row
        with m.If(replace):
            m.d.sync += [self.next.eq(now), self.next.kind.eq(Kind.ADD), self.next.ref.eq(now.new_ref),
                         self.next.side.eq(kept.side), self.next_valid.eq(0)]
        with m.Elif(outside | hit):
            m.d.sync += self.next_valid.eq(0)
        with m.Elif(self.streaming):
            m.d.sync += [self.next.ref[:n].eq(self.next.ref[:n] + 1), self.next_valid.eq(~nothing)]
        with m.Elif(self.go):
            m.d.sync += self.next_valid.eq(0)
        with m.Elif(background.idle):
            m.d.sync += [self.next.eq(background.plan), self.next_valid.eq(background.plan_valid)]
        with m.Elif(self.phase[4]):               # for a swap: the tag of the order pushed out, above row 0
            m.d.sync += Cat(self.next.ref, self.next.symbol).eq(kept.tag << n)

    def _look_up(self, m):
        table, now, background = self.table, self.now, self.background
        victim = Signal(self.config.order_ways, init=1)
        m.d.comb += [
            table.key.eq(Cat(self.job.ref, self.job.symbol)), table.read.eq(self.go),
            table.capture.eq(self.phase[1] | (self.reading & ~self.hit)),
            table.want.eq(Cat(now.ref, now.symbol)), table.life.eq(self.life),
            table.scan.eq(background.scan), table.scan_life.eq(background.scan_life),
            table.scan_lap.eq(background.scan_lap), table.victim.eq(victim),
        ]
        with m.If(self._is(Kind.MOVE)):
            m.d.comb += table.seek.eq(Seek.VICTIM)
        with m.If(self._is(Kind.SCAN)):
            m.d.comb += table.seek.eq(Seek.SCAN)
        with m.If(self.phase[1]):
            m.d.sync += [self.life.eq(background.life.bit_select(now.symbol, 1)),
                         self.laps.eq(background.lap.word_select(now.symbol, 2))]
        with m.If(table.swap):
            m.d.sync += victim.eq(victim.rotate_left(1))

    def _rewrite(self, m):
        """What the job does to the order table, in its cycles 3 and 5."""
        table, now, scan = self.table, self.now, self.background.scan
        left, self.gone, self.over = Signal(QTY_BITS), Signal(), Signal()
        kept = table.kept
        m.d.sync += [left.eq(kept.qty - now.qty), self.over.eq(self._is(Kind.REDUCE) & (now.qty > kept.qty)),
                     self.gone.eq(self._is(Kind.DELETE) | (now.qty >= kept.qty))]
        third, fifth = self.phase[3] & ~self.kill, self.phase[5] & ~self.kill
        m.d.comb += [
            table.low.eq(now.ref[:self.shapes.row_bits]),
            table.move.eq(self._is(Kind.MOVE)),
            table.insert.eq(third & ((self._is(Kind.ADD) & ~table.found & ~table.full)
                                     | (table.move & ~table.no_way))),
            table.erase.eq(third & self._is(Kind.SCAN) & scan.sweep),
            table.rewrite.eq(fifth & self._is(Kind.REDUCE, Kind.DELETE, Kind.SCAN)),
            table.swap.eq(fifth & table.move),
        ]
        order = table.order
        with m.If(table.move):
            m.d.comb += order.eq(table.stash_order)
        with m.Elif(self._is(Kind.ADD)):
            m.d.comb += [order.price.eq(now.price), order.qty.eq(now.qty), order.side.eq(now.side),
                         order.life.eq(self.life), order.lap.eq(self.laps.bit_select(now.side, 1)), order.valid.eq(1),
                         order.tag.eq(table.want[self.shapes.row_bits:])]
        with m.Elif(self._is(Kind.SCAN)):
            m.d.comb += [order.eq(kept), order.lap.eq(~kept.lap), order.valid.eq(~scan.sweep)]
        with m.Else():
            m.d.comb += [order.eq(kept), order.qty.eq(left), order.valid.eq(~self.gone)]

    def _step(self, m):
        """What the job does to its list: an add at once, all else in the third cycle, when the order is known."""
        lists, job, now, picked = self.lists, self.job, self.now, self.table.picked
        known = Signal()                          # the order has been looked up: cycle 3 of a long job
        m.d.comb += [
            known.eq(self.phase[3] & self.long & ~self.kill),
            lists.start.eq(self.go | known),
            lists.scan.eq(self.background.scan),
            lists.empty.eq(Mux(self.change, self.arrivals.change.clear, 0)),
            lists.commit.eq(~self.kill & ((self.phase[2] & ~self.long)
                                          | (self.phase[5] & self._is(Kind.REDUCE, Kind.DELETE, Kind.SCAN)))),
        ]
        with m.If(known):
            uncounted = picked.lap != self.laps.bit_select(picked.side, 1)
            m.d.comb += [
                lists.symbol.eq(now.symbol), lists.side.eq(picked.side),
                lists.key.eq(key_of(picked.price, picked.side)),
                lists.qty.eq(Mux(self._is(Kind.REDUCE), now.qty, picked.qty)),
                lists.step.eq(Mux(self.table.found, Mux(self._is(Kind.SCAN), Step.ADD, Step.SUB), Step.NONE)),
                lists.only.eq(Mux(self._is(Kind.SCAN), Only.BEYOND, Mux(uncounted, Only.KNOWN, Only.ANY))),
            ]
        with m.Else():
            m.d.comb += [lists.symbol.eq(job.symbol), lists.side.eq(job.side),
                         lists.key.eq(key_of(job.price, job.side)), lists.qty.eq(job.qty)]
            with m.Switch(job.kind):
                for kind, step in ((Kind.ADD, Step.ADD), (Kind.LIFT, Step.LIFT), (Kind.SETTLE, Step.SETTLE)):
                    with m.Case(kind):
                        m.d.comb += lists.step.eq(step)

    def _maintain(self, m):
        background, table, lists, now = self.background, self.table, self.lists, self.now
        done = self.phase[2] & ~self.kill
        m.d.comb += [
            Cat(background.stash_ref, background.stash_symbol).eq(Cat(table.stash_low, table.stash_order.tag)),
            background.stashed.eq(table.stashed), background.stash_matched.eq(table.stash_matched),
            background.thin.eq(lists.thin), background.floor.eq(lists.floor), background.owed.eq(self.exactness.owed),
            background.lifted.eq(done & self._is(Kind.LIFT)), background.settled.eq(done & self._is(Kind.SETTLE)),
            background.checked.eq(self.checking & ~table.matched & ~self.change & ~self.kill),
            background.moved.eq(table.move & (table.insert | table.swap)),
            background.symbol.eq(now.symbol), background.side.eq(now.side),
            background.stored.eq(table.insert & ~table.move),
            background.clear.eq(Mux(self.change, self.arrivals.change.clear, 0)),
        ]

    def _judge(self, m):
        """What the job shows to be wrong, by cycle."""
        table, exactness, now = self.table, self.exactness, self.now
        self.flaws = Signal(CAUSES)
        adding, taking = self._is(Kind.ADD), self._is(Kind.REDUCE, Kind.DELETE)
        self.told = told = Signal()               # results of a list step that a report waits for are there
        m.d.comb += [
            self.flaws[Inexact.DUPLICATE_REFERENCE].eq(self.phase[3] & adding & table.found),
            self.flaws[Inexact.TABLE_FULL].eq(self.phase[3] & adding & ~table.found & table.full),
            self.flaws[Inexact.UNKNOWN_REFERENCE].eq(self.phase[3] & taking & ~table.found),
            self.flaws[Inexact.ARITHMETIC].eq((self.phase[3] & adding & (now.qty == 0))
                                              | (self.phase[5] & self._is(Kind.REDUCE) & table.found & self.over)
                                              | (told & self.lists.wrong)),
            exactness.symbol.eq(now.symbol), exactness.causes.eq(self.flaws),
            exactness.change_valid.eq(self.change), exactness.change.eq(self.arrivals.change),
            exactness.refused.eq(self.background.refused), exactness.pending.eq(self.arrivals.pending),
            exactness.short.eq(self.lists.short), self.crossed.eq(self.lists.crossed),
        ]
        m.d.sync += told.eq(self.lists.commit)
        m.d.comb += [self.inexact[n].eq(exactness.inexact[n]) for n in range(self.config.symbols)]

    def _report(self, m):
        """The cycle after the last list step of a message or a NOTIFY."""
        lists, now, exactness = self.lists, self.now, self.exactness
        report, event, side, top = Signal(), Signal(), lists.list_side, self.top.payload
        whole = ~self.own & ~(self.phase[5] & now.replace & self.table.found)
        m.d.sync += [report.eq(lists.commit & (whole | self._is(Kind.NOTIFY))), event.eq(~self.own)]
        best = {False: (lists.list.keys[0], lists.list.qtys[0], lists.list.valid[0]),
                True: (lists.best.key, lists.best.qty, lists.best.valid)}
        for member, of in ((top.bid, Side.BUY), (top.ask, Side.SELL)):
            opposite = side != of
            key, qty, valid = (Mux(opposite, *pair) for pair in zip(best[True], best[False], strict=True))
            m.d.comb += [member.price.eq(Mux(valid, key_of(key, of), 0)), member.qty.eq(Mux(valid, qty, 0))]
        self._remember(m)
        m.d.comb += [
            self.top.valid.eq(report), exactness.report.eq(report),
            top.symbol.eq(now.symbol), top.event.eq(event), top.inexact.eq(exactness.here),
            top.crossed.eq(self.crossed.bit_select(now.symbol, 1)),
            *(top[name].eq(now.meta[name]) for name in META),
            self.levels.side.eq(side), self.levels.exact.eq(exactness.side_exact.bit_select(side, 1)),
        ]
        for n in range(self.config.depth):
            there = lists.list.valid[n]
            m.d.comb += [self.levels.levels[n].price.eq(Mux(there, key_of(lists.list.keys[n], side), 0)),
                         self.levels.levels[n].qty.eq(Mux(there, lists.list.qtys[n], 0))]

    def _remember(self, m):
        """Sequence number and times of each symbol's last message, for reports without one."""
        m.submodules.metas = metas = memory.Memory(shape=Meta, depth=1 << self.shapes.symbol_bits, init=[])
        write, read = metas.write_port(), metas.read_port(domain="comb")
        feed = Array(self.feed_of[n] for n in range(self.config.symbols))[self.now.symbol]
        m.d.comb += [write.addr.eq(self.now.symbol), write.data.eq(self.now.meta),
                     write.en.eq(self.phase[1] & ~self.own), read.addr.eq(self.now.symbol)]
        with m.If(self.phase[1] & self._is(Kind.NOTIFY) & ~self.go):
            m.d.sync += [self.now.meta.eq(read.data), self.now.meta.feed.eq(feed)]

    def _count(self, m):
        m.submodules.bank = bank = RegisterBank(self.config, BOOK)
        m.submodules.counters = counters = Counters(reg.name for reg in BOOK.regs if reg.name != "live")
        wiring.connect(m, wiring.flipped(self.bus), bank.bus)
        m.d.comb += [
            counters.i.unknown.eq(self.flaws[Inexact.UNKNOWN_REFERENCE]),
            counters.i.full.eq(self.flaws[Inexact.TABLE_FULL]),
            counters.i.repeated.eq(self.flaws[Inexact.DUPLICATE_REFERENCE]),
            counters.i.arithmetic.eq(self.flaws[Inexact.ARITHMETIC]),
            counters.i.refills.eq(self.background.settled), counters.i.busy.eq(self.arrivals.dropped),
            bank.live_status.eq(self.table.live),
        ]
        for name in counters.names:
            m.d.comb += getattr(bank, f"{name}_status").eq(getattr(counters.o, name))


__all__ = ["Book"]
