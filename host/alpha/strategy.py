"""What a strategy is: it sees the market and its own orders, and answers with actions.

A strategy is any class with these methods; it has no I/O and no clock of its own, so the same one
runs live, in simulation and in a test. `Base` answers nothing to everything: derive from it and write
what matters. docs/strategy.md has a whole one.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from hdl.layouts import Condition, Side
from host.alpha.appetite import Appetite
from host.ems.algos import Algo
from host.marketdata.books import Books, Top
from host.messages import DAY, Rejection, Report
from host.tca.effects import Effects
from host.tca.scores import Scores
from host.universe import Universe


@dataclass(frozen=True, slots=True)
class Propose:
    """Offer an order to the risk gate; the EMS chooses the venue where `venue` is None.

    With an `algo` it is a parent order: the EMS sends children for it, and `on_report` tells of it as a whole.
    """
    order_id: int
    stock: str
    side: Side
    qty: int
    price: int
    tif: str = DAY
    venue: int | None = None
    algo: Algo | None = None


@dataclass(frozen=True, slots=True)
class Withdraw:
    """Cancel what is left of an own order."""
    order_id: int


@dataclass(frozen=True, slots=True)
class Replace:
    """New terms for an own order: `qty` is the new total, what has been filled included.

    `new_id` is from `context.renumber(order_id)`. Once the venue has let go of the old terms `on_report` tells
    `REPLACED` of the old order with `new_id` as `request_id`, and all further reports are of `new_id`. Where it cannot
    be (filled meanwhile, refused, stopped by the gate) `on_rejection` tells `new_id`; the old order stands, or has
    ended, as its own reports say.
    """
    order_id: int
    new_id: int
    qty: int
    price: int


@dataclass(frozen=True, slots=True)
class Arm:
    """Arm the NIC's trigger of a symbol, replacing what is armed (see the ARM record)."""
    order_id: int
    symbol: int
    side: Side
    qty: int
    price: int
    condition: Condition
    threshold: int


@dataclass(frozen=True, slots=True)
class Disarm:
    """Take the trigger of a symbol away."""
    symbol: int


Action = Propose | Withdraw | Replace | Arm | Disarm


@dataclass
class Context:
    """What a strategy may know and use.

    Parameters
    ----------
    index : its number in the gate.
    take_id, drop_id : a ClOrdID for an order or trigger, and giving back one that was never used.
    renumber : a ClOrdID for an order that replaces another one (`Replace`).
    position : shares held of a stock, over all venues.
    scores : TCA's scores of the venues, by manner and size.
    appetite : how much risk may be taken, by the risk feed.
    effects : where a strategy counts what the scores made it change.
    tick : price step of a stock (1e-4 USD).
    """

    index: int
    universe: Universe
    books: Books
    take_id: Callable[[], int]
    drop_id: Callable[[int], None]
    position: Callable[[str], int]
    scores: Scores = field(default_factory=Scores)
    appetite: Appetite = field(default_factory=Appetite)
    effects: Effects = field(default_factory=Effects)
    tick: Callable[[str], int] = field(default=lambda stock: 100)
    renumber: Callable[[int], int] = field(default=lambda order_id: order_id + 1)


class Strategy(Protocol):
    """Every method returns the actions to take, in order. `now` is the time in ns."""

    name: str

    def on_top(self, top: Top, now: int) -> list[Action]:
        """The best bid or ask of a symbol changed."""

    def on_report(self, report: Report, now: int) -> list[Action]:
        """A venue said something of an order of this strategy."""

    def on_rejection(self, rejection: Rejection, now: int) -> list[Action]:
        """The gate stopped an order of this strategy."""

    def on_fired(self, order_id: int, symbol: int, now: int) -> list[Action]:
        """The trigger with this ClOrdID went to the gate (passed or not); it is no longer armed."""

    def on_cancel_rejected(self, order_id: int, now: int) -> list[Action]:
        """The gate stopped the cancel of this order."""


class Base:
    """A strategy that does nothing."""

    name = ""

    def __init__(self, context: Context):
        self.context = context

    def on_top(self, top: Top, now: int) -> list[Action]:
        return []

    def on_report(self, report: Report, now: int) -> list[Action]:
        return []

    def on_rejection(self, rejection: Rejection, now: int) -> list[Action]:
        return []

    def on_fired(self, order_id: int, symbol: int, now: int) -> list[Action]:
        return []

    def on_cancel_rejected(self, order_id: int, now: int) -> list[Action]:
        return []
