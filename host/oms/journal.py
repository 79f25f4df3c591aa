"""Where the OMS writes what happened before anyone is told of it.

The journal is the truth; the book of orders is a projection that `Oms` makes again from it.
`host.oms.sqlite` is the durable one.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple, Protocol

from host.messages import CancelOrder, NewOrder, Rejection, ReplaceOrder, Report
from host.oms.breaks import Acceptance
from host.oms.order import Order

Event = NewOrder | CancelOrder | ReplaceOrder | Report | Rejection | Acceptance


class Entry(NamedTuple):
    """One event of the journal. `refused` says why it changed nothing; empty where it was applied."""
    number: int
    event: Event
    refused: str = ""


class Projected(NamedTuple):
    """One order as the journal's projection has it."""
    order_id: int
    state: str
    qty: int
    price: int
    filled: int
    cost: int


def project(order: Order) -> Projected:
    return Projected(order.new.order_id, order.state.value, order.qty, order.price, order.filled, order.cost)


class JournalError(Exception):
    """The journal cannot be read or written: says which, why, and what to do. No order may leave.

    `passing` where it may work again by itself: what was to be written waits and is written then.
    """

    def __init__(self, text: str, passing: bool = False):
        super().__init__(text)
        self.passing = passing


class Journal(Protocol):
    def append(self, event: Event, refused: str = "") -> int:
        """Keep an event; returns its number, from 1. Durable only after `commit`."""

    def commit(self, changed: Iterable[Order]) -> None:
        """Returns once everything appended would survive the process, with the orders it changed.

        Raises `JournalError`; then nothing of it is durable, and all of it waits for the next `commit`.
        """

    def entries(self) -> Iterator[Entry]:
        """Everything durable, oldest first."""

    def projection(self) -> Iterable[Projected] | None:
        """The durable projection, to be compared with what the entries give; None where there is none."""

    def close(self) -> None:
        """Let go of the file. What was not committed is gone."""


class MemoryJournal:
    """A journal that lives as long as its process."""

    def __init__(self) -> None:
        self._entries: list[Entry] = []

    def append(self, event: Event, refused: str = "") -> int:
        self._entries.append(Entry(len(self._entries) + 1, event, refused))
        return len(self._entries)

    def commit(self, changed: Iterable[Order]) -> None:
        """Nothing to do: there is nothing that could survive."""

    def entries(self) -> Iterator[Entry]:
        return iter(self._entries)

    def projection(self) -> None:
        return None

    def close(self) -> None:
        """Nothing to let go."""
