"""How far from the fair price to quote, given what is held: three models behind one interface.

Parameters are fitted outside of trading and are floats; `fixed_point` turns them into integers once, when a model
is made, and is the only place where a float meets a price. Every quote is then integer arithmetic.

Distances are in 1/1024 ticks (`ONE`), inventory `q` in lots, variance in (1/1024 tick)^2 a second.
"""

from dataclasses import dataclass, field
from math import exp, isqrt, log, log1p
from typing import Protocol

#: One tick in the unit of distances.
ONE = 1_024
_ONE2 = ONE * ONE
#: Risk charges (`host.alpha.appetite`) for which a model keeps its coefficients.
CHARGES = (1, 2, 4)


def fixed_point(value: float, one: int = _ONE2) -> int:
    """A fitted parameter as an integer in units of 1/`one`. Raises `ValueError` where it is not positive and finite."""
    scaled = value * one
    if not 0 < scaled < 2**62:
        raise ValueError(f"a parameter of {value} cannot be used")
    return max(1, round(scaled))


class QuoteModel(Protocol):
    def distances(self, q: int, variance: int, charge: int) -> tuple[int, int]:
        """Bid below and ask above the fair price; one may be negative. `charge` multiplies risk aversion."""


@dataclass(frozen=True)
class Fixed:
    """A constant half-spread, moved by a constant for each lot held (both in 1/16 ticks)."""
    half_spread: int = 16
    skew: int = 8

    def distances(self, q: int, variance: int, charge: int) -> tuple[int, int]:
        half, moved = self.half_spread * ONE // 16, q * charge * self.skew * ONE // 16
        return half + moved, half - moved


@dataclass(frozen=True)
class AvellanedaStoikov:
    """M. Avellaneda and S. Stoikov, "High-frequency trading in a limit order book", Quantitative Finance 8(3), 2008;
    preprint of 5 October 2006, section 3.2: reservation price r = s - q gamma sigma^2 (T - t), equation (29), and
    total spread gamma sigma^2 (T - t) + (2 / gamma) ln(1 + gamma / k) around it, equation (30).

    The market does not end soon: T - t is a constant, rolling `horizon`.

    Parameters
    ----------
    gamma : risk aversion, 1/tick. k : decay of the fill rate with the distance, 1/tick. horizon : T - t, s.
    """
    gamma: float = 0.05
    k: float = 1.0
    horizon: float = 0.005
    _coefficients: dict[int, tuple[int, int]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        made = {charge: (fixed_point(self.gamma * charge * self.horizon),
                         fixed_point(log1p(self.gamma * charge / self.k) / (self.gamma * charge), ONE))
                for charge in CHARGES}
        object.__setattr__(self, "_coefficients", made)

    def distances(self, q: int, variance: int, charge: int) -> tuple[int, int]:
        weight, base = self._coefficients[charge]
        risk = variance * weight // (_ONE2 * ONE)  # gamma sigma^2 (T - t)
        return base + (2 * q + 1) * risk // 2, base - (2 * q - 1) * risk // 2


@dataclass(frozen=True)
class Glft:
    """O. Gueant, C.-A. Lehalle and J. Fernandez-Tapia, "Dealing with the inventory risk: a solution to the market
    making problem", Mathematics and Financial Economics 7(4), 2013 (arXiv:1105.3115v5), section 4: the closed-form
    approximation of the asymptotic quotes that follows Theorem 2 and Proposition 3,

        bid: (1/gamma) ln(1 + gamma/k) + (2q + 1)/2 c,   ask: (1/gamma) ln(1 + gamma/k) - (2q - 1)/2 c,
        c = sqrt(sigma^2 gamma / (2 k A) (1 + gamma/k)^(1 + k/gamma)).

    Parameters
    ----------
    gamma, k : as in `AvellanedaStoikov`. rate : A, fills a second at distance 0.
    """
    gamma: float = 0.05
    k: float = 1.0
    rate: float = 500.0
    _coefficients: dict[int, tuple[int, int]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        made = {}
        for charge in CHARGES:
            gamma = self.gamma * charge
            base = log1p(gamma / self.k) / gamma
            factor = gamma / (2 * self.k * self.rate) * exp((1 + self.k / gamma) * log(1 + gamma / self.k))
            made[charge] = fixed_point(factor), fixed_point(base, ONE)
        object.__setattr__(self, "_coefficients", made)

    def distances(self, q: int, variance: int, charge: int) -> tuple[int, int]:
        factor, base = self._coefficients[charge]
        step = isqrt(variance * factor // _ONE2)
        return base + (2 * q + 1) * step // 2, base - (2 * q - 1) * step // 2
