"""Live risk: against the functions it is made of, its own sums, and what cannot be."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from host.contracts import Contract
from host.risk.analytics.live import MARGINAL, LiveParameters, LiveRisk
from host.risk.analytics.portfolio import Portfolio
from host.risk.analytics.stress import Scenario
from host.risk.analytics.var import historical

FAST = LiveParameters(paths=200, enough=8, window=16, horizon=4_000_000, every=1_000_000, scenarios=(
    Scenario("crash", spot=-0.2), Scenario("rally", spot=0.2)))
PRICES = {"AAPL": 185_0000, "MSFT": 392_0000}
CALL = Contract("AAPLC185", "AAPL", 185_0000, 0.25, 0.3, call=True)


def walked(live, rng, held, steps=20, prices=PRICES):
    """Figures after a random walk of some ticks."""
    prices, found = dict(prices), None
    for n in range(steps):
        prices = {name: price + 100 * rng.randint(-3, 3) for name, price in prices.items()}
        found = live.sample(prices, held, n)
    return found, prices


def test_nothing_held_is_no_risk(rng):
    found, _ = walked(LiveRisk(("AAPL", "MSFT"), parameters=FAST), rng, {})
    assert (found.var, found.shortfall, found.stress, found.scenario) == (0, 0, 0, "")
    assert set(found.marginal.values()) == set(found.neutral.values()) == {0}


def test_before_prices_have_moved_the_floor_speaks():
    live = LiveRisk(("AAPL",), parameters=FAST)
    found = live.sample(PRICES, {"AAPL": 1_000}, 0)
    # 185,000 USD x 10e-6 x sqrt(4 samples) x 2.3263
    assert found.parametric == pytest.approx(185_000 * 10e-6 * 2 * 2.32635 * 1e4, abs=2)
    assert found.historical == 0
    assert found.monte_carlo > 0
    assert (found.scenario, found.stress) == ("crash", 37_000 * 10_000)


def test_historical_is_that_of_the_window(rng):
    live, held = LiveRisk(("AAPL", "MSFT"), parameters=FAST), {"AAPL": 300, "MSFT": -100}
    prices, seen = dict(PRICES), []
    for n in range(30):
        prices = {name: price + 100 * rng.randint(-3, 3) for name, price in prices.items()}
        seen.append([prices["AAPL"], prices["MSFT"]])
        found = live.sample(prices, held, n)
    past = np.array(seen[-17:], float)
    portfolio = Portfolio.of_shares(past[-1] / 1e4, np.array([300, -100]))
    expected = historical(portfolio, (past[1:] / past[:-1] - 1) * 2, 0.99)
    assert found.samples == 16
    assert found.historical == pytest.approx(expected.var * 1e4, abs=1)


@settings(max_examples=40, deadline=None)
@given(st.integers(-2_000, 2_000), st.integers(-2_000, 2_000), st.integers(0, 2**32 - 1))
def test_the_parts_make_the_whole(aapl, msft, seed):
    import random
    held = {"AAPL": aapl, "MSFT": msft}
    found, _ = walked(LiveRisk(("AAPL", "MSFT"), parameters=FAST), random.Random(seed), held)
    parts = sum(qty * found.marginal[name] for name, qty in held.items()) // MARGINAL
    assert abs(parts - found.parametric) <= 2 + (abs(aapl) + abs(msft)) // MARGINAL + 1
    assert found.var == max(found.historical, found.parametric, found.monte_carlo)
    assert found.shortfall >= found.monte_carlo - 1


def test_the_neutral_quantity_makes_var_least(rng):
    live, held = LiveRisk(("AAPL", "MSFT"), parameters=FAST), {"AAPL": 1_000, "MSFT": 200}
    found, prices = walked(live, rng, held)
    at = {}
    for more in (-40, 0, 40):
        traded = {**held, "MSFT": held["MSFT"] + found.neutral["MSFT"] + more}
        deltas = np.array([traded["AAPL"], traded["MSFT"]]) * np.array([prices["AAPL"], prices["MSFT"]]) / 1e4
        at[more] = deltas @ live._covariance() @ deltas
    assert at[0] <= min(at[-40], at[40])


def test_options_move_with_their_underlying_and_are_revalued(rng):
    live = LiveRisk(("AAPL", "AAPLC185"), (CALL,), FAST)
    alone, _ = walked(live, rng, {"AAPLC185": 10})
    assert live.names == ("AAPL",)
    assert alone.parametric > 0
    assert alone.marginal["AAPLC185"] == pytest.approx(alone.marginal["AAPL"] * 53, rel=0.2), "delta of 100 x 0.53"
    hedged = live.sample(PRICES, {"AAPLC185": 10, "AAPL": alone.neutral["AAPL"]}, 99)
    assert hedged.parametric * 20 < alone.parametric
    crash = 185 * 0.2 * alone.neutral["AAPL"]
    assert 0 <= hedged.stress < abs(crash) * 10_000, "long gamma: less is lost than the hedge alone would"


def test_a_price_that_is_none_is_not_learnt(rng):
    live = LiveRisk(("AAPL",), parameters=FAST)
    live.sample({"AAPL": 185_0000}, {"AAPL": 1}, 0)
    for bad in ({"AAPL": 0}, {"AAPL": -5}, {}):
        assert live.sample(bad, {"AAPL": 1}, 1).parametric < 10_000
    assert live.sample({}, {"MSFT": 5}, 2).var == 0


def test_the_same_seed_gives_the_same_figures(rng):
    state = rng.getstate()
    found = []
    for seed in (1, 1, 2):
        rng.setstate(state)
        found.append(walked(LiveRisk(("AAPL", "MSFT"), parameters=FAST, seed=seed), rng, {"AAPL": 100})[0])
    assert found[0] == found[1]
    assert found[0].monte_carlo != found[2].monte_carlo
