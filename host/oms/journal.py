"""Where the OMS writes what happened before it acts on it.

An event is one of the values of `host.messages`. The journal is the truth; the book of orders is a
projection that `Oms.recover` makes again. A durable journal (SQLite, group commit) implements the
same three methods.
"""

from collections.abc import Iterator
from typing import Protocol

from host.messages import CancelOrder, NewOrder, Rejection, Report

Event = NewOrder | CancelOrder | Report | Rejection


class Journal(Protocol):
    def append(self, event: Event) -> int:
        """Keep an event; returns its number, from 1. Durable only after `commit`."""

    def commit(self) -> None:
        """Returns once everything appended would survive the process."""

    def events(self) -> Iterator[Event]:
        """Every event, oldest first."""


class MemoryJournal:
    """A journal that lives as long as its process."""

    def __init__(self) -> None:
        self._events: list[Event] = []

    def append(self, event: Event) -> int:
        self._events.append(event)
        return len(self._events)

    def commit(self) -> None:
        """Nothing to do: there is nothing that could survive."""

    def events(self) -> Iterator[Event]:
        return iter(self._events)
