"""Every decision of a session, kept: what the gate saw, and all that is needed to say why, years later.

A folder a session:

* `session.json`: sizes and names: clock, venues, listings.
* `decisions.bin`: 64-byte records as they came up: each DECISION and ORDER_SENT; in front of a rejected decision
  the BOOK_TOP and the trading-status MARKET_EVENT of its symbol, where they are newer than the last such.
* `events.jsonl`: limits put in force, kills and resumes, and orders that the host itself rejected, with figures.

Files are only ever added to. `close` gives their SHA-256, for the audit log.
"""

import hashlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from hdl.config import NicConfig
from hdl.layouts import BOOK_TOP, DECISION, HEADER_DTYPE, MARKET_EVENT, ORDER_SENT, RECORD_BYTES
from host.messages import NewOrder
from host.risk.control import ControlEvent
from host.risk.gate import Book
from host.risk.limits import Limits
from host.universe import Universe

SESSION, DECISIONS, EVENTS = "session.json", "decisions.bin", "events.jsonl"
_KEPT = (DECISION.kind, ORDER_SENT.kind)
#: ITCH 5.0, 1.2.2: stock trading action.
TRADING_ACTION = ord("H")


class Journal:
    """Writes while a session runs.

    Parameters
    ----------
    folder : new, made here.
    names : more for `session.json`.
    """

    def __init__(self, folder: Path, config: NicConfig, universe: Universe, **names: Any):
        folder.mkdir(parents=True)
        self.folder, self.problem = folder, ""
        self.decisions = self.rejected = 0
        self._hashes = {name: hashlib.sha256() for name in (SESSION, DECISIONS, EVENTS)}
        self._files = {name: (folder / name).open("wb") for name in self._hashes}
        self._context: dict[tuple[int, int], bytes] = {}
        about = {"config": config.name, "clock_fs": config.clock_fs, "venues": list(universe.venues),
                 "listings": [[one.index, one.stock, one.venue] for one in universe.listings]} | names
        self._write(SESSION, json.dumps(about, sort_keys=True).encode() + b"\n")

    def on_records(self, raw: np.ndarray) -> None:
        """A batch as it came up: (n, 64) bytes."""
        kinds = raw.view(HEADER_DTYPE).reshape(-1)["kind"]
        for at in np.flatnonzero(np.isin(kinds, (*_KEPT, BOOK_TOP.kind, MARKET_EVENT.kind))).tolist():
            self._record(int(kinds[at]), raw[at].tobytes())

    def on_limits(self, time: int, limits: Limits) -> None:
        self._event("limits", time, serial=limits.serial, strategies=limits.strategy_names, tables={
            path: {"values": one.values, "sources": one.sources} for _, path, one in limits.tables()})

    def on_control(self, event: ControlEvent) -> None:
        self._event("control", **asdict(event))

    def on_rejected(self, time: int, order: NewOrder, reasons: int, book: Book) -> None:
        """An order that did not get as far as the NIC."""
        self.rejected += 1
        self._event("rejected", time, order_id=order.order_id, stock=order.stock, side=int(order.side), qty=order.qty,
                    price=order.price, strategy=order.strategy, reasons=reasons, **asdict(book))

    def flush(self) -> None:
        """Hand what was written to the operating system: who reads the files now finds it."""
        for file in self._files.values():
            try:
                file.flush()
            except OSError as error:
                self.problem = self.problem or f"the audit of decisions stopped: {error.strerror or error}"

    def close(self) -> dict[str, str]:
        """SHA-256 of each file; safe to call twice."""
        for file in self._files.values():
            try:
                file.close()
            except OSError as error:
                self.problem = self.problem or str(error)
        return {name: one.hexdigest() for name, one in self._hashes.items()}

    def _record(self, kind: int, record: bytes) -> None:
        symbol = int(np.frombuffer(record, HEADER_DTYPE)["symbol"][0])
        if kind == BOOK_TOP.kind:
            self._context[kind, symbol] = record
        elif kind == MARKET_EVENT.kind:
            if int(np.frombuffer(record, MARKET_EVENT.dtype)["type"][0]) == TRADING_ACTION:
                self._context[kind, symbol] = record
        else:
            if kind == DECISION.kind:
                self.decisions += 1
                if np.frombuffer(record, DECISION.dtype)["reasons"][0]:
                    self.rejected += 1
                    for known in (BOOK_TOP.kind, MARKET_EVENT.kind):
                        self._write(DECISIONS, self._context.pop((known, symbol), b""))
            self._write(DECISIONS, record)

    def _event(self, what: str, time: int, **more: Any) -> None:
        self._write(EVENTS, json.dumps({"what": what, "time": time} | more, sort_keys=True).encode() + b"\n")

    def _write(self, name: str, data: bytes) -> None:
        """A full disk stops the journal, never the session; it is told at the end."""
        if self.problem:
            return
        try:
            self._files[name].write(data)
            self._hashes[name].update(data)
        except OSError as error:
            self.problem = f"the audit of decisions stopped: {error.strerror or error}"


def records(folder: Path) -> np.ndarray:
    """What `decisions.bin` holds: (n, 64) bytes; half a record at the end is left out."""
    data = (folder / DECISIONS).read_bytes()
    return np.frombuffer(data[:len(data) - len(data) % RECORD_BYTES], np.uint8).reshape(-1, RECORD_BYTES)


def events(folder: Path) -> list[dict[str, Any]]:
    """The lines of `events.jsonl`; half a line at the end is left out."""
    lines = (folder / EVENTS).read_bytes().split(b"\n")
    return [json.loads(line) for line in lines[:-1]]
