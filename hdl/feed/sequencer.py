"""From the messages of all ports to one sequence for each feed: A/B arbitration, and gaps."""

from functools import reduce
from operator import or_

from amaranth.hdl import Cat, Module, Mux, Signal, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from hdl.config import NicConfig
from hdl.csr import BusSignature
from hdl.feed.state import FeedState, Verdict
from hdl.feed.waiting import FeedView, Standing, Waiting
from hdl.layouts import FEED_EVENT, RECORD_BITS, FeedCause, Inexact
from hdl.messages import FeedFault, FeedFilter, FeedMessage, Note
from hdl.pick import select

#: Cycles from a message on `i` to the same on `o`, when no other port's message is before it.
LATENCY = 1
#: Cycles that each message takes; what a message waits for each one before it.
SPACING = 2


class Sequencer(wiring.Component):
    """Passes on the first copy of each message, in sequence, whichever port it came in on.

    Latency: 1 cycle, and `SPACING` = 2 more for each message of another port that came in the same cycle (the
    lower port goes first) or the cycle before. Throughput: a message every 2 cycles. Worst case: messages of one
    port must be at least 2 x ports + 2 cycles apart; a feed path's are 13 apart. Writing `expected` holds
    everything up for the cycle of the write.

    For each feed it keeps the session and the next sequence number. Until these are known, it takes those of the
    first message, heartbeat or end of session seen. After that

    - a message with the expected number goes on; one with a lower number was seen before and is dropped;
    - a higher number, of a heartbeat or end of session too, is a gap: `fault` (`Inexact.GAP`) in the cycle of the
      message, an event, and it goes on from the one received;
    - what is of another session is dropped. The first such in a row is a `fault` (GAP), for messages may be
      missing, and an event; only the host can start the feed again, by writing `expected`;
    - the first end of session is an event;
    - BAD_FRAME is a `fault` (`Inexact.BAD_FRAME`), an event and `bad`, if a message of that frame went on. What
      the frame said of sequence and session may be wrong, so both are taken anew from the next message. If
      nothing of it went on, the other port's copies were first and nothing is wrong.

    Ports
    -----
    i : In, array of valid-only `FeedMessage`, one for each port.
    bus : In(BusSignature), the registers of FEED.
    o : Out, valid-only `FeedMessage`, notes never. At least `SPACING` cycles apart.
    fault : Out, valid-only `FeedFault`, in the cycle of the message that it precedes.
    event : Out, valid-only FEED_EVENT record (serial 0), 1 cycle after `fault`.
    bad : Out, valid-only, `rx_time` (64) of a frame whose messages should not have been acted on; with `event`.
    feeds : Out, array of `FeedFilter`, for the receivers.
    """

    def __init__(self, config: NicConfig):
        self.config = config
        super().__init__({
            "i": In(stream.Signature(FeedMessage, always_ready=True)).array(config.ports),
            "bus": In(BusSignature()),
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

        turns, early = self._take_turns(m, states, ports, views)
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
        m.d.comb += [verdict.next.eq(following), verdict.seq.eq(message.seq), verdict.session.eq(message.session)]
        with m.If(turns.any()):
            self._judge(m, message, standing, verdict, fault)

        for n, state in enumerate(states):
            m.d.comb += [state.verdict.eq(verdict), state.valid.eq(turns.any() & (message.feed == n))]
        for n, port in enumerate(ports):
            m.d.comb += port.went_on.eq(turns[n] & verdict.delivered)
        m.d.comb += [
            self.o.payload.eq(message), self.o.valid.eq(verdict.delivered),
            self.fault.payload.feed.eq(message.feed), self.fault.payload.cause.eq(fault),
            self.fault.valid.eq(fault.any()),
        ]
        self._report(m, message, standing, verdict, views)
        return m

    def _take_turns(self, m, states, ports, views):
        """One port at a time, one bit each, high in the cycle after its turn was given; the lowest goes first.

        Also returns the fields by which messages find their way, chosen a cycle before the others.
        """
        turns = Signal(len(ports))
        free, taken = Signal(), 0
        early = {name: Signal.like(ports[0].now[name], name=name, reset_less=True) for name in ("feed", "locate")}
        m.d.comb += free.eq(~(turns.any() | Cat(state.writes for state in states).any()))
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

    def _judge(self, m, message, standing, verdict, fault):
        """Sets `verdict`, and `fault` to the `Inexact` bits that the message causes."""
        gap, bad = (1 << cause for cause in (Inexact.GAP, Inexact.BAD_FRAME))
        with m.If(message.note == Note.BAD_FRAME):
            m.d.comb += verdict.forget.eq(standing.same_frame)
            with m.If(standing.same_frame):
                m.d.comb += fault.eq(bad)
        with m.Elif(standing.stranger):
            m.d.comb += verdict.other_session.eq(1)
            with m.If(~standing.strange):
                m.d.comb += fault.eq(gap)
        with m.Else():
            is_message = message.note == Note.MESSAGE
            m.d.comb += [
                verdict.own.eq(1),
                verdict.delivered.eq(is_message & ~standing.behind),
                verdict.duplicate.eq(is_message & standing.behind),
                verdict.gaps.eq(standing.ahead),
                verdict.advance.eq(~standing.behind),
                verdict.heartbeats.eq(message.note == Note.HEARTBEAT),
                verdict.end.eq(message.note == Note.END),
            ]
            with m.If(standing.ahead):
                m.d.comb += fault.eq(gap)

    def _report(self, m, message, standing, verdict, views):
        """Events and bad frames, registered."""
        event = Signal(FEED_EVENT.layout)
        ends = verdict.end & ~standing.ended
        cause = Mux(verdict.forget, FeedCause.BAD_FRAME,
                    Mux(verdict.other_session, FeedCause.SESSION_CHANGE,
                        Mux(ends, FeedCause.END_OF_SESSION, FeedCause.GAP)))
        m.d.sync += [
            event.kind.eq(FEED_EVENT.kind), event.time.eq(message.rx_time), event.feed.eq(message.feed),
            event.cause.eq(cause), event.port.eq(message.port),
            event.expected.eq(views[message.feed].expected), event.received.eq(message.seq),
            self.event.valid.eq(self.fault.valid | ends),
            self.bad.valid.eq(verdict.forget), self.bad.payload.eq(message.rx_time),
        ]
        m.d.comb += self.event.payload.eq(event)


__all__ = ["LATENCY", "SPACING", "Sequencer"]
