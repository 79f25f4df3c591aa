"""Receive path of one port: from frames to the payloads that are ours, everything else counted by cause."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, enum, wiring
from amaranth.lib.wiring import In, Out

from hdl.config import NicConfig
from hdl.messages import FeedFilter, PayloadMeta, VenueFilter, payload
from hdl.net.checksum import Checksum
from hdl.net.facts import HeaderFacts, Part
from hdl.net.headers import (
    ETHERNET,
    MAX_TAGS,
    PROTOCOL_TCP,
    PROTOCOL_UDP,
    TAG,
    TCP,
    TYPE_IPV4,
    TYPES_TAG,
    UDP,
    WORD_BYTES,
)
from hdl.registers import PORT
from hdl.streams import axis_rx
from hdl.venue import HOST_ETHERTYPE


class Cause(enum.Enum, shape=3):
    """Why a frame went no further; the names are those of the PORT counters."""
    NONE = 0
    BAD_FCS = 1
    NOT_IPV4 = 2
    BAD_HEADER = 3
    FRAGMENT = 4
    NOT_UDP = 5
    BAD_LENGTH = 6
    NO_GROUP = 7


#: PORT counter of each cause.
CAUSES = {cause: PORT[cause.name.lower()].name for cause in Cause if cause != Cause.NONE}
#: PORT counters that a receiver moves.
COUNTERS = (PORT["frames"].name, *CAUSES.values())

#: Where each kind of payload goes.
OUTPUTS = {Part.FEED: "feed_o", Part.SESSION: "session_o", Part.HOST: "host_o"}


class Walk(data.Struct):
    """Where in the frame we are."""
    part: Part
    at: 6           # byte of the header
    tags: 2         # tags seen
    more: 1         # payload bytes are still to come
    released: 1     # a payload byte has left
    cause: Cause    # why the rest is skipped


class Receiver(wiring.Component):
    """Ethernet II with up to two tags, IPv4, then UDP of the feeds or TCP of the order sessions.

    Latency: a payload byte leaves in the cycle after the beat that holds it, always. Throughput: one beat a
    cycle; frames may follow each other without a gap. Worst case: nothing is held back, nothing can overflow.

    IPv4 options are skipped and the header checksum is verified before any payload byte leaves. UDP and TCP
    checksums are not: a payload would have to wait for its own end. The UDP length must be exactly what the IPv4
    total length leaves for it. Link addresses and TCP flags are not looked at.

    A payload's last beat comes with the frame's last beat, after any padding: `error` there means a bad frame, or
    one shorter than its headers say. A payload without a byte (a bare TCP ACK) is one beat with `first`, `last`
    and `keep` 0. A frame that ends before its first payload byte gives no beat.

    Parameters
    ----------
    config : the variant, of `data_width` 8.
    port : port number. Port 0 takes TCP of the sessions, the last port host-bridge frames.

    Ports
    -----
    i : In(axis_rx)
    now : In(64), the clock; `rx_time` is its value in the cycle of the frame's first beat.
    feeds, venues : In, arrays of `FeedFilter` and `VenueFilter`; the lowest index that matches wins.
    feed_o, session_o, host_o : Out(payload). `host_o` carries what follows the EtherType HOST_ETHERTYPE; its
        `meta.length` is 0, because such a frame does not say how long it is.
    count : Out, a strobe for each of `COUNTERS`, 2 cycles after the frame's last beat. Each frame has one cause at
        most: a bad frame is BAD_FCS whatever else it is, otherwise the first header that is wrong names it.
    """

    LANES = 1

    def __init__(self, config: NicConfig, port: int):
        if config.lanes != self.LANES:
            raise ValueError(f"{config.name}: this receiver is {8 * self.LANES} bits wide, not {config.data_width}")
        self.config, self.port = config, port
        output = Out(payload(config.data_width))
        super().__init__({
            "i": In(axis_rx(config.data_width)), "now": In(64),
            "feeds": In(data.ArrayLayout(FeedFilter, config.feeds)),
            "venues": In(data.ArrayLayout(VenueFilter, config.venues)),
            "feed_o": output, "session_o": output, "host_o": output,
            "count": Out(wiring.Signature({name: Out(1) for name in COUNTERS})),
        })

    def elaborate(self, platform):
        m = Module()
        m.submodules.facts = facts = HeaderFacts(self.config)
        m.submodules.checksum = checksum = Checksum()
        beat = self.i.payload
        take, end, previous = Signal(), Signal(), Signal(8)
        walk, after = Signal(Walk), Signal(Walk)    # before and after this beat

        m.d.comb += [
            take.eq(self.i.valid & beat.keep[0]),
            end.eq(self.i.valid & beat.last),
            facts.data.eq(beat.data), facts.take.eq(take), facts.part.eq(walk.part), facts.at.eq(walk.at),
            facts.feeds.eq(self.feeds), facts.venues.eq(self.venues),
            checksum.data.eq(beat.data), checksum.take.eq(take & (walk.part == Part.IPV4)),
            checksum.clear.eq(walk.part != Part.IPV4),
            after.eq(walk),
        ]
        ends = self._header_ends(m, walk, facts.o)
        with m.If(take):
            m.d.sync += previous.eq(beat.data)
            self._advance(m, walk, after, ends, Cat(beat.data, previous), facts.o)
        m.d.sync += walk.eq(after)
        # Whether the header checksum is right comes late in its cycle: it is acted on in the next.
        wrong, wrong_end = Signal(), Signal()
        sums_wrong = take & ends[Part.IPV4] & ~checksum.good
        m.d.sync += [wrong.eq(sums_wrong & ~end), wrong_end.eq(sums_wrong & end)]
        with m.If(wrong):
            m.d.sync += [walk.part.eq(Part.SKIP), walk.cause.eq(Cause.BAD_HEADER)]
        with m.If(end):
            m.d.sync += walk.eq(0)

        self._release(m, take, end, walk, after, ends, facts.o)
        self._count(m, end, after, wrong, wrong_end)
        return m

    # ---- one byte further ------------------------------------------------------------------------

    def _header_ends(self, m: Module, walk, facts) -> dict[Part, Signal]:
        """For each header, whether the next byte is its last. Lengths stand by then, so these are registers' work."""
        def words(count):
            return (walk.at[2:] == count) & (walk.at[:2] == WORD_BYTES - 1)

        # Until its 13th byte a TCP header has the data offset of an earlier one; a bad one ends where options begin.
        tcp_least = TCP.bytes // WORD_BYTES - 1
        tcp_ends = Mux(facts.tcp_fits, (walk.at[2:] >= tcp_least) & words(facts.tcp_words), words(tcp_least))
        ends = {Part.ETHERNET: walk.at == ETHERNET.bytes - 1, Part.TAG: walk.at == TAG.bytes - 1,
                Part.IPV4: words(facts.ip_words), Part.UDP: walk.at == UDP.bytes - 1, Part.TCP: tcp_ends}
        signals = {}
        for part, condition in ends.items():
            signals[part] = Signal(name=f"{part.name.lower()}_ends")
            m.d.comb += signals[part].eq((walk.part == part) & condition)
        return signals

    def _advance(self, m: Module, walk, after, ends, two_bytes, facts):
        """Sets `after`, given that a byte is here; `two_bytes` is it and the one before, as a number."""
        m.d.comb += after.at.eq(walk.at + 1)
        with m.If(ends[Part.ETHERNET] | ends[Part.TAG]):
            self._after_type(m, walk, after, two_bytes)
        with m.If(ends[Part.IPV4]):
            self._after_ipv4(m, after, facts)
        with m.If(ends[Part.UDP]):
            self._after_transport(m, after, Part.FEED, facts.udp_fits, facts.feed_hit, facts.empty, Cause.NO_GROUP)
        with m.If(ends[Part.TCP]):
            self._after_transport(m, after, Part.SESSION, facts.tcp_fits, facts.venue_hit, facts.empty, Cause.NOT_UDP)

    def _enter(self, m: Module, after, part):
        m.d.comb += [after.part.eq(part), after.at.eq(0)]

    def _skip(self, m: Module, after, cause):
        self._enter(m, after, Part.SKIP)
        m.d.comb += after.cause.eq(cause)

    def _after_type(self, m: Module, walk, after, type):
        with m.If(type == TYPE_IPV4):
            self._enter(m, after, Part.IPV4)
        with m.Elif(Cat(type == tag for tag in TYPES_TAG).any() & (walk.tags != MAX_TAGS)):
            self._enter(m, after, Part.TAG)
            m.d.comb += after.tags.eq(walk.tags + 1)
        with m.Elif((type == HOST_ETHERTYPE) & int(self.port == self.config.ports - 1)):
            self._enter(m, after, Part.HOST)
        with m.Else():
            self._skip(m, after, Cause.NOT_IPV4)

    def _after_ipv4(self, m: Module, after, facts):
        with m.If(~facts.ip_fits):
            self._skip(m, after, Cause.BAD_HEADER)
        with m.Elif(facts.fragment):
            self._skip(m, after, Cause.FRAGMENT)
        with m.Elif(facts.protocol == PROTOCOL_UDP):
            self._enter(m, after, Part.UDP)
        with m.Elif((facts.protocol == PROTOCOL_TCP) & int(self.port == 0)):
            self._enter(m, after, Part.TCP)
        with m.Else():
            self._skip(m, after, Cause.NOT_UDP)

    def _after_transport(self, m: Module, after, part, fits, hit, empty, miss):
        with m.If(~fits):
            self._skip(m, after, Cause.BAD_LENGTH)
        with m.Elif(~hit):
            self._skip(m, after, miss)
        with m.Else():
            self._enter(m, after, part)
            m.d.comb += after.more.eq(~empty)

    # ---- out -------------------------------------------------------------------------------------

    def _release(self, m: Module, take, end, walk, after, ends, facts):
        """The beat leaves where it holds a payload byte, or ends a frame whose payload has begun or has no byte.

        Nothing here waits for the checksum of this very byte: `after` comes too late in the cycle for that.
        """
        beat = self.i.payload
        byte, final, left, fresh = Signal(), Signal(), Signal(16), Signal(init=1)
        meta, out = Signal(PayloadMeta), Signal.like(self.feed_o.payload)
        host = walk.part == Part.HOST
        m.d.comb += [
            byte.eq(take & (walk.more | host)),
            final.eq((left == 1) & ~host),
        ]
        with m.If(byte):
            m.d.comb += [after.released.eq(1), after.more.eq(~final & ~host)]
            m.d.sync += left.eq(left - 1)
        with m.If(self.i.valid):
            m.d.sync += fresh.eq(beat.last)
            with m.If(fresh):
                m.d.sync += meta.rx_time.eq(self.now)
        with m.Switch(walk.part):
            with m.Case(Part.ETHERNET):
                m.d.sync += [meta.index.eq(0), meta.length.eq(0)]
            with m.Case(Part.UDP):
                m.d.sync += [meta.index.eq(facts.feed_index), meta.length.eq(facts.length), left.eq(facts.length)]
            with m.Case(Part.TCP):
                m.d.sync += [meta.index.eq(facts.venue_index), meta.length.eq(facts.length), left.eq(facts.length)]

        m.d.comb += [out.meta.eq(meta), out.meta.port.eq(self.port)]
        m.d.sync += [
            out.data.eq(beat.data), out.keep.eq(byte), out.first.eq(~walk.released), out.last.eq(beat.last),
            out.error.eq(beat.last & (beat.error | walk.more & ~(byte & final))),
        ]
        # The header's last byte is the frame's, and there is no payload.
        bare = {Part.FEED: ends[Part.UDP] & facts.udp_fits & facts.feed_hit & facts.empty,
                Part.SESSION: ends[Part.TCP] & facts.tcp_fits & facts.venue_hit & facts.empty,
                Part.HOST: (after.part == Part.HOST) & ~host}
        ends_here = end & (walk.released | ~walk.more)
        for part, name in OUTPUTS.items():
            port = getattr(self, name)
            m.d.comb += port.payload.eq(out)
            if part == Part.SESSION:
                m.d.comb += port.payload.meta.tcp_seq.eq(facts.tcp_seq)
            m.d.sync += port.valid.eq((walk.part == part) & (byte | ends_here) | end & take & bare[part])

    def _count(self, m: Module, end, after, wrong, wrong_end):
        """`wrong`: the header checksum of the beat before was; `wrong_end`: and that was the frame's last."""
        ended, error, final = Signal(), Signal(), Signal(Walk)
        m.d.sync += [ended.eq(end), error.eq(self.i.payload.error), final.eq(after)]
        with m.If(wrong):
            m.d.sync += [final.part.eq(Part.SKIP), final.cause.eq(Cause.BAD_HEADER)]
        cause = Signal(Cause)
        with m.If(error):
            m.d.comb += cause.eq(Cause.BAD_FCS)
        with m.Elif(wrong_end):
            m.d.comb += cause.eq(Cause.BAD_HEADER)
        with m.Else():
            with m.Switch(final.part):
                with m.Case(Part.ETHERNET, Part.TAG):
                    m.d.comb += cause.eq(Cause.NOT_IPV4)
                with m.Case(Part.IPV4):
                    m.d.comb += cause.eq(Cause.BAD_HEADER)
                with m.Case(Part.UDP, Part.TCP):
                    m.d.comb += cause.eq(Cause.BAD_LENGTH)
                with m.Case(Part.FEED, Part.SESSION):
                    m.d.comb += cause.eq(Mux(final.more, Cause.BAD_LENGTH, Cause.NONE))
                with m.Case(Part.SKIP):
                    m.d.comb += cause.eq(final.cause)
        self._strobe(m, ended, cause)

    def _strobe(self, m: Module, ended, cause):
        """One frame more, and one more of its cause."""
        m.d.sync += self.count.frames.eq(ended)
        for value, name in CAUSES.items():
            m.d.sync += getattr(self.count, name).eq(ended & (cause == value))
