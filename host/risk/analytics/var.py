"""Value at risk and expected shortfall: historical, parametric, Monte Carlo. In USD, positive for a loss.

Sources
-------
Historical simulation and its order statistic: P. Jorion, "Value at Risk", 3rd edition, 10.
Parametric with exponentially weighted covariance: J.P. Morgan/Reuters, "RiskMetrics technical document", 4th
edition, 1996, 5.3.2 (decay 0.94 for daily returns).
"""

from dataclasses import dataclass

import numpy as np

from host.risk.analytics.normal import density, quantile
from host.risk.analytics.portfolio import Portfolio

DECAY = 0.94


@dataclass(frozen=True)
class Risk:
    """Losses that are exceeded with probability 1 - `level`, and their mean beyond that."""
    level: float
    var: float
    shortfall: float


def of_profits(profits: np.ndarray, level: float = 0.99) -> Risk:
    """From equally likely profits: the nearest-rank loss, one that occurred; the mean of it and all worse ones."""
    profits = np.asarray(profits, float)
    _check(level, len(profits))
    worst = np.sort(-profits)[::-1]
    tail = worst[:max(1, round(len(profits) * (1 - level) + 1e-9))]
    return Risk(level, float(tail[-1]), float(tail.mean()))


def historical(portfolio: Portfolio, returns: np.ndarray, level: float = 0.99) -> Risk:
    """What today's portfolio would have lost on each past day. `returns`: (days, underlyings), relative."""
    return of_profits(portfolio.profits(returns), level)


def covariance(returns: np.ndarray, decay: float = DECAY) -> np.ndarray:
    """Exponentially weighted, of zero mean; the last row is the newest."""
    returns = np.asarray(returns, float)
    if not 0 < decay <= 1 or not len(returns):
        raise ValueError(f"a decay of {decay} over {len(returns)} days gives no covariance")
    weights = decay ** np.arange(len(returns) - 1, -1, -1)
    return (returns * (weights / weights.sum())[:, None]).T @ returns


def parametric(portfolio: Portfolio, cov: np.ndarray, level: float = 0.99) -> Risk:
    """Of the deltas alone, with normal returns of covariance `cov` (relative, over the horizon)."""
    _check(level, 1)
    exposure = portfolio.exposure
    deviation = float(np.sqrt(exposure @ np.asarray(cov, float) @ exposure))
    z = quantile(level)
    return Risk(level, z * deviation, density(z) / (1 - level) * deviation)


def monte_carlo(portfolio: Portfolio, cov: np.ndarray, level: float = 0.99, *, paths: int = 20_000, seed: int = 0,
                years: float = 0.0) -> Risk:
    """Normal returns, every option valued anew. The same seed gives the same figure. Draws come in pairs of
    opposite sign, so that their mean is exactly zero."""
    if paths < 2 or paths % 2:
        raise ValueError(f"{paths} paths: give an even number, at least 2")
    return of_profits(portfolio.profits(draws(cov, paths, seed), years=years), level)


def draws(cov: np.ndarray, paths: int, seed: int) -> np.ndarray:
    """(paths, underlyings) normal returns. A covariance that is not one is an error."""
    cov = np.asarray(cov, float)
    values, vectors = np.linalg.eigh(cov)
    if not np.allclose(cov, cov.T) or values.min() < -1e-10 * max(values.max(), 1e-300):
        raise ValueError("the covariance matrix is not symmetric and positive")
    half = np.random.default_rng(seed).standard_normal((paths // 2, len(cov)))
    half = half @ (vectors * np.sqrt(np.maximum(values, 0))).T
    return np.concatenate([half, -half])


def _check(level: float, count: int) -> None:
    if not 0.5 < level < 1:
        raise ValueError(f"a confidence level of {level} is not between 0.5 and 1")
    if not count:
        raise ValueError("there are no profits to take a value at risk of")
