"""Golden model of the book: every order of every symbol, in plain dictionaries, without limits of size.

    model = BookModel({13: "AAPL"})
    for raw in messages:
        name = model.apply(raw)             # "AAPL", or None where the message is of no symbol of ours
        if name:
            bids, asks = model.depth(name, 10)

Message semantics: Nasdaq TotalView-ITCH 5.0, sections 1.3 (add) and 1.4 (modify). The causes are those of
`hdl.layouts.Inexact`, by the definitions in `hdl.book.book.Book`. Where the model is exact, the NIC may be inexact
for TABLE_FULL or REFILL alone; where the NIC is exact, it shows what the model shows.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from hdl.layouts import Inexact, Side
from sim import itch

#: A level or an order cannot hold more.
QTY_LIMIT = 1 << 32
_ADDS, _TAKES = "AF", "ECX"


class PriceLevel(NamedTuple):
    """Price in 1e-4 USD, quantity in shares."""
    price: int
    qty: int


@dataclass
class _Order:
    side: Side
    price: int
    qty: int


@dataclass
class SymbolBook:
    """Orders and levels of one symbol. `inexact`: `Inexact` bits; 0 is exact."""

    inexact: int = 0
    orders: dict[int, _Order] = field(default_factory=dict)
    levels: tuple[dict[int, int], dict[int, int]] = field(default_factory=lambda: ({}, {}))

    def add(self, ref: int, side: Side, price: int, qty: int):
        if ref in self.orders:
            self.flag(Inexact.DUPLICATE_REFERENCE)
            return
        if not qty:
            self.flag(Inexact.ARITHMETIC)
        self.orders[ref] = _Order(side, price, qty)
        self._move(side, price, qty)

    def take(self, ref: int, qty: int):
        """An execution or a partial cancel."""
        order = self.orders.get(ref)
        if order is None:
            self.flag(Inexact.UNKNOWN_REFERENCE)
            return
        if qty > order.qty:
            self.flag(Inexact.ARITHMETIC)
            qty = order.qty
        order.qty -= qty
        self._move(order.side, order.price, -qty)
        if not order.qty:
            del self.orders[ref]

    def delete(self, ref: int) -> Side | None:
        """The side of the order that was there, if any."""
        order = self.orders.pop(ref, None)
        if order is None:
            self.flag(Inexact.UNKNOWN_REFERENCE)
            return None
        self._move(order.side, order.price, -order.qty)
        return order.side

    def replace(self, ref: int, new_ref: int, price: int, qty: int):
        """The side is the old order's, so there is nothing to add where that is unknown."""
        side = self.delete(ref)
        if side is not None:
            self.add(new_ref, side, price, qty)

    def flag(self, cause: Inexact):
        self.inexact |= 1 << cause

    def side(self, side: Side, count: int | None = None) -> list[PriceLevel]:
        """The best `count` levels, best first."""
        ordered = sorted(self.levels[side].items(), reverse=side == Side.BUY)
        return [PriceLevel(*level) for level in ordered[:count]]

    @property
    def crossed(self) -> bool:
        bids, asks = self.levels
        return bool(bids and asks) and max(bids) >= min(asks)

    def _move(self, side: Side, price: int, qty: int):
        levels = self.levels[side]
        total = levels.get(price, 0) + qty
        if total >= QTY_LIMIT:
            self.flag(Inexact.ARITHMETIC)
        if total:
            levels[price] = total
        else:
            levels.pop(price, None)


class BookModel:
    """Books by name.

    Parameters
    ----------
    locates : name by stock locate. Names in `names` get their locate from the Stock Directory message (R) instead.
    started : the books are exact from the start; else they wait for `clear`.
    """

    def __init__(self, locates: Mapping[int, str] | None = None, names: Iterable[str] = (), started: bool = True):
        self.locates = dict(locates or {})
        self.names = {*names, *self.locates.values()}
        self.books = {name: SymbolBook(0 if started else 1 << Inexact.NOT_STARTED) for name in self.names}

    def apply(self, message: bytes | itch.Message) -> str | None:
        """Apply one ITCH message; the name of the symbol that it touches. `ItchError` if it is not one."""
        decoded = itch.decode(message) if isinstance(message, bytes) else message
        if decoded.type == "R" and decoded.stock in self.names:
            self.locates[decoded.locate] = decoded.stock
        name = self.locates.get(decoded.locate)
        if name is not None:
            self._apply(self.books[name], decoded)
        return name

    def depth(self, name: str, count: int) -> tuple[list[PriceLevel], list[PriceLevel]]:
        """The best `count` levels of bids and of asks, best first."""
        book = self.books[name]
        return book.side(Side.BUY, count), book.side(Side.SELL, count)

    def inexact(self, name: str) -> int:
        """`Inexact` bits."""
        return self.books[name].inexact

    def fault(self, cause: Inexact, names: Iterable[str] | None = None):
        """Something went wrong with the feed of `names` (all if none are named)."""
        for name in self.names if names is None else names:
            self.books[name].flag(cause)

    def clear(self, name: str):
        """The book is empty and exact."""
        self.books[name] = SymbolBook()

    @staticmethod
    def _apply(book: SymbolBook, message):
        if message.type in _ADDS:
            book.add(message.ref, Side.SELL if message.side == "S" else Side.BUY, message.price, message.shares)
        elif message.type in _TAKES:
            book.take(message.ref, message.shares)
        elif message.type == "D":
            book.delete(message.ref)
        elif message.type == "U":
            book.replace(message.ref, message.new_ref, message.price, message.shares)


__all__ = ["BookModel", "PriceLevel", "SymbolBook"]
