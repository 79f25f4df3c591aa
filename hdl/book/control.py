"""Which job the book does, and in which cycle of it the book is."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hdl.book.shapes import PRICE_BITS, QTY_BITS, Kind, Shapes
from hdl.config import NicConfig


class Control(wiring.Component):
    """Starts one job after the other: U's second half, what lies between messages, messages, the book's own.

    A job starts in the cycle of `go`, its cycle 0, and `phase` marks its further cycles. Those that need an order
    looked up (`long`) have cycles 1 to 5, all others 1 to 3; a MOVE that finds a free way, and a SCAN for a sweep,
    end with 3. Jobs of the book's own wait for cycles without a message. When a message comes, the one
    under way is abandoned (`kill`); since none changes anything before its last cycle, it has then never been.

    Rows of a scan are read one a cycle: `read_row` and `check_row` are cycles 1 and 2 of such a reading, and cycle 3
    comes only for a row in which something is `matched`.

    Ports
    -----
    valid, job, take, change_valid, change_take : messages, and changes between them.
    plan_valid, plan, idle, interrupt : the book's own jobs. `plan` is asked for when `idle`; the rows of a
        scan then follow by themselves, until `interrupt`.
    matched, found, no_way, sweep, side, victim_tag : In, from the table's cycles 2 (matched) and 3.
    go : Out(1). task, price, qty : Out, what starts with it.
    now : Out, the job under way; it holds until the next starts. own : Out(1), that is one of the book's own.
    last : Out(1), the job under way ends its message.
    """

    def __init__(self, config: NicConfig):
        self.shapes = shapes = Shapes(config)
        super().__init__({
            "valid": In(1), "job": In(shapes.job), "take": Out(1), "change_valid": In(1), "change_take": Out(1),
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
        busy, own, hit, row = Signal(), Signal(), Signal(), Signal()
        next, next_valid = Signal(self.shapes.task), Signal()    # what may start when no message does
        second = Signal()                                        # that is U's second half, and it must
        m.d.comb += [
            busy.eq((phase.any() & ~self.own) | second),
            hit.eq(self.check_row & self.matched),
            self.take.eq(~busy & self.valid), self.change_take.eq(~busy & self.change_valid),
            own.eq(~phase.any() & ~second & ~self.valid & ~self.change_valid & next_valid & ~hit),
            row.eq(own & (next.kind == Kind.SCAN)),
            self.go.eq(self.take | second | own),
            self.kill.eq(self.own & (self.take | self.change_take)),
            self.task.eq(Mux(self.valid & ~second, self.job.task, next)),
            self.price.eq(Mux(second, now.price, self.job.price)), self.qty.eq(Mux(second, now.qty, self.job.qty)),
            self.long.eq(self._is(Kind.REDUCE, Kind.DELETE, Kind.MOVE, Kind.SCAN)),
            self.last.eq(~(phase[5] & now.replace & self.found)),
            self.idle.eq(~(phase.any() | self.go | self.change_take | next_valid | self.read_row | self.check_row)),
        ]
        with m.If(self.go):
            m.d.sync += [now.task.eq(self.task), self.own.eq(own)]
        with m.If(self.take):
            m.d.sync += now.eq(self.job)
        ends = phase[5] | (phase[3] & (~self.long | (self._is(Kind.MOVE) & ~self.no_way)
                                       | (self._is(Kind.SCAN) & self.sweep)))
        with m.If(self.go & ~row):
            m.d.sync += phase.eq(1 << 1)
        with m.Elif(hit & ~self.change_take):
            m.d.sync += phase.eq(1 << 3)
        with m.Else():
            m.d.sync += phase.eq(Mux(self.change_take | ends, 0, phase << 1))
        stop = self.take | self.change_take | hit
        m.d.sync += [self.read_row.eq(row), self.check_row.eq(self.read_row & ~stop),
                     second.eq(phase[5] & self._is(Kind.DELETE) & ~self.last)]
        self._prepare(m, next, next_valid, row, stop)
        return m

    def _is(self, *kinds):
        return Cat(self.now.task.kind == kind for kind in kinds).any()

    def _prepare(self, m, next, next_valid, row, stop):
        """`next` has a cycle to be made, so that its key is early when it starts."""
        n = self.shapes.row_bits
        with m.If(stop | (self.go & ~row)):
            m.d.sync += next_valid.eq(0)
        with m.Elif(row):
            m.d.sync += [next.ref[:n].eq(next.ref[:n] + 1), next_valid.eq(~(self.interrupt | next.ref[:n].all()))]
        with m.Elif(self.idle):
            m.d.sync += [next.eq(self.plan), next_valid.eq(self.plan_valid)]
        with m.If(self.phase[5] & ~self.own):         # U: the new order; its price and quantity are still in `now`
            m.d.sync += [next.kind.eq(Kind.ADD), next.symbol.eq(self.now.task.symbol), next.side.eq(self.side),
                         next.ref.eq(self.now.new_ref)]
        with m.If(self.phase[4] & self.own):          # MOVE: the tag of the order pushed out, above row 0
            m.d.sync += Cat(next.ref, next.symbol).eq(self.victim_tag << n)


__all__ = ["Control"]
