"""Do the desk's positions and the NIC's exposure agree? Where they do not, somebody must look."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from host.oms.oms import Order
from host.positions.positions import Positions
from host.universe import Universe


class Exposure(Protocol):
    """What the NIC holds of a symbol, in shares."""

    @property
    def position(self) -> int: ...

    @property
    def open_buy(self) -> int: ...

    @property
    def open_sell(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Difference:
    """One figure of one listing on which desk and NIC disagree."""
    stock: str
    venue: str
    what: str
    desk: int
    nic: int


def reconcile(universe: Universe, positions: Positions, orders: Iterable[Order],
              exposures: Mapping[int, Exposure]) -> list[Difference]:
    """Compare position and open quantity of every listing; `exposures` by symbol index, `orders` those that live."""
    open_qty: dict[tuple[str, int, str], int] = {}
    for order in orders:
        key = (order.new.stock, order.new.venue, "open sell" if order.new.side & 1 else "open buy")
        open_qty[key] = open_qty.get(key, 0) + order.leaves
    differences = []
    for listing in universe.listings:
        held, place = exposures[listing.index], (listing.stock, listing.venue)
        figures = (("position", positions.by_symbol.get(place, 0), held.position),
                   ("open buy", open_qty.get((*place, "open buy"), 0), held.open_buy),
                   ("open sell", open_qty.get((*place, "open sell"), 0), held.open_sell))
        differences += [Difference(listing.stock, universe.venues[listing.venue], what, desk, nic)
                        for what, desk, nic in figures if desk != nic]
    return differences
