"""Money in integers: rounding, fees, currencies.

An amount is in 1e-4 of its currency. Wherever a division does not come out even, it is rounded half away
from zero, so that a rebate rounds like the fee that it mirrors; there is no other rounding but the one of
average cost (`host.positions.cost`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

_BILLION = 10**9


def rounded(numerator: int, denominator: int) -> int:
    """`numerator / denominator`, half away from zero. `denominator` is positive."""
    whole = (2 * abs(numerator) + denominator) // (2 * denominator)
    return whole if numerator >= 0 else -whole


@dataclass(frozen=True)
class Fees:
    """What a venue charges; a rebate is negative.

    Parameters
    ----------
    maker, taker : a share or contract, in 1e-4 of the currency.
    maker_ppb, taker_ppb : of the notional, in 1e-9.
    sale_ppb : of the notional of sales, on top, in 1e-9 (as the fee of Section 31 of the Securities Exchange
        Act: 27,800 where it is 27.80 USD per million).
    """
    maker: int = 0
    taker: int = 0
    maker_ppb: int = 0
    taker_ppb: int = 0
    sale_ppb: int = 0

    def of(self, qty: int, notional: int, *, sale: bool, maker: bool) -> int:
        """The fee of one fill: one rounding."""
        ppb = (self.maker_ppb if maker else self.taker_ppb) + (self.sale_ppb if sale else 0)
        fee = qty * (self.maker if maker else self.taker)
        return fee + rounded(notional * ppb, _BILLION) if ppb else fee


@dataclass(frozen=True)
class Instrument:
    """What a price means: in 1e-4 of `currency`, and for `multiplier` units (100 for an equity option)."""
    currency: str = "USD"
    multiplier: int = 1

    def __post_init__(self) -> None:
        if self.multiplier <= 0:
            raise ValueError(f"a multiplier of {self.multiplier} cannot be")


@dataclass(frozen=True)
class Rate:
    """One unit of a currency is worth `units / scale` of the base currency."""
    units: int
    scale: int

    def __post_init__(self) -> None:
        if self.units <= 0 or self.scale <= 0:
            raise ValueError(f"a rate of {self.units} / {self.scale} cannot be")


class NoRate(Exception):
    """There is no rate for a currency that is held."""


@dataclass
class Fx:
    """Rates into the base currency. Convert totals rather than parts: each conversion rounds once."""
    base: str = "USD"
    rates: dict[str, Rate] = field(default_factory=dict)

    def convert(self, amount: int, currency: str) -> int:
        """An amount in the base currency. Raises `NoRate`."""
        if currency == self.base:
            return amount
        rate = self.rates.get(currency)
        if rate is None:
            raise NoRate(f"no rate from {currency} to {self.base}: amounts in {currency} cannot be added up")
        return rounded(amount * rate.units, rate.scale)

    def total(self, amounts: Mapping[str, int]) -> int:
        """Amounts by currency, as one in the base currency."""
        return sum(self.convert(amount, currency) for currency, amount in amounts.items())
