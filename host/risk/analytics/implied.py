"""Implied volatility: which volatility gives an option's price, in either model.

Halley's or Newton's steps where they stay inside a bracket that halves otherwise, so it always ends, at a price that
agrees to rounding. A price outside what no arbitrage allows has none: NaN.
"""

from math import exp, log, sqrt

import numpy as np
from numba import njit

from host.risk.analytics.normal import density
from host.risk.analytics.options import bachelier_price, black_scholes_price

#: Largest volatility searched: 1,000 times the price a square root of a year (Bachelier), or that relative (BSM).
_LARGEST = 1e3
_STEPS = 100
#: Relative change of the volatility at which it is found.
_FOUND = 1e-14


def black_scholes_vol(options: np.ndarray, prices: np.ndarray) -> np.ndarray:
    """Of each option, whose `vol` is ignored, at its price in USD."""
    return _solve(options, np.asarray(prices, np.float64), False)


def bachelier_vol(options: np.ndarray, prices: np.ndarray) -> np.ndarray:
    """The same in the normal model, in USD a square root of a year."""
    return _solve(options, np.asarray(prices, np.float64), True)


@njit(cache=True)
def _solve(options, prices, normal):
    out = np.empty(len(options))
    for n in range(len(options)):
        o = options[n]
        sign = 1.0 if o.call else -1.0
        valid = o.years > 0 and (normal or (o.spot > 0 and o.strike > 0))
        out[n] = _one(o.spot, o.strike, o.years, o.rate, o.dividend, sign, prices[n], normal) if valid else np.nan
    return out


@njit(cache=True)
def _price(spot, strike, years, rate, dividend, vol, sign, normal):
    if normal:
        return bachelier_price(spot, strike, years, rate, dividend, vol, sign)
    return black_scholes_price(spot, strike, years, rate, dividend, vol, sign)


@njit(cache=True)
def _one(spot, strike, years, rate, dividend, sign, price, normal):
    grown, discounted = spot * exp(-dividend * years), strike * exp(-rate * years)
    inside = max(0.0, sign * (grown - discounted))
    if not price >= inside:
        return np.nan
    # The option out of the money has the same volatility and none of the cancellation.
    if sign * (grown - discounted) > 0:
        sign, price = -sign, price - inside
    if price <= 0.0:
        return 0.0 if price == 0.0 else np.nan
    top = np.inf if normal else (grown if sign > 0 else discounted)
    if price >= top:
        return np.nan
    low, high = 0.0, _LARGEST * (max(abs(grown), abs(discounted), price) if normal else 1.0)
    if _price(spot, strike, years, rate, dividend, high, sign, normal) < price:
        return np.nan
    discount = exp(-rate * years)
    vol = _start(grown, discounted, discount, years, price, normal)
    for _ in range(_STEPS):
        if not low < vol < high:
            vol = 0.5 * (low + high)
        found = _price(spot, strike, years, rate, dividend, vol, sign, normal)
        if found > price:
            high = vol
        else:
            low = vol
        step = _step(grown, discounted, discount, years, vol, found, price, normal)
        new = vol - step
        if not low <= new <= high:
            new = 0.5 * (low + high)
        if abs(new - vol) <= _FOUND * vol:
            return new
        vol = new
    return vol


@njit(cache=True)
def _start(grown, discounted, discount, years, price, normal):
    """At the money it is nearly exact; away from it the inflection point, from where Newton's steps converge."""
    if normal:
        return sqrt(2 * 3.141592653589793 / years) * max(price, abs(grown - discounted) / 4) / discount
    away = abs(log(grown / discounted))
    return max(sqrt(2 * away / years), sqrt(2 * 3.141592653589793 / years) * price / grown)


@njit(cache=True)
def _step(grown, discounted, discount, years, vol, found, price, normal):
    """A Newton step on the logarithm of the price, which is nearly straight far out of the money."""
    root = sqrt(years)
    if normal:
        vega = discount * root * density((grown - discounted) / (discount * vol * root))
    else:
        vega = grown * root * density(log(grown / discounted) / (vol * root) + vol * root / 2)
    if vega <= 0.0 or found <= 0.0:
        return np.inf
    return log(found / price) * found / vega
