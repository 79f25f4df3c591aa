"""Positions and P&L: the one source for both, in integers.

A position is a function of the set of its fills, taken in the order of their own times: whatever order
they are told in, with busts and corrections before or after, and however often, it comes out the same to
the last unit. Money is in 1e-4 of the instrument's currency.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from hdl.layouts import Side
from host.executions import Executions, Key
from host.messages import TRADE, TRADE_CANCEL, TRADE_CORRECT, Report, direction
from host.positions.cost import Average, Basis
from host.positions.money import Fees, Fx, Instrument

__all__ = ["Fees", "Position", "Positions"]

#: Fills between two snapshots of a cost basis: what one that comes late costs at most, on top of those after it.
STRIDE = 64

#: Where a fill stands among those of its position: time, venue, and ExecIDs as counters count.
Place = tuple[int, int, int, str]


class Fill(NamedTuple):
    """One fill as it counts: `qty` is negative for a sale, `value` what one unit costs."""
    qty: int
    value: int
    fee: int


class Position:
    """One stock or contract over all venues.

    Members
    -------
    fees : paid so far, rebates taken off.
    bought, sold : units.
    mark : last price for the unrealised part, 0 before the first: until then it is worth what it cost.
    """

    def __init__(self, stock: str, instrument: Instrument = Instrument(), basis: Callable[[], Basis] = Average):
        self.stock, self.instrument = stock, instrument
        self.basis = basis()
        self.fees = self.bought = self.sold = self.mark = 0
        self._places: list[Place] = []
        self._fills: list[Fill] = []
        self._snapshots = [self.basis.snapshot()]

    @property
    def qty(self) -> int:
        """Units held, negative when short."""
        return self.basis.qty

    @property
    def cost(self) -> int:
        """What they cost, negative when short."""
        return self.basis.cost

    @property
    def realised(self) -> int:
        """From closed units, before fees."""
        return self.basis.realised

    @property
    def value(self) -> int:
        """At the mark."""
        return self.basis.qty * self.mark * self.instrument.multiplier if self.mark else self.basis.cost

    @property
    def unrealised(self) -> int:
        return self.value - self.basis.cost

    @property
    def net(self) -> int:
        """P&L after fees."""
        return self.basis.realised + self.unrealised - self.fees

    @property
    def latest(self) -> int:
        """Time of the last fill."""
        return self._places[-1][0] if self._places else 0

    def insert(self, place: Place, fill: Fill) -> None:
        """A fill counts. O(1) for the last one, else it and those after it are gone through again."""
        self._sum(fill, 1)
        if not self._places or place > self._places[-1]:
            self._places.append(place)
            self._fills.append(fill)
            self.basis.trade(fill.qty, fill.value)
            if len(self._fills) % STRIDE == 0:
                self._snapshots.append(self.basis.snapshot())
            return
        at = bisect_left(self._places, place)
        self._places.insert(at, place)
        self._fills.insert(at, fill)
        self._again(at)

    def remove(self, place: Place) -> None:
        """A fill does not count: everything is as if it had never been."""
        at = bisect_left(self._places, place)
        self._sum(self._fills[at], -1)
        del self._places[at], self._fills[at]
        self._again(at)

    def _sum(self, fill: Fill, times: int) -> None:
        self.fees += times * fill.fee
        if fill.qty > 0:
            self.bought += times * fill.qty
        else:
            self.sold -= times * fill.qty

    def _again(self, at: int) -> None:
        """Go through the fills from `at` again."""
        known = at // STRIDE
        del self._snapshots[known + 1:]
        self.basis.restore(self._snapshots[known])
        for n in range(known * STRIDE, len(self._fills)):
            fill = self._fills[n]
            self.basis.trade(fill.qty, fill.value)
            if (n + 1) % STRIDE == 0:
                self._snapshots.append(self.basis.snapshot())


class Positions:
    """Every stock's position, across venues.

    Parameters
    ----------
    fees : by venue index.
    instruments : those that are not one share in USD.
    basis : cost basis of all positions: `Average` or `Fifo`.
    fx : rates into the currency of `net` and `gross_notional`.

    Members
    -------
    by_symbol : units held by stock and venue.
    """

    def __init__(self, fees: tuple[Fees, ...] = (), instruments: Mapping[str, Instrument] | None = None,
                 basis: Callable[[], Basis] = Average, fx: Fx | None = None):
        self.fees, self.instruments, self.basis, self.fx = fees, instruments or {}, basis, fx or Fx()
        self.by_stock: dict[str, Position] = {}
        self.by_symbol: dict[tuple[str, int], int] = {}
        self._executions = Executions()
        self._places: dict[Key, Place] = {}
        self._unnamed = 0

    def position(self, stock: str) -> Position:
        position = self.by_stock.get(stock)
        if position is None:
            position = self.by_stock[stock] = Position(stock, self.instruments.get(stock, Instrument()), self.basis)
        return position

    def on_report(self, report: Report) -> Position | None:
        """A venue's report. The position it changed; None where it is about no trade, or told nothing new.

        Raises `ValueError` for a trade that cannot be; it changes nothing.
        """
        if report.exec_type not in (TRADE, TRADE_CORRECT, TRADE_CANCEL):
            return None
        if report.exec_type != TRADE_CANCEL:
            _check(report.stock, report.last_qty, report.last_price)
        key = report.venue, report.exec_id
        removed, added = self._executions.record(report, key)
        if removed:
            self._take_out(removed)
        if added:
            self._put_in(added, key)
        elif report.exec_type != TRADE_CANCEL:
            self._move(key)
        changed = added or removed
        return self.by_stock[changed.stock] if changed else None

    def on_fill(self, stock: str, venue: int, side: Side, qty: int, price: int, maker: bool = False) -> Position:
        """A fill that no report tells of, such as a transfer; it comes after all others. Raises `ValueError`."""
        _check(stock, qty, price)
        self._unnamed += 1
        report = Report(0, f"unnamed {self._unnamed}", TRADE, "", stock, side, venue, qty, price, maker=maker,
                        time=self.position(stock).latest + 1)
        position = self.on_report(report)
        assert position, "nothing else has this name"
        return position

    def on_mark(self, stock: str, price: int) -> Position:
        """A new price for the unrealised part (1e-4 of its currency)."""
        position = self.position(stock)
        position.mark = price
        return position

    def recover(self, executed: Iterable[Report]) -> None:
        """After a restart: what the book of record has."""
        for report in executed:
            self.on_report(report)

    @property
    def net(self) -> int:
        """P&L after fees, in the base currency. Raises `NoRate`."""
        return self._total(lambda position: position.net)

    @property
    def gross_notional(self) -> int:
        """Sum of the absolute values of the positions, in the base currency. Raises `NoRate`."""
        return self._total(lambda position: abs(position.value))

    def _total(self, figure: Callable[[Position], int]) -> int:
        amounts: dict[str, int] = {}
        for position in self.by_stock.values():
            currency = position.instrument.currency
            amounts[currency] = amounts.get(currency, 0) + figure(position)
        return self.fx.total(amounts)

    def _put_in(self, report: Report, key: Key) -> None:
        position, sign = self.position(report.stock), direction(report.side)
        value = report.last_price * position.instrument.multiplier
        fees = self.fees[report.venue] if report.venue < len(self.fees) else Fees()
        fee = fees.of(report.last_qty, report.last_qty * value, sale=sign < 0, maker=report.maker)
        place = self._places[key] = self._place(key, report)
        position.insert(place, Fill(sign * report.last_qty, value, fee))
        self._hold(report, sign * report.last_qty)

    def _take_out(self, report: Report) -> None:
        self.by_stock[report.stock].remove(self._places.pop((report.venue, report.exec_id)))
        self._hold(report, -direction(report.side) * report.last_qty)

    def _hold(self, report: Report, qty: int) -> None:
        symbol = report.stock, report.venue
        self.by_symbol[symbol] = self.by_symbol.get(symbol, 0) + qty

    def _place(self, key: Key, report: Report) -> Place:
        """A correction stands where the execution stood that it replaces."""
        if report.ref_id:
            key = self._executions.first(key)
            report = self._executions.trades[key]
        return report.time, report.venue, len(report.exec_id), report.exec_id

    def _move(self, key: Key) -> None:
        """What counts in the line of `key` may have learnt where it stands."""
        last = self._executions.last(key)
        if self._executions.counts(last):
            report = self._executions.trades[last]
            if self._places[last] != self._place(last, report):
                self._take_out(report)
                self._put_in(report, last)


def _check(stock: str, qty: int, price: int) -> None:
    if qty <= 0 or price <= 0:
        raise ValueError(f"{stock}: a fill of {qty} at {price} cannot be")
