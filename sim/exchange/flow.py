"""Seeded order flow: what the rest of the market does to one book.

A stock has one latent value for all venues, a random walk with a pressure that comes and goes. The flow of
each venue follows it, quotes around it, cancels what is far, trades what is stale. A venue may lag for a
while (`shift`), so that books diverge and an armed trigger has something to take. Prices and
quantities are integers throughout; only waiting times are drawn as floats, and cut to whole ns.
"""

from dataclasses import dataclass, field
from random import Random

from hdl.layouts import Side
from sim.exchange.clients import Listing
from sim.exchange.matching import Event, opposite
from sim.exchange.stocks import Stock

SIDES = (Side.BUY, Side.SELL)


@dataclass(frozen=True)
class FlowRates:
    """How lively the market is. Mean waiting times in ns, shares of flow steps as relative weights.

    Parameters
    ----------
    step_ns : between two steps of the flow of one book.
    value_ns : between two moves of a stock's latent value.
    shift_ns, shift_hold_ns : between two divergences of one book from the value, and how long one lasts.
    shift_ticks : largest divergence.
    live_orders : resting orders the flow keeps in a book, about.
    """
    step_ns: int = 40_000
    value_ns: int = 400_000
    shift_ns: int = 8_000_000
    shift_hold_ns: int = 600_000
    shift_ticks: int = 5
    live_orders: int = 60
    add: int = 40
    cancel: int = 30
    reduce: int = 6
    replace: int = 12
    take: int = 8
    retail: int = 2
    hidden: int = 2


@dataclass
class Value:
    """The latent value of one stock, in 1e-4 USD; `pressure` is -1, 0 or 1."""
    stock: Stock
    price: int = 0
    pressure: int = 0

    def __post_init__(self):
        self.price = self.stock.price

    def step(self, rng: Random) -> None:
        if rng.random() < 0.15:
            self.pressure = rng.choice((-1, 0, 0, 1))
        move = rng.choice((-1, 0, 1)) + (self.pressure if rng.random() < 0.5 else 0)
        # The value stays where a book has room on both sides.
        self.price = max(self.stock.price // 2, self.price + move * self.stock.tick)


@dataclass
class Flow:
    """The flow of one book. `live` are the references of its resting orders, in no order."""
    listing: Listing
    value: Value
    rates: FlowRates
    rng: Random
    shift: int = 0
    live: list[int] = field(default_factory=list)
    _place: dict[int, int] = field(default_factory=dict)

    def wait(self, mean_ns: int) -> int:
        """ns to the next event of a Poisson process; at least 1."""
        return 1 + int(self.rng.expovariate(1 / mean_ns))

    @property
    def fair(self) -> int:
        """What this venue takes for the value, on the tick."""
        return self.value.price + self.shift * self.listing.stock.tick

    def open(self) -> list[Event]:
        """The first orders of the day: ten levels a side, one to three orders each."""
        events: list[Event] = []
        for side in SIDES:
            for distance in range(1, 11):
                for _ in range(self.rng.randint(1, 3)):
                    events += self._quote(side, distance)
        return events

    def step(self) -> list[Event]:
        """One thing happens; the events it causes may be none."""
        rates, rng = self.rates, self.rng
        stale = self._stale_side()
        if stale is not None and rng.random() < 0.5:
            return self._take(opposite(stale))
        excess = len(self.live) > rates.live_orders
        actions = (self._add, self._cancel, self._reduce, self._replace, self._random_take, self._retail, self._hidden)
        weights = (0 if excess else rates.add, rates.cancel if excess or len(self.live) > rates.live_orders // 2 else 0,
                   rates.reduce, rates.replace, rates.take, rates.retail, rates.hidden)
        return rng.choices(actions, weights)[0]()

    def diverge(self) -> None:
        """Begin, or end, a divergence of this venue."""
        ticks = self.rates.shift_ticks
        self.shift = 0 if self.shift else self.rng.choice((-1, 1)) * self.rng.randint(2, max(2, ticks))

    def note(self, events: list[Event]) -> None:
        """Follow which of the flow's orders are still in the book, after events from any source."""
        orders = self.listing.book.orders
        for event in events:
            ref = getattr(event, "ref", None)
            if ref in self._place and ref not in orders:
                self._forget(ref)

    # ---- what may happen -------------------------------------------------------------------------

    def _add(self) -> list[Event]:
        """A new quote, the sooner on the side that has fewer levels."""
        levels = {side: self.listing.book.levels(side) for side in SIDES}
        thin = min(SIDES, key=levels.__getitem__)
        side = thin if self.rng.random() * levels[opposite(thin)] > levels[thin] else self._side()
        return self._quote(side, 1 + min(int(self.rng.expovariate(0.35)), 15))

    def _cancel(self) -> list[Event]:
        ref = self._pick(stale_first=True)
        return self._done(self.listing.book.cancel(ref)) if ref else []

    def _reduce(self) -> list[Event]:
        ref = self._pick()
        qty = self.listing.book.orders[ref].qty if ref else 0
        lot = self.listing.stock.lot
        return self._done(self.listing.book.cancel(ref, lot)) if qty > lot else []

    def _replace(self) -> list[Event]:
        ref = self._pick(stale_first=True)
        if not ref:
            return []
        side = self.listing.book.orders[ref].side
        new_ref, events = self.listing.book.replace(ref, self._size(side), self._price(side, self.rng.randint(1, 5)))
        self._remember(new_ref)
        return self._done(events)

    def _random_take(self) -> list[Event]:
        return self._take(self._side())

    def _retail(self) -> list[Event]:
        """A retail order, filled a hundredth of a cent to half a tick better than displayed."""
        stock = self.listing.stock
        better = self.rng.randint(1, max(1, stock.tick // 2))
        _, events = self.listing.book.submit(self._side(), stock.lot, None, rest=False, improvement=better)
        return self._done(events)

    def _hidden(self) -> list[Event]:
        """A trade between the best prices, against an order that was not displayed."""
        bid, ask = (self.listing.book.best(side) for side in SIDES)
        if bid is None or ask is None or ask - bid < 2:
            return []
        price = self.rng.randint(bid + 1, ask - 1)
        return self.listing.book.hidden_trade(self._side(), self._size(Side.BUY), price)

    # ---- how -------------------------------------------------------------------------------------

    def _quote(self, side: Side, distance: int) -> list[Event]:
        attribution = self.rng.choice(("GSCO", "VIRT", "CDRG")) if self.rng.random() < 0.05 else ""
        ref, events = self.listing.book.submit(side, self._size(side), self._price(side, distance),
                                               attribution=attribution)
        self._remember(ref)
        return self._done(events)

    def _take(self, side: Side) -> list[Event]:
        """A marketable order, at a price not beyond what this venue takes for fair."""
        size = self._size(side)
        limit = self.fair + (1 if side is Side.BUY else -1) * self.rng.randint(0, 2) * self.listing.stock.tick
        _, events = self.listing.book.submit(side, size, limit, rest=False)
        return self._done(events)

    def _side(self) -> Side:
        lean = 0.5 + 0.15 * self.value.pressure
        return Side.BUY if self.rng.random() < lean else Side.SELL

    def _size(self, side: Side) -> int:
        """Whole lots; more of them on the side that is under pressure to trade."""
        leans = self.value.pressure if side is Side.BUY else -self.value.pressure
        return self.listing.stock.lot * (1 + min(int(self.rng.expovariate(0.8 - 0.4 * leans)), 9))

    def _price(self, side: Side, distance: int) -> int:
        step = distance * self.listing.stock.tick
        return max(self.fair + (-step if side is Side.BUY else step), self.listing.stock.tick)

    def _stale_side(self) -> Side | None:
        """The side whose best price is beyond the fair one, so that trading with it pays."""
        bid, ask = (self.listing.book.best(side) for side in SIDES)
        if bid is not None and bid > self.fair:
            return Side.BUY
        if ask is not None and ask < self.fair:
            return Side.SELL
        return None

    def _pick(self, stale_first: bool = False) -> int:
        """One of the flow's own orders, 0 where there is none; of three, the furthest from fair where `stale_first`."""
        if not self.live:
            return 0
        if not stale_first:
            return self.rng.choice(self.live)
        orders = self.listing.book.orders
        picks = [self.rng.choice(self.live) for _ in range(3)]
        return max(picks, key=lambda ref: abs(orders[ref].price - self.fair))

    def _done(self, events: list[Event]) -> list[Event]:
        self.note(events)
        return events

    def _remember(self, ref: int) -> None:
        if ref:
            self._place[ref] = len(self.live)
            self.live.append(ref)

    def _forget(self, ref: int) -> None:
        place, last = self._place.pop(ref), self.live.pop()
        if last != ref:
            self.live[place] = last
            self._place[last] = place
