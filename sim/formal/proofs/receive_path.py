"""After anything at all the receive path is ready again for the next frame, one cycle after the last beat.

On the real receiver and feed path of a port, from every state of every register, reachable or not: whatever frames,
whole or torn, came before, and even if a register was upset. Then a frame ends, with any byte, good or bad. In the very
next cycle a good frame begins, back to back: Ethernet, IPv4, UDP, MoldUDP64 with one ITCH system event, every field
that may be anything being anything. Claims:

- the message is out 2 cycles after the beat with its last byte, with its own sequence number, locate and time;
- nothing else comes out from `NOTE_LATENCY` cycles after the first frame's end on until then, and nothing after it.

One register is taken to be as it can be: what kind of note `FeedPath` has to say is forgotten when it has been said.

So no input makes the path hang, and the bound is 1 cycle. What comes is one byte a cycle, as from the MAC at line rate.
"""

from amaranth.asserts import AnyConst, AnySeq, Initial
from amaranth.hdl import Assume, Cat, Module, Mux, ResetSignal, Signal
from amaranth.lib import wiring

from hdl.config import TINY
from hdl.feed.path import LATENCY, NOTE_LATENCY, RECEIVER_LATENCY, FeedPath
from hdl.feed.spec import MESSAGES, MOLD_HEADER, MOLD_HEADER_BYTES, MOLD_LENGTH_BYTES
from hdl.messages import Note
from hdl.net.headers import ETHERNET, IPV4, PROTOCOL_UDP, TYPE_IPV4, UDP, WORD_BYTES
from hdl.net.receiver import Receiver
from hdl.order.image import sum16
from sim.formal.flow import Proof
from sim.formal.surgery import Fault, claim

GROUP, PORT = 0xEF010101, 26400
EVENT = MESSAGES["S"]
BLOCK = MOLD_LENGTH_BYTES + EVENT.length
MOLD_AT = ETHERNET.bytes + IPV4.bytes + UDP.bytes
MESSAGE_AT = MOLD_AT + MOLD_HEADER_BYTES + MOLD_LENGTH_BYTES
LENGTH = ETHERNET.bytes + IPV4.bytes + UDP.bytes + MOLD_HEADER_BYTES + BLOCK
#: Cycles that are looked at: until nothing more can come of it.
DEPTH = LENGTH + RECEIVER_LATENCY + LATENCY + 4


def frame() -> list[int | None]:
    """Its bytes; None: any."""
    udp_length = UDP.bytes + MOLD_HEADER_BYTES + BLOCK
    ip = IPV4.pack(version=4, ihl=IPV4.bytes // WORD_BYTES, total_length=IPV4.bytes + udp_length, ttl=1,
                   protocol=PROTOCOL_UDP, destination=GROUP)
    checksum = (~sum16(ip) & 0xFFFF).to_bytes(2, "big")
    ip = [*ip[:IPV4["checksum"].bytes.start], *checksum, *ip[IPV4["source"].bytes.start:]]
    udp = [None] * UDP.bytes
    for name, value in (("destination", PORT), ("length", udp_length)):
        udp[UDP[name].bytes.start:UDP[name].bytes.stop] = value.to_bytes(2, "big")
    mold = [None] * MOLD_HEADER_BYTES
    count = MOLD_HEADER["count"]
    mold[count.offset:count.end] = (1).to_bytes(count.width, "big")
    return [*[None] * (ETHERNET.bytes - 2), *TYPE_IPV4.to_bytes(2, "big"), *ip, *udp, *mold,
            *EVENT.length.to_bytes(MOLD_LENGTH_BYTES, "big"), EVENT.code, *[None] * (EVENT.length - 1)]


class AfterAnything(wiring.Component):
    def __init__(self):
        super().__init__({})

    def elaborate(self, platform):
        m = Module()
        m.submodules.receiver = receiver = Receiver(TINY, 0)
        m.submodules.path = path = FeedPath(TINY, 0)
        wiring.connect(m, receiver.feed_o, path.i)
        later, cycle = Signal(8), Signal(8)     # 0: the last beat of what came before; from 1 on the good frame
        m.d.comb += cycle.eq(Mux(Initial(), 0, later))
        m.d.sync += later.eq(cycle + 1)
        sent = [AnyConst(8) if byte is None else byte for byte in frame()]
        self._drive(m, receiver, path, cycle, sent)
        out, at = path.o.payload, {name: MOLD_AT + item.offset for name, item in MOLD_HEADER.items()}

        def value(start, width):
            return Cat(reversed(sent[start:start + width]))
        comes = cycle == LENGTH + RECEIVER_LATENCY + LATENCY
        fields, quiet = EVENT.by_name, cycle > RECEIVER_LATENCY + NOTE_LATENCY
        m.d.comb += Assume(~quiet | (out.note == Note.MESSAGE))
        claim(m, "comes", path.o.valid & (out.note == Note.MESSAGE) & (out.type == EVENT.code), when=comes)
        claim(m, "sequence", out.seq == value(at["sequence"], MOLD_HEADER["sequence"].width), when=comes)
        for member, field in (("locate", "locate"), ("itch_time", "timestamp"), ("detail", "event_code")):
            item = fields[field]
            claim(m, member, out[member] == value(MESSAGE_AT + item.offset, item.width), when=comes)
        claim(m, "alone", ~path.o.valid, when=quiet & ~comes & (cycle < DEPTH))
        return m

    def _drive(self, m: Module, receiver, path, cycle, sent):
        beat, feed = receiver.i.payload, receiver.feeds[0]
        m.d.comb += [
            receiver.now.eq(AnySeq(64)), path.now.eq(AnySeq(64)), Assume(~ResetSignal()),
            *(venue.as_value().eq(AnyConst(len(venue.as_value()))) for venue in receiver.venues),
            feed.ip.eq(GROUP), feed.port.eq(PORT), feed.enable.eq(1),
            receiver.i.valid.eq(cycle <= LENGTH), beat.keep.eq(1), beat.last.eq((cycle == 0) | (cycle == LENGTH)),
            beat.data.eq(AnySeq(8)), beat.error.eq(AnySeq(1)),
        ]
        with m.Switch(cycle):
            for n, byte in enumerate(sent):
                with m.Case(n + 1):
                    m.d.comb += [beat.data.eq(byte), beat.error.eq(0)]


PROOF = Proof(
    name="receive_path", doc=__doc__.split("\n")[0], design=AfterAnything, depth=DEPTH + 2, search=DEPTH + 2,
    any_state=True,
    mutants={
        "frame_goes_on": Fault("hdl.net.receiver", "        with m.If(end):\n            m.d.sync += walk.eq(0)",
                               "        with m.If(end):\n            m.d.sync += walk.cause.eq(0)"),
        "datagram_goes_on": Fault("hdl.feed.moldudp64", "m.d.comb += [here.eq(Part.HEADER), left",
                                  "m.d.comb += [here.eq(part), left"),
        "message_goes_on": Fault("hdl.feed.itch", "m.d.comb += index_next.eq(1)", "m.d.comb += index_next.eq(index)"),
    })
