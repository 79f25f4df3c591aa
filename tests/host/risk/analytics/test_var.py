"""Value at risk three ways, its back-test, stress, and the crossing to integers."""

import numpy as np
import pytest

from host.risk.analytics import crossing
from host.risk.analytics.backtest import kupiec
from host.risk.analytics.options import OPTIONS, black_scholes
from host.risk.analytics.portfolio import Portfolio
from host.risk.analytics.stress import GRID, HISTORICAL, Scenario, stress
from host.risk.analytics.var import covariance, draws, historical, monte_carlo, of_profits, parametric

COV = np.array([[0.0004, 0.0001], [0.0001, 0.0009]])
SHARES = Portfolio.of_shares(np.array([100.0, 50.0]), np.array([1_000.0, -500.0]))


def with_options(units=-100.0):
    rows = np.zeros(1, OPTIONS)
    rows["spot"] = rows["strike"] = 100
    rows["years"], rows["vol"], rows["call"] = 0.25, 0.3, 1
    return Portfolio(np.array([100.0, 50.0]), np.zeros(2), rows, np.array([0]), np.array([units]))


def test_the_nearest_rank_loss_and_the_mean_beyond_it():
    risk = of_profits(-np.arange(1, 101), 0.95)  # losses of 1 to 100
    assert (risk.var, risk.shortfall) == (96, 98)
    assert of_profits(np.array([5.0]), 0.99).var == -5


def test_historical_takes_todays_portfolio_through_past_days():
    returns = np.array([[0.01, 0.0], [-0.02, 0.01], [0.0, -0.03]])
    profits = SHARES.profits(returns)
    assert profits == pytest.approx([1_000, -2_250, 750])
    assert historical(SHARES, returns, 0.6).var == pytest.approx(2_250)


def test_parametric_of_two_shares():
    exposure = np.array([100_000.0, -25_000.0])
    deviation = np.sqrt(exposure @ COV @ exposure)
    risk = parametric(SHARES, COV, 0.99)
    assert risk.var == pytest.approx(2.3263478740408408 * deviation)
    assert risk.shortfall == pytest.approx(2.6652142203457 * deviation)


def test_monte_carlo_of_shares_is_the_parametric_one_and_repeats():
    found, exact = monte_carlo(SHARES, COV, 0.99, paths=200_000, seed=1), parametric(SHARES, COV, 0.99)
    assert found.var == pytest.approx(exact.var, rel=0.02)
    assert found.shortfall == pytest.approx(exact.shortfall, rel=0.02)
    assert found == monte_carlo(SHARES, COV, 0.99, paths=200_000, seed=1)
    assert found != monte_carlo(SHARES, COV, 0.99, paths=200_000, seed=2)


def test_a_short_option_loses_more_than_its_delta_says():
    short = with_options()
    assert monte_carlo(short, COV, 0.99).var > 1.1 * parametric(short, COV, 0.99).var
    assert monte_carlo(with_options(100.0), COV, 0.99).var < 0.9 * parametric(with_options(100.0), COV, 0.99).var


def test_draws_have_the_covariance_and_no_mean():
    made = draws(COV, 200_000, 3)
    assert np.abs(made.mean(axis=0)).max() < 1e-12
    assert np.cov(made.T) == pytest.approx(COV, rel=0.03, abs=2e-6)
    assert draws(np.zeros((2, 2)), 4, 0).max() == 0


def test_the_newest_days_weigh_most():
    returns = np.array([[0.1]] * 50 + [[0.01]] * 50)
    assert covariance(returns, 1.0)[0, 0] == pytest.approx((0.01 + 0.0001) / 2)
    assert covariance(returns)[0, 0] < 0.0006


@pytest.mark.parametrize("broken", [
    lambda: of_profits(np.zeros(0)), lambda: of_profits(np.ones(3), 1.0), lambda: of_profits(np.ones(3), 0.4),
    lambda: draws(np.array([[1.0, 2.0], [2.0, 1.0]]), 10, 0), lambda: monte_carlo(SHARES, COV, paths=3),
    lambda: covariance(np.zeros((0, 1))), lambda: covariance(np.zeros((3, 1)), 0.0),
    lambda: Portfolio(np.ones(1), np.ones(2), np.zeros(0, OPTIONS), np.zeros(0, int), np.zeros(0)),
    lambda: Portfolio(np.ones(1), np.ones(1), np.zeros(1, OPTIONS), np.array([1]), np.ones(1)),
    lambda: kupiec(np.zeros(0), 1.0),
])
def test_what_gives_no_figure_is_an_error(broken):
    with pytest.raises(ValueError):
        broken()


@pytest.mark.parametrize(("days", "exceptions", "statistic"), [
    # two-sided at 99 %: 250 days without an exception are 5.025, ten are 12.956 (to three places, by hand)
    (250, 0, -2 * 250 * np.log(0.99)), (250, 10, 12.956), (1_000, 10, 0.0),
])
def test_kupiec_by_hand(days, exceptions, statistic):
    profits = np.zeros(days)
    profits[:exceptions] = -2.0
    found = kupiec(profits, 1.0)
    assert found.statistic == pytest.approx(statistic, abs=1e-3)
    assert found.exceptions == exceptions


@pytest.mark.parametrize(("exceptions", "zone"), [(0, "green"), (4, "green"), (5, "yellow"), (9, "yellow"),
                                                  (10, "red")])
def test_the_zones_of_the_basel_committee(exceptions, zone):
    profits = np.zeros(250)
    profits[:exceptions] = -2.0
    assert kupiec(profits, 1.0).zone == zone


def test_a_right_value_at_risk_passes_and_a_wrong_one_fails():
    rng = np.random.default_rng(11)
    profits = rng.standard_normal(2_000)
    assert not kupiec(profits, 2.3263).rejected()
    assert kupiec(profits, 1.9).rejected()
    assert kupiec(profits, 3.5).rejected()


def test_the_test_rejects_a_right_one_as_often_as_it_says():
    rng = np.random.default_rng(12)
    rejected = sum(kupiec(rng.standard_normal(1_000), 1.6449, 0.95).rejected(0.05) for _ in range(2_000))
    assert 0.03 < rejected / 2_000 < 0.075


def test_greeks_of_a_portfolio_add_up():
    book = with_options()
    delta = float(black_scholes(book.options)["delta"][0])
    assert book.greeks()["delta"] == pytest.approx([-100 * delta, 0])
    held = Portfolio(book.spots, np.array([70.0, 3.0]), book.options, book.underlying, book.units)
    assert held.greeks()["delta"] == pytest.approx([70 - 100 * delta, 3])
    assert held.exposure == pytest.approx(held.greeks()["delta"] * [100, 50])


def test_small_moves_are_delta_and_gamma():
    book, move = with_options(), 1e-4
    greeks = book.greeks()
    expected = greeks["delta"][0] * 100 * move + greeks["gamma"][0] * (100 * move) ** 2 / 2
    assert book.profits(np.array([[move, 0.0]]))[0] == pytest.approx(expected, rel=1e-6)
    assert book.profits(np.zeros((1, 2)), vol=1e-6)[0] == pytest.approx(greeks["vega"][0] * 1e-6, rel=1e-4)
    assert book.profits(np.zeros((1, 2)), years=1e-6)[0] == pytest.approx(greeks["theta"][0] * 1e-6, rel=1e-3)


def test_stress_shows_the_worst_first_and_by_underlying():
    found = stress(SHARES, ("AAPL", "MSFT"))
    assert [one.profit for one in found] == sorted(one.profit for one in found)
    assert len(found) == len(HISTORICAL) + len(GRID)
    crash = next(one for one in found if one.scenario.name == "19 October 1987")
    assert crash.by_underlying == pytest.approx({"AAPL": -20_470, "MSFT": 5_117.5})
    assert crash.profit == pytest.approx(-20_470 + 5_117.5)


def test_a_scenario_of_one_stock():
    (found,) = stress(with_options(), ("AAPL", "MSFT"), [Scenario("AAPL +30%", moves={"AAPL": 0.3}, vol=0.1)])
    assert found.by_underlying["MSFT"] == 0
    assert found.profit == pytest.approx(float(with_options().profits(np.array([[0.3, 0.0]]), vol=0.1)[0]))
    assert found.profit < -2_000


@pytest.mark.parametrize("scenario", [Scenario("x", moves={"TSLA": 0.1}), Scenario("x", spot=-1.0)])
def test_a_scenario_that_cannot_be(scenario):
    with pytest.raises(ValueError, match="scenario 'x'"):
        stress(SHARES, ("AAPL", "MSFT"), [scenario])


def test_what_crosses_is_an_integer_rounded_towards_caution():
    assert (crossing.loss(1.00001), crossing.gain(1.99999)) == (10_001, 19_999)
    assert (crossing.shares(10.2), crossing.shares(-10.2), crossing.shares(0.0)) == (11, -11, 0)
    assert (crossing.price(1.234, 100, up=True), crossing.price(1.234, 100, up=False)) == (12_400, 12_300)
    for bad in (float("nan"), float("inf"), 1e30):
        with pytest.raises(ValueError, match="not a figure to act on"):
            crossing.loss(bad)
    with pytest.raises(ValueError, match="tick"):
        crossing.price(1.0, 0, up=True)
