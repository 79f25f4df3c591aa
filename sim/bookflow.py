"""Random order flow for the book: mostly sense, some of it not, on few prices so that levels meet."""

from random import Random

from hdl.layouts import Side
from sim.models.book import SymbolBook


class Flow:
    """Messages (as `FeedMessage` fields) that follow the state of the books they are for.

    Parameters
    ----------
    live : orders of a symbol that the flow tends to.
    nonsense : share of messages that contradict the book.
    span : ticks that prices spread over on each side.
    """

    def __init__(self, rng: Random, live: int, nonsense: float = 0.0, span: int = 12):
        self.rng, self.live, self.nonsense, self.span = rng, live, nonsense, span
        self.ref = rng.randrange(1 << 20, 1 << 33)

    def next(self, book: SymbolBook) -> dict:
        rng = self.rng
        if rng.random() < self.nonsense:
            return rng.choice(self.nonsenses(book))
        if not book.orders or rng.random() < (0.8 if len(book.orders) < self.live else 0.3):
            return self.order()
        ref = rng.choice(list(book.orders))
        order = book.orders[ref]
        kind = rng.choices("ECXDUPQ", (2, 1, 2, 6, 3, 1, 0.3))[0]
        if kind in "ECX":
            qty = order.qty if rng.random() < 0.4 else rng.randint(min(1, order.qty), order.qty)
            return {"type": ord(kind), "ref": ref, "qty": qty, "price": rng.randrange(1 << 32)}
        if kind == "U":
            return {"type": ord("U"), "ref": ref, "new_ref": self._ref(), "price": self._price(order.side),
                    "qty": rng.randrange(1, 900)}
        if kind == "D":
            return {"type": ord("D"), "ref": ref}
        return {"type": ord(kind), "ref": rng.getrandbits(64), "price": rng.randrange(1 << 32), "qty": 100}

    def order(self) -> dict:
        """A new order."""
        side = self.rng.choice((Side.BUY, Side.SELL))
        return {"type": ord(self.rng.choice("AAF")), "ref": self._ref(), "sell": int(side),
                "price": self._price(side), "qty": self.rng.randrange(1, 900)}

    def _price(self, side: Side) -> int:
        """Around 10,000; sometimes through the other side, sometimes a stub at either end of the range."""
        rng = self.rng
        if rng.random() < 0.02:
            return rng.choice((0, 1, 0xFFFFFFFF, 0x7FFFFFFF, 0x80000000))
        offset = rng.randrange(-1, self.span)
        return 10_000 + offset if side == Side.SELL else 9_999 - offset

    def _ref(self) -> int:
        """Growing, as a day's references do; now and then from the whole of the 64 bits."""
        if self.rng.random() < 0.2:
            return self.rng.getrandbits(64)
        self.ref += self.rng.choice((1, 1, 2, 8, 64, 1000))
        return self.ref

    def nonsenses(self, book: SymbolBook) -> list[dict]:
        """One of each kind of message that contradicts the book."""
        rng = self.rng
        known = rng.choice(list(book.orders)) if book.orders else 5
        left = book.orders[known].qty if book.orders else 1
        return [
            {"type": ord(rng.choice("EXCDU")), "ref": rng.getrandbits(64), "qty": 1, "new_ref": 3, "price": 7},
            {"type": ord("A"), "ref": known, "qty": 3, "price": 10_000, "sell": 1},
            {"type": ord("X"), "ref": known, "qty": min(left + 1, 0xFFFFFFFF)},
            {"type": ord("A"), "ref": self._ref(), "qty": 0, "price": 10_001, "sell": 1},
            {"type": ord("A"), "ref": self._ref(), "qty": 0xFFFFFFFF, "price": 10_002, "sell": 1},
        ]


__all__ = ["Flow"]
