"""Receive path of one port at eight bytes a beat; `hdl.net.receiver` is the same at one."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, signed, unsigned
from amaranth.lib import data, enum

from hdl.net.facts import Part
from hdl.net.facts64 import AT_BITS, IPV4_WORDS, UDP_WORDS, WORD_BITS, WORDS, HeaderFacts64
from hdl.net.headers import MAX_TAGS, TYPE_IPV4, TYPES_TAG, WORD_BYTES
from hdl.net.receiver import OUTPUTS, Cause, Receiver
from hdl.venue import HOST_ETHERTYPE

LANES, LANE_BITS = 8, 3
#: Bytes by which headers are out of step with the beats of a frame: those of a type field.
STEP = 2
#: Numbers of words beyond this are of no interest; the counting stops there, two at a time.
_FAR = 1 << AT_BITS - 2
#: Before the first word of an IPv4 header.
_BEFORE = -_FAR


class Kind(enum.Enum, shape=3):
    """What the type fields seen so far say."""
    UNKNOWN = 0
    TAGGED = 1
    IPV4 = 2
    HOST = 3
    OTHER = 4


class Ended(data.Struct):
    """A frame has ended."""
    now: unsigned(1)
    error: unsigned(1)


class Sent(data.Struct):
    """How far the payload of a frame has come."""
    begun: unsigned(1)      # its first beat has gone by, whether it left or not
    released: unsigned(1)   # a byte has left
    whole: unsigned(1)      # so has its last byte


class Receiver64(Receiver):
    """Ethernet II with up to two tags, IPv4, then UDP of the feeds or TCP of the order sessions.

    It takes and counts what `Receiver` does. Latency: a payload beat leaves in the cycle after the frame's beat that
    holds the last of its eight bytes, or the cycle after that where the frame ends with fewer. A payload begins
    in lane 2 (untagged, no options) or 6 of the frame's beats, so a byte waits for the beat after its own in the
    lanes from there on, or it does not. Throughput: one beat a cycle; frames may follow each other without a gap.
    Worst case: nothing is held back, nothing can overflow.

    The last beat of a payload holds no byte: it comes 3 cycles after the frame's last beat, when all is known of
    the frame. `error` there means a bad frame, or one shorter than its headers say. A payload without a byte (a bare
    TCP ACK) is that beat alone, with `first`. A frame that ends before its first payload byte gives no beat.

    Parameters
    ----------
    config : the variant, of `data_width` 64.
    port : port number. Port 0 takes TCP of the sessions, the last port host-bridge frames.

    Ports
    -----
    As of `Receiver`; `count` strobes 3 cycles after the frame's last beat.
    """

    LANES = LANES

    def elaborate(self, platform):
        m = Module()
        m.submodules.facts = facts = HeaderFacts64(self.config)
        beat, valid = self.i.payload, self.i.valid
        fresh, second, third = Signal(init=1), Signal(), Signal()   # the next beat is that one of a frame
        held, tail = Signal(8 * (LANES - STEP)), Signal(LANES - STEP)   # of the beat before, from lane STEP on
        at, kind, flush, second_tag = Signal(signed(AT_BITS)), Signal(Kind), Signal(), Signal()
        goes_on, types_begin, end = Signal(), Signal(), Signal()
        m.d.comb += [goes_on.eq(valid & ~fresh), types_begin.eq(valid & second), end.eq(valid & beat.last)]
        m.d.sync += flush.eq(end)
        with m.If(valid):
            m.d.sync += [Cat(fresh, second, third).eq(Mux(beat.last, 1, Cat(Const(0, 1), fresh, second))),
                         held.eq(beat.data[8 * STEP:]), tail.eq(beat.keep[STEP:])]
        words, here = self._words(m, held, goes_on)
        m.d.comb += [
            facts.words.eq(words), facts.here.eq(here), facts.at.eq(at), facts.ipv4.eq(kind == Kind.IPV4),
            facts.start.eq(types_begin | second_tag), facts.ended.eq(end),
            facts.feeds.eq(self.feeds), facts.venues.eq(self.venues),
        ]
        self._types(m, (valid & fresh, types_begin, valid & third), words, here, at, kind, second_tag)
        ended, kind_ended = Signal(Ended), Signal(Kind)     # two cycles after the frame's last beat
        before = Signal(Ended)
        m.d.sync += [before.now.eq(end), before.error.eq(beat.error), ended.eq(before), kind_ended.eq(kind)]

        out = Signal.like(self.feed_o.payload)
        sent = self._release(m, facts.o, at, kind, (goes_on, flush, types_begin), held, tail, out)
        self._finish(m, facts.o, kind_ended, ended, sent, out)
        self._times(m, valid & fresh, types_begin, out)
        self._outputs(m, facts.o, out)
        self._count(m, facts.o, kind_ended, ended, sent)
        return m

    # ---- headers -------------------------------------------------------------------------------------

    def _words(self, m: Module, held, goes_on):
        """The two words of which this beat brings the last byte, as numbers, and which of them are there."""
        moved = Cat(held[-8 * STEP:], self.i.payload.data)
        words, here = Signal(data.ArrayLayout(WORD_BITS, WORDS)), Signal(WORDS)
        for n in range(WORDS):
            first = WORD_BYTES * n
            m.d.comb += words[n].eq(Cat(moved.word_select(first + at, 8) for at in reversed(range(WORD_BYTES))))
            m.d.comb += here[n].eq(goes_on & self.i.payload.keep[first + WORD_BYTES - STEP - 1])
        return words, here

    def _types(self, m: Module, beats, words, here, at, kind, second_tag):
        """Follows the types of Ethernet and its tags: each is the end of a word, of the second or third beat.

        Counts words from the first of IPv4. A frame with a tag is taken for one with one tag until a second shows:
        `second_tag`, the cycle after.
        """
        first, second, third = beats
        types = [self._kind(m, word, f"kind{n}") for n, word in enumerate(words)]
        assert MAX_TAGS == WORDS
        with m.If(self.i.valid & (at < _FAR)):
            m.d.sync += at.eq(at + WORDS)
        m.d.sync += second_tag.eq(0)
        with m.If(third & (kind == Kind.TAGGED) & here[0]):
            m.d.sync += kind.eq(types[0])
            with m.If(types[0] == Kind.TAGGED):
                m.d.sync += [at.eq(0), second_tag.eq(1)]
                with m.If(here[1]):
                    m.d.sync += kind.eq(Mux(types[1] == Kind.TAGGED, Kind.OTHER, types[1]))
        with m.If(second):
            m.d.sync += at.eq(Mux(types[1] == Kind.TAGGED, -1, 0))
            with m.If(here[1]):
                m.d.sync += kind.eq(types[1])
        with m.If(first):
            m.d.sync += [at.eq(_BEFORE), kind.eq(Kind.UNKNOWN)]

    def _kind(self, m: Module, word, name: str):
        type_, kind = word[:8 * STEP], Signal(Kind, name=name)
        with m.If(type_ == TYPE_IPV4):
            m.d.comb += kind.eq(Kind.IPV4)
        with m.Elif(Cat(type_ == tag for tag in TYPES_TAG).any()):
            m.d.comb += kind.eq(Kind.TAGGED)
        with m.Elif((type_ == HOST_ETHERTYPE) & int(self.port == self.config.ports - 1)):
            m.d.comb += kind.eq(Kind.HOST)
        with m.Else():
            m.d.comb += kind.eq(Kind.OTHER)
        return kind

    # ---- out -----------------------------------------------------------------------------------------

    def _release(self, m: Module, facts, at, kind, beats, held, tail, out):
        """The beats of a payload that hold bytes.

        It begins at either word of a beat; where at the second, each of its beats ends with a first word.
        """
        goes_on, flush, types_begin = beats
        beat, host, half = self.i.payload, kind == Kind.HOST, LANES // 2
        number, odd, step = Signal.like(facts.payload_at), Signal(), Signal()
        m.d.comb += [
            number.eq(Mux(host, at, facts.payload_at)), odd.eq(number[0]),
            step.eq((goes_on | flush) & (number >= 0) & (host | (at >= IPV4_WORDS + UDP_WORDS) & facts.placed)),
        ]
        lead, now = Mux(flush, tail, Const((1 << len(tail)) - 1, len(tail))), Mux(flush, 0, beat.keep)
        arrived, wanted, keep = Signal(LANES), Signal(LANES), Signal(LANES)
        sent, left = Signal(Sent), Signal(16)
        togo = Mux(sent.begun, left, facts.length)
        many, rest = togo[LANE_BITS:].any(), togo[:LANE_BITS]
        m.d.comb += [
            arrived.eq(Mux(odd, Cat(lead, now), Cat(lead[half:], now))),
            wanted.eq(Cat(many | (rest > n) for n in range(LANES))),
            keep.eq(arrived & (wanted | host.replicate(LANES))),
        ]
        m.d.sync += [
            out.data.eq(Mux(odd, Cat(held, beat.data), Cat(held[8 * half:], beat.data))), out.keep.eq(keep),
            out.first.eq(~sent.released), out.last.eq(0), out.error.eq(0),
        ]
        leaves = {Part.FEED: facts.feed_ok & ~host, Part.SESSION: facts.session_ok & ~host, Part.HOST: host}
        self.valid = {part: Signal(name=f"{part.name.lower()}_valid") for part in OUTPUTS}
        for part, ok in leaves.items():
            m.d.sync += self.valid[part].eq(step & keep[0] & ok)
        with m.If(step):
            m.d.sync += [sent.begun.eq(1), left.eq(Mux(many, togo - LANES, 0))]
            with m.If(keep[0] & Cat(leaves.values()).any()):
                m.d.sync += sent.released.eq(1)
            with m.If((~many & rest.any() | (togo == LANES)) & ((arrived & wanted) == wanted)):
                m.d.sync += sent.whole.eq(1)
        with m.If(types_begin):
            m.d.sync += sent.eq(0)
        return sent

    def _finish(self, m: Module, facts, kind, ended, sent, out):
        """The last beat, if the payload has begun or has no byte."""
        short = ~(sent.whole | facts.empty)
        ends = sent.released | facts.empty
        finishes = {Part.FEED: facts.feed_ok & facts.udp_whole & ends,
                    Part.SESSION: facts.session_ok & facts.tcp_whole & ends}
        with m.If(ended.now):
            m.d.sync += [out.keep.eq(0), out.last.eq(1), out.error.eq(ended.error | (kind != Kind.HOST) & short)]
            m.d.sync += [self.valid[part].eq((kind == Kind.IPV4) & finish) for part, finish in finishes.items()]
            m.d.sync += self.valid[Part.HOST].eq(kind == Kind.HOST)

    def _times(self, m: Module, begins, types_begin, out):
        """`rx_time`: that of a frame takes the place of the last one's when nothing more of that can leave."""
        time, settled = Signal(64, reset_less=True), Signal()
        m.d.sync += settled.eq(types_begin)
        with m.If(begins):
            m.d.sync += time.eq(self.now)
        with m.If(settled):
            m.d.sync += out.meta.rx_time.eq(time)

    def _outputs(self, m: Module, facts, out):
        members = {Part.FEED: {"index": facts.feed_index, "length": facts.length},
                   Part.SESSION: {"index": facts.venue_index, "length": facts.length, "tcp_seq": facts.tcp_seq},
                   Part.HOST: {}}
        for part, output in OUTPUTS.items():
            port = getattr(self, output)
            meta = port.payload.meta
            m.d.comb += [port.valid.eq(self.valid[part] & int(part != Part.SESSION or self.port == 0)),
                         *(port.payload[name].eq(out[name]) for name in ("data", "keep", "first", "last", "error")),
                         meta.rx_time.eq(out.meta.rx_time), meta.port.eq(self.port),
                         *(meta[member].eq(value) for member, value in members[part].items())]

    def _count(self, m: Module, facts, kind, ended, sent):
        cause = Signal(Cause)
        short = ~(sent.whole | facts.empty)
        sessions = facts.tcp & int(self.port == 0)
        with m.If(ended.error):
            m.d.comb += cause.eq(Cause.BAD_FCS)
        with m.Elif(kind == Kind.HOST):
            m.d.comb += cause.eq(Cause.NONE)
        with m.Elif(kind != Kind.IPV4):
            m.d.comb += cause.eq(Cause.NOT_IPV4)
        with m.Elif(~(facts.ip_whole & facts.ip_fits)):
            m.d.comb += cause.eq(Cause.BAD_HEADER)
        with m.Elif(facts.fragment):
            m.d.comb += cause.eq(Cause.FRAGMENT)
        with m.Elif(~facts.udp & ~sessions):
            m.d.comb += cause.eq(Cause.NOT_UDP)
        with m.Elif(Mux(facts.udp, ~(facts.udp_whole & facts.udp_fits), ~(facts.tcp_whole & facts.tcp_fits))):
            m.d.comb += cause.eq(Cause.BAD_LENGTH)
        with m.Elif(~Mux(facts.udp, facts.feed_hit, facts.venue_hit)):
            m.d.comb += cause.eq(Mux(facts.udp, Cause.NO_GROUP, Cause.NOT_UDP))
        with m.Elif(short):
            m.d.comb += cause.eq(Cause.BAD_LENGTH)
        self._strobe(m, ended.now, cause)
