"""Price-time-priority limit order book of one stock on one venue.

Every change comes back as an event, in the order in which it happened; the feed is made of them.
Orders of the same price trade in the order of their arrival, at the price of the resting one.
"""

from bisect import bisect_left, insort
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from hdl.layouts import Side


@dataclass(slots=True)
class Order:
    """A resting order. `owner` is the client's order behind it, None for the simulated flow."""
    ref: int
    side: Side
    price: int
    qty: int
    owner: Any = None
    attribution: str = ""


@dataclass(frozen=True, slots=True)
class Added:
    ref: int
    side: Side
    price: int
    qty: int
    attribution: str


@dataclass(frozen=True, slots=True)
class Executed:
    """`qty` of the resting order `ref` traded at `price`; `displayed` is false where that is not its own price."""
    ref: int
    qty: int
    price: int
    match: int
    displayed: bool
    owner: Any
    aggressor: Any
    side: Side


@dataclass(frozen=True, slots=True)
class Reduced:
    ref: int
    qty: int


@dataclass(frozen=True, slots=True)
class Deleted:
    ref: int


@dataclass(frozen=True, slots=True)
class Replaced:
    ref: int
    new_ref: int
    price: int
    qty: int


@dataclass(frozen=True, slots=True)
class HiddenTrade:
    """A trade against an order that was never displayed; the book does not change."""
    side: Side
    price: int
    qty: int
    match: int


Event = Added | Executed | Reduced | Deleted | Replaced | HiddenTrade


@dataclass
class Numbers:
    """Order reference and match numbers of one venue: each is given once a day, whatever the stock."""
    refs: Iterator[int] = field(default_factory=lambda: count(1))
    matches: Iterator[int] = field(default_factory=lambda: count(1))


class _Half:
    """One side of the book: levels by price, orders of a level in order of arrival."""

    def __init__(self, side: Side):
        self.side = side
        self.levels: dict[int, dict[int, Order]] = {}
        self._prices: list[int] = []  # ascending

    @property
    def best(self) -> int | None:
        if not self._prices:
            return None
        return self._prices[-1] if self.side is Side.BUY else self._prices[0]

    def prices(self) -> list[int]:
        """Best first."""
        return self._prices[::-1] if self.side is Side.BUY else self._prices[:]

    def add(self, order: Order) -> None:
        if order.price not in self.levels:
            self.levels[order.price] = {}
            insort(self._prices, order.price)
        self.levels[order.price][order.ref] = order

    def remove(self, order: Order) -> None:
        level = self.levels[order.price]
        del level[order.ref]
        if not level:
            del self.levels[order.price]
            del self._prices[bisect_left(self._prices, order.price)]


def opposite(side: Side) -> Side:
    return Side.SELL if side is Side.BUY else Side.BUY


class Book:
    """The book of one stock. Prices are integers in 1e-4 USD, quantities shares; both must be positive."""

    def __init__(self, numbers: Numbers | None = None):
        self.numbers = numbers or Numbers()
        self.orders: dict[int, Order] = {}
        self._halves = {side: _Half(side) for side in (Side.BUY, Side.SELL)}

    def best(self, side: Side) -> int | None:
        """Best price of a side, None where it is empty."""
        return self._halves[side].best

    def levels(self, side: Side) -> int:
        """Price levels of a side."""
        return len(self._halves[side].levels)

    def depth(self, side: Side, levels: int | None = None) -> list[tuple[int, int]]:
        """(price, total quantity) of each level, best first."""
        half = self._halves[side]
        return [(price, sum(order.qty for order in half.levels[price].values()))
                for price in half.prices()[:levels]]

    def queue(self, side: Side, price: int) -> list[Order]:
        """Orders of one level, first to trade first."""
        return list(self._halves[side].levels.get(price, {}).values())

    def submit(self, side: Side, qty: int, price: int | None, *, rest: bool = True, owner: Any = None,
               improvement: int = 0, attribution: str = "") -> tuple[int, list[Event]]:
        """A new order: it trades with what it crosses, then what is left rests, unless `rest` is false.

        `price` None is a market order, which never rests. `improvement` is what the aggressor gets beyond
        the displayed price. Gives the order reference of the rest (0 where nothing rests), and the events.
        """
        self._check(qty, price)
        events: list[Event] = []
        left = self._trade(side, qty, price, owner, improvement, events)
        if not left or not rest or price is None:
            return 0, events
        order = Order(next(self.numbers.refs), side, price, left, owner, attribution)
        self._insert(order)
        events.append(Added(order.ref, side, price, left, attribution))
        return order.ref, events

    def cancel(self, ref: int, qty: int | None = None) -> list[Event]:
        """Take `qty` shares off an order, or all of it; it keeps its place in the queue."""
        order = self.orders[ref]
        if qty is not None and qty < order.qty:
            self._check(qty, None)
            order.qty -= qty
            return [Reduced(ref, qty)]
        self._remove(order)
        return [Deleted(ref)]

    def replace(self, ref: int, qty: int, price: int) -> tuple[int, list[Event]]:
        """Give an order a new quantity and price, and with them a new reference and the last place.

        One that would cross is deleted, and comes again as a new order.
        """
        self._check(qty, price)
        old = self.orders[ref]
        if self._crosses(old.side, price):
            events = self.cancel(ref)
            new_ref, more = self.submit(old.side, qty, price, owner=old.owner, attribution=old.attribution)
            return new_ref, events + more
        self._remove(old)
        new = Order(next(self.numbers.refs), old.side, price, qty, old.owner, old.attribution)
        self._insert(new)
        return new.ref, [Replaced(ref, new.ref, price, qty)]

    def hidden_trade(self, side: Side, qty: int, price: int) -> list[Event]:
        """A trade with a hidden order of `side`."""
        self._check(qty, price)
        return [HiddenTrade(side, price, qty, next(self.numbers.matches))]

    def _trade(self, side: Side, qty: int, price: int | None, owner: Any, improvement: int,
               events: list[Event]) -> int:
        half = self._halves[opposite(side)]
        while qty and self._crosses(side, price):
            resting = next(iter(half.levels[half.best].values()))
            traded = min(qty, resting.qty)
            # Only the flow's own resting orders give improvement: a client trades at its price.
            better = improvement if resting.owner is None else 0
            at = resting.price + (better if side is Side.SELL else -better)
            qty -= traded
            resting.qty -= traded
            events.append(Executed(resting.ref, traded, at, next(self.numbers.matches), not better,
                                   resting.owner, owner, resting.side))
            if not resting.qty:
                self._remove(resting)
        return qty

    def _crosses(self, side: Side, price: int | None) -> bool:
        best = self.best(opposite(side))
        if best is None:
            return False
        return price is None or (price >= best if side is Side.BUY else price <= best)

    def _insert(self, order: Order) -> None:
        self.orders[order.ref] = order
        self._halves[order.side].add(order)

    def _remove(self, order: Order) -> None:
        del self.orders[order.ref]
        self._halves[order.side].remove(order)

    @staticmethod
    def _check(qty: int, price: int | None) -> None:
        if qty <= 0 or (price is not None and price <= 0):
            raise ValueError(f"quantity {qty} and price {price} must be positive")
