"""Transaction cost analysis as executions arrive: every order from its decision to its last markout.

`host.tca.batch` computes the same sums, to the last unit, from the arrays of a past day.
"""

from collections import defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass, field

from host.executions import Key as ExecKey
from host.messages import NewOrder, Report, direction, marketable
from host.tca.market import AREA_NS, Quotes, Tape
from host.tca.sums import HORIZONS, MAIN, PER_HORIZON, SLOT_NS, Column, Key, Sums, size_bucket

_FIRST_MARK = int(Column.MARKED_QTY)


@dataclass(slots=True)
class Measured:
    """One order under measurement. Times are hardware times, ns.

    Parameters
    ----------
    symbol : of its listing, whose book it is measured against.
    decided2, arrived2 : mids, doubled, when it was decided and when it left.
    touch : best price of the other side when it left.
    ended : when it could trade no more, 0 while it can.
    """
    order: NewOrder
    symbol: int
    key: Key
    sums: Sums
    left: int
    decided2: int
    arrived2: int
    touch: int
    area: int
    traded: tuple[int, int]
    ended: int = 0
    end2: int = 0
    vwap2: int = 0
    twap2: int = 0
    filled: int = 0
    notional: int = 0
    fees: int = 0
    markout2: int = 0
    unmarked: int = 0
    closed: bool = False


@dataclass(slots=True)
class Fill:
    """One trade of a measured order; `marks` are the mids of the horizons that have come."""
    measured: Measured
    time: int
    qty: int
    price: int
    fee: int
    mid2: int
    marks: list[int] = field(default_factory=list)
    gone: bool = False


class Tca:
    """Adds up cells (`host.tca.sums`) order by order, and tells when an order is finished.

    An order without a usable book at its arrival is not measured, and counted in `unmeasured`. A busted or
    corrected trade is taken out of every sum.

    Parameters
    ----------
    on_closed : called once with each order that has ended and whose fills have all reached the main horizon.
    """

    def __init__(self, on_closed: Callable[[Measured], None] = lambda measured: None):
        self.cells: dict[Key, Sums] = {}
        self.unmeasured = 0
        self.on_closed = on_closed
        self._quotes: defaultdict[int, Quotes] = defaultdict(Quotes)
        self._tapes: defaultdict[str, Tape] = defaultdict(Tape)
        self._orders: dict[int, Measured] = {}
        self._fills: dict[ExecKey, Fill] = {}
        self._due: defaultdict[int, list[deque[Fill]]] = defaultdict(lambda: [deque() for _ in HORIZONS])

    # ---- the market

    def on_quote(self, symbol: int, time: int, bid: int, ask: int) -> None:
        """A usable top of book. Fills whose horizon lies before it are marked at the one before."""
        due = self._due.get(symbol)
        if due:
            self._mark(symbol, due, time - 1)
        self._quotes[symbol].add(time, bid, ask)

    def on_trade(self, stock: str, time: int, price: int, qty: int) -> None:
        """A trade of the market, on any venue."""
        self._tapes[stock].add(time, price, qty)

    def advance(self, now: int) -> None:
        """Nothing more will come with a time up to `now`: mark what has become due."""
        for symbol, due in self._due.items():
            self._mark(symbol, due, now)

    # ---- our orders

    def on_order(self, order: NewOrder, symbol: int, decided: int, left: int) -> Measured | None:
        """An order left at `left`, decided on a book of `decided`."""
        quotes = self._quotes[symbol]
        arrival = quotes.at(left)
        if arrival is None:
            self.unmeasured += 1
            return None
        takes = marketable(order, arrival.bid, arrival.ask)
        key = Key(order.venue, takes, size_bucket(order.qty), order.strategy, left // SLOT_NS)
        sums = self.cells.setdefault(key, Sums())
        volume = self._tapes[order.stock].at(left)
        measured = self._orders[order.order_id] = Measured(
            order, symbol, key, sums, left, (quotes.at(decided) or arrival).mid2, arrival.mid2,
            arrival.bid if order.side & 1 else arrival.ask, quotes.area(left), (volume.qty, volume.notional))
        sums.values[Column.ORDERS] += 1
        sums.values[Column.SENT_QTY] += order.qty
        return measured

    def on_fill(self, report: Report, time: int, fee: int = 0) -> Measured | None:
        """A trade. None for an order that is not measured."""
        measured = self._orders.get(report.order_id)
        if measured is None:
            return None
        time = max(time, measured.left)
        quote = self._quotes[measured.symbol].at(time)
        assert quote, "there was one at arrival"
        fill = Fill(measured, time, report.last_qty, report.last_price, fee, quote.mid2)
        self._fills[report.venue, report.exec_id] = fill
        self._count(fill, 1)
        measured.unmarked += 1
        for horizon, queue in enumerate(self._due[measured.symbol]):
            _put(queue, fill, HORIZONS[horizon])
        return measured

    def take_back(self, key: ExecKey) -> Fill | None:
        """A trade does not count any more (busted, or replaced by a correction). None where it was not measured."""
        fill = self._fills.pop(key, None)
        if fill is None:
            return None
        self._count(fill, -1)
        for horizon, mid2 in enumerate(fill.marks):
            self._add_mark(fill, horizon, mid2, -1)
        if len(fill.marks) <= MAIN:
            fill.measured.unmarked -= 1
        fill.gone = True
        self._close(fill.measured)
        return fill

    def on_end(self, order_id: int, time: int) -> Measured | None:
        """An order can trade no more; fills that were under way may still come."""
        measured = self._orders.get(order_id)
        if measured is None or measured.ended:
            return None
        measured.ended = time = max(time, measured.left)
        quotes, (qty, notional) = self._quotes[measured.symbol], measured.traded
        quote = quotes.at(time)
        assert quote, "there was one at arrival"
        volume = self._tapes[measured.order.stock].at(time)
        measured.end2 = quote.mid2
        measured.vwap2 = 2 * (volume.notional - notional) // (volume.qty - qty) if volume.qty > qty else 0
        measured.twap2 = measured.arrived2
        if life := time // AREA_NS - measured.left // AREA_NS:
            measured.twap2 += (quotes.area(time) - measured.area - measured.arrived2 * life) // life
        measured.sums.values[Column.ENDED_QTY] += measured.order.qty
        self._settle(measured, 1)
        self._close(measured)
        return measured

    # ---- how

    def _count(self, fill: Fill, times: int) -> None:
        """Add a fill to the sums, or take it out again."""
        measured = fill.measured
        sign, values = times * direction(measured.order.side), measured.sums.values
        if measured.ended:
            self._settle(measured, -1)
        qty, paid2 = fill.qty, 2 * fill.price
        measured.filled += times * qty
        measured.notional += times * qty * fill.price
        measured.fees += times * fill.fee
        values[Column.FILLS] += times
        values[Column.FILLED_QTY] += times * qty
        values[Column.NOTIONAL] += times * qty * fill.price
        values[Column.FEES] += times * fill.fee
        values[Column.SLIPPAGE2] += sign * (paid2 - measured.arrived2) * qty
        values[Column.SHORTFALL2] += sign * (paid2 - measured.decided2) * qty
        values[Column.SPREAD2] += sign * (paid2 - fill.mid2) * qty
        if measured.ended:
            self._settle(measured, 1)

    @staticmethod
    def _settle(measured: Measured, times: int) -> None:
        """Add what follows from an order's end and its fills, or take it out again."""
        values, filled = measured.sums.values, measured.filled
        sign, missed = times * direction(measured.order.side), measured.order.qty - filled
        values[Column.MISSED_QTY] += times * missed
        values[Column.OPPORTUNITY2] += sign * (measured.end2 - measured.decided2) * missed
        values[Column.TWAP_QTY] += times * filled
        values[Column.TWAP2] += sign * (2 * measured.notional - measured.twap2 * filled)
        if measured.vwap2:
            values[Column.VWAP_QTY] += times * filled
            values[Column.VWAP2] += sign * (2 * measured.notional - measured.vwap2 * filled)

    def _mark(self, symbol: int, due: list[deque[Fill]], until: int) -> None:
        """Mark every fill whose horizon has come by `until`, horizon by horizon."""
        quotes = self._quotes[symbol]
        for horizon, (queue, distance) in enumerate(zip(due, HORIZONS, strict=True)):
            while queue and queue[0].time + distance <= until:
                fill = queue.popleft()
                if fill.gone:
                    continue
                quote = quotes.at(fill.time + distance)
                assert quote, "there was one at arrival"
                fill.marks.append(quote.mid2)
                self._add_mark(fill, horizon, quote.mid2, 1)
                if horizon == MAIN:
                    fill.measured.unmarked -= 1
                    self._close(fill.measured)

    @staticmethod
    def _add_mark(fill: Fill, horizon: int, mid2: int, times: int) -> None:
        measured = fill.measured
        sign, at = times * direction(measured.order.side), _FIRST_MARK + PER_HORIZON * horizon
        values, markout2 = measured.sums.values, sign * (mid2 - 2 * fill.price) * fill.qty
        values[at] += times * fill.qty
        values[at + 1] += markout2
        values[at + 2] += sign * (mid2 - fill.mid2) * fill.qty
        if horizon == MAIN:
            measured.markout2 += markout2

    def _close(self, measured: Measured) -> None:
        if measured.ended and not measured.unmarked and not measured.closed:
            measured.closed = True
            self.on_closed(measured)


def _put(queue: deque[Fill], fill: Fill, distance: int) -> None:
    """In the order of their times: reports of one listing nearly always come so."""
    if not queue or queue[-1].time <= fill.time:
        queue.append(fill)
        return
    later = []
    while queue and queue[-1].time > fill.time:
        later.append(queue.pop())
    queue.append(fill)
    queue.extend(reversed(later))
