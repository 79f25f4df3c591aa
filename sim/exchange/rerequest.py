"""The servers beside a feed: messages sent again on request, and snapshots.

Sources: MoldUDP64 1.00, "Request Packet" (the downstream header alone: session, first number, how many); GLIMPSE 5.0,
from which the contents of a snapshot are taken, not its transport.
"""

from hdl.feed.spec import MOLD_HEADER, MOLD_HEADER_BYTES, MOLD_LENGTH_BYTES
from sim import itch
from sim.exchange import snapshot
from sim.exchange.feed import MAX_DATAGRAM, Feed
from sim.models.book import BookModel


class RerequestServer:
    """Answers from what the feed has sent: as many of the messages asked for as fit in one datagram.

    A request for messages that are not there yet is answered with none; one that is not for this session, or for
    messages that are no longer kept, not at all.
    """

    def __init__(self, feed: Feed):
        self.feed, self.answered, self.refused = feed, 0, 0

    def answer(self, request: bytes) -> bytes | None:
        if len(request) != MOLD_HEADER_BYTES:
            self.refused += 1
            return None
        session, seq, count = (request[item.offset:item.end] for item in MOLD_HEADER.values())
        first, most = int.from_bytes(seq, "big"), int.from_bytes(count, "big")
        if session != self.feed.spec.mold_session or not self.feed.first <= first <= self.feed.sequence:
            self.refused += 1
            return None
        found: list[bytes] = []
        size = MOLD_HEADER_BYTES
        for n in range(first, min(first + most, self.feed.sequence)):
            message = self.feed.message_at(n)
            size += MOLD_LENGTH_BYTES + len(message)
            if size > MAX_DATAGRAM:
                break
            found.append(message)
        self.answered += 1
        return itch.datagram(session, first, found)


class SnapshotServer:
    """Keeps every book of a feed, order by order; follows it when asked."""

    def __init__(self, feed: Feed):
        self.feed, self.following = feed, 1
        self.books = BookModel({locate: stock.name for locate, stock in feed.stocks.items()})
        self.states: dict[int, str] = {}

    def answer(self) -> tuple[list[bytes], int]:
        """Messages that make every book as it is now, and the number of the message after them."""
        while self.following < self.feed.sequence:
            raw = self.feed.message_at(self.following)
            self.books.apply(raw)
            if raw[:1] == b"H":
                self.states[itch.locate(raw)] = itch.decode(raw).trading_state
            self.following += 1
        messages = [message for locate, stock in self.feed.stocks.items() for message in snapshot.messages(
            locate, stock.name, self.books.books[stock.name], self.states.get(locate, "T"))]
        return messages, self.following


__all__ = ["RerequestServer", "SnapshotServer"]
