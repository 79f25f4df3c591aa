"""Order entry: passed decisions out as FIX over TCP, ExecutionReports in."""

from functools import reduce
from operator import or_

from amaranth.hdl import Cat, Module, Mux, Signal, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from hdl.config import NicConfig
from hdl.csr import BusSignature, Counters, RegisterBank
from hdl.fix.encoder import Encoder
from hdl.layouts import SESSION_BYTES, Action, Origin
from hdl.messages import Decision, ExecReport, Intent, SentOrder, VenueFilter, payload
from hdl.net.clock import TimeOfDay
from hdl.order.image import FRAMES
from hdl.order.memory import BusMemory
from hdl.order.sequence import MsgSeqNumber
from hdl.order.session import COUNTERS, SessionReceiver
from hdl.registers import IMAGE, SYMBOL_TEXT, VENUE
from hdl.streams import axis


class BadFrames(wiring.Component):
    """Remembers the last `config.ports` bad frames and whether the order under way came of one of them.

    `hit` follows both `bad` and `intent` by 3 cycles at most, and stays as long as they do. The order of a host
    never hits.

    Ports
    -----
    bad : In, valid-only receive time of a bad frame. intent : In. hit : Out.
    """

    def __init__(self, config: NicConfig):
        self.config = config
        super().__init__({"bad": In(stream.Signature(64, always_ready=True)), "intent": In(Intent), "hit": Out(1)})

    def elaborate(self, platform):
        m = Module()
        kept = [Signal(65, name=f"kept{n}") for n in range(self.config.ports)]     # time, and that there is one
        with m.If(self.bad.valid):
            m.d.sync += Cat(kept).eq(Cat(self.bad.payload, 1, *kept))
        wanted, parts = Cat(self.intent.rx_time, 1), []
        for n, time in enumerate(kept):     # compared in pieces, then together
            same = Signal(4, name=f"same{n}")
            m.d.sync += same.eq(Cat(time[at:at + 17] == wanted[at:at + 17] for at in range(0, 65, 17)))
            parts.append(same.all())
        m.d.sync += self.hit.eq(Cat(parts).any() & (self.intent.origin == Origin.TRIGGER))
        return m


class Venue(wiring.Component):
    """State of one order session: its registers, its sequence numbers, its counters.

    Ports
    -----
    bus : In(BusSignature).
    sent : In, a frame with `length` payload bytes has left. update, following : In, `rcv_nxt` moves.
    count : In, strobes of `COUNTERS`.
    enable, remote_mac, snd_nxt, rcv_nxt, msg_seq (digits), msg_number, filter : Out, state.
    restart : Out, the host is writing the TCP sequence numbers.
    """

    def __init__(self, config: NicConfig, index: int):
        self.config, self.index = config, index
        super().__init__({
            "bus": In(BusSignature()), "sent": In(1), "length": In(16), "update": In(1), "following": In(32),
            "count": In(wiring.Signature({name: Out(1) for name in COUNTERS})),
            "enable": Out(1), "remote_mac": Out(48), "snd_nxt": Out(32), "rcv_nxt": Out(32), "msg_seq": Out(36),
            "msg_number": Out(32), "filter": Out(VenueFilter), "restart": Out(1)})

    def elaborate(self, platform):
        m = Module()
        m.submodules.bank = bank = RegisterBank(self.config, VENUE, self.index)
        m.submodules.sequence = sequence = MsgSeqNumber()
        m.submodules.counters = counters = Counters(("sent", *COUNTERS))
        wiring.connect(m, wiring.flipped(self.bus), bank.bus)
        tcp, local, remote = bank.tcp_value, bank.local_ip_value, bank.remote_ip_value
        m.d.comb += [
            self.enable.eq(bank.enable_value[0]), self.remote_mac.eq(bank.remote_mac_value),
            self.snd_nxt.eq(tcp[:32]), self.rcv_nxt.eq(tcp[32:]), self.restart.eq(bank.tcp_stb),
            bank.tcp_set.eq(self.sent | self.update),
            bank.tcp_data.eq(Cat(Mux(self.sent, (self.snd_nxt + self.length)[:32], self.snd_nxt),
                                 Mux(self.update, self.following, self.rcv_nxt))),
            sequence.digits.eq(bank.msg_seq_value), sequence.written.eq(bank.msg_seq_stb), sequence.step.eq(self.sent),
            bank.msg_seq_set.eq(self.sent), bank.msg_seq_data.eq(sequence.following),
            self.msg_seq.eq(bank.msg_seq_value), self.msg_number.eq(sequence.number),
            self.filter.local_ip.eq(local[:32]), self.filter.local_port.eq(local[32:]),
            self.filter.remote_ip.eq(remote[:32]), self.filter.remote_port.eq(remote[32:]),
            self.filter.enable.eq(self.enable), counters.i.sent.eq(self.sent),
            *(getattr(counters.i, name).eq(getattr(self.count, name)) for name in COUNTERS),
            *(getattr(bank, f"{name}_status").eq(getattr(counters.o, name)) for name in ("sent", *COUNTERS)),
        ]
        return m


class OrderEntry(wiring.Component):
    """Turns each passed decision into one frame, in the order they come, and reads what the venues answer.

    Latency: the first beat is on `o` in the cycle after the decision, always, and the frame follows without a gap
    (254 beats of 8 bits for an order, 244 for a cancel). Kills, the venue's `enable` and the clock's `known` are
    looked at in the cycle of the first beat itself; if any forbids, nothing leaves and the intent comes back on
    `unsent`. `enable` cleared later lets the frame finish.

    Poison: a trigger's order whose causing frame turns out bad (`bad`) at least 4 cycles before its last byte is
    taken ends with `error`, so that the MAC spoils its FCS. The venue never sees it, so MsgSeqNum and `snd_nxt` go
    on only when a frame has ended well; the intent comes back on `unsent` together with `poisoned`. If the bad
    frame is longer than the order's, the order has left by then; nothing can call it back.

    Parameters
    ----------
    config : the variant, of `data_width` 8.

    Ports
    -----
    i : In, valid-only passed Decisions; only while `idle`, one at a time, and not in the two cycles after one.
    idle : Out, no frame is under way, the MAC is ready and at least one venue is enabled.
    killed, venue_killed, strategy_killed : In, the kill switches, one bit, or one a venue or strategy. A cancel leaves
        all the same.
    bad : In, valid-only `rx_time` of a frame that turned out bad.
    stamp : In(TimeOfDay), from the clock, written in the frame as of its first beat.
    session_i : In(payload), segments from the venues.
    bus : In(BusSignature), the VENUE, IMAGE and SYMBOL_TEXT blocks.
    o : Out(axis), frames.
    sent : Out, valid-only SentOrder, in the cycle of the first beat.
    unsent : Out, valid-only Intent that did not leave: 2 cycles after its decision, or with `poisoned` the cycle
        after the last beat of its poisoned frame.
    poisoned : Out, see there.
    report : Out, valid-only ExecReport. bytes_o : Out, stream of SESSION_BYTES. See `SessionReceiver`.
    venues : Out, array of VenueFilter for the receivers.
    """

    def __init__(self, config: NicConfig):
        self.config = config
        valid_only = {"always_ready": True}
        super().__init__({
            "i": In(stream.Signature(Decision, **valid_only)), "idle": Out(1), "killed": In(1),
            "venue_killed": In(unsigned(config.venues)), "strategy_killed": In(unsigned(config.strategies)),
            "bad": In(stream.Signature(64, **valid_only)), "stamp": In(TimeOfDay),
            "session_i": In(payload(config.data_width)), "bus": In(BusSignature()), "o": Out(axis(config.data_width)),
            "sent": Out(stream.Signature(SentOrder, **valid_only)),
            "unsent": Out(stream.Signature(Intent, **valid_only)), "poisoned": Out(1),
            "report": Out(stream.Signature(ExecReport, **valid_only)),
            "bytes_o": Out(stream.Signature(SESSION_BYTES.layout)),
            "venues": Out(data.ArrayLayout(VenueFilter, config.venues))})

    def elaborate(self, platform):
        m = Module()
        m.submodules.encoder = encoder = Encoder(self.config)
        m.submodules.image = image = BusMemory(self.config, IMAGE)
        m.submodules.symbol_text = symbol_text = BusMemory(self.config, SYMBOL_TEXT)
        venues = [Venue(self.config, n) for n in range(self.config.venues)]
        for n, venue in enumerate(venues):
            m.submodules[f"venue{n}"] = venue
            m.d.comb += self.venues[n].eq(venue.filter)
        self._bus(m, image, symbol_text, *venues)
        m.d.comb += [image.addr.eq(encoder.image_addr), encoder.image_data.eq(image.data),
                     symbol_text.addr.eq(encoder.symbol_addr), encoder.symbol_data.eq(symbol_text.data)]
        current = Signal(Decision)
        with m.If(self.i.valid):
            m.d.sync += current.eq(self.i.payload)
        starting = self._start(m, encoder, venues, current)
        self._finish(m, encoder, venues, current, starting)
        self._receive(m, venues)
        wiring.connect(m, encoder.o, wiring.flipped(self.o))
        return m

    def _bus(self, m: Module, *units):
        """All units hear the same bus; each answers for its own addresses and is silent otherwise."""
        for unit in units:
            m.d.comb += [getattr(unit.bus, name).eq(getattr(self.bus, name))
                         for name in ("addr", "wdata", "write", "read")]
        m.d.comb += self.bus.rdata.eq(reduce(or_, (unit.bus.rdata for unit in units)))

    def _start(self, m: Module, encoder, venues, current):
        """The cycle after the decision: leave, or be forbidden. Returns whether this is that cycle."""
        intent, starting, allowed, stopped = current.intent, Signal(), Signal(), Signal()
        remote_mac = data.View(data.ArrayLayout(48, len(venues)), Cat(venue.remote_mac for venue in venues))
        m.d.sync += starting.eq(self.i.valid)
        m.d.comb += [
            encoder.start.eq(self.i.valid), encoder.destination.eq(remote_mac[self.i.payload.intent.venue]),
            stopped.eq((self.killed | self.strategy_killed.bit_select(intent.strategy, 1)
                        | self.venue_killed.bit_select(intent.venue, 1)) & (intent.action != Action.CANCEL)),
            allowed.eq(~stopped & self.stamp.known), encoder.values.stamp.eq(self.stamp),
            *(encoder.values[name].eq(intent[name]) for name in (
                "action", "venue", "symbol", "order_id", "orig_id", "price", "qty", "side", "tif")),
        ]
        with m.Switch(intent.venue):
            for n, venue in enumerate(venues):
                with m.Case(n):
                    m.d.comb += [
                        encoder.go.eq(starting & allowed & venue.enable),
                        encoder.values.tcp_seq.eq(venue.snd_nxt), encoder.values.tcp_ack.eq(venue.rcv_nxt),
                        encoder.values.msg_seq.eq(venue.msg_seq), self.sent.payload.msg_seq.eq(venue.msg_number)]
        m.d.comb += [
            self.sent.valid.eq(encoder.go), self.sent.payload.decision.eq(current),
            self.sent.payload.tcp_seq.eq(encoder.values.tcp_seq), self.sent.payload.date.eq(self.stamp.date),
            self.sent.payload.ms.eq(self.stamp.ms),
        ]
        any_enabled = Cat(venue.enable for venue in venues).any()
        m.d.sync += self.idle.eq(~(self.i.valid | encoder.busy) & self.o.ready & any_enabled)
        return starting

    def _finish(self, m: Module, encoder, venues, current, starting):
        """Sequence numbers move when a frame has ended well; what the venue will not see is given back."""
        m.submodules.bad_frames = bad_frames = BadFrames(self.config)
        wiring.connect(m, wiring.flipped(self.bad), bad_frames.bad)
        lost = encoder.done & encoder.done_error
        m.d.comb += [bad_frames.intent.eq(current.intent), encoder.poison.eq(bad_frames.hit)]
        m.d.sync += [
            self.poisoned.eq(lost), self.unsent.valid.eq(lost | starting & ~encoder.go),
            self.unsent.payload.eq(current.intent),
        ]
        length = Signal(16)
        with m.Switch(current.intent.action):
            for action, frame in FRAMES.items():
                with m.Case(action):
                    m.d.comb += length.eq(frame.payload)
        for n, venue in enumerate(venues):
            m.d.comb += [venue.sent.eq(encoder.done & ~encoder.done_error & (current.intent.venue == n)),
                         venue.length.eq(length)]

    def _receive(self, m: Module, venues):
        m.submodules.session = session = SessionReceiver(self.config)
        for mine, theirs in ((self.session_i, session.i), (session.report, self.report),
                             (session.bytes_o, self.bytes_o)):
            ends = (wiring.flipped(mine), theirs) if mine is self.session_i else (mine, wiring.flipped(theirs))
            wiring.connect(m, *ends)
        for n, venue in enumerate(venues):
            m.d.comb += [
                session.rcv_nxt[n].eq(venue.rcv_nxt), session.restart[n].eq(venue.restart),
                venue.update.eq(session.update[n]), venue.following.eq(session.following),
                *(getattr(venue.count, name).eq(getattr(session.count, name)[n]) for name in COUNTERS),
            ]
