"""What a snapshot of a book is made of: the messages that build it up from nothing.

After GLIMPSE 5.0, which sends for each stock its directory (R) and trading state (H), then every live order as an
Add Order message, in the order of their priority; the sequence number at which that is the book comes with them.
"""

from hdl.layouts import Side
from sim import itch
from sim.models.book import SymbolBook


def messages(locate: int, stock: str, book: SymbolBook, trading_state: str = "T") -> list[bytes]:
    """ITCH messages that make the book, best orders first."""
    found = [itch.encode("R", locate=locate, stock=stock),
             itch.encode("H", locate=locate, stock=stock, trading_state=trading_state)]
    for side, letter in ((Side.BUY, "B"), (Side.SELL, "S")):
        own = [(order.price, ref, order.qty) for ref, order in book.orders.items() if order.side == side]
        own.sort(key=lambda order: -order[0] if side == Side.BUY else order[0])    # ties: as they came
        found += [itch.encode("A", locate=locate, stock=stock, ref=ref, side=letter, shares=qty, price=price)
                  for price, ref, qty in own]
    return found


__all__ = ["messages"]
