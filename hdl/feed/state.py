"""What the NIC knows of one feed: its registers, its place in the sequence, its counters."""

from amaranth.hdl import Cat, Module, Signal, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from hdl.config import NicConfig
from hdl.csr import BusSignature, Counters, RegisterBank
from hdl.feed.waiting import FeedView
from hdl.messages import FeedFilter
from hdl.registers import FEED

#: FEED counters that count one at a time; each is a bit of `Verdict`.
STEPS = ("delivered", "duplicate", "gaps", "heartbeats", "other_session")
_MISSED_BITS = 32


class Verdict(data.Struct):
    """What a message or note does to its feed."""
    delivered: unsigned(1)      # it goes on
    duplicate: unsigned(1)      # it was seen before
    gaps: unsigned(1)           # messages are missing before it
    heartbeats: unsigned(1)     # it is a heartbeat of this session
    other_session: unsigned(1)  # it is dropped: another session
    own: unsigned(1)            # it is of the session in force, or sets it
    advance: unsigned(1)        # `next` is the next sequence number expected
    end: unsigned(1)            # the session has ended
    forget: unsigned(1)         # a bad frame: what is known of sequence and session may be wrong
    next: unsigned(64)
    seq: unsigned(64)
    session: unsigned(64)


class FeedState(wiring.Component):
    """State of feed `index`, changed by verdicts and by the host.

    Latency: a verdict shows in `view` in the next cycle. Writing `expected` wins over a verdict of the same
    cycle: it starts the feed at that number, or with 0 at the first message seen, and forgets the session.

    Ports
    -----
    bus : In(BusSignature), the registers of FEED.
    filter : Out(FeedFilter), for the receivers.
    view : Out(FeedView)
    writes : Out, `expected` is being written in this cycle: a comparison with `view` would be out of date.
    verdict, valid : In, at most every second cycle.
    """

    def __init__(self, config: NicConfig, index: int):
        self.config, self.index = config, index
        super().__init__({
            "bus": In(BusSignature()), "filter": Out(FeedFilter), "view": Out(FeedView), "writes": Out(1),
            "verdict": In(Verdict), "valid": In(1),
        })

    def elaborate(self, platform):
        m = Module()
        m.submodules.bank = bank = RegisterBank(self.config, FEED, self.index)
        wiring.connect(m, wiring.flipped(self.bus), bank.bus)
        gap = Signal()
        view, verdict = self.view, self.verdict
        m.d.comb += [
            self.filter.eq(bank.group_value),
            self.writes.eq(bank.expected_stb),
            view.expected.eq(bank.expected_value),
            bank.expected_set.eq(self.valid & verdict.advance), bank.expected_data.eq(verdict.next),
            bank.session_status.eq(view.session),
            bank.status_status.eq(self._status(gap=gap, ended=view.ended, started=view.started)),
        ]
        with m.If(self.writes):
            m.d.sync += [gap.eq(0), view.ended.eq(0), view.strange.eq(0), view.known.eq(0),
                         view.started.eq(bank.expected_wdata.any())]
        with m.Elif(self.valid):
            self._apply(m, gap)
        self._count(m, bank)
        return m

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

    def _count(self, m, bank):
        m.submodules.counters = counters = Counters(STEPS)
        for name in STEPS:
            m.d.comb += [getattr(counters.i, name).eq(self.valid & self.verdict[name]),
                         getattr(bank, f"{name}_status").eq(getattr(counters.o, name))]
        missed, jump = Signal(_MISSED_BITS), Signal(_MISSED_BITS)
        jumps = Signal()
        m.d.sync += [jump.eq(self.verdict.seq - self.view.expected), jumps.eq(self.valid & self.verdict.gaps)]
        with m.If(jumps):
            m.d.sync += missed.eq(missed + jump)
        m.d.comb += bank.missed_status.eq(missed)
