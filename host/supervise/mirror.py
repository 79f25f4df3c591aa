"""A desk as another process hears it: what a page shows, and nothing that could act."""

from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from fixparse.errors import FixError
from hdl.layouts import Origin, Side
from host import fixmap
from host.bus import Hop, Message, Subscription
from host.bus.bus import Handler
from host.bus.node import Node
from host.bus.topics import (
    COMMANDS,
    CONTROL,
    DECISIONS,
    FAULTS,
    FEED_EVENTS,
    MEASURES,
    ORDERS,
    REJECTED,
    REPORTS,
    ROUTED,
    SAMPLES,
    SENT,
    UTILISATION,
    Topic,
)
from host.cli.simulation import START_NS
from host.contracts import instruments
from host.desk.desk import FEES
from host.marketdata.adapter import MarketDataAdapter
from host.marketdata.books import Books
from host.messages import NewOrder
from host.positions.adapter import PositionsAdapter
from host.positions.positions import Positions
from host.risk.control import Control
from host.risk.limits import Limits
from host.risk.utilisation import Utilisation
from host.supervise.parts import InForce, follow, warm
from host.supervise.setting import Setting

#: What one that starts late hears again. What is lossy counts from then on.
_REPEATED = (ORDERS, DECISIONS, SENT, ROUTED, REJECTED, REPORTS, CONTROL, SAMPLES, UTILISATION, COMMANDS, FEED_EVENTS,
             FAULTS)


class Ear:
    """A bus for those who only listen: what they publish goes nowhere. A gap in what is lossy is nobody's concern.

    A report is told once its order is known: over some transports it may come first. Its clock has the newest time that
    anybody told, and the session's start before that.
    """

    def __init__(self, bus: Node, venues: tuple[str, ...]):
        self._bus, self._venues = bus, venues
        self.clock: Callable[[], int] = lambda: max(START_NS, bus.clock())
        self._waiting: dict[int, list[tuple[Handler, Message]]] = {}
        self._seqs: dict[tuple[str, str], int] = {}
        self.orders: dict[int, MirroredOrder] = {}
        self.last, self.poll, self.close = bus.last, bus.poll, bus.close
        bus.tap(self.count)

    @property
    def counts(self) -> Mapping[str, int]:
        """Messages by topic, of everybody."""
        found: Counter[str] = Counter()
        for (topic, _), seq in self._seqs.items():
            found[topic] += seq
        return found

    def publish(self, topic: Topic, payload: Any, *, key: object = None, cause: Message | None = None,
                hops: tuple[Hop, ...] = ()) -> Message:
        return Message(topic, 0, self.clock(), payload, key, hops)

    def subscribe(self, topic: Topic, handler: Handler, *, name: str = "", **more: Any) -> Subscription:
        if topic.lossy:
            more.setdefault("on_gap", lambda topic, first, end: None)
        wanted = handler if topic is not REPORTS else lambda message: self._on_report(handler, message)
        return self._bus.subscribe(topic, wanted, name=name, **more)

    def known(self, order: "MirroredOrder") -> None:
        """An order is there, or has changed."""
        order_id = order.new.order_id
        self.orders[order_id] = order
        for handler, message in self._waiting.pop(order_id, ()):
            handler(message)

    def _on_report(self, handler: Handler, message: Message) -> None:
        try:
            report = fixmap.read_report(message.payload, self._venues)
        except FixError:
            return
        if report and report.order_id not in self.orders:
            self._waiting.setdefault(report.order_id, []).append((handler, message))
        else:
            handler(message)

    def count(self, message: Message) -> None:
        """A message was published: its number says how many there were."""
        self._seqs[message.topic.name, message.source] = message.seq


@dataclass(frozen=True, slots=True)
class MirroredOrder:
    """An order as the OMS told it last."""
    new: NewOrder
    price: int
    leaves: int


class MirroredOrders:
    """Orders, by what the OMS tells."""

    def __init__(self, ear: Ear):
        self._ear, self._live = ear, dict[int, MirroredOrder]()
        ear.subscribe(ORDERS, self._on_order, name="orders")

    @property
    def live(self) -> Collection[MirroredOrder]:
        return self._live.values()

    def find(self, order_id: int) -> MirroredOrder | None:
        return self._ear.orders.get(order_id)

    def _on_order(self, message: Message) -> None:
        one = message.payload
        order = MirroredOrder(NewOrder(one["order_id"], one["stock"], Side(one["side"]), one["qty"], one["price"],
                                       one["strategy"], venue=one["venue"], origin=Origin(one["origin"])),
                              one["price"], one["leaves"])
        if one["leaves"]:
            self._live[one["order_id"]] = order
        else:
            self._live.pop(one["order_id"], None)
        self._ear.known(order)


class MirroredRisk:
    """Limits, kills, and use of limits, by what risk tells."""

    def __init__(self, setting: Setting, bus: Node, ear: Ear):
        self._in_force = InForce(bus, setting.limits)
        self.control = Control()
        setting.hold(self.control)
        self.peaks: dict[str, Utilisation] = {}
        self._used: dict[str, Utilisation] = {}
        ear.subscribe(CONTROL, lambda message: follow(self.control, message.payload), name="control")
        ear.subscribe(SAMPLES, self._on_use, name="use")

    @property
    def limits(self) -> Limits:
        return self._in_force.limits

    def utilisation(self) -> list[Utilisation]:
        return list(self._used.values())

    def _on_use(self, message: Message) -> None:
        one: Utilisation = message.payload
        self._used[one.path] = one
        if one.path not in self.peaks or one.permille > self.peaks[one.path].permille:
            self.peaks[one.path] = one


class Mirror:
    """A desk for looking at (`host.dashboard.source.Shown`). Call `catch_up` when everybody has subscribed: one that
    starts late is told then what was said before it.
    """

    def __init__(self, setting: Setting, bus: Node):
        self._bus, self.universe = bus, setting.universe
        self.bus = Ear(bus, self.universe.venues)
        self.books = warm(bus, Books())
        MarketDataAdapter(self.bus, self.books)
        self.oms = MirroredOrders(self.bus)
        self.risk = MirroredRisk(setting, bus, self.bus)
        self.positions = Positions(FEES, instruments(setting.contracts))
        PositionsAdapter(self.bus, self.universe, self.books, self.positions)
        self._venues: dict[str, Mapping[str, int]] = {}
        self.bus.subscribe(MEASURES, self._on_measures, name="tca", last=True)

    def by_venue(self) -> Mapping[str, Mapping[str, int]]:
        """TCA's measures of each venue, as it told them."""
        return {name: self._venues[name] for name in self.universe.venues if name in self._venues}

    def catch_up(self) -> None:
        told = [message for topic in _REPEATED for message in self._bus.history(topic)]
        for message in told:
            self.bus.count(message)
        self._bus.replay(sorted(told, key=lambda message: message.time))
        for listing in self.universe.listings:
            if (top := self.books.tops.get(listing.index)) and top.usable:
                self.positions.on_mark(listing.stock, top.twice_mid // 2)

    def _on_measures(self, message: Message) -> None:
        self._venues[message.payload["venue"]] = {name: value for name, value in message.payload.items()
                                                  if name != "venue"}
