"""Which job the book does, and in which cycle of it the book is."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hdl.book.shapes import PRICE_BITS, QTY_BITS, Kind, Shapes
from hdl.config import NicConfig

#: Cycles that a scan takes for a row in which nothing is matched.
ROW_CYCLES = 3


class Control(wiring.Component):
    """Starts one job after the other: U's second half, what lies between messages, messages, the book's own.

    A job starts in the cycle of `go`, its cycle 0, and `phase` marks its further cycles. Those that need an order
    looked up (`long`) have cycles 1 to 5, all others 1 to 3; a MOVE that finds a free way, and a SCAN for a sweep,
    end with 3. Jobs of the book's own wait for cycles without a message. When one is `here`, the job
    under way is abandoned (`kill`); since none changes anything before its last cycle, it has then never been.

    Rows of a scan are read one in three cycles: `read_row` and `check_row` are cycles 1 and 2 of such a reading, and
    more come only for a row in which something is `matched`.

    Ports
    -----
    here, next_here, valid, job, take, change_valid, change_take : messages, and changes between them.
    plan_valid, plan, idle, interrupt : the book's own jobs. `plan` is asked for when `idle`, at the earliest 3 cycles
        after the last of any job; the rows of a scan then follow by themselves, until `interrupt`.
    matched, found, no_way, sweep, side, victim_tag : In, from the table's cycles 2 (matched) and 3.
    go : Out(1). task, price, qty : Out, what starts with it.
    now : Out, the job under way; it holds until the next starts. own : Out(1), that is one of the book's own.
    last : Out(1), the job under way ends its message.
    """

    def __init__(self, config: NicConfig):
        self.shapes = shapes = Shapes(config)
        super().__init__({
            "here": In(1), "next_here": In(1), "valid": In(1), "job": In(shapes.job), "take": Out(1),
            "change_valid": In(1), "change_take": Out(1),
            "plan_valid": In(1), "plan": In(shapes.task), "idle": Out(1), "interrupt": In(1),
            "matched": In(1), "found": In(1), "no_way": In(1), "sweep": In(1), "side": In(1),
            "victim_tag": In(shapes.tag_bits),
            "go": Out(1), "task": Out(shapes.task), "price": Out(PRICE_BITS), "qty": Out(QTY_BITS),
            "now": Out(shapes.job), "own": Out(1), "long": Out(1), "last": Out(1), "phase": Out(6), "kill": Out(1),
            "read_row": Out(1), "check_row": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        now, phase = self.now, self.phase
        busy, own, hit, row = Signal(), Signal(), Signal(), Signal()    # busy: a message's job goes on after this cycle
        next, next_valid = Signal(self.shapes.task), Signal()    # what may start when no message does
        second = Signal()                                        # that is U's second half, and it must
        other = Signal(init=1)                                   # it is not a message's first half that may start
        rest, quiet = Signal(), Signal()    # nothing goes on, nor did in the cycle before, or in the two before
        m.d.comb += [
            hit.eq(self.check_row & self.matched),
            self.take.eq(~busy & self.valid), self.change_take.eq(~busy & self.change_valid),
            own.eq(rest & next_valid & ~self.here),
            row.eq(own & (next.kind == Kind.SCAN)),
            self.go.eq(self.take | second | own),
            self.kill.eq(self.own & self.here),
            self.task.eq(Mux(other, next, self.job.task)),
            self.price.eq(Mux(second, now.price, self.job.price)), self.qty.eq(Mux(second, now.qty, self.job.qty)),
            self.long.eq(self._is(Kind.REDUCE, Kind.DELETE, Kind.MOVE, Kind.SCAN)),
            self.last.eq(~(phase[5] & now.replace & self.found)),
            self.idle.eq(rest & quiet & ~(next_valid | self.here)),
        ]
        with m.If(self.go):
            m.d.sync += [now.task.eq(self.task), self.own.eq(own)]
        with m.If(self.take):
            m.d.sync += now.eq(self.job)
        ends = phase[5] | (phase[3] & (~self.long | (self._is(Kind.MOVE) & ~self.no_way)
                                       | (self._is(Kind.SCAN) & self.sweep)))
        with m.If(self.go & ~row):
            m.d.sync += phase.eq(1 << 1)
        with m.Elif(hit & ~self.here):
            m.d.sync += phase.eq(1 << 3)
        with m.Else():
            m.d.sync += phase.eq(Mux(self.kill | ends, 0, phase << 1))
        more = phase[5] & self._is(Kind.DELETE) & ~self.last
        with m.If(self.take | second):
            m.d.sync += busy.eq(1)
        with m.Elif(phase[5] | (phase[3] & ~self.long)):
            m.d.sync += busy.eq(more)
        stop = self.here | hit
        m.d.sync += [self.read_row.eq(row), self.check_row.eq(self.read_row & ~stop), second.eq(more),
                     other.eq(more | ~self.next_here), rest.eq(~(phase.any() | self.go | self.read_row | hit | more)),
                     quiet.eq(rest & ~(next_valid | self.here | self.check_row))]
        self._prepare(m, next, next_valid, row, stop)
        return m

    def _is(self, *kinds):
        return Cat(self.now.task.kind == kind for kind in kinds).any()

    def _prepare(self, m, next, next_valid, row, stop):
        """`next` has a cycle to be made, so that its key is early when it starts."""
        n = self.shapes.row_bits
        with m.If(row):
            m.d.sync += [next.ref[:n].eq(next.ref[:n] + 1), next_valid.eq(~(self.interrupt | next.ref[:n].all()))]
        with m.Elif(self.idle):
            m.d.sync += [next.eq(self.plan), next_valid.eq(self.plan_valid)]
        with m.If(stop | (self.go & ~row)):
            m.d.sync += next_valid.eq(0)
        with m.If(self.phase[5] & ~self.own):         # U: the new order; its price and quantity are still in `now`
            m.d.sync += [next.kind.eq(Kind.ADD), next.symbol.eq(self.now.task.symbol), next.side.eq(self.side),
                         next.ref.eq(self.now.new_ref)]
        with m.If(self.phase[4] & self.own):          # MOVE: the tag of the order pushed out, above row 0
            m.d.sync += Cat(next.ref, next.symbol).eq(self.victim_tag << n)


__all__ = ["ROW_CYCLES", "Control"]
