"""What the headers of a packet say, worked out while they come by."""

from functools import partial

from amaranth.hdl import Module, Mux, Signal, signed, unsigned
from amaranth.lib import data, enum, wiring
from amaranth.lib.wiring import In, Out

from hdl.config import NicConfig
from hdl.messages import FeedFilter, VenueFilter
from hdl.net.headers import IPV4, TCP, UDP, WORD_BYTES, Header
from hdl.net.match import Addresses, FeedMatch, VenueMatch


class Part(enum.Enum, shape=4):
    """What the next byte of a frame belongs to."""
    ETHERNET = 0
    TAG = 1
    IPV4 = 2
    UDP = 3
    TCP = 4
    FEED = 5
    SESSION = 6
    HOST = 7
    SKIP = 8


class Facts(data.Struct):
    """Each stands 4 cycles after the last byte it needs, if not before, and so at the last byte of its header.

    It holds until the same header of the next packet.
    """
    ip_fits: unsigned(1)        # version and IHL are right, and the total length covers the header
    ip_words: unsigned(4)       # words in the IPv4 header, less one
    fragment: unsigned(1)       # a part of a datagram, first or later
    protocol: unsigned(8)
    udp_fits: unsigned(1)       # the UDP length is what the total length leaves for it
    tcp_fits: unsigned(1)       # the data offset is right, and the total length covers the header
    tcp_words: unsigned(4)      # words in the TCP header, less one
    tcp_seq: unsigned(32)
    length: unsigned(16)        # payload bytes after the UDP or TCP header
    empty: unsigned(1)          # that is none
    feed_hit: unsigned(1)
    feed_index: unsigned(2)
    venue_hit: unsigned(1)
    venue_index: unsigned(2)


class HeaderFacts(wiring.Component):
    """Captures the header fields that matter and keeps `Facts` current.

    Ports
    -----
    data, take : In, a byte of the frame and its strobe.
    part, at : In, the header that the byte belongs to, and which byte of it it is.
    feeds, venues : In, arrays of filters.
    o : Out(Facts)
    """

    def __init__(self, config: NicConfig):
        self.config = config
        super().__init__({
            "data": In(8), "take": In(1), "part": In(Part), "at": In(6),
            "feeds": In(data.ArrayLayout(FeedFilter, config.feeds)),
            "venues": In(data.ArrayLayout(VenueFilter, config.venues)),
            "o": Out(Facts),
        })

    def elaborate(self, platform):
        m = Module()
        ipv4, udp, tcp = (partial(self._field, m, part, header)
                          for part, header in ((Part.IPV4, IPV4), (Part.UDP, UDP), (Part.TCP, TCP)))
        self._lengths(m, ipv4, udp, tcp)
        ips = ipv4("source"), ipv4("destination")
        self._match(m, "feed", FeedMatch(self.config.feeds), self.feeds, ips, udp)
        self._match(m, "venue", VenueMatch(self.config.venues), self.venues, ips, tcp)
        m.d.comb += self.o.tcp_seq.eq(tcp("seq"))
        m.d.sync += [
            self.o.fragment.eq(ipv4("more_fragments") | ipv4("fragment_offset").any()),
            self.o.protocol.eq(ipv4("protocol")),
        ]
        return m

    def _field(self, m: Module, part: Part, header: Header, name: str) -> Signal:
        """Register of a header field, filled byte by byte."""
        field = header[name]
        value = Signal(field.width, name=f"{part.name.lower()}_{name}")
        for byte in field.bytes:
            bits, source = field.part(byte)
            with m.If(self.take & (self.part == part) & (self.at == byte)):
                m.d.sync += value[bits].eq(self.data[source])
        return value

    def _lengths(self, m: Module, ipv4, udp, tcp):
        ihl, offset = ipv4("ihl"), tcp("data_offset")
        ip_sane, left_exact, tcp_sane = Signal(), Signal(), Signal()
        left, length = Signal(signed(17)), Signal(signed(18))   # bytes after IPv4, and after UDP or TCP
        m.d.sync += [
            ip_sane.eq((ipv4("version") == 4) & (ihl >= IPV4.bytes // WORD_BYTES)),
            tcp_sane.eq(offset >= TCP.bytes // WORD_BYTES),
            left.eq(ipv4("total_length") - ihl * WORD_BYTES),
            left_exact.eq(udp("length") == left[:16]),
            length.eq(left - Mux(self.part == Part.TCP, offset * WORD_BYTES, UDP.bytes)),
            self.o.empty.eq(length == 0),
            self.o.ip_words.eq(ihl - 1),
            self.o.tcp_words.eq(offset - 1),
        ]
        m.d.comb += [
            self.o.ip_fits.eq(ip_sane & (left >= 0)),
            self.o.udp_fits.eq(left_exact & (length >= 0)),
            self.o.tcp_fits.eq(tcp_sane & (length >= 0)),
            self.o.length.eq(length[:16]),
        ]

    def _match(self, m: Module, name: str, match, filters, ips, ports):
        m.submodules[f"{name}_match"] = match
        addresses = Signal(Addresses, name=f"{name}_addresses")
        m.d.comb += [
            addresses.source_ip.eq(ips[0]), addresses.destination_ip.eq(ips[1]),
            addresses.source.eq(ports("source")), addresses.destination.eq(ports("destination")),
            match.i.eq(addresses), match.filters.eq(filters),
            self.o[f"{name}_hit"].eq(match.hit), self.o[f"{name}_index"].eq(match.index),
        ]
