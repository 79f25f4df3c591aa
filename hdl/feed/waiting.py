"""One port's place in the sequencer: the message that waits, and how it stands to its feed."""

from amaranth.hdl import Cat, Module, Mux, Signal, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from hdl.config import NicConfig
from hdl.feed.patience import REACH_BITS
from hdl.messages import FeedMessage, Note

_HALF = 32  # comparisons and sums of 64 bits are made in halves, so that no carry chain is longer


class FeedView(data.Struct):
    """What a feed knows, as the comparisons need it."""
    expected: unsigned(64)  # next sequence number, if `started`
    session: unsigned(64)   # if `known`
    started: unsigned(1)
    known: unsigned(1)
    ended: unsigned(1)
    strange: unsigned(1)    # the last thing seen was of another session
    patient: unsigned(1)    # it waits for what is missing


class Standing(data.Struct):
    """A message against its feed's `FeedView`, comparisons in halves."""
    above: unsigned(1)                # the high half of the sequence number is greater than expected
    below: unsigned(1)                # the low half is less
    equal: data.ArrayLayout(1, 2)     # this half is equal; low half first
    distance: unsigned(_HALF)         # the low half less that of `expected`
    wraps: unsigned(1)                # the low half of the number after it is 0
    session: data.ArrayLayout(1, 2)   # this half of the session is equal
    started: unsigned(1)
    known: unsigned(1)
    ended: unsigned(1)
    strange: unsigned(1)
    patient: unsigned(1)
    same_frame: unsigned(1)           # this port's last message that went on or was put off has the same `rx_time`

    @property
    def ahead(self):
        """Messages are missing before it."""
        return self.started & (self.above | self.equal[1] & ~self.below & ~self.equal[0])

    @property
    def behind(self):
        """It has been seen."""
        return self.started & ~(self.above | self.equal[1] & ~self.below)

    @property
    def near(self):
        """Of one that is ahead: so few messages are missing that they are waited for."""
        return self.patient & self.equal[1] & ~self.wraps & ~self.distance[REACH_BITS:].any()

    @property
    def stranger(self):
        """It is of another session than the one in force."""
        return self.known & ~(self.session[0] & self.session[1])


class Waiting(wiring.Component):
    """Keeps the last message of a port until its turn, and compares it in every cycle.

    `message`, `standing` and `next` belong together: in the cycle after `turn` they describe the message whose
    turn it was, as of the `feeds` of the cycle of `turn`. Latency: 1 cycle where `turn` comes with `i.valid`.

    Ports
    -----
    i : In, valid-only `FeedMessage`; one that still waits when the next comes would be lost.
    feeds : In, array of `FeedView`.
    wants : Out, combinational: a message is here and has not had its turn.
    turn : In, answers `wants` in the same cycle.
    now : Out(FeedMessage), in the cycle of `turn`: the message whose turn it is.
    message : Out(FeedMessage)
    standing : Out(Standing)
    next : Out(64), the sequence number after it.
    went_on, put_off : In, in the cycle after `turn`: it was delivered, or dropped for being ahead.
    acted : Out, with `message`: if its frame is `standing.same_frame`, one of that frame was delivered.
    """

    def __init__(self, config: NicConfig):
        super().__init__({
            "i": In(stream.Signature(FeedMessage, always_ready=True)),
            "feeds": In(data.ArrayLayout(FeedView, config.feeds)),
            "wants": Out(1), "turn": In(1), "went_on": In(1), "put_off": In(1), "acted": Out(1),
            "now": Out(FeedMessage), "message": Out(FeedMessage), "standing": Out(Standing), "next": Out(64),
        })

    def elaborate(self, platform):
        m = Module()
        waits = Signal()
        held = Signal(FeedMessage, reset_less=True)
        now = self.now              # what is compared: what waits, or what comes
        view = Signal(FeedView)
        m.d.comb += [
            self.wants.eq(self.i.valid | waits),
            self.message.eq(held),
            now.eq(Mux(waits, held, self.i.payload)),
            view.eq(self.feeds[now.feed]),
        ]
        m.d.sync += waits.eq(self.wants & ~self.turn)
        with m.If(self.i.valid):
            m.d.sync += held.eq(self.i.payload)

        frame, of_frame = Signal(_HALF), Signal()   # the frame of the last message that went on or was put off
        with m.If(self.went_on | self.put_off):
            m.d.sync += [frame.eq(held.rx_time), of_frame.eq(1),
                         self.acted.eq(self.went_on | (self.standing.same_frame & self.acted))]

        standing = self.standing
        for half in range(2):
            part = slice(_HALF * half, _HALF * (half + 1))
            m.d.sync += [
                standing.equal[half].eq(now.seq[part] == view.expected[part]),
                standing.session[half].eq(now.session[part] == view.session[part]),
            ]
        m.d.sync += [
            standing.above.eq(now.seq[_HALF:] > view.expected[_HALF:]),
            Cat(standing.distance, standing.below).eq(now.seq[:_HALF] - view.expected[:_HALF]),
        ]
        m.d.sync += [standing[name].eq(view[name]) for name in ("started", "known", "ended", "strange", "patient")]
        m.d.sync += standing.same_frame.eq(of_frame & (frame == now.rx_time[:_HALF]))

        low = Signal(_HALF + 1)     # with the carry that the high half gets a cycle later
        after = now.seq[:_HALF] + (now.note == Note.MESSAGE)
        m.d.sync += [low.eq(after), standing.wraps.eq(after[_HALF])]
        m.d.comb += self.next.eq(Cat(low[:_HALF], (held.seq[_HALF:] + low[_HALF])[:_HALF]))
        return m
