"""Choosing the venue of an order: the best price after what TCA expects on top, and now and then another one."""

from collections.abc import Collection
from random import Random

from hdl.layouts import Side
from host.marketdata.books import Books, Top
from host.messages import IOC, NewOrder, marketable
from host.tca.effects import Effects
from host.tca.scores import Scores
from host.universe import Universe

#: 1e-6 USD, the unit of scores, in 1e-4 USD.
_MICRO = 100


class Router:
    """Routes over the venues whose book may be trusted.

    An order that takes (IOC, or marketable now) goes where its displayed price less the venue's score for its
    size is best: a score is what TCA expects beyond the price (fees, slippage, what does not fill). One that
    rests goes to the better score; equal scores go where the queue ahead of it is shorter. What is still
    equal goes to the venue that answers sooner, then to the lower index.

    Scores of venues that are not used grow old. So a share of the orders, chosen by the seed, is sent to
    another venue than the best.

    Parameters
    ----------
    explore : orders in 1,000 that go to another venue.
    seed : of that choice: the same seed and orders give the same routes.
    """

    def __init__(self, universe: Universe, books: Books, scores: Scores, *, explore: int = 0, seed: int = 0,
                 effects: Effects | None = None):
        self.universe, self.books, self.scores, self.explore = universe, books, scores, explore
        self.effects = effects or Effects()
        self.closed: set[int] = set()
        self._random = Random(f"routes/{seed}")
        self._neutral = Scores()

    def usable(self, stock: str) -> list[tuple[int, Top]]:
        """Venues whose book of the stock may be trusted, with it."""
        return [(listing.venue, top) for listing in self.universe.by_stock.get(stock, ())
                if listing.venue not in self.closed
                and (top := self.books.tops.get(listing.index)) and top.usable]

    def choose(self, order: NewOrder, without: Collection[int] = ()) -> int | None:
        """The venue, none of `without`; None where no venue's book may be trusted."""
        tops = {venue: top for venue, top in self.usable(order.stock) if venue not in without}
        if not tops:
            return None
        best = self._best(order, tops, self.scores)
        others = [venue for venue in tops if venue != best]
        if others and self.explore and self._random.randrange(1000) < self.explore:
            venue = self._random.choice(others)
            self.effects.explored[venue] += 1
            return venue
        plain = self._best(order, tops, self._neutral)
        if plain != best:
            self.effects.rerouted[plain, best] += 1
        return best

    def size(self, order: NewOrder, venue: int) -> int:
        """How much of the order to send there at once; now and then all of it, to learn of that size."""
        top = dict(self.usable(order.stock))[venue]
        qty = self.scores.size(venue, self.takes(order, top), order.qty)
        if qty < order.qty and self.explore and self._random.randrange(1000) < self.explore:
            self.effects.explored[venue] += 1
            return order.qty
        return self.effects.on_size(venue, order.qty, qty)

    def takes(self, order: NewOrder, top: Top) -> bool:
        """The order would trade at once there, or never."""
        return order.tif == IOC or marketable(order, top.bid, top.ask)

    def _best(self, order: NewOrder, tops: dict[int, Top], scores: Scores) -> int:
        answer = {venue: scores.answer(venue) for venue in tops}
        if not all(answer.values()):  # what is not known of one is held against none
            answer = dict.fromkeys(tops, 0)
        if any(self.takes(order, top) for top in tops.values()):
            return min(tops, key=lambda venue: (self._cost(order.side, tops[venue]) * _MICRO
                                                - scores.score(venue, True, order.qty), answer[venue], venue))
        return min(tops, key=lambda venue: (-scores.score(venue, False, order.qty),
                                            self._ahead(order, tops[venue]), answer[venue], venue))

    @staticmethod
    def _cost(side: Side, top: Top) -> int:
        """What a taker pays a share by the display: lower is better on both sides."""
        return top.ask if side == Side.BUY else -top.bid

    @staticmethod
    def _ahead(order: NewOrder, top: Top) -> int:
        """Shares at the touch that would trade before the order; 0 where it betters the price."""
        if order.side == Side.BUY:
            return top.bid_qty if order.price <= top.bid else 0
        return top.ask_qty if order.price >= top.ask else 0
