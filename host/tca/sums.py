"""What TCA adds up, and the measures that follow: declared once for the streaming and the batch form.

Everything is an integer. A mid-price is `bid + ask`, half units of 1e-4 USD, so amounts whose names end in 2
are 1e-4 USD x shares, doubled. A cost is positive where it was paid. Measures are in 1e-6 USD a share.

Definitions
-----------
arrival slippage : price against the mid when the order left (A. Perold, "The implementation shortfall: paper
    versus reality", Journal of Portfolio Management 14(3), 1988, with the order's own arrival as decision).
implementation shortfall : execution cost against the mid of the decision, plus what the unfilled part has lost
    since, plus fees (Perold 1988).
effective, realised spread, impact : twice the signed distance of the price from the mid at the fill, and from the
    mid one horizon later; their difference is the impact (R. Huang and H. Stoll, "Dealer versus auction markets",
    Journal of Financial Economics 41, 1996; 17 CFR 242.600(b), Regulation NMS Rule 605).
markout : what a filled share had gained one horizon later, measured at the mid.
"""

from bisect import bisect_left
from collections.abc import Iterable
from enum import IntEnum
from typing import NamedTuple

#: Markout horizons in ns. `MAIN` is the one by which resting orders are scored.
HORIZONS = (100_000, 1_000_000, 10_000_000)
MAIN = 1
#: Order sizes: bucket n takes orders of at most `SIZES[n]` shares, the last one all that are larger.
SIZES = (100, 200, 400, 800, 1_600)
#: Time of day is told apart in slots of this many ns.
SLOT_NS = 3_600 * 10**9
#: A cost in 1e-6 USD is 100 units of 1e-4 USD.
_MICRO = 100


class Column(IntEnum):
    """Sums over the orders of a cell. The last three stand once for each horizon."""
    ORDERS = 0
    SENT_QTY = 1
    ENDED_QTY = 2       # sent quantity of the orders that can trade no more
    MISSED_QTY = 3      # and what of it never traded
    FILLS = 4
    FILLED_QTY = 5
    NOTIONAL = 6
    FEES = 7
    SLIPPAGE2 = 8       # against the mid at arrival
    SHORTFALL2 = 9      # against the mid at the decision
    OPPORTUNITY2 = 10   # of what was missed: mid at the end against mid at the decision
    SPREAD2 = 11        # against the mid at the fill
    VWAP_QTY = 12       # filled quantity of ended orders in whose life the market traded
    VWAP2 = 13
    TWAP_QTY = 14
    TWAP2 = 15
    MARKED_QTY = 16     # filled quantity whose horizon has come
    MARKOUT2 = 17
    IMPACT2 = 18


PER_HORIZON = 3
COLUMNS = int(Column.MARKED_QTY) + PER_HORIZON * len(HORIZONS)


def at_horizon(column: Column, horizon: int) -> int:
    """Where a per-horizon column of horizon number `horizon` stands."""
    return column + PER_HORIZON * horizon


def size_bucket(qty: int) -> int:
    return bisect_left(SIZES, qty)


class Key(NamedTuple):
    """A cell: sums are kept for each combination, and views add cells up.

    Parameters
    ----------
    takes : the order would have traded at once when it left.
    size : bucket of its quantity (`size_bucket`).
    slot : time of its arrival in units of `SLOT_NS` since the epoch.
    """
    venue: int
    takes: bool
    size: int
    strategy: int
    slot: int


class Sums:
    """The columns of one cell or of several added up, and the measures that follow."""

    __slots__ = ("values",)

    def __init__(self, values: Iterable[int] | None = None):
        self.values = [0] * COLUMNS if values is None else list(values)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sums) and self.values == other.values

    def __getitem__(self, column: int) -> int:
        return self.values[column]

    def add(self, other: "Sums") -> None:
        self.values = [a + b for a, b in zip(self.values, other.values, strict=True)]

    @property
    def fill_ratio(self) -> int:
        """Filled of sent quantity, in 1/1000."""
        return self[Column.FILLED_QTY] * 1000 // self[Column.SENT_QTY] if self[Column.SENT_QTY] else 0

    @property
    def slippage(self) -> int:
        """Arrival slippage."""
        return per_share(self[Column.SLIPPAGE2], self[Column.FILLED_QTY])

    @property
    def delay(self) -> int:
        """The part of the shortfall that was lost between decision and arrival."""
        return per_share(self[Column.SHORTFALL2] - self[Column.SLIPPAGE2], self[Column.FILLED_QTY])

    @property
    def fee(self) -> int:
        return per_share(2 * self[Column.FEES], self[Column.FILLED_QTY])

    @property
    def shortfall(self) -> int:
        """Implementation shortfall a share that was sent."""
        total = self[Column.SHORTFALL2] + self[Column.OPPORTUNITY2] + 2 * self[Column.FEES]
        return per_share(total, self[Column.SENT_QTY])

    @property
    def vwap(self) -> int:
        """Cost against the volume-weighted price of the market over the order's life."""
        return per_share(self[Column.VWAP2], self[Column.VWAP_QTY])

    @property
    def twap(self) -> int:
        """Cost against the time-weighted mid over the order's life."""
        return per_share(self[Column.TWAP2], self[Column.TWAP_QTY])

    @property
    def effective_spread(self) -> int:
        return 2 * per_share(self[Column.SPREAD2], self[Column.FILLED_QTY])

    def markout(self, horizon: int = MAIN) -> int:
        return per_share(self[at_horizon(Column.MARKOUT2, horizon)], self[at_horizon(Column.MARKED_QTY, horizon)])

    def realised_spread(self, horizon: int = MAIN) -> int:
        return -2 * self.markout(horizon)

    def impact(self, horizon: int = MAIN) -> int:
        """Twice the move of the mid after the fill, in its direction."""
        return 2 * per_share(self[at_horizon(Column.IMPACT2, horizon)], self[at_horizon(Column.MARKED_QTY, horizon)])


def per_share(doubled: int, qty: int) -> int:
    """A doubled amount a share, in 1e-6 USD, rounded towards zero."""
    if not qty:
        return 0
    size = abs(doubled) * _MICRO // (2 * qty)
    return -size if doubled < 0 else size


def total(cells: dict[Key, Sums], **wanted: int) -> Sums:
    """Cells added up: all of them, or those whose key has the `wanted` values."""
    result = Sums()
    for key, sums in cells.items():
        if all(getattr(key, name) == value for name, value in wanted.items()):
            result.add(sums)
    return result


def by(cells: dict[Key, Sums], *names: str) -> dict[tuple[int, ...], Sums]:
    """Cells added up by some of the key's fields, in the order of their values."""
    result: dict[tuple[int, ...], Sums] = {}
    for key in sorted(cells):
        result.setdefault(tuple(getattr(key, name) for name in names), Sums()).add(cells[key])
    return result
