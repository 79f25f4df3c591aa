"""What the page shows of a desk, kept current as the bus tells it. Bounded: a day costs what a minute does."""

from collections import Counter, OrderedDict, deque
from itertools import pairwise
from typing import Any, NamedTuple

from hdl.layouts import FeedCause
from host import fixmap
from host.bus import Hop, Message
from host.bus.bus import Handler
from host.bus.topics import (
    COMMANDS,
    CONTROL,
    FAULTS,
    FEED_EVENTS,
    MARKET_EVENTS,
    ORDERS,
    REPORTS,
    ROUTED,
    UTILISATION,
)
from host.dashboard.source import Shown
from host.desk.counts import Counts
from host.desk.latency import percentile
from host.positions.positions import Positions
from host.risk.response import ANSWERS
from host.risk.utilisation import Level

#: Orders in the blotter, events in the log, and orders that a latency percentile looks back on.
BLOTTER, LOG, RECENT = 60, 40, 512
#: Tick-to-trade: from the packet's first byte in to the order's first byte out.
TOTAL = "total"


class Event(NamedTuple):
    """One line of the log. `level` is "info", "warn" or "bad"."""
    time: int
    level: str
    text: str


class Feed:
    """What came of one feed last."""

    def __init__(self) -> None:
        self.time = self.seq = self.messages = 0
        self.faults: Counter[str] = Counter()


class View:
    """Subscribes to the desk; everything it holds may be read between two messages.

    Members
    -------
    latencies : the last times (ns) of each stage, by origin and stage.
    orders : the orders that changed last, newest last, as the OMS tells them.
    pnl : positions and P&L of each strategy alone, by its index.
    """

    def __init__(self, desk: Shown, statistics: Counts):
        self.desk, self.statistics = desk, statistics
        self.start = desk.bus.clock()
        self.feeds: dict[int, Feed] = {index: Feed() for index in range(len(desk.universe.venues))}
        self.latencies: dict[str, dict[str, deque[int]]] = {"trigger": {}, "host": {}}
        self.measured: Counter[str] = Counter()
        self.orders: OrderedDict[int, dict[str, Any]] = OrderedDict()
        self.pnl: dict[int, Positions] = {}
        self.log: deque[Event] = deque(maxlen=LOG)
        self.faults = 0
        handlers = {MARKET_EVENTS: self._on_events, FEED_EVENTS: self._on_feed, ROUTED: self._on_routed,
                    ORDERS: self._on_order, REPORTS: self._on_report, FAULTS: self._on_fault, CONTROL: self._on_control,
                    UTILISATION: self._on_level, COMMANDS: self._on_command}
        for topic, handler in handlers.items():
            desk.bus.subscribe(topic, self._safely(handler), name="dashboard")

    def percentiles(self, origin: str, stage: str, permilles: tuple[int, ...]) -> list[int] | None:
        """Of the last orders, nearest rank, and the largest; None before the first."""
        values = self.latencies[origin].get(stage)
        if not values:
            return None
        ordered = sorted(values)
        return [*(percentile(ordered, one) for one in permilles), ordered[-1]]

    def net(self, strategy: int) -> int:
        """P&L of a strategy after fees at the desk's marks, 1e-4 USD."""
        positions = self.pnl.get(strategy)
        if positions is None:
            return 0
        for stock in positions.by_stock:
            if mark := self.desk.positions.position(stock).mark:
                positions.on_mark(stock, mark)
        return positions.net

    def _safely(self, handler: Handler) -> Handler:
        """A desk stops orders when one of its services fails. The page is not worth that: it says so and goes on."""
        def handle(message: Message) -> None:
            try:
                handler(message)
            except Exception as error:
                self.failed(error)
        return handle

    def failed(self, error: Exception) -> None:
        """Something here went wrong: the page shows it, the desk need not care."""
        event = Event(self.desk.bus.clock(), "warn", f"dashboard: {type(error).__name__}: {error}")
        if not self.log or self.log[-1].text != event.text:
            self.log.append(event)

    def _on_events(self, message: Message) -> None:
        last = message.payload[-1]
        feed = self.feeds.setdefault(int(last["feed"]), Feed())
        feed.time, feed.seq = int(last["time"]), int(last["seq"])
        if len(message.payload) == 1:
            feed.messages += 1
            return
        for index, count in Counter(message.payload["feed"].tolist()).items():
            self.feeds.setdefault(index, Feed()).messages += count

    def _on_feed(self, message: Message) -> None:
        for record in message.payload:
            cause = FeedCause(int(record["cause"])).name
            self.feeds.setdefault(int(record["feed"]), Feed()).faults[cause] += 1
            name = self.desk.universe.venues[int(record["feed"])]
            self.log.append(Event(int(record["time"]), "warn", f"feed {name}: {cause.lower().replace('_', ' ')}"))

    def _on_routed(self, message: Message) -> None:
        """As `host.desk.latency.stages` has it: the way of a new order up to the NIC's first byte out."""
        out = next((n for n, hop in enumerate(message.hops) if hop.place == "nic.tx"), 0)
        if not out or not isinstance(fixmap.read_order(message.payload), fixmap.NewOrder):
            return
        way = message.hops[:out + 1]
        origin = "trigger" if any(hop.place == "nic.needed" for hop in way) else "host"
        self.measured[origin] += 1
        for before, after in pairwise(way):
            self._time(origin, f"{before.place} > {after.place}", before, after)
        if way[0].place == "nic.rx":
            self._time(origin, TOTAL, way[0], way[-1])

    def _time(self, origin: str, stage: str, before: Hop, after: Hop) -> None:
        self.latencies[origin].setdefault(stage, deque(maxlen=RECENT)).append(after.time - before.time)

    def _on_order(self, message: Message) -> None:
        order = message.payload
        self.orders[order["order_id"]] = {**order, "time": message.time}
        self.orders.move_to_end(order["order_id"])
        if len(self.orders) > BLOTTER:
            self.orders.popitem(last=False)

    def _on_report(self, message: Message) -> None:
        report = fixmap.read_report(message.payload, self.desk.universe.venues)
        order = self.desk.oms.find(report.order_id) if report else None
        if report and order:
            held = self.desk.positions
            self.pnl.setdefault(order.new.strategy, Positions(held.fees, held.instruments)).on_report(report)

    def _on_fault(self, message: Message) -> None:
        self.faults += 1
        self.log.append(Event(message.time, "bad", f"{message.payload['service']}: {message.payload['what']}"))

    def _on_level(self, message: Message) -> None:
        one = message.payload
        severity = "info" if one.level is Level.OK else "warn" if one.level < Level.HALT else "bad"
        self.log.append(Event(message.time, severity,
                              f"limit {one.path}: {one.permille / 10:.1f} % used, {one.level.name.lower()}"))

    def _on_command(self, message: Message) -> None:
        one = message.payload
        goal = f"to {one['to']:,}" if "to" in one else f"by {one['qty']:+,}" if "qty" in one else ""
        severity = "info" if one["command"] in ANSWERS else "bad"
        self.log.append(Event(message.time, severity, f"risk: {one['command']} {one['stock']} {goal}"))

    def _on_control(self, message: Message) -> None:
        event = message.payload
        scope = "everything" if event.all else " and ".join(
            [name for n, name in enumerate(self.desk.universe.venues) if event.venues >> n & 1]
            + [name for n, name in sorted(self.desk.risk.limits.strategy_names.items()) if event.strategies >> n & 1])
        why = f": {event.why}" if event.why else ""
        self.log.append(Event(message.time, "bad" if event.kill else "info",
                              f"{'kill' if event.kill else 'resume'} {scope} by {event.who}{why}"))
