"""A feed as its exchange sent it, and every book after every message of it."""

from bisect import bisect_right
from random import Random
from typing import NamedTuple

from hdl.feed.spec import MESSAGES, MOLD_HEARTBEAT
from hdl.layouts import Side
from hdl.venue import VenueSpec
from sim import frames, itch
from sim.bookflow import Flow
from sim.models.book import BookModel, SymbolBook

#: Fields of `hdl.messages.FeedMessage`, as `Flow` gives them, by their names in the specification.
_NAMES = {"ref": "ref", "new_ref": "new_ref", "price": "price", "qty": "shares"}
#: Stock locate of a stock that no one follows.
_OTHER = 999
_OTHER_SESSION = b"YESTERDAY0"
_OTHER_SHARE, _DIRECTORY_SHARE = 0.1, 0.02


class Depth(NamedTuple):
    """A book: (price, quantity) by side, best first."""
    bids: list[tuple[int, int]]
    asks: list[tuple[int, int]]


class Packet(NamedTuple):
    """One datagram in its frame: messages `seq` to `seq + count - 1`; a heartbeat has none."""
    frame: bytes
    seq: int
    count: int


class TrueFeed:
    """One venue's messages, and what its books are by them.

    Parameters
    ----------
    first : sequence number of the first message.
    stocks : name by stock locate; each starts with an empty book.
    depth : levels that are remembered of each side.
    live, span : orders of a stock that the flow tends to, and ticks that they spread over.
    """

    def __init__(self, rng: Random, venue: VenueSpec, first: int, stocks: dict[int, str], depth: int, *,
                 live: int = 20, span: int = 12):
        self.rng, self.venue, self.next, self.stocks, self.depth = rng, venue, first, stocks, depth
        self.model = BookModel(stocks)
        self.flow = Flow(rng, live, span=span)
        self._seqs: dict[str, list[int]] = {name: [] for name in stocks.values()}
        self._depths: dict[str, list[Depth]] = {name: [] for name in stocks.values()}

    def packet(self, count: int) -> Packet:
        """The next `count` messages; 0 makes a heartbeat."""
        seq = self.next
        messages = [self._message() for _ in range(count)]
        datagram = itch.datagram(self.venue.mold_session, seq, messages, count or MOLD_HEARTBEAT)
        return Packet(framed(self.venue, datagram), seq, count)

    def at(self, name: str, seq: int) -> Depth:
        """The book of a stock after message `seq`."""
        place = bisect_right(self._seqs[name], seq)
        return self._depths[name][place - 1] if place else Depth([], [])

    def last(self, name: str) -> int:
        """Sequence number of the last message of a stock; 0 where there was none."""
        return self._seqs[name][-1] if self._seqs[name] else 0

    def stray(self) -> Packet:
        """What does not belong here: a packet of another session, whose numbers mean nothing."""
        seq = self.rng.choice((1, self.next, self.next + 1))
        message = itch.encode("D", locate=self.rng.choice(list(self.stocks)), ref=1)
        return Packet(framed(self.venue, itch.datagram(_OTHER_SESSION, seq, [message])), seq, 0)

    def book(self, name: str) -> SymbolBook:
        """The book of a stock now, order by order."""
        return self.model.books[name]

    def _message(self) -> bytes:
        rng = self.rng
        if rng.random() < _OTHER_SHARE:
            raw = self._other()
        else:
            locate = rng.choice(list(self.stocks))
            raw = encoded(self.flow.next(self.book(self.stocks[locate])), locate, self.stocks[locate])
        name = self.model.apply(raw)
        if name is not None:
            self._seqs[name].append(self.next)
            self._depths[name].append(Depth(*self.model.depth(name, self.depth)))
        self.next += 1
        return raw

    def _other(self) -> bytes:
        """Of no book, or of a book and without effect."""
        rng = self.rng
        if rng.random() < _DIRECTORY_SHARE:
            locate = rng.choice(list(self.stocks))
            return itch.encode("R", locate=locate, stock=self.stocks[locate])
        return itch.encode(rng.choice("ADFPS"), locate=_OTHER, timestamp=1)


def encoded(fields: dict, locate: int, stock: str) -> bytes:
    """The ITCH message of what `Flow` made."""
    type_ = chr(fields["type"])
    has = MESSAGES[type_].by_name
    values = {_NAMES[name]: value for name, value in fields.items() if _NAMES.get(name) in has}
    if "side" in has:
        values["side"] = "S" if fields.get("sell") == Side.SELL else "B"
    if "stock" in has:
        values["stock"] = stock
    return itch.encode(type_, locate=locate, timestamp=1, **values)


def framed(venue: VenueSpec, datagram: bytes) -> bytes:
    """A frame to the venue's multicast group."""
    return frames.udp_frame(datagram, source_ip=venue.remote_ip, source=venue.feed_port,
                            destination_ip=venue.feed_ip, destination=venue.feed_port)


__all__ = ["Depth", "Packet", "TrueFeed", "encoded", "framed"]
