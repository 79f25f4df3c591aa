"""Reconciliation with a drop copy: every execution of the firm at a venue, told on another session.

The copy may run ahead of our own session or behind it, and it also tells of orders that are not ours, or
that we have lost. So nothing is said of an execution until it is older than `grace`.
"""

from dataclasses import dataclass

from host.executions import Executions, Key
from host.messages import Report
from host.oms.oms import Oms
from host.oms.states import EXECUTIONS


@dataclass(frozen=True, slots=True)
class Difference:
    """One execution on which the book and the drop copy differ.

    Parameters
    ----------
    order_id, venue, exec_id : the execution.
    what : the difference, with its figures.
    missing : the copy's report, where the book lacks it: `Oms.on_report` takes it, once a person says so.
    """

    order_id: int
    venue: int
    exec_id: str
    what: str
    missing: Report | None = None

    def __str__(self) -> str:
        return f"order {self.order_id:016X}, execution {self.exec_id!r} of venue {self.venue}: {self.what}"


class DropCopy:
    """Compares the trades that count in the book with those that count in the copy.

    Parameters
    ----------
    venues : those whose drop copy we have; executions of others are not compared.
    grace : ns that an execution may be on one side alone.
    """

    def __init__(self, oms: Oms, venues: frozenset[int], grace: int):
        self.oms, self.venues, self.grace = oms, venues, grace
        self.copied = Executions()
        self._since: dict[Key, int] = {}

    def on_report(self, report: Report) -> None:
        """A message of the drop copy. Duplicates, and what is not about a trade, change nothing."""
        if report.exec_type in EXECUTIONS and report.exec_id:
            self.copied.record(report, (report.venue, report.exec_id))

    def check(self, now: int) -> list[Difference]:
        """Every difference older than `grace`, oldest execution first; call it again and again with the time (ns)."""
        differing = self._differing()
        self._since = {key: self._since.get(key, now) for key in differing}
        return [self._difference(key) for key in differing if now - self._since[key] >= self.grace]

    def _differing(self) -> list[Key]:
        ours = {key: one for key, one in self.oms.executions.trades.items() if key[0] in self.venues}
        both = {**ours, **self.copied.trades}
        return [key for key in both if self._counting(self.oms.executions, key) != self._counting(self.copied, key)]

    @staticmethod
    def _counting(side: Executions, key: Key) -> tuple[int, int, int, str] | None:
        """Quantity, price, side and stock, where the execution counts."""
        if not side.counts(key):
            return None
        one = side.trades[key]
        return one.last_qty, one.last_price, one.side & 1, one.stock

    def _difference(self, key: Key) -> Difference:
        ours, theirs = self.oms.executions.trades.get(key), self.copied.trades.get(key)
        known = ours or theirs
        assert known, "it is on one of the sides"
        missing = theirs if ours is None else None
        return Difference(known.order_id, *key, self._what(key, known, ours, theirs), missing)

    def _what(self, key: Key, known: Report, ours: Report | None, theirs: Report | None) -> str:
        if ours is None:
            order = self.oms.find(known.order_id)
            whose = f"an order of ours, {order.state.value}" if order else "an order that we do not know"
            return f"only the drop copy tells it, of {whose}: {known.last_qty} at {known.last_price}"
        if theirs is None:
            return f"the drop copy does not tell it: {known.last_qty} at {known.last_price}"
        if not self.copied.counts(key):
            return "it is taken back or corrected in the drop copy, and counts in the book"
        if not self.oms.executions.counts(key):
            return "it is taken back or corrected in the book, and counts in the drop copy"
        return (f"the book has {ours.last_qty} at {ours.last_price}, the drop copy {theirs.last_qty} at "
                f"{theirs.last_price}")
