"""The one place where what analytics found becomes an integer, and may then set a limit or an order.

Rounded towards caution. What is not a number never crosses.
"""

from math import ceil, floor, isfinite

#: Units of 1e-4 USD in one USD.
_UNIT = 10_000
_LARGEST = 1 << 62


def loss(usd: float) -> int:
    """A loss in 1e-4 USD, rounded up: never smaller than it is."""
    return _integer(usd * _UNIT, up=True)


def gain(usd: float) -> int:
    """A gain in 1e-4 USD, rounded down."""
    return _integer(usd * _UNIT, up=False)


def shares(delta: float) -> int:
    """A delta in shares, rounded away from zero: never less exposure than there is."""
    return _integer(delta, up=delta > 0)


def price(usd: float, tick: int, *, up: bool) -> int:
    """A theoretical value as a price on a tick (both 1e-4 USD): `up` for an ask, down for a bid."""
    if tick <= 0:
        raise ValueError(f"a tick of {tick} cannot be")
    return _integer(usd * _UNIT / tick, up=up) * tick


def _integer(value: float, *, up: bool) -> int:
    if not isfinite(value) or abs(value) >= _LARGEST:
        raise ValueError(f"{value} is not a figure to act on")
    return ceil(value) if up else floor(value)
