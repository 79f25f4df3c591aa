"""What services in processes of their own need in place of each other: mirrors of what others say, and an outbox."""

import time
from collections.abc import Callable, Iterable
from typing import Any

from hdl.layouts import REG_WRITE, Side
from hdl.registers import RegisterMap
from host import fixmap
from host.bus import Bus, Hop, Message
from host.bus.bus import Handler
from host.bus.node import Node
from host.bus.topics import (
    CONTROL,
    LEVELS,
    LIMITS_HELD,
    ORDERS,
    POSITIONS,
    PROPOSED,
    REGISTERS,
    SERVICES,
    SESSION,
    TOPS,
    Topic,
)
from host.ems.ids import OrderIds
from host.marketdata.books import Books
from host.messages import CancelOrder
from host.risk.control import Control, ControlEvent
from host.risk.limits import Limits, check, parse
from host.risk.registers import Write

#: A process that says nothing for so long hangs: machines can be slow.
SILENCE_S = 30.0
#: Phases of a session (topic `desk.session`).
TRADING, STOPPING, OVER, RECONCILED = "trading", "stopping", "over", "reconciled"


class Held:
    """Shares held of each stock, as positions last said."""

    def __init__(self, bus: Node):
        self._qty: dict[str, int] = {}
        bus.subscribe(POSITIONS, self._on_position, name="held", last=True)

    def __call__(self, stock: str) -> int:
        return self._qty.get(stock, 0)

    def _on_position(self, message: Message) -> None:
        self._qty[message.payload["stock"]] = message.payload["qty"]


class Owners:
    """The strategy of each order, as the OMS said."""

    def __init__(self, bus: Node):
        self._strategy: dict[int, int] = {}
        bus.subscribe(ORDERS, self._on_order, name="owners", last=True)

    def __call__(self, order_id: int) -> int | None:
        return self._strategy.get(order_id)

    def _on_order(self, message: Message) -> None:
        self._strategy[message.payload["order_id"]] = message.payload["strategy"]


class Orphans:
    """Live orders of an earlier start of this process, of which it knows nothing: cancelled now, and again whenever a
    kill is lifted, as a killed NIC sends no cancels.

    Parameters
    ----------
    ids : the process's own, whose slots they are in; those slots stay taken until the orders are dead.
    sender : whose orders they are.
    """

    def __init__(self, bus: Node, ids: OrderIds, slots: range, sender: str):
        self.bus, self.ids, self._desk = bus, ids, fixmap.Desk(sender, "RISK")
        self._live: dict[int, dict[str, Any]] = {}
        self._found = False
        bus.subscribe(ORDERS, self._on_order, name="orphans", last=True)
        self._found = True
        self._live = {order_id: order for order_id, order in self._live.items()
                      if order["leaves"] and order_id % ids.open_orders in slots}
        ids.resume((), self._live)
        bus.subscribe(CONTROL, self._on_control, name="orphans")

    def cancel(self) -> None:
        for order_id, order in self._live.items():
            cancel = CancelOrder(self.ids.renumber(order_id), order_id, order["stock"], Side(order["side"]),
                                 order["qty"], order["strategy"], time=self.bus.clock())
            self.bus.publish(PROPOSED, self._desk.cancel(cancel))

    def _on_order(self, message: Message) -> None:
        order = message.payload
        if order["leaves"]:
            if not self._found:
                self._live[order["order_id"]] = order
        elif self._live.pop(order["order_id"], None):
            self.ids.give_back(order["order_id"], message.time)

    def _on_control(self, message: Message) -> None:
        if not message.payload.kill:
            self.cancel()


class InForce:
    """The limits in force: those that the session began with, then what the NIC says that it holds.

    Parameters
    ----------
    changed : called with new ones.
    """

    def __init__(self, bus: Node, limits: Limits, changed: Callable[[Limits], object] = lambda limits: None):
        self.limits, self._changed = limits, changed
        bus.subscribe(LIMITS_HELD, self._on_held, name="limits", last=True)

    def tick(self, stock: str) -> int:
        """Price tick of a stock, 1e-4 USD."""
        return self.limits.symbols[stock].tick_usd

    def _on_held(self, message: Message) -> None:
        held = message.payload
        if held["text"] and not held["problem"]:
            self.limits = from_text(held["text"])
            self._changed(self.limits)


def from_text(text: str) -> Limits:
    """Limits as they travel on the bus. Raises `LimitsError`."""
    return check(parse(text, "limits"), "limits")


class Heartbeat:
    """Whether the host is there, for the NIC's process: risk is heard, and the bus reaches others. A NIC on its own
    must not go on firing what it was armed with.
    """

    def __init__(self, bus: Node):
        self.bus, self._heard = bus, time.monotonic()
        bus.subscribe(SERVICES, self._on_service, name="heartbeat", on_gap=lambda topic, first, end: None)

    def __call__(self) -> bool:
        return self.bus.linked and time.monotonic() - self._heard < SILENCE_S

    def _on_service(self, message: Message) -> None:
        if message.payload["service"] == "risk":
            self._heard = time.monotonic()


def warm(bus: Node, books: Books) -> Books:
    """Books of a process that starts while the market is open: they begin with what was last said. A gap in what is
    told of them later makes them unusable until the next top of each."""
    bus.subscribe(TOPS, lambda message: books.on_tops(message.payload), last=True).cancel()
    bus.subscribe(LEVELS, lambda message: books.on_levels(message.payload), last=True).cancel()
    bus.subscribe(TOPS, lambda message: None, name="books", on_gap=lambda topic, first, end: books.tops.clear())
    return books


def phases(bus: Node, **handlers: Callable[[], object]) -> None:
    """Call what is named after a phase once it begins, or where it has begun already."""
    def on_session(message: Message) -> None:
        if handler := handlers.get(message.payload["phase"]):
            handler()
    bus.subscribe(SESSION, on_session, name="session", last=True)


def follow(control: Control, event: ControlEvent) -> None:
    """Somebody else has killed or resumed."""
    act = control.kill if event.kill else control.resume
    act(event.who, event.why, event.time, venues=event.venues, strategies=event.strategies)


def send_writes(bus: Bus, registers: RegisterMap, writes: Iterable[Write]) -> None:
    """Register writes for the NIC, in their order."""
    for one in writes:
        address = registers.address(one.block, one.register, one.index)
        bus.publish(REGISTERS, REG_WRITE.make(addr=address, data=one.value))


class Outbox:
    """A bus on which messages of some topics wait for `release`: nothing leaves before it is on record."""

    def __init__(self, bus: Node, topics: Iterable[Topic]):
        self._bus, self._topics = bus, frozenset(topic.name for topic in topics)
        self._waiting: list[tuple[Topic, Any, object, Message | None, tuple[Hop, ...]]] = []
        self.clock, self.last, self.poll, self.close = bus.clock, bus.last, bus.poll, bus.close

    def publish(self, topic: Topic, payload: Any, *, key: object = None, cause: Message | None = None,
                hops: tuple[Hop, ...] = ()) -> Message:
        if topic.name not in self._topics:
            return self._bus.publish(topic, payload, key=key, cause=cause, hops=hops)
        self._waiting.append((topic, payload, key, cause, hops))
        now = self.clock()
        return Message(topic, 0, now, payload, key, (*(cause.hops if cause else ()), *hops, Hop(topic.name, now)),
                       self._bus.source)

    def subscribe(self, topic: Topic, handler: Handler, **more: Any) -> Any:
        return self._bus.subscribe(topic, handler, **more)

    def release(self) -> None:
        waiting, self._waiting = self._waiting, []
        for topic, payload, key, cause, hops in waiting:
            self._bus.publish(topic, payload, key=key, cause=cause, hops=hops)
