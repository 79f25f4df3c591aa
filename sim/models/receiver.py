"""Golden model of `hdl.net.receiver.Receiver`: what becomes of one frame."""

from dataclasses import dataclass
from enum import Enum

from hdl.config import NicConfig
from hdl.net.headers import (
    ETHERNET,
    IPV4,
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
from hdl.venue import HOST_ETHERTYPE
from sim.frames import checksum


class To(Enum):
    """The receiver's output that a payload leaves on."""
    FEED = "feed_o"
    SESSION = "session_o"
    HOST = "host_o"


@dataclass(frozen=True)
class Feed:
    """Fields of `hdl.messages.FeedFilter`."""
    ip: int = 0
    port: int = 0
    enable: int = 1
    promiscuous: int = 0


@dataclass(frozen=True)
class Venue:
    """Fields of `hdl.messages.VenueFilter`."""
    remote_ip: int
    remote_port: int
    local_ip: int
    local_port: int
    enable: int = 1


@dataclass(frozen=True)
class Payload:
    """What leaves: the bytes, and the fields of `PayloadMeta` that a frame decides."""
    to: To
    data: bytes
    error: bool
    index: int = 0
    length: int = 0
    tcp_seq: int = 0


class Dropped(Exception):
    """Carries the PORT counter that the frame moves."""

    def __init__(self, counter: str):
        super().__init__(counter)
        self.counter = counter


class ReceiverModel:
    """Port `port` of a NIC. `receive` gives the payload, if one leaves, and the PORT counter of the cause, if any."""

    def __init__(self, config: NicConfig, port: int, feeds=(), venues=()):
        self.feeds, self.venues = feeds, venues
        self.sessions, self.bridge = port == 0, port == config.ports - 1

    def receive(self, frame: bytes, error: bool = False) -> tuple[Payload | None, str | None]:
        try:
            payload, cause = self._payload(frame, error)
        except Dropped as dropped:
            payload, cause = None, dropped.counter
        return payload, "bad_fcs" if error else cause

    def _payload(self, frame: bytes, error: bool) -> tuple[Payload | None, str | None]:
        kind, at = self._type(frame)
        if kind == HOST_ETHERTYPE:
            return Payload(To.HOST, frame[at:], error), None
        ip, at = self._ipv4(frame, at)
        left = ip["total_length"] - WORD_BYTES * ip["ihl"]
        find = self._feed if ip["protocol"] == PROTOCOL_UDP else self._venue
        to, index, length, tcp_seq, at = find(frame, at, ip, left)
        data = frame[at:at + length]
        short = len(data) < length
        if short and not data:
            return None, "bad_length"
        return Payload(to, data, error or short, index, length, tcp_seq), "bad_length" if short else None

    def _type(self, frame: bytes) -> tuple[int, int]:
        """The EtherType inside any tags, and where what it names begins."""
        kind, at = self._header(frame, 0, ETHERNET, "not_ipv4")["type"], ETHERNET.bytes
        for _ in range(MAX_TAGS):
            if kind in TYPES_TAG:
                kind, at = self._header(frame, at, TAG, "not_ipv4")["type"], at + TAG.bytes
        if kind != TYPE_IPV4 and not (kind == HOST_ETHERTYPE and self.bridge):
            raise Dropped("not_ipv4")
        return kind, at

    def _ipv4(self, frame: bytes, at: int) -> tuple[dict[str, int], int]:
        ip = self._header(frame, at, IPV4, "bad_header")
        length = WORD_BYTES * ip["ihl"]
        header = frame[at:at + length]
        if (ip["version"] != 4 or length < IPV4.bytes or len(header) < length or ip["total_length"] < length
                or checksum(header) != 0):
            raise Dropped("bad_header")
        if ip["more_fragments"] or ip["fragment_offset"]:
            raise Dropped("fragment")
        if ip["protocol"] != PROTOCOL_UDP and not (ip["protocol"] == PROTOCOL_TCP and self.sessions):
            raise Dropped("not_udp")
        return ip, at + length

    def _feed(self, frame: bytes, at: int, ip: dict[str, int], left: int):
        udp = self._header(frame, at, UDP, "bad_length")
        if udp["length"] != left or left < UDP.bytes:
            raise Dropped("bad_length")
        for index, feed in enumerate(self.feeds):
            here = (feed.ip, feed.port) == (ip["destination"], udp["destination"])
            if feed.enable and (feed.promiscuous or here):
                return To.FEED, index, left - UDP.bytes, 0, at + UDP.bytes
        raise Dropped("no_group")

    def _venue(self, frame: bytes, at: int, ip: dict[str, int], left: int):
        tcp = self._header(frame, at, TCP, "bad_length")
        length = WORD_BYTES * tcp["data_offset"]
        if length < TCP.bytes or left < length or len(frame) < at + length:
            raise Dropped("bad_length")
        ends = (ip["source"], tcp["source"], ip["destination"], tcp["destination"])
        for index, venue in enumerate(self.venues):
            if venue.enable and ends == (venue.remote_ip, venue.remote_port, venue.local_ip, venue.local_port):
                return To.SESSION, index, left - length, tcp["seq"], at + length
        raise Dropped("not_udp")

    @staticmethod
    def _header(frame: bytes, at: int, header, cause: str) -> dict[str, int]:
        if len(frame) < at + header.bytes:
            raise Dropped(cause)
        return header.unpack(frame[at:])
