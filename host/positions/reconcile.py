"""Do the desk's positions and the NIC's exposure agree? Where they do not, somebody must look."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from host.oms.oms import Oms
from host.oms.order import Order
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
class Break:
    """One figure of one listing on which desk and NIC disagree, in shares."""
    stock: str
    venue: str
    what: str
    desk: int
    nic: int

    def __str__(self) -> str:
        return f"desk and NIC differ: {self.stock} on {self.venue}, {self.what}: {self.desk} and {self.nic}"


def compare(universe: Universe, positions: Positions, orders: Iterable[Order],
            exposures: Mapping[int, Exposure]) -> list[Break]:
    """Position and open quantity of every listing; `exposures` by symbol index, `orders` those that live."""
    open_qty: dict[tuple[str, int, str], int] = {}
    for order in orders:
        key = (order.new.stock, order.new.venue, "open sell" if order.new.side & 1 else "open buy")
        open_qty[key] = open_qty.get(key, 0) + order.leaves
    breaks = []
    for listing in universe.listings:
        held, place = exposures[listing.index], (listing.stock, listing.venue)
        figures = (("position", positions.by_symbol.get(place, 0), held.position),
                   ("open buy", open_qty.get((*place, "open buy"), 0), held.open_buy),
                   ("open sell", open_qty.get((*place, "open sell"), 0), held.open_sell))
        breaks += [Break(listing.stock, universe.venues[listing.venue], what, desk, nic)
                   for what, desk, nic in figures if desk != nic]
    return breaks


class Reconciler:
    """Compares desk and NIC when all is quiet: only then is a difference one.

    Parameters
    ----------
    read : the NIC's exposures by symbol index, from its registers.
    drain : lets the desk see every record that has come up so far. What the NIC did before it answered
        `read` comes up before the answer, so that after `drain` the desk knows as much as the registers.
    """

    def __init__(self, universe: Universe, positions: Positions, oms: Oms,
                 read: Callable[[], Mapping[int, Exposure]], drain: Callable[[], None]):
        self.universe, self.positions, self.oms, self.read, self.drain = universe, positions, oms, read, drain

    def check(self) -> list[Break] | None:
        """Every difference; None where something was in flight, and nothing can be said: try again later."""
        self.drain()
        before = self.oms.count
        if self.oms.in_flight or self.oms.durable != before:
            return None
        exposures = self.read()
        self.drain()
        if self.oms.count != before:
            return None
        return compare(self.universe, self.positions, self.oms.live, exposures)
