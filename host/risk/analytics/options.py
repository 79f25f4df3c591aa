"""Prices and Greeks of European options, Black-Scholes-Merton and Bachelier, whole portfolios at once.

Sources
-------
Black-Scholes-Merton with a continuous dividend yield: J. Hull, "Options, Futures, and Other Derivatives", 10th
edition, 17.4 (prices, 17.4 and 17.5) and 19 (Greeks).
Bachelier, a normal model of the forward with volatility in price units: L. Bachelier, "Theorie de la
speculation", 1900; formulas as in W. Schachermayer and J. Teichmann, "How close are the option pricing formulas of
Bachelier and Black-Merton-Scholes?", Mathematical Finance 18(1), 2008, section 2, discounted.
"""

from math import exp, log, sqrt

import numpy as np
from numba import njit

from host.risk.analytics.normal import below, density

#: One option a row. Prices in USD, `years` to expiry, rates continuous a year. `vol` is a year's: relative for
#: Black-Scholes-Merton, in USD for Bachelier. `call` is 1 or 0.
OPTIONS = np.dtype([("spot", "f8"), ("strike", "f8"), ("years", "f8"), ("rate", "f8"), ("dividend", "f8"),
                    ("vol", "f8"), ("call", "u1")])
#: Per unit of the underlying: `delta` a USD, `gamma` a USD squared, `vega` a unit of volatility, `theta` a year (as
#: time passes), `rho` a unit of rate.
GREEKS = np.dtype([(name, "f8") for name in ("price", "delta", "gamma", "vega", "theta", "rho")])


def black_scholes(options: np.ndarray) -> np.ndarray:
    """GREEKS of OPTIONS. An expired option, or one without volatility, is worth what it would be at the forward;
    its gamma and vega are 0. A row that cannot be (a price not above 0, a negative time or volatility) is NaN."""
    out = np.empty(len(options), GREEKS)
    _black_scholes(options, out)
    return out


def bachelier(options: np.ndarray) -> np.ndarray:
    """The same in the normal model, where spot and strike may be negative."""
    out = np.empty(len(options), GREEKS)
    _bachelier(options, out)
    return out


@njit(cache=True)
def _fill(row, price, delta, gamma, vega, theta, rho):
    row.price, row.delta, row.gamma, row.vega, row.theta, row.rho = price, delta, gamma, vega, theta, rho


@njit(cache=True)
def black_scholes_price(spot, strike, years, rate, dividend, vol, sign):
    """`sign` is 1 for a call, -1 for a put."""
    grown, discounted = spot * exp(-dividend * years), strike * exp(-rate * years)
    deviation = vol * sqrt(years)
    if deviation == 0.0:
        return max(0.0, sign * (grown - discounted))
    d1 = log(grown / discounted) / deviation + deviation / 2
    return sign * (grown * below(sign * d1) - discounted * below(sign * (d1 - deviation)))


@njit(cache=True)
def _black_scholes(options, out):
    for n in range(len(options)):
        o = options[n]
        if not (o.spot > 0 and o.strike > 0 and o.years >= 0 and o.vol >= 0):
            _fill(out[n], np.nan, np.nan, np.nan, np.nan, np.nan, np.nan)
            continue
        sign = 1.0 if o.call else -1.0
        carried, discount = exp(-o.dividend * o.years), exp(-o.rate * o.years)
        grown, discounted, deviation = o.spot * carried, o.strike * discount, o.vol * sqrt(o.years)
        if deviation == 0.0:
            held = 1.0 if sign * (grown - discounted) > 0 else 0.0
            _fill(out[n], held * sign * (grown - discounted), held * sign * carried, 0.0, 0.0,
                  held * sign * (o.dividend * grown - o.rate * discounted), held * sign * o.years * discounted)
            continue
        d1 = log(grown / discounted) / deviation + deviation / 2
        d2 = d1 - deviation
        n1, n2, at = below(sign * d1), below(sign * d2), density(d1)
        decay = grown * at * o.vol / (2 * sqrt(o.years))
        _fill(out[n], sign * (grown * n1 - discounted * n2), sign * carried * n1,
              carried * at / (o.spot * deviation), grown * at * sqrt(o.years),
              sign * (o.dividend * grown * n1 - o.rate * discounted * n2) - decay, sign * o.years * discounted * n2)


@njit(cache=True)
def bachelier_price(spot, strike, years, rate, dividend, vol, sign):
    """`sign` is 1 for a call, -1 for a put."""
    away = sign * (spot * exp((rate - dividend) * years) - strike)
    deviation, discount = vol * sqrt(years), exp(-rate * years)
    if deviation == 0.0:
        return discount * max(0.0, away)
    return discount * (away * below(away / deviation) + deviation * density(away / deviation))


@njit(cache=True)
def _bachelier(options, out):
    for n in range(len(options)):
        o = options[n]
        if not (o.years >= 0 and o.vol >= 0):
            _fill(out[n], np.nan, np.nan, np.nan, np.nan, np.nan, np.nan)
            continue
        sign = 1.0 if o.call else -1.0
        carry, discount = exp((o.rate - o.dividend) * o.years), exp(-o.rate * o.years)
        forward, deviation = o.spot * carry, o.vol * sqrt(o.years)
        away = sign * (forward - o.strike)
        if deviation == 0.0:
            inside, at, size = (1.0 if away > 0 else 0.0), 0.0, 0.0
            price = discount * inside * away
        else:
            inside, at = below(away / deviation), density(away / deviation)
            price = discount * (away * inside + deviation * at)
            size = discount * carry * carry * at / deviation
        drift = sign * discount * inside * forward  # what the forward's own move with time or rate is worth
        decay = discount * at * o.vol / (2 * sqrt(o.years)) if o.years > 0 else 0.0
        _fill(out[n], price, sign * discount * carry * inside, size, discount * at * sqrt(o.years),
              o.rate * price - (o.rate - o.dividend) * drift - decay, o.years * (drift - price))
