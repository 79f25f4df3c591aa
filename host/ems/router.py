"""Choosing the venue of an order: best price first, then the TCA score."""

from collections.abc import Callable

from hdl.layouts import Side
from host.marketdata.books import Books, Top
from host.messages import IOC, NewOrder, marketable
from host.universe import Universe

#: Score of a venue, for orders that take (True) or rest.
Score = Callable[[int, bool], int]


class Router:
    """Routes over the venues whose book may be trusted.

    An order that takes (IOC, or marketable now) goes where its price is best; equal prices go to the
    better score. One that rests goes to the better score; equal scores go where the queue ahead of it
    is shorter. What is still equal goes to the lower venue index, so that routing is repeatable.

    Parameters
    ----------
    score : TCA score of a venue, higher is better (`host.tca`).
    """

    def __init__(self, universe: Universe, books: Books, score: Score):
        self.universe, self.books, self.score = universe, books, score
        self.closed: set[int] = set()

    def choose(self, order: NewOrder) -> int | None:
        """The venue; None where no venue's book may be trusted."""
        tops = [(listing.venue, top) for listing in self.universe.by_stock.get(order.stock, ())
                if listing.venue not in self.closed
                and (top := self.books.tops.get(listing.index)) and top.usable]
        if not tops:
            return None
        if order.tif == IOC or any(marketable(order, top.bid, top.ask) for _, top in tops):
            return min(tops, key=lambda one: (self._cost(order.side, one[1]), -self.score(one[0], True), one[0]))[0]
        return min(tops, key=lambda one: (-self.score(one[0], False), self._ahead(order, one[1]), one[0]))[0]

    @staticmethod
    def _cost(side: Side, top: Top) -> int:
        """What a taker pays: lower is better on both sides."""
        return top.ask if side == Side.BUY else -top.bid

    @staticmethod
    def _ahead(order: NewOrder, top: Top) -> int:
        """Shares at the touch that would trade before the order; 0 where it betters the price."""
        if order.side == Side.BUY:
            return top.bid_qty if order.price <= top.bid else 0
        return top.ask_qty if order.price >= top.ask else 0
