"""The feed path of one port: from a datagram's payload to numbered, decoded messages."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out, connect

from hdl.config import NicConfig
from hdl.feed import itch
from hdl.feed.itch import NEEDED, NEEDED_UNKNOWN, ItchDecoder
from hdl.feed.itch64 import ItchDecoder64
from hdl.feed.mold64 import MoldUDP64Wide
from hdl.feed.moldudp64 import END_LATENCY, MoldUDP64
from hdl.feed.spec import MOLD_LENGTH_BYTES
from hdl.messages import FeedMessage, Note, PayloadMeta, payload
from hdl.registers import PORT

#: Cycles by which the receiver delays a payload byte: from the MAC-facing port to `FeedPath.i`.
RECEIVER_LATENCY = 1
#: Cycles from the last needed byte on `i` to the message on `o`.
LATENCY = itch.LATENCY
#: Smallest distance in cycles between two outputs: the length of a block and the fewest bytes that a type needs.
DISTANCE = MOLD_LENGTH_BYTES + min(NEEDED_UNKNOWN, *NEEDED.values())
#: Cycles from a datagram's last beat to the note that it causes; its last message may be `DISTANCE` before that.
NOTE_LATENCY = LATENCY + DISTANCE
#: The same at eight bytes a beat, where all messages are out before the datagram's end is judged.
WIDE_NOTE_LATENCY = MoldUDP64Wide.SEQ_LATENCY + 1
#: PORT counters that a feed path moves.
COUNTERS = tuple(PORT[name].name for name in ("malformed", "messages", "unknown_type"))

_NEEDED = data.Layout.cast(FeedMessage)["needed"].shape


def note_latency(config: NicConfig) -> int:
    """Cycles from a datagram's last beat to the note that it causes."""
    return NOTE_LATENCY if config.lanes == 1 else WIDE_NOTE_LATENCY


class FeedPath(wiring.Component):
    """MoldUDP64, then ITCH, then what is left to say at the end of the datagram.

    Latency: a message is on `o` `LATENCY` = 1 cycle after its last needed byte was on `i` (see `ItchDecoder` for
    which that is); a note `note_latency` cycles after the datagram's last beat. Throughput: one beat a cycle.

    ==========================================  =======  ===========================================================
    cycles                                      8 bits   64 bits
    ==========================================  =======  ===========================================================
    from the datagram's last beat to its note   14       5
    between outputs, at least                   13       1, and never more than one in `DISTANCE` = 13 bytes
    between those that touch a book             21       2, and never more than one in 21 bytes
    ==========================================  =======  ===========================================================

    Datagrams must be at least `note_latency` + 1 cycles apart: the headers of a frame alone are 42 bytes, and the
    receiver of 64 bits ends a payload as early as it knows how.

    A datagram causes one note at most:

    - HEARTBEAT or END, if that is all it was. They wait for the frame to prove good, so that a damaged header
      cannot move a sequence number ahead by itself.
    - HEARTBEAT after a good frame with anything malformed in it, if its MoldUDP64 header was whole: `seq` says how
      far the sequence had come, so that what was not delivered shows as a gap at once.
    - BAD_FRAME after a bad or torn frame of which a message was passed on.

    A message of an unknown type is passed on with its number, so that the sequence stays whole.

    Parameters
    ----------
    config : the variant.
    port : port number, for `FeedMessage.port`.

    Ports
    -----
    i : In(payload)
    now : In(64), the clock.
    o : Out, valid-only `FeedMessage`. In notes all but note, feed, port, session, seq and rx_time is 0.
    count : Out, strobes for the PORT counters `COUNTERS`: `malformed` once a datagram, with its last beat good;
        `messages` with every message, `unknown_type` with those of them.
    """

    def __init__(self, config: NicConfig, port: int):
        self.port, self.note_latency = port, note_latency(config)
        if config.lanes == 1:
            self.mold, self.decoder, self.end_latency = MoldUDP64(config), ItchDecoder(), END_LATENCY
        else:
            self.mold, self.decoder = MoldUDP64Wide(config), ItchDecoder64()
            self.end_latency = self.mold.END_LATENCY
        super().__init__({
            "i": In(payload(config.data_width)), "now": In(64),
            "o": Out(stream.Signature(FeedMessage, always_ready=True)),
            "count": Out(wiring.Signature({name: Out(1) for name in COUNTERS})),
        })

    def elaborate(self, platform):
        m = Module()
        m.submodules.mold = mold = self.mold
        m.submodules.itch = decoder = self.decoder
        connect(m, wiring.flipped(self.i), mold.i)
        connect(m, mold.o, decoder.i)

        meta, needed = Signal(PayloadMeta, reset_less=True), Signal(_NEEDED, reset_less=True)
        with m.If(self.i.valid & self.i.payload.first):
            m.d.sync += meta.eq(self.i.payload.meta)
        port_time = self._port_time(m)
        with m.If(mold.end.valid):
            m.d.sync += needed.eq(0)
        with m.Elif(decoder.needed):
            m.d.sync += needed.eq(port_time)

        note, note_valid = self._note(m, mold, decoder)
        out = self.o.payload
        m.d.comb += [
            self.o.valid.eq(decoder.o.valid | note_valid),
            out.note.eq(note), out.feed.eq(meta.index), out.port.eq(self.port),
            out.session.eq(mold.session), out.seq.eq(mold.seq),
            out.rx_time.eq(meta.rx_time), out.needed.eq(needed),
            self.count.messages.eq(decoder.o.valid), self.count.unknown_type.eq(decoder.unknown),
        ]
        if isinstance(decoder, ItchDecoder):    # the other's members are 0 by themselves
            m.d.comb += decoder.clear.eq(mold.end.valid)
        m.d.comb += [out[member].eq(decoder.o.payload[member]) for member in ("type", *itch.MEMBERS)]
        return m

    def _port_time(self, m):
        """Low half of the clock in the cycle in which the byte now on `i` was on the MAC-facing port."""
        time = self.now[:_NEEDED.width]
        for _ in range(RECEIVER_LATENCY):
            earlier = Signal(_NEEDED, reset_less=True)
            m.d.sync += earlier.eq(time)
            time = earlier
        return time

    def _note(self, m, mold, decoder):
        """(note, whether it is on `o`)."""
        note, wait = Signal(Note), Signal(range(self.note_latency))
        found = Signal()
        passed, skipped = Signal(), Signal()    # of this datagram: a message was passed on, one was malformed
        begins = self.i.valid & self.i.payload.first
        with m.If(decoder.needed):
            m.d.sync += passed.eq(1)
        with m.Elif(begins):
            m.d.sync += passed.eq(0)
        with m.If(decoder.malformed):
            m.d.sync += skipped.eq(1)
        with m.Elif(begins):
            m.d.sync += skipped.eq(0)

        end, malformed = mold.end.payload, Signal()
        m.d.comb += malformed.eq(mold.end.valid & ~end.error & (end.malformed | skipped | decoder.malformed))
        m.d.sync += self.count.malformed.eq(malformed)
        with m.If(wait.any()):
            m.d.sync += wait.eq(wait - 1)
        with m.If(wait == 1):
            m.d.sync += note.eq(Note.MESSAGE)
        with m.If(end.error):
            m.d.comb += found.eq(passed)
        with m.Else():
            m.d.comb += found.eq(Mux(malformed, end.numbered, end.heartbeat | end.end))
        with m.If(mold.end.valid & found):
            m.d.sync += [wait.eq(self.note_latency - self.end_latency), note.eq(Note.HEARTBEAT)]
            with m.If(end.error):
                m.d.sync += note.eq(Note.BAD_FRAME)
            with m.Elif(end.end & ~malformed):
                m.d.sync += note.eq(Note.END)
        return note, wait == 1


__all__ = ["COUNTERS", "DISTANCE", "LATENCY", "NOTE_LATENCY", "RECEIVER_LATENCY", "FeedPath", "note_latency"]
