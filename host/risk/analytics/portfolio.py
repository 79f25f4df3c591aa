"""A portfolio of shares and options, and what it is worth when the market moves."""

from dataclasses import dataclass

import numpy as np
from numba import njit

from host.risk.analytics.options import OPTIONS, black_scholes, black_scholes_price


@dataclass(frozen=True)
class Portfolio:
    """Underlyings by index.

    Parameters
    ----------
    spots : price of each underlying, USD.
    shares : held of each, negative when short.
    options : OPTIONS rows; their `spot` is that of their underlying.
    underlying, units : of each option: which underlying, and how many (contracts x multiplier).
    """
    spots: np.ndarray
    shares: np.ndarray
    options: np.ndarray
    underlying: np.ndarray
    units: np.ndarray

    def __post_init__(self) -> None:
        if len(self.spots) != len(self.shares) or not len(self.options) == len(self.underlying) == len(self.units):
            raise ValueError("each underlying needs its spot and shares, each option its underlying and units")
        if len(self.options) and not ((self.underlying >= 0) & (self.underlying < len(self.spots))).all():
            raise ValueError("an option is on an underlying that is not there")

    @classmethod
    def of_shares(cls, spots: np.ndarray, shares: np.ndarray) -> "Portfolio":
        """Shares alone."""
        nothing = np.zeros(0)
        return cls(np.asarray(spots, float), np.asarray(shares, float), np.zeros(0, OPTIONS), nothing.astype(int),
                   nothing)

    def greeks(self) -> dict[str, np.ndarray]:
        """By underlying: `delta` (shares), `gamma` (shares a USD), `vega` and `theta` (USD), shares included."""
        names = ("delta", "gamma", "vega", "theta")
        if not len(self.options):
            return {name: np.zeros(len(self.spots)) for name in names} | {"delta": self.shares.astype(float)}
        one = black_scholes(self.options)
        totals = {name: np.bincount(self.underlying, one[name] * self.units, len(self.spots)) for name in names}
        totals["delta"] = totals["delta"] + self.shares
        return totals

    @property
    def exposure(self) -> np.ndarray:
        """USD by underlying: delta x spot."""
        return self.greeks()["delta"] * self.spots

    def profits(self, moves: np.ndarray, vol: float | np.ndarray = 0.0, rate: float = 0.0,
                years: float = 0.0) -> np.ndarray:
        """P&L in USD of each scenario, every option valued anew.

        Parameters
        ----------
        moves : relative moves of the spots, (scenarios, underlyings).
        vol : added to every option's volatility, by scenario or the same in all; rate likewise.
        years : that pass until then.
        """
        moves = np.atleast_2d(np.asarray(moves, float))
        shocks = np.broadcast_to(np.asarray(vol, float), len(moves))
        linear = moves @ (self.shares * self.spots)
        if not len(self.options):
            return linear
        now = black_scholes(self.options)["price"]
        return linear + _revalue(self.options, self.underlying, self.units, now, moves, shocks, rate, years)


@njit(cache=True)
def _revalue(options, underlying, units, now, moves, vols, rate, years):
    out = np.zeros(len(moves))
    for n in range(len(moves)):
        for m in range(len(options)):
            o = options[m]
            price = black_scholes_price(
                o.spot * max(1e-9, 1 + moves[n, underlying[m]]), o.strike, max(0.0, o.years - years), o.rate + rate,
                o.dividend, max(0.0, o.vol + vols[n]), 1.0 if o.call else -1.0)
            out[n] += units[m] * (price - now[m])
    return out
