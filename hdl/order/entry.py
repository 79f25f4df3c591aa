"""Order entry: passed decisions out as FIX over TCP, ExecutionReports in."""

from amaranth.hdl import Cat, Module, Mux, Signal, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from hdl.config import NicConfig
from hdl.csr import BusSignature
from hdl.fix.encoder import Encoder
from hdl.fix.encoder64 import Encoder64
from hdl.intents import GATE_LATENCY
from hdl.layouts import SESSION_BYTES, Action, Origin
from hdl.messages import ExecReport, Intent, SentOrder, VenueFilter, payload
from hdl.net.clock import TimeOfDay
from hdl.order.image import FRAMES
from hdl.order.narrow import Narrow
from hdl.order.session import SessionReceiver
from hdl.order.sessions import Sessions
from hdl.streams import axis


class BadFrames(wiring.Component):
    """Remembers the last `config.ports` bad frames and whether the order under way came of one of them.

    `hit` follows both `bad` and `intent` by 3 cycles at most, and stays as long as they do. The order of a host
    never hits. Frames are told apart by the low `TIME_BITS` of their receive time: an order whose frame came a
    multiple of 2**32 ns after the bad one, to the nanosecond, is poisoned too.

    Ports
    -----
    bad : In, valid-only receive time of a bad frame. intent : In. hit : Out.
    """

    TIME_BITS = 32

    def __init__(self, config: NicConfig):
        self.config = config
        super().__init__({"bad": In(stream.Signature(64, always_ready=True)), "intent": In(Intent), "hit": Out(1)})

    def elaborate(self, platform):
        m = Module()
        bits = self.TIME_BITS + 1
        kept = [Signal(bits, name=f"kept{n}") for n in range(self.config.ports)]     # time, and that there is one
        with m.If(self.bad.valid):
            m.d.sync += Cat(kept).eq(Cat(self.bad.payload[:self.TIME_BITS], 1, *kept))
        wanted, parts = Cat(self.intent.rx_time[:self.TIME_BITS], 1), []
        for n, time in enumerate(kept):     # compared in pieces, then together
            pieces = range(0, bits, 17)
            same = Signal(len(pieces), name=f"same{n}")
            m.d.sync += same.eq(Cat(time[at:at + 17] == wanted[at:at + 17] for at in pieces))
            parts.append(same.all())
        m.d.sync += self.hit.eq(Cat(parts).any() & (self.intent.origin == Origin.TRIGGER))
        return m


class OrderEntry(wiring.Component):
    """Turns each passed decision into one frame, in the order they come, and reads what the venues answer.

    Latency: the first beat is on `o` in the cycle of the decision itself, always, and the frame follows without a gap:
    an order has 254 beats at 8 bits and 32 at 64, a cancel 244 and 31. The frame is begun, and at 64 bits made, while
    the gate decides (see `Encoder64`). Kills, the venue's `enable` and the clock's `known` are looked at in that cycle,
    too; if any forbids, nothing leaves and the intent comes back on `unsent`. `enable` cleared later lets the frame
    finish.

    Poison: a trigger's order whose causing frame turns out bad (`bad`) at least 4 cycles before its last byte is
    taken ends with `error`, so that the MAC spoils its FCS. The venue never sees it, so MsgSeqNum and `snd_nxt` go
    on only when a frame has ended well; the intent comes back on `unsent` together with `poisoned`. If the bad
    frame is longer than the order's, the order has left by then; nothing can call it back. The same happens where
    `kill_poisons` is set to any order that is killed while its frame is open, at least 2 cycles before its last byte is
    taken.

    Parameters
    ----------
    config : the variant.

    Ports
    -----
    coming : In(Intent), what may be `asked` in the next cycle.
    asked : In, valid-only Intent that the gate was asked about; at the earliest in the cycle after one in which `idle`
        is high, and four cycles after the one before.
    passed : In, `GATE_LATENCY` - 1 cycles after `asked`: the gate lets it leave.
    idle : Out, in the cycle before, no frame was under way nor an order coming back, the MAC was ready and at least one
        venue enabled.
    killed, venue_killed, strategy_killed : In, the kill switches, one bit, or one a venue or strategy. A cancel leaves
        all the same.
    kill_poisons : In, a kill poisons the frame of an order that it would have stopped; else that ends well.
    bad : In, valid-only `rx_time` of a frame that turned out bad.
    stamp : In(TimeOfDay), from the clock, written in the frame as of the cycle of the decision.
    session_i : In(payload), segments from the venues.
    bus : In(BusSignature), the VENUE, IMAGE and SYMBOL_TEXT blocks; an enabled venue's images are locked. Sequence
        numbers are written while no frame of their venue is under way.
    o : Out(axis), frames.
    sent : Out, valid-only SentOrder, in the cycle of the first beat.
    unsent : Out, valid-only Intent that did not leave: 2 cycles after its decision, or with `poisoned` the cycle after
        the last beat of its poisoned frame.
    poisoned : Out, see there.
    report : Out, valid-only ExecReport. bytes_o : Out, stream of SESSION_BYTES. See `SessionReceiver`.
    venues : Out, array of VenueFilter for the receivers.
    """

    def __init__(self, config: NicConfig):
        self.config = config
        valid_only = {"always_ready": True}
        super().__init__({
            "coming": In(Intent), "asked": In(stream.Signature(Intent, **valid_only)), "passed": In(1),
            "idle": Out(1), "killed": In(1), "venue_killed": In(unsigned(config.venues)),
            "strategy_killed": In(unsigned(config.strategies)),
            "kill_poisons": In(1), "bad": In(stream.Signature(64, **valid_only)), "stamp": In(TimeOfDay),
            "session_i": In(payload(config.data_width)), "bus": In(BusSignature()), "o": Out(axis(config.data_width)),
            "sent": Out(stream.Signature(SentOrder, **valid_only)),
            "unsent": Out(stream.Signature(Intent, **valid_only)), "poisoned": Out(1),
            "report": Out(stream.Signature(ExecReport, **valid_only)),
            "bytes_o": Out(stream.Signature(SESSION_BYTES.layout)),
            "venues": Out(data.ArrayLayout(VenueFilter, config.venues))})

    def elaborate(self, platform):
        m = Module()
        m.submodules.encoder = encoder = (Encoder if self.config.lanes == 1 else Encoder64)(self.config)
        m.submodules.sessions = sessions = Sessions(self.config)
        m.submodules.session = session = SessionReceiver(self.config)
        for unit in (encoder, sessions):    # both hear the bus; only the sessions answer
            m.d.comb += [getattr(unit.bus, name).eq(getattr(self.bus, name))
                         for name in ("addr", "wdata", "read")]
        m.d.comb += [sessions.bus.write.eq(self.bus.write), encoder.bus.write.eq(sessions.write)]
        current = Signal(Intent)
        with m.If(self.asked.valid):
            m.d.sync += current.eq(self.asked.payload)
        m.d.comb += [self.bus.rdata.eq(sessions.bus.rdata), self.venues.eq(sessions.filters)]
        if self.config.lanes == 1:
            numbers, says = encoder.values, current
            soon = self.asked.valid
            for _ in range(GATE_LATENCY - 2):   # until the cycle before the decision
                soon, before = Signal(), soon
                m.d.sync += soon.eq(before)
            m.d.comb += [encoder.start.eq(soon), encoder.next_action.eq(current.action),
                         encoder.next_venue.eq(current.venue), sessions.venue.eq(current.venue)]
        else:
            numbers, says = encoder.held, self.coming
            m.d.comb += [encoder.ask.eq(self.asked.valid),
                         sessions.venue.eq(Mux(self.idle, self.coming.venue, current.venue))]
        m.d.comb += _says(encoder.values, says, sessions.numbers)
        stopped = self._start(m, encoder, sessions, current, numbers)
        self._finish(m, encoder, sessions, current, stopped)
        self._receive(m, sessions, session)
        wiring.connect(m, encoder.o, wiring.flipped(self.o))
        return m

    def _start(self, m: Module, encoder, sessions, current, numbers):
        """The cycle of the decision: leave, or be forbidden. Returns whether it is that, a cycle later."""
        allowed, enabled, stopped = Signal(), Signal(self.config.venues), Signal()
        killed = self.order_killed = Signal()       # the order asked about, or under way
        m.d.comb += [
            enabled.eq(Cat(filter_.enable for filter_ in sessions.filters)),
            killed.eq((self.killed | self.strategy_killed.bit_select(current.strategy, 1)
                       | self.venue_killed.bit_select(current.venue, 1)) & (current.action != Action.CANCEL)),
            allowed.eq(~killed & self.stamp.known & enabled.bit_select(current.venue, 1)),
            encoder.go.eq(self.passed & allowed), encoder.values.stamp.eq(self.stamp),
            self.sent.valid.eq(encoder.go), self.sent.payload.msg_seq.eq(numbers.msg_seq),
            self.sent.payload.tcp_seq.eq(numbers.tcp_seq), self.sent.payload.date.eq(self.stamp.date),
            self.sent.payload.ms.eq(self.stamp.ms),
        ]
        m.d.sync += [self.idle.eq(~(encoder.o.valid | self.passed | stopped) & self.o.ready & enabled.any()),
                     stopped.eq(self.passed & ~allowed)]
        return stopped

    def _finish(self, m: Module, encoder, sessions, current, stopped):
        """Sequence numbers move when a frame has ended well; what the venue will not see is given back."""
        m.submodules.bad_frames = bad_frames = BadFrames(self.config)
        wiring.connect(m, wiring.flipped(self.bad), bad_frames.bad)
        lost, cut = encoder.done & encoder.done_error, Signal()
        with m.If(self.passed):
            m.d.sync += cut.eq(0)
        with m.Elif(self.order_killed & self.kill_poisons):
            m.d.sync += cut.eq(1)
        m.d.comb += [bad_frames.intent.eq(current), encoder.poison.eq(bad_frames.hit | cut),
                     self.unsent.payload.eq(current), sessions.sent.eq(encoder.done & ~encoder.done_error)]
        m.d.sync += [self.poisoned.eq(lost), self.unsent.valid.eq(lost | stopped)]
        with m.Switch(current.action):
            for action, frame in FRAMES.items():
                with m.Case(action):
                    m.d.comb += sessions.length.eq(frame.payload)

    def _receive(self, m: Module, sessions, session):
        count = session.count
        if self.config.lanes == 1:
            wiring.connect(m, wiring.flipped(self.session_i), session.i)
            wiring.connect(m, count, sessions.count)
        else:
            m.submodules.narrow = narrow = Narrow(self.config)
            wiring.connect(m, wiring.flipped(self.session_i), narrow.i)
            wiring.connect(m, narrow.o, session.i)
            m.d.comb += [getattr(sessions.count, name).eq(getattr(count, name)) for name in count.signature.members]
            m.d.comb += sessions.count.out_of_order.eq(count.out_of_order | narrow.dropped)
        wiring.connect(m, session.report, wiring.flipped(self.report))
        wiring.connect(m, session.bytes_o, wiring.flipped(self.bytes_o))
        m.d.comb += [session.rcv_nxt.eq(sessions.rcv_nxt), session.restart.eq(sessions.restart),
                     sessions.update.eq(session.update), sessions.following.eq(session.following)]


def _says(values, intent, numbers) -> list:
    """What a frame says of its intent, and of its session."""
    return [values.tcp_seq.eq(numbers.snd_nxt), values.tcp_ack.eq(numbers.rcv_nxt), values.msg_seq.eq(numbers.msg_seq),
            *(values[name].eq(intent[name]) for name in (
                "action", "venue", "symbol", "order_id", "orig_id", "price", "qty", "side", "tif"))]
