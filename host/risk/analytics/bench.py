"""How many options a second are valued, and how long a value at risk takes."""

import time
from collections.abc import Callable

import numpy as np

from host.risk.analytics import implied, options, var
from host.risk.analytics.portfolio import Portfolio

COUNT, UNDERLYINGS, PATHS = 10_000, 8, 1_000
_ROUNDS = 50


def chain(count: int = COUNT, seed: int = 1) -> np.ndarray:
    """A made-up portfolio's options: strikes around the spot, a week to two years."""
    rng = np.random.default_rng(seed)
    rows = np.zeros(count, options.OPTIONS)
    rows["spot"] = rng.uniform(20, 500, count)
    rows["strike"] = rows["spot"] * rng.uniform(0.7, 1.3, count)
    rows["years"], rows["vol"] = rng.uniform(0.02, 2, count), rng.uniform(0.1, 0.8, count)
    rows["rate"], rows["dividend"] = rng.uniform(0, 0.05, count), rng.uniform(0, 0.03, count)
    rows["call"] = rng.integers(0, 2, count)
    return rows


def portfolio(count: int = COUNT) -> Portfolio:
    rows, rng = chain(count), np.random.default_rng(2)
    underlying, spots = rng.integers(0, UNDERLYINGS, count), rng.uniform(20, 500, UNDERLYINGS)
    rows["strike"] *= spots[underlying] / rows["spot"]
    rows["spot"] = spots[underlying]
    return Portfolio(spots, rng.integers(-1_000, 1_000, UNDERLYINGS).astype(float), rows, underlying,
                     100.0 * rng.integers(-20, 20, count))


def _a_second(work: Callable[[], object], count: int, rounds: int) -> float:
    work()
    start = time.perf_counter_ns()
    for _ in range(rounds):
        work()
    return count * rounds * 1e9 / (time.perf_counter_ns() - start)


def figures() -> dict[str, float]:
    rows, book = chain(), portfolio()
    prices = options.black_scholes(rows)["price"]
    normal = rows.copy()
    normal["vol"] *= normal["spot"]
    cov = 0.0004 * (0.5 + 0.5 * np.eye(UNDERLYINGS))
    return {
        "risk.greeks_per_second": round(_a_second(lambda: options.black_scholes(rows), COUNT, _ROUNDS)),
        "risk.bachelier_greeks_per_second": round(_a_second(lambda: options.bachelier(normal), COUNT, _ROUNDS)),
        "risk.implied_vols_per_second": round(_a_second(lambda: implied.black_scholes_vol(rows, prices), COUNT, 10)),
        "risk.revaluations_per_second": round(_a_second(
            lambda: var.monte_carlo(book, cov, paths=PATHS), COUNT * PATHS, 1)),
    }
