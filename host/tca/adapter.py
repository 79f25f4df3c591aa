"""TCA on the bus: routed orders and fills in, venue scores out."""

from host import fixmap
from host.bus import Bus, Message
from host.bus.topics import PASSED, REPORTS, ROUTED, VENUES
from host.marketdata.books import Books, Top
from host.messages import NewOrder
from host.tca.tca import Tca
from host.universe import Universe


class TcaAdapter:
    """Arrival is the book of the order's venue when the order appears as routed."""

    def __init__(self, bus: Bus, universe: Universe, books: Books, tca: Tca):
        self.bus, self.universe, self.books, self.tca = bus, universe, books, tca
        self._strategy: dict[int, int] = {}
        bus.subscribe(PASSED, self._on_passed, name="tca")
        bus.subscribe(ROUTED, self._on_routed, name="tca")
        bus.subscribe(REPORTS, self._on_report, name="tca")

    def _on_passed(self, message: Message) -> None:
        order = fixmap.read_order(message.payload)
        if isinstance(order, NewOrder):
            self._strategy[order.order_id] = order.strategy

    def _on_routed(self, message: Message) -> None:
        order = fixmap.read_order(message.payload, self.universe.venues)
        if isinstance(order, NewOrder):
            strategy = self._strategy.pop(order.order_id, order.strategy)
            self.tca.on_order(order.of(strategy), self._top(order.stock, order.venue))

    def _on_report(self, message: Message) -> None:
        report = fixmap.read_report(message.payload, self.universe.venues)
        if report and report.is_trade:
            score = self.tca.on_fill(report, self._top(report.stock, report.venue))
            if score:
                self.bus.publish(VENUES, score, key=score.venue, cause=message)

    def _top(self, stock: str, venue: int) -> Top | None:
        listing = self.universe.find(stock, venue)
        return self.books.tops.get(listing.index) if listing else None
