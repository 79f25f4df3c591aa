"""The book: exact order table, best levels, top of book."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from hdl.book.arrivals import Arrivals
from hdl.book.background import Background
from hdl.book.control import Control
from hdl.book.exactness import Exactness
from hdl.book.levels import Levels
from hdl.book.report import Report
from hdl.book.shapes import CAUSES, QTY_BITS, Kind, Only, Shapes, Step
from hdl.book.table import OrderTable, Seek
from hdl.config import NicConfig
from hdl.csr import BusSignature, Counters, RegisterBank
from hdl.layouts import Inexact
from hdl.messages import FEED_BITS, BookMessage, FeedFault, TopOfBook, side_levels
from hdl.registers import BOOK


class Book(wiring.Component):
    """Keeps the books of all symbols. See docs/book.md for how, and why it is right.

    Latency, from the cycle of `i.valid` to that of `top.valid`, constant while messages are further apart:

    | messages | cycles | takes |
    |---|---|---|
    | A, F, and those that change no book | 4 | 4 |
    | E, C, X, D | 7 | 6 |
    | U | 10 | 10 |

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
    again : In(symbols), a strobe each: a `top` is wanted, with the symbol's next message or, if none comes, alone.
    feed_of : In(array of feed by symbol).
    bus : In(BusSignature), BOOK.
    top : Out, valid-only `TopOfBook`. `event` is 0 when exactness changed, the book was cleared, or `again` asked;
        `seq` and times are then those of the symbol's last message.
    levels : Out(`side_levels`), valid with `top`: the side that the message changed, or either.
    inexact : Out(array of `Inexact` bits by symbol). crossed : Out(symbols).
    """

    def __init__(self, config: NicConfig):
        self.config, self.shapes = config, Shapes(config)
        super().__init__({
            "i": In(stream.Signature(BookMessage, always_ready=True)),
            "fault": In(stream.Signature(FeedFault, always_ready=True)),
            "clear": In(config.symbols), "again": In(config.symbols),
            "feed_of": In(data.ArrayLayout(FEED_BITS, config.symbols)),
            "bus": In(BusSignature()),
            "top": Out(stream.Signature(TopOfBook, always_ready=True)), "levels": Out(side_levels(config)),
            "inexact": Out(data.ArrayLayout(16, config.symbols)), "crossed": Out(config.symbols),
        })

    def elaborate(self, platform):
        m = Module()
        config = self.config
        m.submodules.arrivals = arrivals = Arrivals(config)
        m.submodules.control = control = Control(config)
        m.submodules.table = table = OrderTable(config)
        m.submodules.lists = lists = Levels(config)
        m.submodules.background = background = Background(config)
        m.submodules.exactness = exactness = Exactness(config)
        m.submodules.report = report = Report(config)
        now, phase = control.now.task, control.phase
        self.kind = {kind: Signal(name=f"is_{kind.name.lower()}") for kind in Kind}
        m.d.comb += [signal.eq(now.kind == kind) for kind, signal in self.kind.items()]
        #: The symbol's: life, and laps of its lists, from cycle 2 on.
        life, laps = Signal(), Signal(2)
        with m.If(phase[1]):
            m.d.sync += [life.eq(background.life.bit_select(now.symbol, 1)),
                         laps.eq(background.lap.word_select(now.symbol, 2))]

        m.d.comb += [
            arrivals.i.payload.eq(self.i.payload), arrivals.i.valid.eq(self.i.valid),
            arrivals.fault.payload.eq(self.fault.payload), arrivals.fault.valid.eq(self.fault.valid),
            arrivals.clear.eq(self.clear), arrivals.feed_of.eq(self.feed_of),
            arrivals.take.eq(control.take), arrivals.change_take.eq(control.change_take),
            control.here.eq(arrivals.here), control.next_here.eq(arrivals.next_here),
            control.valid.eq(arrivals.valid), control.job.eq(arrivals.job),
            control.change_valid.eq(arrivals.change_valid),
            control.plan_valid.eq(background.plan_valid), control.plan.eq(background.plan),
            control.interrupt.eq(background.interrupt), control.sweep.eq(background.scan.sweep),
            control.matched.eq(table.matched), control.found.eq(table.found), control.no_way.eq(table.no_way),
            control.side.eq(table.kept.side), control.victim_tag.eq(table.victim_tag),
        ]
        self._look_up(m, control, table, background, life)
        over = self._rewrite(m, control, table, background.scan, life, laps)
        self._step(m, control, table, lists, background.scan, laps)
        self._maintain(m, control, table, lists, background, exactness, arrivals)
        flaws = self._judge(m, control, table, lists, exactness, over)
        m.d.comb += [
            exactness.change_valid.eq(control.change_take), exactness.change.eq(arrivals.change),
            exactness.refused.eq(background.refused), exactness.pending.eq(arrivals.pending),
            exactness.again.eq(self.again), exactness.short.eq(lists.short), exactness.report.eq(report.top.valid),
            report.write.eq(control.take), report.write_symbol.eq(arrivals.job.task.symbol),
            report.meta.eq(arrivals.job.meta), report.event.eq(~control.own),
            report.due.eq(lists.commit & ((~control.own & control.last) | self.kind[Kind.NOTIFY])),
            report.symbol.eq(now.symbol), report.list.eq(lists.list), report.list_side.eq(lists.list_side),
            report.best.eq(lists.best), report.inexact.eq(exactness.here), report.side_exact.eq(exactness.side_exact),
            report.feed_of.eq(self.feed_of),
            self.top.payload.eq(report.top.payload), self.top.valid.eq(report.top.valid),
            self.levels.eq(report.levels), self.crossed.eq(report.crossed),
            *(self.inexact[n].eq(exactness.inexact[n]) for n in range(config.symbols)),
        ]
        self._count(m, flaws, background.settled, arrivals.dropped, table.live)
        return m

    def _any(self, *kinds):
        return Cat(self.kind[kind] for kind in kinds).any()

    def _look_up(self, m, control, table, background, life):
        victim = Signal(self.config.order_ways, init=1)
        with m.If(table.swap):
            m.d.sync += victim.eq(victim.rotate_left(1))
        m.d.comb += [
            table.key.eq(Cat(control.task.ref, control.task.symbol)), table.read.eq(control.go),
            table.capture.eq(control.phase[1] | control.read_row),
            table.want.eq(Cat(control.now.task.ref, control.now.task.symbol)), table.life.eq(life),
            table.seek.eq(Mux(self.kind[Kind.MOVE], Seek.VICTIM, Mux(self.kind[Kind.SCAN], Seek.SCAN, Seek.KEY))),
            table.scan.eq(background.scan), table.scan_life.eq(background.scan_life),
            table.scan_lap.eq(background.scan_lap), table.victim.eq(victim),
        ]

    def _rewrite(self, m, control, table, scan, life, laps):
        """What the job does to the order table, in cycles 3 and 5; returns that it takes more shares than there are."""
        now, kept, title, state = control.now, table.kept, table.title, table.state
        left, gone, over = Signal(QTY_BITS), Signal(), Signal()
        m.d.sync += [left.eq(kept.qty - now.qty), over.eq(now.qty > kept.qty), gone.eq(now.qty >= kept.qty)]
        third, fifth = control.phase[3] & ~control.kill, control.phase[5] & ~control.kill
        move, add = self.kind[Kind.MOVE], self.kind[Kind.ADD]      # no message's job is ever killed
        m.d.comb += [
            table.move.eq(move), table.low.eq(now.task.ref[:self.shapes.row_bits]),
            table.insert.eq((control.phase[3] & add & ~table.found & ~table.full) | (third & move & ~table.no_way)),
            table.erase.eq(third & self.kind[Kind.SCAN] & scan.sweep),
            table.rewrite.eq(fifth & self._any(Kind.REDUCE, Kind.DELETE, Kind.SCAN)), table.swap.eq(fifth & move),
            title.price.eq(now.price), title.side.eq(now.task.side), title.life.eq(life),
            title.tag.eq(table.want[self.shapes.row_bits:]),
        ]
        with m.If(move):
            m.d.comb += [title.eq(table.stash_title), state.eq(table.stash_state)]
        with m.Elif(add):
            m.d.comb += [state.qty.eq(now.qty), state.lap.eq(laps.bit_select(now.task.side, 1)), state.valid.eq(1)]
        with m.Elif(self.kind[Kind.SCAN]):
            m.d.comb += [state.qty.eq(kept.qty), state.lap.eq(~kept.lap), state.valid.eq(~scan.sweep)]
        with m.Else():
            m.d.comb += [state.qty.eq(left), state.lap.eq(kept.lap), state.valid.eq(self.kind[Kind.REDUCE] & ~gone)]
        return over

    def _step(self, m, control, table, lists, scan, laps):
        """What the job does to its list: an add at once, all else in the third cycle, when the order is known."""
        task, picked, counting = control.task, table.picked, self.kind[Kind.SCAN]
        known, uncounted = Signal(), Signal()
        m.d.comb += [
            known.eq(control.phase[3] & control.long & ~control.kill),
            uncounted.eq(picked.lap != laps.bit_select(picked.side, 1)),
            lists.start.eq(control.go | known), lists.kill.eq(control.kill), lists.scan.eq(scan),
            lists.commit.eq(~control.kill & ((control.phase[2] & ~control.long)
                                             | (control.phase[5] & ~self.kind[Kind.MOVE]))),
        ]
        with m.If(known):
            m.d.comb += [
                lists.symbol.eq(control.now.task.symbol), lists.side.eq(picked.side), lists.price.eq(picked.price),
                lists.qty.eq(Mux(self.kind[Kind.REDUCE], control.now.qty, picked.qty)),
                lists.step.eq(Mux(table.found, Mux(counting, Step.ADD, Step.SUB), Step.NONE)),
                lists.only.eq(Mux(counting, Only.BEYOND, Mux(uncounted, Only.KNOWN, Only.ANY))),
            ]
        with m.Else():
            m.d.comb += [lists.symbol.eq(task.symbol), lists.side.eq(task.side), lists.price.eq(control.price),
                         lists.qty.eq(control.qty)]
            with m.Switch(task.kind):
                for kind, step in ((Kind.ADD, Step.ADD), (Kind.LIFT, Step.LIFT), (Kind.SETTLE, Step.SETTLE)):
                    with m.Case(kind):
                        m.d.comb += lists.step.eq(step)

    def _maintain(self, m, control, table, lists, background, exactness, arrivals):
        """What the book's own work needs to know."""
        now, done = control.now.task, control.phase[2] & ~control.kill
        cleared = Mux(control.change_take, arrivals.change.clear, 0)
        m.d.comb += [
            Cat(background.stash_ref, background.stash_symbol).eq(Cat(table.stash_low, table.stash_title.tag)),
            background.stashed.eq(table.stashed), background.stash_matched.eq(table.stash_matched),
            background.thin.eq(lists.thin), background.floor.eq(lists.floor), background.owed.eq(exactness.owed),
            background.idle.eq(control.idle),
            background.lifted.eq(done & self.kind[Kind.LIFT]), background.settled.eq(done & self.kind[Kind.SETTLE]),
            background.checked.eq(control.check_row & ~table.matched & ~control.kill),
            background.moved.eq(table.move & (table.insert | table.swap)),
            background.symbol.eq(now.symbol), background.side.eq(now.side),
            background.stored.eq(table.insert & ~table.move),
            background.clear.eq(cleared), lists.empty.eq(cleared),
        ]

    def _judge(self, m, control, table, lists, exactness, over):
        """What the job shows to be wrong, by cycle."""
        flaws, committed, phase = Signal(CAUSES), Signal(), control.phase
        adding, taking = self.kind[Kind.ADD], self._any(Kind.REDUCE, Kind.DELETE)
        m.d.sync += committed.eq(lists.commit)
        m.d.comb += [
            flaws[Inexact.DUPLICATE_REFERENCE].eq(phase[3] & adding & table.found),
            flaws[Inexact.TABLE_FULL].eq(phase[3] & adding & ~table.found & table.full),
            flaws[Inexact.UNKNOWN_REFERENCE].eq(phase[3] & taking & ~table.found),
            flaws[Inexact.ARITHMETIC].eq((phase[3] & adding & (control.now.qty == 0)) | (committed & lists.wrong)
                                         | (phase[5] & self.kind[Kind.REDUCE] & table.found & over)),
            exactness.symbol.eq(control.now.task.symbol), exactness.causes.eq(flaws),
        ]
        return flaws

    def _count(self, m, flaws, refilled, dropped, live):
        m.submodules.bank = bank = RegisterBank(self.config, BOOK)
        m.submodules.counters = counters = Counters(reg.name for reg in BOOK.regs if reg.name != "live")
        wiring.connect(m, wiring.flipped(self.bus), bank.bus)
        m.d.comb += [
            counters.i.unknown.eq(flaws[Inexact.UNKNOWN_REFERENCE]), counters.i.full.eq(flaws[Inexact.TABLE_FULL]),
            counters.i.repeated.eq(flaws[Inexact.DUPLICATE_REFERENCE]),
            counters.i.arithmetic.eq(flaws[Inexact.ARITHMETIC]),
            counters.i.refills.eq(refilled), counters.i.busy.eq(dropped), bank.live_status.eq(live),
        ]
        for name in counters.names:
            m.d.comb += getattr(bank, f"{name}_status").eq(getattr(counters.o, name))


__all__ = ["Book"]
