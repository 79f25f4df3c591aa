"""What has happened on a desk so far, counted on the bus. Bounded: a day costs what a minute does."""

from collections import Counter
from collections.abc import Callable
from typing import Protocol

from hdl.layouts import Action, Origin
from host import fixmap
from host.bus import Message
from host.bus.bus import Handler, Subscription
from host.bus.topics import DECISIONS, MARKET_EVENTS, REJECTED, REPORTS, SENT, TOPS, Topic
from host.messages import NewOrder, reason_names
from host.universe import Universe

ORIGINS = {origin: origin.name.lower() for origin in Origin}
#: What is counted of orders, by their origin.
COLUMNS = ("decided", "rejected", "sent", "cancels", "fills", "shares")


class Known(Protocol):
    """An order, as far as it is looked at here. `leaves` can still trade, at `price`."""

    @property
    def new(self) -> NewOrder: ...
    @property
    def price(self) -> int: ...
    @property
    def leaves(self) -> int: ...


class Heard(Protocol):
    """A bus, as far as it is listened to."""

    def subscribe(self, topic: Topic, handler: Handler, *, name: str = "") -> Subscription: ...


class Counts:
    """Subscribes to what it counts.

    Parameters
    ----------
    find : an order by its ClOrdID.

    Members
    -------
    feeds : messages by feed and type. orders : `COLUMNS` by origin. rejects : by reason, and by who did.
    tops : of books. refused : orders that the host's own gate rejected; they never came to the NIC's.
    """

    def __init__(self, bus: Heard, universe: Universe, find: Callable[[int], Known | None]):
        self.universe, self.find = universe, find
        self.feeds: dict[int, Counter] = {}
        self.orders: dict[str, Counter] = {name: Counter() for name in ORIGINS.values()}
        self.rejects: dict[str, Counter] = {}
        self.tops = self.refused = 0
        for topic, handler in ((MARKET_EVENTS, self._on_events), (TOPS, self._on_tops), (DECISIONS, self._on_decisions),
                               (SENT, self._on_sent), (REJECTED, self._on_rejected), (REPORTS, self._on_report)):
            bus.subscribe(topic, handler, name="statistics")

    def _on_events(self, message: Message) -> None:
        for feed, kind in zip(message.payload["feed"].tolist(), message.payload["type"].tolist(), strict=True):
            self.feeds.setdefault(feed, Counter())[kind] += 1

    def _on_tops(self, message: Message) -> None:
        self.tops += len(message.payload)

    def _on_decisions(self, message: Message) -> None:
        for record in message.payload:
            orders = self.orders[ORIGINS[Origin(int(record["origin"]))]]
            if record["action"] == Action.NEW:
                orders["decided"] += 1
            if record["reasons"]:
                orders["rejected"] += 1
                for name in reason_names(int(record["reasons"])):
                    self.rejects.setdefault(name, Counter())["nic"] += 1

    def _on_sent(self, message: Message) -> None:
        for record in message.payload:
            column = "sent" if record["action"] == Action.NEW else "cancels"
            self.orders[ORIGINS[Origin(int(record["origin"]))]][column] += 1

    def _on_rejected(self, message: Message) -> None:
        if fixmap.sender(message.payload) == "RISK":  # the NIC's are counted from its decisions
            self.refused += 1
            for name in fixmap.read_rejection(message.payload).names:
                self.rejects.setdefault(name, Counter())["host"] += 1

    def _on_report(self, message: Message) -> None:
        report = fixmap.read_report(message.payload, self.universe.venues)
        if report and report.is_trade:
            order = self.find(report.order_id)
            assert order, "the OMS told it"
            origin = order.new.origin
            self.orders[ORIGINS[origin]]["fills"] += 1
            self.orders[ORIGINS[origin]]["shares"] += report.last_qty
