"""What the headers of a packet say, eight bytes a beat; `hdl.net.facts` is the same at one byte."""

from amaranth.hdl import Cat, Module, Mux, Signal, signed, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from hdl.config import NicConfig
from hdl.messages import FeedFilter, VenueFilter
from hdl.net.headers import IPV4, PROTOCOL_TCP, PROTOCOL_UDP, TCP, UDP, WORD_BYTES, Field

#: Bits of a header word, and of the number of one relative to the first word of IPv4, which is negative before it.
WORD_BITS, AT_BITS = 8 * WORD_BYTES, 7
#: Words of a beat.
WORDS = 2
IPV4_WORDS, UDP_WORDS, TCP_WORDS = (header.bytes // WORD_BYTES for header in (IPV4, UDP, TCP))
#: Carries of the checksum: 30 halves at most, so that many bits above the 16.
_SUM_BITS = 16 + (2 * 15 - 1).bit_length()
HALF_BITS = 16


def place(field: Field) -> tuple[int, slice]:
    """(word of its header, bits of that word as a number) of a field that lies in one word."""
    word, first = divmod(field.offset, WORD_BITS)
    return word, slice(WORD_BITS - first - field.width, WORD_BITS - first)


class WideFacts(data.Struct):
    """Each stands 2 cycles after the beat that holds its last word, if not before, until the next packet's header."""
    payload_at: signed(AT_BITS + 1)     # number of the beat's first word, counted from the payload's first
    placed: unsigned(1)         # once that is not negative: it is so for this packet
    ip_fits: unsigned(1)        # version, length and checksum are right; the total length covers the header
    fragment: unsigned(1)       # a part of a datagram, first or later
    udp: unsigned(1)
    tcp: unsigned(1)
    feed_ok: unsigned(1)        # a whole IPv4 header, UDP, lengths right, of a feed
    session_ok: unsigned(1)     # the same for TCP, of a venue
    udp_fits: unsigned(1)       # the UDP length is what the total length leaves for it
    tcp_fits: unsigned(1)       # the data offset is right, and the total length covers the header
    ip_whole: unsigned(1)       # every byte of the header was there; of UDP's; of TCP's with options
    udp_whole: unsigned(1)
    tcp_whole: unsigned(1)
    tcp_seq: unsigned(32)
    length: unsigned(16)        # payload bytes after the UDP or TCP header
    empty: unsigned(1)          # that is none
    feed_hit: unsigned(1)
    feed_index: unsigned(2)
    venue_hit: unsigned(1)
    venue_index: unsigned(2)


class HeaderChecksum(wiring.Component):
    """Whether the words of an IPv4 header sum to zero (RFC 1071): `good` 2 cycles after the last was on `words`.

    Ports
    -----
    words : In, a beat's two words. take : In, which of them count. clear : In, start over with the words after these.
    good : Out, holds.
    """

    def __init__(self):
        super().__init__({"words": In(data.ArrayLayout(WORD_BITS, WORDS)), "take": In(WORDS), "clear": In(1),
                          "good": Out(1)})

    def elaborate(self, platform):
        m = Module()
        part, total = Signal(HALF_BITS + 2), Signal(_SUM_BITS)
        halves = [Mux(self.take[n], self.words[n].word_select(half, HALF_BITS), 0)
                  for n in range(WORDS) for half in range(2)]
        m.d.sync += [part.eq((halves[0] + halves[1]) + (halves[2] + halves[3])), total.eq(total + part)]
        with m.If(self.clear):
            m.d.sync += total.eq(0)
        # A multiple of 2**16 - 1 that is not 0: what was carried out is the complement of what is left.
        m.d.comb += self.good.eq(~total[:HALF_BITS] == total[HALF_BITS:])
        return m


class HeaderFacts64(wiring.Component):
    """Captures the header words that matter and keeps `WideFacts` current.

    All headers after Ethernet begin two bytes into a word of the frame, so a beat, moved by two bytes, is two words.
    What decides whether a payload leaves is compared on the way in, not after it was captured: a payload may begin
    in the beat of the UDP length itself.

    Ports
    -----
    words, here : In, the beat's words as numbers, and which of them are whole.
    at : In, number of the first of them, counted from the first of IPv4.
    ipv4 : In, the frame's type says so. start : In, before the first word of a frame's IPv4 header.
    ended : In, the frame ends with this beat.
    feeds, venues : In, arrays of filters; may change at any time, effective from the next packet.
    o : Out(WideFacts)
    """

    def __init__(self, config: NicConfig):
        self.config = config
        super().__init__({
            "words": In(data.ArrayLayout(WORD_BITS, WORDS)), "here": In(WORDS), "at": In(signed(AT_BITS)),
            "ipv4": In(1), "start": In(1), "ended": In(1),
            "feeds": In(data.ArrayLayout(FeedFilter, config.feeds)),
            "venues": In(data.ArrayLayout(VenueFilter, config.venues)), "o": Out(WideFacts),
        })

    def elaborate(self, platform):
        m = Module()
        o = self.o
        m.submodules.checksum = checksum = HeaderChecksum()
        ihl, version = self._kept(m, self.at, IPV4["ihl"]), self._kept(m, self.at, IPV4["version"])
        total = self._kept(m, self.at, IPV4["total_length"])
        fragment = [self._kept(m, self.at, IPV4[name]) for name in ("more_fragments", "fragment_offset")]
        protocol = self._kept(m, self.at, IPV4["protocol"])
        after = Signal(signed(AT_BITS + 1))     # the beat's first word, counted from the first of UDP or TCP
        left, sane = Signal(signed(17)), Signal()
        m.d.comb += [
            after.eq(self.at - ihl), checksum.words.eq(self.words), checksum.clear.eq(self.start),
            o.ip_fits.eq(sane & (left >= 0) & checksum.good),
        ]
        for n in range(WORDS):
            number = self.at + n
            m.d.comb += checksum.take[n].eq(self.here[n] & (number >= 0) & ((number < IPV4_WORDS) | (number < ihl)))
        m.d.sync += [
            sane.eq((version == 4) & (ihl >= IPV4_WORDS)), left.eq(total - ihl * WORD_BYTES),
            o.fragment.eq(fragment[0] | fragment[1].any()),
            o.udp.eq(protocol == PROTOCOL_UDP), o.tcp.eq(protocol == PROTOCOL_TCP),
        ]
        offset, sane_tcp, length = self._lengths(m, after, left)
        self._whole(m, ihl, offset)
        self._matches(m, after)
        m.d.comb += [o.payload_at.eq(after - Mux(o.tcp, offset, UDP_WORDS)),
                     o.tcp_seq.eq(self._kept(m, after, TCP["seq"]))]
        # Before the payload of either begins these stand for two cycles at least.
        packet, room = Signal(), Signal()
        m.d.sync += [packet.eq(self.ipv4 & sane & (left >= 0) & ~o.fragment), room.eq(left >= UDP.bytes)]
        udp_exact = self._checked(m, after, UDP["length"], left[:16])
        m.d.comb += [
            o.placed.eq(~o.tcp | sane_tcp), o.udp_fits.eq(udp_exact & room), o.tcp_fits.eq(sane_tcp & (length >= 0)),
            o.feed_ok.eq(packet & o.udp & checksum.good & o.udp_fits & o.feed_hit),
            o.session_ok.eq(packet & o.tcp & checksum.good & o.tcp_fits & o.venue_hit),
        ]
        return m

    # ---- words ---------------------------------------------------------------------------------------

    def _found(self, at, number: int):
        """(whether word `number` is here, as a word of which half) when the first of the beat has number `at`."""
        return [(self.here[n] & (at == number - n), self.words[n]) for n in range(WORDS)]

    def _kept(self, m: Module, at, field: Field) -> Signal:
        """Register of a field."""
        number, bits = place(field)
        value = Signal(field.width, name=field.name)
        for found, word in self._found(at, number):
            with m.If(found):
                m.d.sync += value.eq(word[bits])
        return value

    def _checked(self, m: Module, at, field: Field, against) -> Signal:
        """Whether a field is `against`, known the cycle after it was here."""
        number, bits = place(field)
        same = Signal(name=f"{field.name}_same")
        for found, word in self._found(at, number):
            with m.If(found):
                m.d.sync += same.eq(word[bits] == against)
        return same

    # ---- facts ---------------------------------------------------------------------------------------

    def _lengths(self, m: Module, after, left):
        """The TCP data offset, whether it is right, and the length of what follows the header."""
        o, offset = self.o, self._kept(m, after, TCP["data_offset"])
        number, bits = place(TCP["data_offset"])
        length = Signal(signed(18))
        with m.If(~o.tcp):
            m.d.sync += length.eq(left - UDP.bytes)
        for found, word in self._found(after, number):
            with m.If(found & o.tcp):
                m.d.sync += length.eq(left - word[bits] * WORD_BYTES)
        m.d.comb += [o.length.eq(length[:16]), o.empty.eq(length == 0)]
        return offset, offset >= TCP_WORDS, length

    def _whole(self, m: Module, ihl, offset):
        """How far the frame went: words of IPv4 and what follows, as of the beat that ended it."""
        words, beyond = Signal(signed(AT_BITS)), Signal(signed(AT_BITS + 1))
        with m.If(self.ended):
            m.d.sync += words.eq(self.at + self.here[0] + self.here[1])
        m.d.comb += beyond.eq(words - ihl)
        m.d.sync += [
            self.o.ip_whole.eq((words >= IPV4_WORDS) & (beyond >= 0)),
            self.o.udp_whole.eq((words >= IPV4_WORDS) & (beyond >= UDP_WORDS)),
            self.o.tcp_whole.eq((words >= IPV4_WORDS) & (beyond >= TCP_WORDS) & (beyond >= offset)),
        ]

    def _matches(self, m: Module, after):
        """Whose packet it is; the lowest filter wins. The cycle after the ports were here."""
        feeds = [filter_.enable & (filter_.promiscuous | here) for filter_, here in zip(
            self._filters(m, after, self.feeds),
            self._same(m, after, self.feeds, ip={"destination": "ip"}, ports={"destination": "port"}), strict=True)]
        venues = [filter_.enable & here for filter_, here in zip(
            self._filters(m, after, self.venues),
            self._same(m, after, self.venues, ip={"source": "remote_ip", "destination": "local_ip"},
                       ports={"source": "remote_port", "destination": "local_port"}), strict=True)]
        for name, matches in (("feed", feeds), ("venue", venues)):
            index = 0
            for n, match in reversed(list(enumerate(matches))):
                index = Mux(match, n, index)
            m.d.comb += [self.o[f"{name}_hit"].eq(Cat(matches).any()), self.o[f"{name}_index"].eq(index)]

    def _filters(self, m: Module, after, filters) -> list[data.View]:
        """The filters as they stood when the ports came by."""
        kept = []
        for filter_ in filters:
            kept.append(Signal.like(filter_))
            for found, _ in self._found(after, place(UDP["destination"])[0]):
                with m.If(found):
                    m.d.sync += kept[-1].eq(filter_)
        return kept

    def _same(self, m: Module, after, filters, ip: dict[str, str], ports: dict[str, str]) -> list:
        return [Cat(*(self._checked(m, self.at, IPV4[name], filter_[member]) for name, member in ip.items()),
                    *(self._checked(m, after, UDP[name], filter_[member]) for name, member in ports.items())).all()
                for filter_ in filters]


__all__ = ["AT_BITS", "IPV4_WORDS", "UDP_WORDS", "WORDS", "WORD_BITS", "HeaderFacts64", "WideFacts"]
