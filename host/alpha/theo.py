"""Theoretical values of options as integers, ready before the market moves.

Analytics price each option once for every tick of the underlying around where it is; on a tick the strategy only
looks up. Values and deltas cross from floating point here, through `host.risk.analytics.crossing`'s rounding rules:
a value is bracketed by `low` and `high`, 1e-4 USD apart at most, and quotes use the side that costs them.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from host.contracts import Contract
from host.risk.analytics.crossing import gain, loss
from host.risk.analytics.options import OPTIONS, black_scholes

#: A delta of one share, in the unit of `Theo.delta`.
ONE_DELTA = 1_024


class Theo(NamedTuple):
    """Of one unit: `low` <= value <= `high` and `vega` (of one point of volatility, rounded up) in 1e-4 USD; `delta`
    in 1/1024 shares, towards zero."""
    low: int
    high: int
    delta: int
    vega: int


def worth(contract: Contract, tick: int, own_tick: int) -> Callable[[int], int]:
    """What a contract is worth at a price of its underlying, on its own tick (all in 1e-4 USD), at least one tick:
    how a simulated market lets its value follow."""
    table = TheoTable((contract,), tick)

    def value(spot: int) -> int:
        theo = table.at(contract.name, spot)
        return max(own_tick, (theo.low + theo.high) // 2 // own_tick * own_tick)
    return value


class TheoTable:
    """Values of some contracts on one underlying.

    Parameters
    ----------
    tick : of the underlying, 1e-4 USD.
    reach : ticks to each side of the centre that are priced ahead.
    """

    def __init__(self, contracts: tuple[Contract, ...], tick: int, reach: int = 200):
        if len({contract.underlying for contract in contracts}) > 1:
            raise ValueError("a table has one underlying")
        self.contracts, self.tick, self.reach = contracts, tick, reach
        self._first = 0
        self._rows: dict[str, list[Theo]] = {}

    def at(self, name: str, spot: int) -> Theo:
        """Of a contract with its underlying at `spot` (1e-4 USD, taken down to the tick). Beyond what is priced
        ahead the table is made again around it."""
        n = spot // self.tick
        if not self._rows or not 0 <= n - self._first < 2 * self.reach + 1:
            self._make(n)
        return self._rows[name][n - self._first]

    def _make(self, centre: int) -> None:
        self._first = max(1, centre - self.reach)
        spots = (self._first + np.arange(2 * self.reach + 1)) * self.tick / 10_000
        for contract in self.contracts:
            rows = np.zeros(len(spots), OPTIONS)
            rows["spot"], rows["strike"] = spots, contract.strike / 10_000
            rows["years"], rows["vol"], rows["rate"] = contract.years, contract.vol, contract.rate
            rows["call"] = contract.call
            self._rows[contract.name] = [
                Theo(max(0, gain(price)), loss(price), int(delta * ONE_DELTA), loss(vega / 100))
                for price, delta, vega in black_scholes(rows)[["price", "delta", "vega"]].tolist()]
