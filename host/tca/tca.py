"""Transaction cost analysis: what trading cost against the market at the time, by venue.

Kept in integers: a mid-price is `bid + ask`, half units of 1e-4 USD, and costs are 1e-4 USD times
shares, doubled. Costs are positive, savings negative.
"""

from dataclasses import dataclass

from host.marketdata.books import Top
from host.messages import NewOrder, Report, direction, marketable

#: A cost in 1e-6 USD is 100 units of 1e-4 USD.
_MICRO = 100


@dataclass
class Totals:
    """Sums over the orders of one venue (or strategy).

    Parameters
    ----------
    slippage2, spread2 : twice the arrival slippage and the effective spread cost, 1e-4 USD x shares.
    """

    orders: int = 0
    sent_qty: int = 0
    filled_qty: int = 0
    fills: int = 0
    slippage2: int = 0
    spread2: int = 0

    @property
    def fill_ratio(self) -> int:
        """Filled of sent quantity, in 1/1000."""
        return self.filled_qty * 1000 // self.sent_qty if self.sent_qty else 0

    @property
    def slippage(self) -> int:
        """Arrival slippage a share, in 1e-6 USD, rounded towards zero."""
        return _per_share(self.slippage2, self.filled_qty)

    @property
    def effective_spread(self) -> int:
        """Twice the distance from the mid at the fill, a share, in 1e-6 USD."""
        return 2 * _per_share(self.spread2, self.filled_qty)


def _per_share(doubled: int, qty: int) -> int:
    if not qty:
        return 0
    size = abs(doubled) * _MICRO // (2 * qty)
    return -size if doubled < 0 else size


@dataclass(frozen=True, slots=True)
class VenueScore:
    """The feed for routing and analytics: measures of one venue, and its scores (higher is better) for orders that
    take and for orders that rest."""
    venue: int
    orders: int
    fills: int
    fill_ratio: int
    slippage: int
    effective_spread: int
    taking_score: int
    resting_score: int


class Tca:
    """Measures each order from its arrival and scores venues as executions come in.

    Orders that take and orders that rest are scored apart, as the one pays the spread and the other earns
    it. A score is the expected gain a share in 1e-6 USD: minus the slippage of what is filled, minus
    `miss_cost` for the part that is not. A venue without `enough` orders of a kind has the neutral score 0.

    Parameters
    ----------
    miss_cost : what not trading a share costs, in 1e-6 USD.
    enough : orders before a score counts.
    """

    def __init__(self, miss_cost: int = 2_500, enough: int = 20):
        self.miss_cost, self.enough = miss_cost, enough
        self.venues: dict[int, Totals] = {}
        self.strategies: dict[int, Totals] = {}
        self._kinds: dict[tuple[int, bool], Totals] = {}
        self._arrivals: dict[int, tuple[NewOrder, int, bool]] = {}
        self.unmeasured = 0

    def on_order(self, order: NewOrder, top: Top | None) -> None:
        """An order leaves; `top` is its venue's book at the time. Without a usable one it is not measured."""
        if top is None or not top.usable:
            self.unmeasured += 1
            return
        takes = marketable(order, top.bid, top.ask)
        self._arrivals[order.order_id] = (order, top.twice_mid, takes)
        for totals in self._totals(order, takes):
            totals.orders += 1
            totals.sent_qty += order.qty

    def on_fill(self, report: Report, top: Top | None) -> VenueScore | None:
        """A trade; `top` is its venue's book now. None for an order that is not measured."""
        if report.order_id not in self._arrivals:
            return None
        order, arrival, takes = self._arrivals[report.order_id]
        now = top.twice_mid if top and top.usable else arrival
        sign = direction(order.side)
        for totals in self._totals(order, takes):
            totals.fills += 1
            totals.filled_qty += report.last_qty
            totals.slippage2 += sign * (2 * report.last_price - arrival) * report.last_qty
            totals.spread2 += sign * (2 * report.last_price - now) * report.last_qty
        return self.measure(order.venue)

    def score(self, venue: int, takes: bool) -> int:
        """Of a venue, for orders that take or that rest."""
        totals = self._kinds.get((venue, takes))
        if totals is None or totals.orders < self.enough:
            return 0
        return -totals.slippage - self.miss_cost * (1000 - totals.fill_ratio) // 1000

    def measure(self, venue: int) -> VenueScore:
        totals = self.venues.get(venue, Totals())
        return VenueScore(venue, totals.orders, totals.fills, totals.fill_ratio, totals.slippage,
                          totals.effective_spread, self.score(venue, True), self.score(venue, False))

    def _totals(self, order: NewOrder, takes: bool) -> tuple[Totals, ...]:
        return (self.venues.setdefault(order.venue, Totals()), self.strategies.setdefault(order.strategy, Totals()),
                self._kinds.setdefault((order.venue, takes), Totals()))
