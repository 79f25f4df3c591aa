"""Value at risk and stress of what a session holds, from the prices that it has seen so far.

Floating point inside, integers out (`host.risk.analytics.crossing`), rounded towards caution. Each sample takes the
returns since the last one; figures are scaled to a horizon by the square root of time (J.P. Morgan/Reuters,
"RiskMetrics technical document", 4th edition, 1996, 5.2), which is right for returns without memory and too much for
prices that bounce between bid and ask.

Marginal VaR is the derivative of parametric VaR by a position (P. Jorion, "Value at Risk", 3rd edition, 7.2): the
sum of position x marginal over everything held is the VaR itself, so that it can be shared out among strategies.
"""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil, floor, isfinite, sqrt

import numpy as np

from host.contracts import Contract
from host.risk.analytics.crossing import loss
from host.risk.analytics.normal import quantile
from host.risk.analytics.options import OPTIONS
from host.risk.analytics.portfolio import Portfolio
from host.risk.analytics.stress import GRID, HISTORICAL, Outcome, Scenario, stress
from host.risk.analytics.var import covariance, historical, monte_carlo, parametric

#: Units of 1e-4 USD in one USD, and of marginals in one of these.
_UNIT = 10_000
MARGINAL = 100


@dataclass(frozen=True)
class LiveParameters:
    """Times in ns.

    Parameters
    ----------
    every : from one sample to the next.
    window : samples that historical VaR looks back on, and `enough` of them for it to say anything.
    decay : weight of a sample against the next one, for the covariance.
    horizon : for which a loss is told: about what it takes to get out of everything in good order.
    level : confidence.
    paths : of Monte Carlo.
    floor_ppm : a price is never taken for calmer than this a sample (standard deviation, 1e-6 of it): a market that
        has stood still so far is not without risk.
    scenarios : of the stress test.
    """
    every: int = 500_000
    window: int = 256
    enough: int = 32
    decay: float = 0.97
    horizon: int = 1_000_000_000
    level: float = 0.99
    paths: int = 1_000
    floor_ppm: int = 10
    scenarios: tuple[Scenario, ...] = (*HISTORICAL, *GRID)


@dataclass(frozen=True, slots=True)
class Figures:
    """What could be lost over the horizon, 1e-4 USD, at one moment.

    Parameters
    ----------
    samples : returns behind it. historical : 0 until there are enough.
    shortfall : mean of the losses beyond the level: the worse of historical and Monte Carlo.
    stress, scenario : loss in the worst scenario and its name; 0 where none loses.
    stressed : what each stock (with its options) loses in it; negative where it gains.
    marginal : by stock, 1e-6 USD of parametric VaR for one more share (or contract); negative where it hedges.
    neutral : by stock, shares of it that would make VaR least: what a hedge in it may trade, with its sign.
    """
    time: int
    samples: int
    historical: int
    parametric: int
    monte_carlo: int
    shortfall: int
    stress: int
    scenario: str
    stressed: Mapping[str, int]
    marginal: Mapping[str, int]
    neutral: Mapping[str, int]

    @property
    def var(self) -> int:
        """The largest of the three: the one that limits are about."""
        return max(self.historical, self.parametric, self.monte_carlo)


class LiveRisk:
    """Give it prices and positions now and then; it keeps the returns between them.

    Parameters
    ----------
    stocks : everything held, underlyings and contracts.
    contracts : options among them; their prices follow their underlying's.
    seed : of Monte Carlo: the same session gives the same figures.
    """

    def __init__(self, stocks: tuple[str, ...], contracts: tuple[Contract, ...] = (),
                 parameters: LiveParameters = LiveParameters(), seed: int = 0):
        self.parameters, self.seed = parameters, seed
        self.contracts = {one.name: one for one in contracts if one.name in stocks and one.underlying in stocks}
        self.names = tuple(stock for stock in stocks if stock not in self.contracts)
        self._row = {stock: n for n, stock in enumerate(self.names)}
        self._last: dict[str, int] = {}
        self._returns: deque[list[float]] = deque(maxlen=parameters.window)
        self._scale = sqrt(parameters.horizon / parameters.every)

    def sample(self, prices: Mapping[str, int], held: Mapping[str, int], now: int) -> Figures:
        """`prices` (1e-4 USD) of stocks that have one, `held` in shares and contracts. Raises `ValueError` where a
        figure is none: nothing may be decided on it."""
        self._learn(prices)
        portfolio, cov = self._portfolio(held), self._covariance()
        deltas = self._deltas(portfolio)
        p = self.parameters
        past = historical(portfolio, np.array(self._returns) * self._scale, p.level) if (
            len(self._returns) >= p.enough) else None
        drawn = monte_carlo(portfolio, cov, p.level, paths=p.paths, seed=self.seed)
        worst = self._worst(portfolio)
        marginal, neutral = self._shares(portfolio.spots, deltas, cov)
        return Figures(
            now, len(self._returns), max(0, loss(past.var)) if past else 0,
            max(0, loss(parametric(portfolio, cov, p.level).var)), max(0, loss(drawn.var)),
            max(0, loss(drawn.shortfall), loss(past.shortfall) if past else 0),
            max(0, loss(-worst.profit)) if worst else 0, worst.scenario.name if worst else "",
            {name: loss(-profit) for name, profit in worst.by_underlying.items()} if worst else {}, marginal, neutral)

    def _learn(self, prices: Mapping[str, int]) -> None:
        """Relative moves since the last sample; 0 for what had no price then or has none now."""
        prices = {name: price for name, price in prices.items() if price > 0}
        if self._last:
            self._returns.append([prices[name] / self._last[name] - 1 if name in prices and name in self._last else 0.0
                                  for name in self.names])
        self._last |= prices

    def _portfolio(self, held: Mapping[str, int]) -> Portfolio:
        """What is held; a stock without a price yet is worth nothing that could be lost."""
        spots = np.array([self._last.get(name, 0) / _UNIT for name in self.names])
        shares = np.array([float(held.get(name, 0)) for name in self.names])
        chain = [one for one in self.contracts.values() if held.get(one.name) and one.underlying in self._last]
        options = np.zeros(len(chain), OPTIONS)
        for row, one in zip(options, chain, strict=True):
            row["spot"], row["strike"] = spots[self._row[one.underlying]], one.strike / _UNIT
            row["years"], row["rate"], row["vol"], row["call"] = one.years, one.rate, one.vol, one.call
        return Portfolio(spots, shares, options, np.array([self._row[one.underlying] for one in chain], int),
                         np.array([float(held[one.name] * one.multiplier) for one in chain]))

    def _covariance(self) -> np.ndarray:
        """Of returns over the horizon, none of them calmer than the floor."""
        least = (self.parameters.floor_ppm / 1e6) ** 2
        cov = np.zeros((len(self.names), len(self.names)))
        if self._returns:
            cov = covariance(np.array(self._returns), self.parameters.decay)
        calm = np.maximum(0.0, least - np.diag(cov))
        return (cov + np.diag(calm)) * self._scale ** 2

    @staticmethod
    def _deltas(portfolio: Portfolio) -> np.ndarray:
        return portfolio.greeks()["delta"]

    def _worst(self, portfolio: Portfolio) -> Outcome | None:
        outcomes = stress(portfolio, self.names, self.parameters.scenarios)
        return outcomes[0] if outcomes and outcomes[0].profit < 0 else None

    def _shares(self, spots: np.ndarray, deltas: np.ndarray, cov: np.ndarray) -> tuple[dict[str, int], dict[str, int]]:
        """Marginal VaR and what each stock alone could do against the whole."""
        exposed = cov @ (deltas * spots)
        deviation = sqrt(float((deltas * spots) @ exposed))
        z = quantile(self.parameters.level)
        marginal: dict[str, int] = {}
        neutral: dict[str, int] = {}
        for n, name in enumerate(self.names):
            value = z * exposed[n] / deviation * spots[n] * _UNIT * MARGINAL if deviation else 0.0
            own = cov[n, n] * spots[n]
            marginal[name], neutral[name] = _away(value), _towards(-exposed[n] / own if own else 0.0)
        for one in self.contracts.values():
            if one.underlying in marginal:
                marginal[one.name] = self._of_contract(one, marginal[one.underlying])
        return marginal, neutral

    def _of_contract(self, one: Contract, marginal: int) -> int:
        held = {one.name: 1}
        portfolio = self._portfolio(held)
        return _away(float(self._deltas(portfolio)[self._row[one.underlying]]) * marginal)


def _away(value: float) -> int:
    _check(value)
    return ceil(value) if value > 0 else floor(value)


def _towards(value: float) -> int:
    _check(value)
    return floor(value) if value > 0 else ceil(value)


def _check(value: float) -> None:
    if not isfinite(value):
        raise ValueError(f"{value} is not a figure to act on")
