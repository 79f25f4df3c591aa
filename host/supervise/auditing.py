"""Service "audit": every decision of the gate, kept for who asks why (`tickgate risk rejects`, `risk explain`)."""

import time
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from hdl.layouts import RECORD_BYTES, Side
from host.bus import Message
from host.bus.bus import Handler
from host.bus.node import BusError, Node
from host.bus.topics import CONTROL, DECISIONS, MARKET_EVENTS, REFUSED, SENT, TOPS, Topic
from host.cli import audit, places
from host.cli.simulation import START_NS
from host.messages import NewOrder
from host.risk.control import Control
from host.risk.gate import Book
from host.risk.journal import Journal
from host.risk.limits import Limits
from host.supervise.parts import InForce
from host.supervise.setting import Setting

#: Between two times that what is kept is handed to the operating system.
_FLUSH_S = 0.5


class Auditing:
    """A folder a start, in the state folder. One that is started again begins with everything that was decided before,
    so that its folder alone is whole; the market's state at those decisions is known from then on only.
    """

    def __init__(self, setting: Setting, bus: Node):
        self.bus, self.state = bus, setting.state_folder
        now = time.time_ns()
        self._folder = f"{places.DECISIONS}/{now}"
        try:
            self.journal = Journal(self.state / self._folder, setting.nic, setting.universe, seed=setting.seed,
                                   started_ns=now)
        except OSError as error:
            raise BusError(f"{self.state / self._folder}: decisions cannot be kept ({error.strerror})") from None
        self.control, self._due = Control(), 0.0
        setting.hold(self.control)
        self.journal.on_limits(START_NS, setting.limits)
        for event in self.control.history:
            self.journal.on_control(event)
        handlers: dict[Topic, Handler] = {MARKET_EVENTS: self._on_records, TOPS: self._on_records,
                                          DECISIONS: self._on_records, SENT: self._on_records,
                                          CONTROL: self._on_control, REFUSED: self._on_refused}
        for topic, handler in handlers.items():
            bus.subscribe(topic, handler, name="audit", on_gap=_unconcerned if topic.lossy else None)
        told = [message for topic in (DECISIONS, SENT, CONTROL, REFUSED) for message in bus.history(topic)]
        bus.replay(sorted(told, key=lambda message: message.time))
        InForce(bus, setting.limits, self._on_limits)

    def turn(self) -> int:
        if time.monotonic() >= self._due:
            self._due = time.monotonic() + _FLUSH_S
            self.journal.flush()
        return 0

    def facts(self) -> dict[str, int]:
        return {"decisions": self.journal.decisions, "rejected": self.journal.rejected}

    def close(self) -> None:
        """Tell the audit log what was kept."""
        hashes = self.journal.close()
        audit.note(self.state, "session", "", {
            "folder": self._folder, "files": hashes, "decisions": self.journal.decisions,
            "rejected": self.journal.rejected, "kills": [asdict(one) for one in self.control.history if one.kill]})

    def _on_records(self, message: Message) -> None:
        records: np.ndarray = message.payload
        self.journal.on_records(records.view(np.uint8).reshape(-1, RECORD_BYTES))

    def _on_control(self, message: Message) -> None:
        self.control.history.append(message.payload)
        self.journal.on_control(message.payload)

    def _on_refused(self, message: Message) -> None:
        told: Mapping[str, Any] = message.payload
        order = NewOrder(told["order_id"], told["stock"], Side(told["side"]), told["qty"], told["price"],
                         told["strategy"])
        self.journal.on_rejected(told["decided"], order, told["reasons"],
                                 Book(told["gross"], told["strategy_gross"], told["net"]))

    def _on_limits(self, limits: Limits) -> None:
        self.journal.on_limits(max(START_NS, self.bus.clock()), limits)


def refused(time_ns: int, order: NewOrder, reasons: int, book: Book) -> dict[str, Any]:
    """An order that the host's gate rejected, as topic `risk.refused` has it."""
    return {"decided": time_ns, "order_id": order.order_id, "stock": order.stock, "side": int(order.side),
            "qty": order.qty, "price": order.price, "strategy": order.strategy, "reasons": reasons, **asdict(book)}


def _unconcerned(topic: Topic, first: int, end: int) -> None:
    """What is lossy makes up for itself."""
