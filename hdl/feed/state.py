"""What the NIC knows of one feed: its registers, its place in the sequence, its counters."""

from amaranth.hdl import Cat, Module, Mux, Signal, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from hdl.config import NicConfig
from hdl.csr import BusSignature, Counters, RegisterBank
from hdl.feed.patience import REACH_BITS, STEP_BITS, Patience
from hdl.feed.waiting import FeedView
from hdl.messages import PORT_BITS, FeedFilter
from hdl.registers import FEED

#: FEED counters that count one at a time and are bits of `Verdict`; `gaps` count time-outs too.
STEPS = ("delivered", "duplicate", "gaps", "heartbeats", "other_session", "ahead")
_MISSED_BITS = 32
_LOW_BITS = 32


class Verdict(data.Struct):
    """What a message or note does to its feed."""
    delivered: unsigned(1)      # it goes on
    duplicate: unsigned(1)      # it was seen before
    gaps: unsigned(1)           # messages are missing before it, and count as missed
    put_off: unsigned(1)        # it is dropped: messages are missing before it, and waited for
    ahead: unsigned(1)          # ... and it is a message
    heartbeats: unsigned(1)     # it is a heartbeat of this session
    other_session: unsigned(1)  # it is dropped: another session
    own: unsigned(1)            # it is of the session in force, or sets it
    advance: unsigned(1)        # `next` is the next sequence number expected
    end: unsigned(1)            # the session has ended
    forget: unsigned(1)         # a bad frame: what is known of sequence and session may be wrong
    doubt: unsigned(1)          # a bad frame of which nothing went on: what it showed to be ahead may be wrong
    next: unsigned(64)
    distance: unsigned(_MISSED_BITS)    # messages missing before it, if `gaps` or `put_off`
    port: unsigned(PORT_BITS)
    session: unsigned(64)


class Overdue(data.Struct):
    """What a feed gives up waiting for."""
    valid: unsigned(1)
    doubt: unsigned(1)          # a bad frame may be all that showed it
    port: unsigned(PORT_BITS)   # of the line that showed the last of it
    received: unsigned(64)      # the number after the last of it


class FeedState(wiring.Component):
    """State of feed `index`, changed by verdicts and by the host.

    Latency: a verdict shows in `view` in the next cycle. Writing `expected` wins over a verdict of the same
    cycle: it starts the feed at that number, or with 0 at the first message seen, and forgets the session.

    While the feed waits for a message that is missing, `Patience` counts what is owed. When its time is over,
    `overdue` asks to give that up, and with `gives_up` it counts as missed. Where a bad frame may be all that showed
    it, sequence and session are taken anew instead, as after a bad frame that went on.

    Ports
    -----
    bus : In(BusSignature), the registers of FEED.
    filter : Out(FeedFilter), for the receivers.
    view : Out(FeedView)
    writes : Out, `expected` is being written in this cycle: a comparison with `view` would be out of date.
    verdict, valid : In, at most every second cycle.
    step : In, ns of a cycle.
    late : Out, time is up: no message may have its turn until `gives_up`, or until this is over by itself.
    overdue : Out(Overdue), valid with `late` but for the cycle after a verdict.
    gives_up : In, in a cycle of `overdue.valid` without a verdict: `view` changes as for a verdict.
    """

    def __init__(self, config: NicConfig, index: int):
        self.config, self.index = config, index
        super().__init__({
            "bus": In(BusSignature()), "filter": Out(FeedFilter), "view": Out(FeedView), "writes": Out(1),
            "verdict": In(Verdict), "valid": In(1),
            "step": In(STEP_BITS), "late": Out(1), "overdue": Out(Overdue), "gives_up": In(1),
        })

    def elaborate(self, platform):
        m = Module()
        m.submodules.bank = bank = RegisterBank(self.config, FEED, self.index)
        wiring.connect(m, wiring.flipped(self.bus), bank.bus)
        m.submodules.patience = patience = Patience()
        gap = Signal()
        view, verdict, overdue = self.view, self.verdict, self.overdue
        m.d.comb += [
            self.filter.eq(bank.group_value),
            self.writes.eq(bank.expected_stb),
            view.expected.eq(bank.expected_value), view.patient.eq(bank.wait_value.any()),
            bank.expected_set.eq(self.valid & verdict.advance | self.gives_up),
            bank.expected_data.eq(Mux(self.gives_up, overdue.received, verdict.next)),
            bank.session_status.eq(view.session),
            bank.status_status.eq(self._status(gap=gap, ended=view.ended, started=view.started,
                                               waiting=patience.owed.any())),
        ]
        with m.If(self.writes):
            m.d.sync += [gap.eq(0), view.ended.eq(0), view.strange.eq(0), view.known.eq(0),
                         view.started.eq(bank.expected_wdata.any())]
        with m.Elif(self.valid):
            self._apply(m, gap)
        with m.Elif(self.gives_up):
            m.d.sync += gap.eq(1)
            with m.If(overdue.doubt):
                m.d.sync += [view.started.eq(0), view.known.eq(0)]
        self._wait(m, patience, bank)
        self._count(m, bank, patience)
        return m

    def _wait(self, m, patience, bank):
        """What is owed, and whether it may be no more than what a bad frame said."""
        verdict, overdue = self.verdict, self.overdue
        doubt = Signal()
        low = self.view.expected[:_LOW_BITS]    # what is near does not cross it
        m.d.comb += [
            patience.wait.eq(bank.wait_value), patience.step.eq(self.step),
            patience.raises.eq(self.valid & verdict.put_off), patience.paid.eq(self.valid & verdict.delivered),
            patience.shown.count.eq(verdict.distance[:REACH_BITS] + verdict.ahead),
            patience.shown.port.eq(verdict.port),
            patience.clear.eq(self.writes | self.gives_up | (self.valid & (verdict.forget | verdict.gaps))),
            self.late.eq(patience.expired),
            overdue.valid.eq(patience.expired & ~patience.busy & ~self.writes),
            overdue.doubt.eq(doubt), overdue.port.eq(patience.port),
            overdue.received.eq(Cat((low + patience.owed)[:_LOW_BITS], self.view.expected[_LOW_BITS:])),
        ]
        with m.If(self.valid & verdict.doubt):
            m.d.sync += doubt.eq(1)
        with m.Elif(~patience.owed.any()):
            m.d.sync += doubt.eq(0)

    def _apply(self, m, gap):
        view, verdict = self.view, self.verdict
        with m.If(verdict.forget):
            m.d.sync += [view.started.eq(0), view.known.eq(0), gap.eq(1)]
        with m.Elif(verdict.other_session):
            m.d.sync += [view.strange.eq(1), gap.eq(1)]
        with m.Elif(verdict.own):
            m.d.sync += [view.session.eq(verdict.session), view.known.eq(1), view.strange.eq(0)]
            with m.If(verdict.advance):
                m.d.sync += view.started.eq(1)
            with m.If(verdict.gaps):
                m.d.sync += gap.eq(1)
            with m.If(verdict.end):
                m.d.sync += view.ended.eq(1)

    def _status(self, **values):
        return Cat(values[bits.name] for bits in FEED["status"].bits)

    def _count(self, m, bank, patience):
        m.submodules.counters = counters = Counters((*STEPS, "waits"))
        missing = Signal()      # time is up for messages that are missing indeed
        m.d.comb += missing.eq(self.gives_up & ~self.overdue.doubt)
        for name in STEPS:
            counted = self.valid & self.verdict[name]
            m.d.comb += getattr(counters.i, name).eq(counted | missing if name == "gaps" else counted)
        m.d.comb += counters.i.waits.eq(patience.begins)
        m.d.comb += [getattr(bank, f"{name}_status").eq(getattr(counters.o, name)) for name in counters.names]
        missed, jump = Signal(_MISSED_BITS), Signal(_MISSED_BITS)
        jumps = Signal()
        m.d.sync += [jump.eq(Mux(missing, patience.owed, self.verdict.distance)),
                     jumps.eq(self.valid & self.verdict.gaps | missing)]
        with m.If(jumps):
            m.d.sync += missed.eq(missed + jump)
        m.d.comb += bank.missed_status.eq(missed)
