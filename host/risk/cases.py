"""Decisions as `host.risk.journal` kept them, each with what is known of its moment."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from hdl.layouts import BOOK_TOP, DECISION, HEADER_DTYPE, MARKET_EVENT, ORDER_SENT
from host.risk import journal
from host.risk.explain import Case
from host.risk.fields import FIRM, STRATEGY_LEVEL, SYMBOL
from host.risk.limits import Table


@dataclass(frozen=True)
class Found:
    """One decision on an order: by the NIC, or by the host (`by`)."""
    by: str
    stock: str
    venue: str
    strategy: str
    serial: int
    case: Case
    sent: str = ""


class Session:
    """One folder of decisions. Raises OSError or ValueError where it is not whole."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.about: dict[str, Any] = json.loads((folder / journal.SESSION).read_text(encoding="utf-8"))
        self.listings = {index: (stock, venue) for index, stock, venue in self.about["listings"]}

    @cached_property
    def raw(self) -> np.ndarray:
        return journal.records(self.folder)

    @cached_property
    def events(self) -> list[dict[str, Any]]:
        return journal.events(self.folder)

    def rejected(self) -> Iterator[tuple[int, int, int]]:
        """(time, order id, reasons) of everything rejected, by NIC or host, by time."""
        decisions = self._of(DECISION)
        found = [(int(one["time"]), int(one["order_id"]), int(one["reasons"])) for one in decisions if one["reasons"]]
        found += [(event["time"], event["order_id"], event["reasons"]) for event in self.events
                  if event["what"] == "rejected"]
        yield from sorted(found)

    def find(self, order_id: int) -> list[Found]:
        """Every decision on an order, the host's first."""
        found = [self._by_host(event) for event in self.events
                 if event["what"] == "rejected" and event["order_id"] == order_id]
        kinds = self._kinds
        orders = self.raw.view(DECISION.dtype).reshape(-1)["order_id"]
        rows = np.flatnonzero((kinds == DECISION.kind) & (orders == order_id))
        return found + [self._by_nic(at) for at in rows.tolist()]

    @cached_property
    def _kinds(self) -> np.ndarray:
        return self.raw.view(HEADER_DTYPE).reshape(-1)["kind"]

    def _of(self, record: Any) -> np.ndarray:
        return self.raw[self._kinds == record.kind].view(record.dtype).reshape(-1)

    def _by_nic(self, at: int) -> Found:
        decision = _fields(self.raw[at].view(DECISION.dtype)[0], DECISION)
        stock, _ = self.listings.get(decision["symbol"], (f"symbol {decision['symbol']}", 0))
        limits, strategy, tables, names = self._limits(decision["time"], decision["strategy"], stock)
        case = Case(decision, tables, names, self.about["venues"], self.about["clock_fs"], self._top(at, decision),
                    self._status(at, decision), self._kills(decision["time"], decision["venue"], strategy))
        return Found("NIC", stock, self._venue(decision["venue"]), strategy, limits, case, self._sent(decision))

    def _by_host(self, event: dict[str, Any]) -> Found:
        limits, strategy, tables, names = self._limits(event["time"], event["strategy"], event["stock"])
        decision = event | {"notional": event["price"] * event["qty"], "action": 0}
        host = {name: event[name] for name in ("gross", "strategy_gross", "net")}
        case = Case(decision, tables, names, self.about["venues"], self.about["clock_fs"],
                    kills=self._kills(event["time"], -1, strategy), host=host)
        return Found("host", event["stock"], "", strategy, limits, case)

    def _venue(self, index: int) -> str:
        return self.about["venues"][index] if index < len(self.about["venues"]) else f"venue {index}"

    def _limits(self, time: int, strategy: int, stock: str) -> tuple[int, str, dict[str, Table], dict[str, str]]:
        """Serial, name of the strategy, and the tables in force at a time with their paths."""
        events = [event for event in self.events if event["what"] == "limits"]
        event = next((one for one in reversed(events) if one["time"] <= time), events[0])
        name = event["strategies"].get(str(strategy), f"strategy {strategy}")
        names = {FIRM: FIRM, STRATEGY_LEVEL: f"{STRATEGY_LEVEL}.{name}", SYMBOL: f"{SYMBOL}.{stock}"}
        tables = {level: Table(one["values"], one["sources"]) for level, path in names.items()
                  if (one := event["tables"].get(path))}
        return event["serial"], name, tables, names

    def _kills(self, time: int, venue: int, strategy: str) -> list[str]:
        """Kills in force at a time that concern this venue and strategy, who set them and why."""
        held: dict[str, str] = {}
        names = {str(index): name for event in self.events if event["what"] == "limits"
                 for index, name in event["strategies"].items()}
        for event in self.events:
            if event["what"] != "control" or event["time"] > time:
                continue
            scopes = (["everything"] if event["all"] else []) + [
                f"venue {name}" for n, name in enumerate(self.about["venues"]) if event["venues"] >> n & 1] + [
                f"strategy {name}" for n, name in names.items() if event["strategies"] >> int(n) & 1]
            for scope in scopes:
                if event["kill"]:
                    held[scope] = f"{scope}, by {event['who']}{': ' + event['why'] if event['why'] else ''}"
                else:
                    held.pop(scope, None)
        concern = {"everything", f"strategy {strategy}"} | ({f"venue {self._venue(venue)}"} if venue >= 0 else set())
        return [text for scope, text in held.items() if scope in concern]

    def _before(self, at: int, record: Any, symbol: int) -> np.ndarray | None:
        """The last record of a kind and symbol in front of record `at`."""
        heads = self.raw[:at].view(HEADER_DTYPE).reshape(-1)
        rows = np.flatnonzero((heads["kind"] == record.kind) & (heads["symbol"] == symbol))
        return self.raw[rows[-1]].view(record.dtype)[0] if len(rows) else None

    def _top(self, at: int, decision: dict[str, int]) -> dict[str, int] | None:
        top = self._before(at, BOOK_TOP, decision["symbol"])
        return None if top is None else _fields(top, BOOK_TOP)

    def _status(self, at: int, decision: dict[str, int]) -> str | None:
        event = self._before(at, MARKET_EVENT, decision["symbol"])
        return None if event is None else chr(int(event["detail"]))

    def _sent(self, decision: dict[str, int]) -> str:
        """What became of an order that passed."""
        if decision["reasons"]:
            return ""
        sent = self._of(ORDER_SENT)
        rows = sent[sent["order_id"] == decision["order_id"]]
        if not len(rows):
            return "no record says that its frame left"
        if rows[0]["flags"] & 1 or rows[0]["poisoned"]:
            return "its frame was stopped or poisoned: it did not reach its venue, and its reservation was given back"
        return f"its frame left {int(rows[0]['time']) - decision['time']:,} ns after the verdict"


def _fields(record: Any, kind: Any) -> dict[str, int]:
    return {one.name: int(record[one.name]) for one in kind.fields}
