"""Loading a book into the NIC: the messages that make it up from nothing, in datagrams of their own session.

The NIC reads them as it reads a feed, numbered from `FIRST` in the session `SESSION`; after GLIMPSE 5.0, which sends
for each stock its directory (R), its trading state (H) and its orders as Add Order messages. Until the book is as new
as the feed, it must not be traded on: the first messages halt each symbol, and those of `release` let it go.
"""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from hdl.feed.spec import MOLD_HEADER, MOLD_HEADER_BYTES, MOLD_LENGTH_BYTES
from hdl.layouts import Side
from host.marketdata.shadow import Shadow, best_first, itch

SESSION = b"TGSNAPSHOT"
#: Sequence number of its first message: no feed comes as far, so its events are told from the feed's.
FIRST = 1 << 63
#: Bytes of a datagram at most: an Ethernet payload of 1,500 bytes less IPv4 and UDP headers.
LARGEST = 1_472
_HALTED = "H"


class Listed(NamedTuple):
    """A symbol as its feed names it."""
    stock: str
    locate: int


def load(books: Mapping[Listed, Shadow]) -> list[bytes]:
    """Messages that halt each symbol, then make its book, best orders first."""
    messages = []
    for (stock, locate), book in books.items():
        messages += [itch("R", locate=locate, stock=stock),
                     itch("H", locate=locate, stock=stock, trading_state=_HALTED)]
        for side, letter in ((Side.BUY, "B"), (Side.SELL, "S")):
            messages += [itch("A", locate=locate, stock=stock, ref=ref, side=letter, shares=order.qty,
                              price=order.price) for ref, order in best_first(book.orders.items(), side)]
    return messages


def release(books: Mapping[Listed, Shadow]) -> list[bytes]:
    """Messages that give each symbol its trading state back."""
    return [message for (stock, locate), book in books.items() for message in (
        itch("h", locate=locate, stock=stock, halt_action=book.halt),
        itch("H", locate=locate, stock=stock, trading_state=book.state))]


def datagrams(messages: list[bytes]) -> Iterator[bytes]:
    """MoldUDP64 downstream packets of these messages, the first one numbered `FIRST`."""
    batch: list[bytes] = []
    seq, size = FIRST, MOLD_HEADER_BYTES
    for message in messages:
        size += MOLD_LENGTH_BYTES + len(message)
        if size > LARGEST:
            yield packet(SESSION, seq, len(batch)) + b"".join(batch)
            seq, batch, size = seq + len(batch), [], MOLD_HEADER_BYTES + MOLD_LENGTH_BYTES + len(message)
        batch.append(len(message).to_bytes(MOLD_LENGTH_BYTES, "big") + message)
    if batch:
        yield packet(SESSION, seq, len(batch)) + b"".join(batch)


def packet(session: bytes, seq: int, count: int) -> bytes:
    """A MoldUDP64 header, which is also a whole Request Packet (MoldUDP64 1.00): session, first number, how many."""
    numbers = {"sequence": seq, "count": count}
    return b"".join(numbers[name].to_bytes(item.width, "big") if name in numbers else session.ljust(item.width)
                    for name, item in MOLD_HEADER.items())


class Downstream(NamedTuple):
    """A MoldUDP64 downstream packet taken apart."""
    session: bytes
    seq: int
    messages: list[bytes]


def parse(datagram: bytes) -> Downstream | None:
    """None where it is not one from end to end."""
    if len(datagram) < MOLD_HEADER_BYTES:
        return None
    session, seq, count = (datagram[item.offset:item.end] for item in MOLD_HEADER.values())
    messages, at = [], MOLD_HEADER_BYTES
    for _ in range(int.from_bytes(count, "big")):
        start = at + MOLD_LENGTH_BYTES
        at = start + int.from_bytes(datagram[at:start], "big")
        if at > len(datagram) or at == start:
            return None
        messages.append(datagram[start:at])
    return Downstream(session, int.from_bytes(seq, "big"), messages) if at == len(datagram) else None


__all__ = ["FIRST", "SESSION", "Downstream", "Listed", "datagrams", "load", "packet", "parse", "release"]
