"""Trades, busts and corrections as a set: the same trades count, in whatever order they are told.

A bust (ExecType H) or correction (G) names the execution that it takes back or replaces in ExecRefID (19).
It may come before that execution; then the execution does not count when it comes. A correction of a
correction may name either the last correction or the original execution. Source: FIX 4.4 volume 4,
ExecutionReport, and order state change matrices D34 to D36 (there with ExecTransType, FIX 4.2).
"""

from typing import NamedTuple

from host.messages import TRADE, TRADE_CANCEL, Report

#: An execution: venue index and ExecID (17). One set is one trading day, within which ExecIDs are unique.
Key = tuple[int, str]


class Effect(NamedTuple):
    """What a report does to the trades that count."""
    removed: Report | None
    added: Report | None


_NOTHING = Effect(None, None)
#: A NamedTuple from its values in order, in half the time that its constructor takes.
_new = tuple.__new__


class Executions:
    """Every execution report of a trade; `effect` says what one would do, `record` does it. Both are idempotent.

    Members
    -------
    trades : every trade and correction told, whether or not it still counts.
    """

    def __init__(self) -> None:
        self.trades: dict[Key, Report] = {}
        self._successor: dict[Key, Key] = {}
        self._busted: set[Key] = set()

    def counts(self, key: Key) -> bool:
        """The execution is known, and neither busted nor replaced."""
        return key in self.trades and key not in self._successor and key not in self._busted

    def last(self, key: Key) -> Key:
        """The end of the line of corrections from an execution: itself where it was never corrected."""
        while (after := self._successor.get(key)) is not None:
            key = after
        return key

    def first(self, key: Key) -> Key:
        """The earliest known execution that `key` replaces, itself where it replaces none."""
        while (report := self.trades[key]).ref_id and (report.venue, report.ref_id) in self.trades:
            key = report.venue, report.ref_id
        return key

    def impossible(self, report: Report) -> str:
        """Why a bust or correction cannot be; empty where it can."""
        reference = report.venue, report.ref_id
        if not report.ref_id:
            return "it names no execution"
        last = self.last(reference)
        if last in self._busted and last in self.trades:
            return f"execution {report.ref_id!r} is busted already"
        if self.last((report.venue, report.exec_id)) == last:
            return f"it would replace itself, by execution {report.ref_id!r}"
        return ""

    def effect(self, report: Report) -> Effect:
        """What `record` would return, changing nothing."""
        key = report.venue, report.exec_id
        if report.exec_type == TRADE:
            told = key in self.trades or key in self._successor or key in self._busted
            return _NOTHING if told else Effect(None, report)
        last = self.last((report.venue, report.ref_id))
        if last in self._busted:
            return _NOTHING
        removed = self.trades.get(last)
        if report.exec_type == TRADE_CANCEL:
            return Effect(removed, None)
        if key in self.trades or self.impossible(report):
            return _NOTHING
        return Effect(removed, None if key in self._successor or key in self._busted else report)

    def record(self, report: Report, key: Key) -> Effect:
        """Take a report (ExecType F, G or H) into the set. `key` is its own: venue and ExecID."""
        if report.exec_type == TRADE:  # nearly always: once, and neither busted nor corrected before
            if key in self.trades:
                return _NOTHING
            self.trades[key] = report
            return _NOTHING if key in self._successor or key in self._busted else _new(Effect, (None, report))
        effect = self.effect(report)
        last = self.last((report.venue, report.ref_id))
        if report.exec_type == TRADE_CANCEL:
            self._busted.add(last)
        elif key not in self.trades and not self.impossible(report):
            self.trades[key] = report
            self._successor[last] = key
            if last in self._busted:  # busted before it was corrected: the correction does not count either
                self._busted.add(self.last(key))
        return effect

    def unmatched(self) -> list[Key]:
        """Executions that were busted or corrected, and never told."""
        return sorted(key for key in (*self._busted, *self._successor) if key not in self.trades)
