"""How long a feed waits for the other line's copy of a message that is missing."""

from amaranth.hdl import Module, Mux, Signal, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from hdl.messages import PORT_BITS
from hdl.registers import FEED

#: What is further ahead of the next message than so many is not waited for.
REACH_BITS = 15
#: Cycles from the turn of a message that a wait begins with to the first one in which its time runs.
START_LATENCY = 3
#: Bits of a cycle's length in nanoseconds.
STEP_BITS = 5

_COUNT_BITS = REACH_BITS + 1
_WAIT_BITS = FEED["wait"].width


class Shown(data.Struct):
    """A message or note with a number beyond the next one: messages up to there were sent, and are missing."""
    count: unsigned(_COUNT_BITS)    # how many, with itself if it is a message
    port: unsigned(PORT_BITS)


class Patience(wiring.Component):
    """Counts what is owed to one feed: messages that either line has shown and that have not gone on.

    Messages go on in sequence, so what is owed is a count from the next one on: it is raised by what is seen ahead and
    lowered by each message that goes on. A period of `wait` begins with the first debt, and a new one whenever all that
    was owed at the beginning of the last one has gone on and more is owed by then. Whatever was seen is therefore
    given on within two periods, or `expired` says that it was not.

    Latency: `shown` and `paid` act one cycle late, `busy` in between. `expired` rises
    floor(`wait` / cycle) + 1 cycles after the period began: never early, and less than two cycles late.

    Ports
    -----
    wait : In, the period in ns; while it is 0, no `shown` may come.
    step : In, ns of a cycle.
    shown : In(Shown), with `raises`: something is ahead.
    paid : In, a message went on. Never with `raises`.
    clear : In, nothing is owed any more; wins.
    owed : Out, messages.
    port : Out, the line that showed the last of them.
    begins : Out, the first debt; strobe.
    expired : Out, until `clear`, or until the debt of the period is paid after all.
    busy : Out, `owed` and `expired` do not yet show what the cycle before brought.
    """

    def __init__(self):
        super().__init__({
            "wait": In(_WAIT_BITS), "step": In(STEP_BITS), "raises": In(1), "shown": In(Shown), "paid": In(1),
            "clear": In(1), "owed": Out(_COUNT_BITS), "port": Out(PORT_BITS), "begins": Out(1), "expired": Out(1),
            "busy": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        raises, paid, shown = Signal(), Signal(), Signal(Shown, reset_less=True)
        due = Signal(_COUNT_BITS)       # of those owed, what this period is for
        starts = Signal()
        left = Signal(_WAIT_BITS)
        owes = self.owed.any()
        m.d.sync += [raises.eq(self.raises & ~self.clear), paid.eq(self.paid & ~self.clear), shown.eq(self.shown)]
        m.d.comb += [
            self.busy.eq(raises | paid),
            self.begins.eq(raises & ~owes),
            starts.eq(self.begins | (paid & (due == 1) & (self.owed != 1))),
        ]
        with m.If(raises & (shown.count > self.owed)):
            m.d.sync += [self.owed.eq(shown.count), self.port.eq(shown.port)]
        with m.If(self.begins):
            m.d.sync += due.eq(shown.count)
        with m.If(paid & owes):
            m.d.sync += [self.owed.eq(self.owed - 1), due.eq(Mux(due == 1, self.owed, due) - 1)]

        after = Signal(_WAIT_BITS + 1)      # its highest bit: below 0
        m.d.comb += after.eq(left - self.step)
        with m.If(starts):
            m.d.sync += [left.eq(self.wait), self.expired.eq(0)]
        with m.Elif(paid & (self.owed == 1)):
            m.d.sync += self.expired.eq(0)
        with m.Elif(owes):
            m.d.sync += [left.eq(Mux(after[-1], 0, after)), self.expired.eq(after[-1])]
        with m.If(self.clear):
            m.d.sync += [self.owed.eq(0), due.eq(0), self.expired.eq(0)]
        return m


__all__ = ["REACH_BITS", "START_LATENCY", "STEP_BITS", "Patience", "Shown"]
