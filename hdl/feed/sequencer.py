"""From the messages of all ports to one sequence for each feed: A/B arbitration, and gaps."""

from functools import reduce
from operator import or_

from amaranth.hdl import Cat, Module, Mux, Signal, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from hdl.config import NicConfig
from hdl.csr import BusSignature
from hdl.feed.patience import STEP_BITS
from hdl.feed.state import FeedState, Overdue, Verdict
from hdl.feed.waiting import FeedView, Standing, Waiting
from hdl.layouts import FEED_EVENT, RECORD_BITS, FeedCause, Inexact
from hdl.messages import FeedFault, FeedFilter, FeedMessage, Note
from hdl.pick import select

#: Cycles from a message on `i` to the same on `o`, when no other port's message is before it.
LATENCY = 1
#: Cycles that each message takes; what a message waits for each one before it.
SPACING = 2

_GAP, _BAD = 1 << Inexact.GAP, 1 << Inexact.BAD_FRAME


class Sequencer(wiring.Component):
    """Passes on the first copy of each message, in sequence, whichever port it came in on.

    Latency: 1 cycle, and `SPACING` = 2 more for each message of another port that came in the same cycle (the
    lower port goes first) or the cycle before. Throughput: a message every 2 cycles. Worst case: messages of one
    port must be at least 2 x ports + feeds + 4 cycles apart; a feed path's are 13 apart. Writing `expected` holds
    everything up for the cycle of the write, and giving up a wait for 1 to 3 (`holds`).

    For each feed it keeps the session and the next sequence number. Until these are known, it takes those of the
    first message, heartbeat or end of session seen. After that

    - a message with the expected number goes on; one with a lower number was seen before and is dropped;
    - a higher number, of a heartbeat or end of session too, is a gap: `fault` (`Inexact.GAP`) in the cycle of the
      message, an event, and it goes on from the one received. So it is where `wait` of the feed is 0, and where more
      than 32,767 messages are missing, or the number crosses a multiple of 2**32;
    - else what has a higher number is dropped, and the other line's copies of what is missing are waited for: that
      line then serves the feed until nothing is missing that either has shown. What was seen ahead is given on
      within twice `wait`, or given up (see `Patience`): a gap as above, up to the highest number seen;
    - what is of another session is dropped. The first such in a row is a `fault` (GAP), for messages may be
      missing, and an event; only the host can start the feed again, by writing `expected`;
    - the first end of session is an event;
    - BAD_FRAME is a `fault` (`Inexact.BAD_FRAME`), an event and `bad`, if a message of that frame went on. What
      the frame said of sequence and session may be wrong, so both are taken anew from the next message. If
      nothing of it went on, the other port's copies were first and nothing is wrong; but if it was seen ahead, what
      it showed may be wrong, and if that is given up later, it is as BAD_FRAME and no gap.

    Ports
    -----
    i : In, array of valid-only `FeedMessage`, one for each port.
    bus : In(BusSignature), the registers of FEED.
    now : In(64), the clock. Setting it may change a wait by up to 31 ns.
    holds : Out: no message may have its turn in this cycle; one that comes in it waits.
    o : Out, valid-only `FeedMessage`, notes never. At least `SPACING` cycles apart.
    fault : Out, valid-only `FeedFault`, in the cycle of the message that it precedes, or when a wait is given up.
    event : Out, valid-only FEED_EVENT record (serial 0), 1 cycle after `fault`. Its time is the frame's; that of a
        wait given up is `now`, its port that of the line that showed the last of what is missing.
    bad : Out, valid-only, `rx_time` (64) of a frame whose messages should not have been acted on; with `event`.
    feeds : Out, array of `FeedFilter`, for the receivers.
    """

    def __init__(self, config: NicConfig):
        self.config = config
        super().__init__({
            "i": In(stream.Signature(FeedMessage, always_ready=True)).array(config.ports),
            "bus": In(BusSignature()), "now": In(64), "holds": Out(1),
            "o": Out(stream.Signature(FeedMessage, always_ready=True)),
            "fault": Out(stream.Signature(FeedFault, always_ready=True)),
            "event": Out(stream.Signature(RECORD_BITS, always_ready=True)),
            "bad": Out(stream.Signature(unsigned(64), always_ready=True)),
            "feeds": Out(data.ArrayLayout(FeedFilter, config.feeds)),
        })

    def elaborate(self, platform):
        m = Module()
        states = [FeedState(self.config, n) for n in range(self.config.feeds)]
        ports = [Waiting(self.config) for _ in range(self.config.ports)]
        views = Signal(data.ArrayLayout(FeedView, self.config.feeds))
        for n, state in enumerate(states):
            m.submodules[f"feed{n}"] = state
            m.d.comb += [
                state.bus.addr.eq(self.bus.addr), state.bus.wdata.eq(self.bus.wdata),
                state.bus.write.eq(self.bus.write), state.bus.read.eq(self.bus.read),
                views[n].eq(state.view), self.feeds[n].eq(state.filter),
            ]
        m.d.comb += self.bus.rdata.eq(reduce(or_, (state.bus.rdata for state in states)))
        late, written = Signal(), Signal()
        m.d.comb += [late.eq(Cat(state.late for state in states).any()), self.holds.eq(late | written)]
        m.d.sync += written.eq(self.bus.write)      # registers change in the cycle after
        step, before = Signal(STEP_BITS), Signal(STEP_BITS)
        m.d.sync += [before.eq(self.now[:STEP_BITS]), step.eq(self.now[:STEP_BITS] - before)]
        m.d.comb += [state.step.eq(step) for state in states]

        turns, early = self._take_turns(m, late, states, ports, views)
        message, standing = Signal(FeedMessage), Signal(Standing)
        following = Signal(64)
        m.d.comb += [
            message.eq(select(turns, [port.message for port in ports])),
            standing.eq(select(turns, [port.standing for port in ports])),
            following.eq(select(turns, [port.next for port in ports])),
            *(message[name].eq(value) for name, value in early.items()),
        ]
        verdict = Signal(Verdict)
        fault = Signal(16)
        m.d.comb += [
            verdict.next.eq(following), verdict.distance.eq(standing.distance), verdict.port.eq(message.port),
            verdict.session.eq(message.session),
        ]
        overdue, late_feed = Signal(Overdue), Signal(range(len(states)))
        with m.If(turns.any()):
            self._judge(m, message, standing, select(turns, [port.acted for port in ports]), verdict, fault)
        with m.Else():
            self._give_up(m, states, overdue, late_feed, fault)

        for n, state in enumerate(states):
            m.d.comb += [state.verdict.eq(verdict), state.valid.eq(turns.any() & (message.feed == n))]
        for n, port in enumerate(ports):
            m.d.comb += [port.went_on.eq(turns[n] & verdict.delivered), port.put_off.eq(turns[n] & verdict.put_off)]
        m.d.comb += [
            self.o.payload.eq(message), self.o.valid.eq(verdict.delivered),
            self.fault.payload.feed.eq(Mux(overdue.valid, late_feed, message.feed)), self.fault.payload.cause.eq(fault),
            self.fault.valid.eq(fault.any()),
        ]
        self._report(m, message, standing, verdict, views, overdue, late_feed)
        return m

    def _take_turns(self, m, late, states, ports, views):
        """One port at a time, one bit each, high in the cycle after its turn was given; the lowest goes first.

        Also returns the fields by which messages find their way, chosen a cycle before the others.
        """
        turns = Signal(len(ports))
        free, taken = Signal(), 0
        early = {name: Signal.like(ports[0].now[name], name=name, reset_less=True) for name in ("feed", "locate")}
        m.d.comb += free.eq(~(turns.any() | late | Cat(state.writes for state in states).any()))
        for n, port in enumerate(ports):
            m.submodules[f"port{n}"] = port
            wiring.connect(m, wiring.flipped(self.i[n]), port.i)
            m.d.comb += [port.feeds.eq(views), port.turn.eq(free & port.wants & ~taken)]
            m.d.sync += turns[n].eq(port.turn)
            taken = taken | port.wants
        for name, value in early.items():
            chosen = ports[-1].now[name]
            for port in reversed(ports[:-1]):
                chosen = Mux(port.wants, port.now[name], chosen)
            m.d.sync += value.eq(chosen)
        return turns, early

    def _give_up(self, m, states, overdue, late_feed, fault):
        """One feed at a time, in a cycle without a verdict: the lowest whose time is up."""
        for n, state in reversed(list(enumerate(states))):
            with m.If(state.overdue.valid):
                m.d.comb += [overdue.eq(state.overdue), late_feed.eq(n)]
        with m.If(overdue.valid):
            m.d.comb += fault.eq(Mux(overdue.doubt, _BAD, _GAP))
        for n, state in enumerate(states):
            m.d.comb += state.gives_up.eq(overdue.valid & (late_feed == n))

    def _judge(self, m, message, standing, acted, verdict, fault):
        """Sets `verdict`, and `fault` to the `Inexact` bits that the message causes."""
        with m.If(message.note == Note.BAD_FRAME):
            m.d.comb += [verdict.forget.eq(standing.same_frame & acted), verdict.doubt.eq(standing.same_frame & ~acted)]
            with m.If(verdict.forget):
                m.d.comb += fault.eq(_BAD)
        with m.Elif(standing.stranger):
            m.d.comb += verdict.other_session.eq(1)
            with m.If(~standing.strange):
                m.d.comb += fault.eq(_GAP)
        with m.Else():
            is_message, put_off = message.note == Note.MESSAGE, standing.ahead & standing.near
            m.d.comb += [
                verdict.own.eq(~put_off | standing.known),      # what proves nothing yet sets no session
                verdict.put_off.eq(put_off),
                verdict.ahead.eq(is_message & put_off),
                verdict.delivered.eq(is_message & ~standing.behind & ~put_off),
                verdict.duplicate.eq(is_message & standing.behind),
                verdict.gaps.eq(standing.ahead & ~put_off),
                verdict.advance.eq(~standing.behind & ~put_off),
                verdict.heartbeats.eq(message.note == Note.HEARTBEAT),
                verdict.end.eq((message.note == Note.END) & ~put_off),
            ]
            with m.If(verdict.gaps):
                m.d.comb += fault.eq(_GAP)

    def _report(self, m, message, standing, verdict, views, overdue, late_feed):
        """Events and bad frames, registered."""
        event = Signal(FEED_EVENT.layout)
        ends = verdict.end & ~standing.ended
        cause = Mux(verdict.forget, FeedCause.BAD_FRAME,
                    Mux(verdict.other_session, FeedCause.SESSION_CHANGE,
                        Mux(ends, FeedCause.END_OF_SESSION, FeedCause.GAP)))
        feed = self.fault.payload.feed
        m.d.sync += [
            event.kind.eq(FEED_EVENT.kind), event.feed.eq(feed), event.expected.eq(views[feed].expected),
            event.time.eq(message.rx_time), event.cause.eq(cause), event.port.eq(message.port),
            event.received.eq(message.seq),
        ]
        with m.If(overdue.valid):
            m.d.sync += [
                event.time.eq(self.now), event.cause.eq(Mux(overdue.doubt, FeedCause.BAD_FRAME, FeedCause.GAP)),
                event.port.eq(overdue.port), event.received.eq(overdue.received),
            ]
        m.d.sync += [
            self.event.valid.eq(self.fault.valid | ends),
            self.bad.valid.eq(verdict.forget), self.bad.payload.eq(message.rx_time),
        ]
        m.d.comb += self.event.payload.eq(event)


__all__ = ["LATENCY", "SPACING", "Sequencer"]
