"""Frames with something wrong somewhere: each layer is built from fields, any of which may be spoiled on the way."""

from collections.abc import Callable, Iterator
from random import Random
from typing import NamedTuple

from hdl.feed.spec import ALPHA, COMMON_BYTES, LONGEST, MESSAGES, MOLD_END_OF_SESSION, MOLD_HEADER_BYTES
from hdl.net.headers import ETHERNET, IPV4, PROTOCOL_TCP, PROTOCOL_UDP, TYPE_IPV4, TYPES_TAG, WORD_BYTES
from hdl.venue import HOST_ETHERTYPE, VenueSpec
from sim import fixtext, frames, itch
from sim.bookflow import Flow
from sim.faults.truth import encoded
from sim.models.book import BookModel

#: Largest frame without FCS: 9,018 bytes with it.
MAX_FRAME = 9_014
#: Types that leave every book as it is.
_WITHOUT_BOOK = [type_ for type_ in MESSAGES if type_ not in "AFECXDU"]
#: Their stock locate is always 0.
_OF_NO_STOCK = "SVW"
_SESSION_SHARE, _NOISE_SHARE, _CUT_SHARE = 0.15, 0.05, 0.05
_WORDS = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF)


class FeedFrames:
    """Frames of one feed: `next` numbers on as a feed does, so that the mutations meet a running sequence.

    Parameters
    ----------
    stocks : name by stock locate; a tenth of the messages are for others.
    """

    def __init__(self, rng: Random, venue: VenueSpec, stocks: dict[int, str]):
        self.rng, self.venue, self.stocks = rng, venue, stocks
        self.seq = rng.choice((1, rng.getrandbits(48)))
        self.books, self.flow = BookModel(stocks), Flow(rng, live=20)

    def good(self) -> bytes:
        """As the exchange would send it."""
        return self._frame(self.datagram())

    def frame(self) -> bytes:
        """Right in most things, or in none."""
        rng = self.rng
        make = rng.choice((self.good, self._block, self._mold, self._ip, self._udp, self._link, self._large))
        return make()

    def datagram(self, messages: list[bytes] | None = None, **fields) -> bytes:
        """The next messages; `fields` replace those of the MoldUDP64 header."""
        rng = self.rng
        if messages is None:
            messages = [self.message() for _ in range(rng.choice((0, 1, 1, 2, 3)))]
        values = {"session": self.venue.mold_session, "sequence": self.seq, "count": None, **fields}
        self.seq += len(messages)
        return itch.datagram(values["session"], values["sequence"], messages, values["count"])

    def message(self) -> bytes:
        """Mostly one that makes sense after those before it; else any type and any contents."""
        rng = self.rng
        if rng.random() < 0.7:
            locate = rng.choice(list(self.stocks))
            name = self.stocks[locate]
            raw = encoded(self.flow.next(self.books.books[name]), locate, name)
            self.books.apply(raw)
            return raw
        return self._any(rng.choice(list(MESSAGES) if rng.random() < 0.05 else _WITHOUT_BOOK))

    def _any(self, type_: str) -> bytes:
        rng = self.rng
        locate = rng.choice(list(self.stocks)) if rng.random() < 0.9 else rng.choice((0, 77, 65_535))
        if type_ in _OF_NO_STOCK and rng.random() < 0.95:
            locate = 0
        fields: dict = {"locate": locate, "timestamp": rng.getrandbits(47), "tracking": rng.getrandbits(16)}
        fields |= {item.name: self._value(item) for item in MESSAGES[type_].items if item.name not in fields}
        if "stock" in fields:
            fields["stock"] = self.stocks.get(locate if rng.random() < 0.95 else 0, "NOBODY")
        return itch.encode(type_, **fields)

    def _value(self, item):
        if item.kind == ALPHA:
            return bytes(self.rng.choice(b"BSTHPQNYRM ") for _ in range(item.width))
        return self.rng.getrandbits(8 * item.width)

    # ---- one layer spoiled

    def _block(self) -> bytes:
        """Messages of unknown types, of the wrong length, without a byte, and a last one that is cut."""
        rng = self.rng
        blocks = [self.message() for _ in range(rng.randint(1, 3))]
        n = rng.randrange(len(blocks))
        spoiled: Callable[[], bytes] = rng.choice((
            lambda: bytes([rng.randrange(256)]) + blocks[n][1:],
            lambda: blocks[n][:rng.randrange(len(blocks[n]))],
            lambda: blocks[n] + rng.randbytes(rng.randint(1, 4)),
            lambda: rng.randbytes(rng.choice((1, COMMON_BYTES - 1, COMMON_BYTES, LONGEST, 300))),
        ))
        blocks[n] = spoiled()
        datagram = self.datagram(blocks)
        return self._frame(datagram[:rng.randint(MOLD_HEADER_BYTES, len(datagram))] if rng.random() < 0.3 else datagram)

    def _mold(self) -> bytes:
        """A header that says something else, or that is not whole; blocks whose lengths are other ones."""
        rng = self.rng
        match rng.randrange(5):
            case 0:
                return self._frame(self.datagram(count=rng.choice((0, 1, 2, 5, 255, MOLD_END_OF_SESSION))))
            case 1:
                return self._frame(self.datagram(session=rng.choice((b"OTHER00000", rng.randbytes(10)))))
            case 2:
                return self._frame(self.datagram(sequence=rng.choice((
                    0, self.seq - 1, max(0, self.seq - 3), self.seq + 1, 2**63, 2**64 - 1))))
            case 3:
                return self._frame(self.datagram()[:rng.randrange(MOLD_HEADER_BYTES + 1)])
        datagram = bytearray(self.datagram([self.message(), self.message()]))
        datagram[MOLD_HEADER_BYTES + rng.randrange(2)] = rng.choice((0, 1, 200, 255))
        return self._frame(bytes(datagram))

    def _udp(self) -> bytes:
        """UDP lengths that do not fit, other ports."""
        rng = self.rng
        fields = rng.choice(({"length": rng.choice(_WORDS)}, {"destination": rng.choice(_WORDS)}, {"checksum": 0}))
        return self._frame(self.datagram(), udp=fields)

    def _ip(self) -> bytes:
        """Options, fragments, other versions, lengths, checksums, protocols, groups."""
        rng = self.rng
        fields: dict = rng.choice((
            {"options": rng.randbytes(WORD_BYTES * rng.randint(1, 10))},
            {"more_fragments": 1}, {"fragment_offset": rng.choice((1, 0x1FFF))}, {"reserved": 1},
            {"version": rng.randrange(16)}, {"ihl": rng.randrange(16)}, {"total_length": rng.choice(_WORDS)},
            {"total_length": rng.randrange(20, 120)}, {"checksum": rng.choice(_WORDS)},
            {"protocol": rng.choice((PROTOCOL_TCP, 1, 255))}, {"destination": rng.getrandbits(32)}))
        return self._frame(self.datagram(), ip=fields)

    def _link(self) -> bytes:
        """One or two tags, or more than are read; other EtherTypes; padding where none is needed."""
        rng = self.rng
        tags = [(rng.choice(TYPES_TAG), rng.randrange(4096)) for _ in range(rng.randint(0, 3))]
        kind = rng.choice((TYPE_IPV4, TYPE_IPV4, TYPE_IPV4, 0x0806, HOST_ETHERTYPE, TYPES_TAG[0]))
        return self._frame(self.datagram(), link={"tags": tags, "type": kind}) + bytes(rng.choice((0, 0, 1, 18, 64)))

    def _large(self) -> bytes:
        """Many messages in one frame; now and then as many as a jumbo frame holds."""
        most = MAX_FRAME if self.rng.random() < 0.02 else 600
        messages, size = [], MOLD_HEADER_BYTES
        while size < most - 150:
            messages.append(self.message())
            size += 2 + len(messages[-1])
        return self._frame(self.datagram(messages))

    def _frame(self, datagram: bytes, udp: dict | None = None, ip: dict | None = None,
               link: dict | None = None) -> bytes:
        venue = self.venue
        ends = {"source_ip": venue.remote_ip, "destination_ip": venue.feed_ip}
        packet = frames.udp_datagram(datagram, **ends, **{
            "source": venue.feed_port, "destination": venue.feed_port, **(udp or {})})
        packet = frames.ipv4_packet(packet, **{"protocol": PROTOCOL_UDP, **ends, **_renamed(ip or {})})
        return frames.ethernet_frame(packet, **{"type": TYPE_IPV4, **(link or {})})


class SessionFrames:
    """Segments of one order session: ExecutionReports, some of them spoiled, in pieces, repeated and out of order."""

    def __init__(self, rng: Random, venue: VenueSpec, seq: int):
        self.rng, self.venue, self.seq = rng, venue, seq
        self.waiting = b""

    def frame(self) -> bytes:
        rng = self.rng
        if len(self.waiting) < 200:
            text = fixtext.report(t34=str(rng.randrange(1, 999)), t32=str(rng.randrange(1, 900)))
            self.waiting += fixtext.mutate(rng, text) if rng.random() < 0.5 else text
        size = rng.choice((0, 1, len(self.waiting), rng.randrange(1, len(self.waiting) + 1)))
        match rng.randrange(8):
            case 0:     # not the next byte
                return self._segment(self.waiting[:size], (self.seq + rng.choice((-1, 1, -size, 2**31))) % 2**32)
            case 1:     # options, and a data offset that may not fit
                options = bytes(WORD_BYTES * rng.randint(1, 5))
                fields = rng.choice(({}, {"data_offset": rng.randrange(16)}, {"destination": rng.choice(_WORDS)}))
                return self._segment(b"", self.seq, options=options, **fields)
        text, self.waiting = self.waiting[:size], self.waiting[size:]
        frame = self._segment(text, self.seq)
        self.seq = (self.seq + len(text)) % 2**32
        return frame

    def go_on(self, seq: int):
        """What was sent counted up to `seq`."""
        self.seq = seq

    def _segment(self, text: bytes, seq: int, **fields) -> bytes:
        venue = self.venue
        ends = {"source_ip": venue.remote_ip, "destination_ip": venue.local_ip}
        segment = frames.tcp_segment(text, **ends, seq=seq, **{
            "source": venue.remote_port, "destination": venue.local_port, **fields})
        return frames.ethernet_frame(frames.ipv4_packet(segment, protocol=PROTOCOL_TCP, **ends), type=TYPE_IPV4)


class Sent(NamedTuple):
    """A frame, and whether the MAC calls it bad."""
    frame: bytes
    error: bool


def traffic(rng: Random, count: int, feed: FeedFrames, sessions: list[SessionFrames]) -> Iterator[Sent]:
    """`count` frames of one port, the last one good. Some ports are tame, some wild, some get one frame cut at
    every byte."""
    if rng.random() < _CUT_SHARE:
        frame, error = feed.frame(), rng.random() < 0.5
        yield from (Sent(frame[:size], error) for size in range(1, min(count, len(frame) + 1)))
        count = max(1, count - len(frame))
    wild = rng.choice((0.003, 0.02, 0.3, 0.8))      # the share that may be spoiled
    for _ in range(count - 1):
        if rng.random() < _NOISE_SHARE * wild:
            yield Sent(noise(rng), rng.random() < 0.5)
            continue
        if sessions and rng.random() < _SESSION_SHARE:
            frame = rng.choice(sessions).frame()
        else:
            frame = feed.frame() if rng.random() < wild else feed.good()
        yield spoil(rng, frame) if rng.random() < wild else Sent(frame, False)
    yield Sent(feed.good(), False)


def spoil(rng: Random, frame: bytes) -> Sent:
    """What the wire may do to a frame last, and whether the MAC says so: bytes changed, cut anywhere, a bad FCS."""
    match rng.randrange(8):
        case 0:
            return Sent(frame[:rng.randint(1, len(frame))], rng.random() < 0.7)
        case 1:
            return Sent(frame, True)
        case 2:
            changed = bytearray(frame)
            for _ in range(rng.randint(1, 3)):
                changed[rng.randrange(len(frame))] ^= 1 << rng.randrange(8)
            return Sent(bytes(changed), rng.random() < 0.7)
        case 3 if len(frame) > ETHERNET.bytes + IPV4.bytes:     # in the headers, where it matters most
            changed = bytearray(frame)
            changed[rng.randrange(ETHERNET.bytes, ETHERNET.bytes + IPV4.bytes + 8)] = rng.choice(_WORDS) & 0xFF
            return Sent(bytes(changed), False)
    return Sent(frame, False)


def noise(rng: Random) -> bytes:
    """Bytes that mean nothing."""
    return rng.randbytes(rng.choice((1, 13, 14, 33, 34, 42, 60, rng.randrange(1, 300))))


def _renamed(fields: dict) -> dict:
    """Arguments of `ipv4_packet`, where the destination's name is another."""
    return {"destination_ip" if name == "destination" else name: value for name, value in fields.items()}


__all__ = ["MAX_FRAME", "FeedFrames", "Sent", "SessionFrames", "spoil", "traffic"]
