"""Prices, Greeks and implied volatilities against QuantLib, and against what must hold without it."""

import numpy as np
import pytest

from host.risk.analytics.bench import chain
from host.risk.analytics.implied import bachelier_vol, black_scholes_vol
from host.risk.analytics.normal import below, quantile
from host.risk.analytics.options import GREEKS, OPTIONS, bachelier, black_scholes

ql = pytest.importorskip("QuantLib")


def one(**fields):
    row = np.zeros(1, OPTIONS)
    for name, value in ({"spot": 100, "strike": 100, "years": 1, "rate": 0.03, "dividend": 0.01, "vol": 0.2, "call": 1}
                        | fields).items():
        row[name] = value
    return row


def terms(row):
    """Payoff, forward, standard deviation and discount of one row, as QuantLib takes them."""
    kind = ql.Option.Call if row["call"] else ql.Option.Put
    forward = row["spot"] * np.exp((row["rate"] - row["dividend"]) * row["years"])
    return (ql.PlainVanillaPayoff(kind, float(row["strike"])), float(forward),
            float(row["vol"] * np.sqrt(row["years"])), float(np.exp(-row["rate"] * row["years"])))


def test_black_scholes_merton_is_quantlib_s():
    rows = chain(500)
    ours = black_scholes(rows)
    for row, found in zip(rows, ours, strict=True):
        theirs, spot, years = ql.BlackCalculator(*terms(row)), float(row["spot"]), float(row["years"])
        expected = (theirs.value(), theirs.delta(spot), theirs.gamma(spot), theirs.vega(years),
                    theirs.theta(spot, years), theirs.rho(years))
        assert tuple(found) == pytest.approx(expected, rel=1e-9, abs=1e-10)


def test_bachelier_is_quantlib_s():
    rows = chain(500)
    rows["vol"] *= rows["spot"]
    rows["strike"][:50] = -5.0  # a normal model has no floor
    ours = bachelier(rows)
    for row, found in zip(rows, ours, strict=True):
        payoff, *rest = terms(row)
        price = ql.bachelierBlackFormula(payoff.optionType(), payoff.strike(), *rest)
        assert found["price"] == pytest.approx(price, rel=1e-9, abs=1e-10)
        if found["vega"] < 1e-9:  # there, and only there, its calculator gives a put the value of a call
            continue
        theirs, spot, years = ql.BachelierCalculator(payoff, *rest), float(row["spot"]), float(row["years"])
        assert found["delta"] == pytest.approx(theirs.delta(spot), rel=1e-8, abs=1e-10)
        assert found["gamma"] == pytest.approx(theirs.gamma(spot), rel=1e-8, abs=1e-10)
        assert found["vega"] == pytest.approx(theirs.vega(years), rel=1e-8, abs=1e-10)


#: Each Greek as the change of the price with one input.
BUMPS = {"delta": ("spot", 1e-3), "vega": ("vol", 1e-5), "rho": ("rate", 1e-6), "theta": ("years", -1e-6)}


@pytest.mark.parametrize("model", [black_scholes, bachelier])
@pytest.mark.parametrize("greek", BUMPS)
def test_greeks_are_the_slopes_of_the_price(model, greek):
    rows = chain(300, seed=3)
    if model is bachelier:
        rows["vol"] *= rows["spot"]
    name, step = BUMPS[greek]
    up, down = rows.copy(), rows.copy()
    up[name] += step
    down[name] -= step
    slope = (model(up)["price"] - model(down)["price"]) / (2 * abs(step))  # of theta: with less time left
    assert model(rows)[greek] == pytest.approx(slope, rel=2e-4, abs=1e-4)


@pytest.mark.parametrize("model", [black_scholes, bachelier])
def test_gamma_is_the_slope_of_delta(model):
    rows = chain(300, seed=4)
    if model is bachelier:
        rows["vol"] *= rows["spot"]
    up, down = rows.copy(), rows.copy()
    up["spot"] += 1e-3
    down["spot"] -= 1e-3
    assert model(rows)["gamma"] == pytest.approx((model(up)["delta"] - model(down)["delta"]) / 2e-3, rel=1e-4, abs=1e-8)


def test_put_call_parity():
    calls = chain(1_000)
    puts = calls.copy()
    calls["call"], puts["call"] = 1, 0
    forward = (calls["spot"] * np.exp(-calls["dividend"] * calls["years"])
               - calls["strike"] * np.exp(-calls["rate"] * calls["years"]))
    for model in (black_scholes, bachelier):
        assert model(calls)["price"] - model(puts)["price"] == pytest.approx(forward, abs=1e-9)


@pytest.mark.parametrize("model", [black_scholes, bachelier])
@pytest.mark.parametrize(("fields", "price", "delta"), [
    ({"years": 0}, 0, 0), ({"years": 0, "spot": 120}, 20, 1), ({"years": 0, "spot": 80, "call": 0}, 20, -1),
    ({"vol": 0, "rate": 0, "dividend": 0, "spot": 90}, 0, 0),
    ({"vol": 0, "rate": 0, "dividend": 0, "spot": 110}, 10, 1),
])
def test_expired_or_certain(model, fields, price, delta):
    (found,) = model(one(**fields))
    assert (found["price"], found["delta"]) == pytest.approx((price, delta))
    assert found["gamma"] == found["vega"] == 0
    assert np.isfinite(list(found)).all()


@pytest.mark.parametrize("fields", [{"spot": 0}, {"spot": -1}, {"strike": 0}, {"years": -1}, {"vol": -0.1},
                                    {"spot": np.nan}, {"vol": np.nan}])
def test_what_cannot_be_is_not_a_number_and_harms_no_other_row(fields):
    rows = np.concatenate([one(**fields), one()])
    found = black_scholes(rows)
    assert np.isnan(list(found[0])).all()
    assert np.isfinite(list(found[1])).all()


def test_implied_volatility_gives_back_the_volatility():
    rows = chain(10_000, seed=5)
    prices = black_scholes(rows)["price"]
    tells = black_scholes(rows)["vega"] > 1e-4  # elsewhere the price is the same for many volatilities
    assert tells.mean() > 0.95
    assert black_scholes_vol(rows, prices)[tells] == pytest.approx(rows["vol"][tells], rel=1e-7)
    rows["vol"] *= rows["spot"]
    prices = bachelier(rows)["price"]
    tells = bachelier(rows)["vega"] > 1e-6
    assert bachelier_vol(rows, prices)[tells] == pytest.approx(rows["vol"][tells], rel=1e-7)


@pytest.mark.parametrize("vol", [1e-3, 0.01, 0.2, 1.5, 8.0])
@pytest.mark.parametrize("strike", [1, 40, 95, 100, 105, 250, 3_000])
@pytest.mark.parametrize("call", [0, 1])
def test_implied_volatility_reprices_far_from_the_money(vol, strike, call):
    row = one(strike=strike, vol=vol, call=call)
    price = black_scholes(row)["price"]
    found = black_scholes_vol(row, price)
    if np.isnan(found[0]):  # worth what exercise is worth, to rounding: any low volatility gives that
        assert float(price[0]) == pytest.approx(float(black_scholes(one(strike=strike, vol=0, call=call))["price"][0]))
        return
    row["vol"] = found
    assert black_scholes(row)["price"] == pytest.approx(price, rel=1e-9, abs=1e-11)


def test_implied_volatility_is_quantlib_s():
    for row in chain(100, seed=6):
        price = float(black_scholes(np.array([row]))["price"][0])
        if black_scholes(np.array([row]))["vega"][0] < 1e-2:
            continue
        payoff, forward, _, discount = terms(row)
        theirs = ql.blackFormulaImpliedStdDev(payoff.optionType(), payoff.strike(), forward, price, discount, 0.0, 0.2,
                                              1e-12, 200)
        assert black_scholes_vol(np.array([row]), [price])[0] == pytest.approx(theirs / np.sqrt(row["years"]), rel=1e-6)


@pytest.mark.parametrize("price", [-1.0, np.nan, 100.0, 1e9, np.inf])
def test_a_price_that_arbitrage_excludes_has_no_volatility(price):
    assert np.isnan(black_scholes_vol(one(), [price])[0])
    deep = one(spot=200)
    assert np.isnan(black_scholes_vol(deep, [50.0])[0]), "less than exercise is worth"


def test_normal_distribution():
    for p in (1e-12, 1e-4, 0.02, 0.3, 0.5, 0.9, 0.99, 1 - 1e-9):
        assert below(quantile(p)) == pytest.approx(p, rel=1e-9)
    assert quantile(0.99) == pytest.approx(2.3263478740408408, rel=1e-12)


def test_no_options_no_rows():
    assert len(black_scholes(np.zeros(0, OPTIONS))) == 0
    assert GREEKS.names == ("price", "delta", "gamma", "vega", "theta", "rho")
