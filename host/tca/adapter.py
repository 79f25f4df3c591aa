"""TCA on the bus: market, routed orders and what became of them in; scores out, as executions arrive."""

from host import fixmap
from host.bus import Bus, Message
from host.bus.topics import MARKET_EVENTS, ORDERS, PASSED, REPORTS, ROUTED, TOPS, VENUES
from host.executions import Executions
from host.messages import TRADE, TRADE_CANCEL, TRADE_CORRECT, NewOrder, Report, direction
from host.positions.positions import Fees
from host.tca.prints import Prints
from host.tca.scores import Scorer, VenueScore
from host.tca.tca import Measured, Tca
from host.universe import Universe

_TRADES = (TRADE, TRADE_CORRECT, TRADE_CANCEL)
_TOP_FIELDS = ["symbol", "time", "bid_price", "ask_price", "inexact", "crossed"]


class TcaAdapter:
    """Measures by hardware times: an order arrives when its frame leaves the NIC, and was decided when the packet
    came that caused it, a child when its parent was; a fill happens when its report comes in.

    Parameters
    ----------
    fees : by venue index.
    """

    def __init__(self, bus: Bus, universe: Universe, fees: tuple[Fees, ...]):
        self.bus, self.universe, self.fees = bus, universe, fees
        self.tca, self.scorer = Tca(self._on_closed), Scorer()
        self._prints, self._executions = Prints(), Executions()
        self._strategy: dict[int, int] = {}
        self._decided: dict[int, int] = {}
        self._left: dict[int, int] = {}
        self._cause: Message | None = None
        bus.subscribe(TOPS, self._on_tops, name="tca")
        bus.subscribe(MARKET_EVENTS, self._on_events, name="tca")
        bus.subscribe(PASSED, self._on_passed, name="tca")
        bus.subscribe(ROUTED, self._on_routed, name="tca")
        bus.subscribe(REPORTS, self._on_report, name="tca")
        bus.subscribe(ORDERS, self._on_order, name="tca")

    def _on_tops(self, message: Message) -> None:
        self._cause = message
        for symbol, time, bid, ask, inexact, crossed in message.payload[_TOP_FIELDS].tolist():
            if not inexact and not crossed and 0 < bid < ask:
                self.tca.on_quote(symbol, time, bid, ask)

    def _on_events(self, message: Message) -> None:
        for one in self._prints.read(message.payload):
            if listing := self.universe.by_index.get(one.symbol):
                self.tca.on_trade(listing.stock, one.time, one.price, one.qty)

    def _on_passed(self, message: Message) -> None:
        order = fixmap.read_order(message.payload)
        if isinstance(order, NewOrder):
            self._strategy[order.order_id] = order.strategy
            parent = fixmap.read_parent(message.payload)
            if parent in self._decided:
                self._decided[order.order_id] = self._decided[parent]
            elif fixmap.read_algo(message.payload):
                self._decided[order.order_id] = message.hops[0].time

    def _on_routed(self, message: Message) -> None:
        order = fixmap.read_order(message.payload, self.universe.venues)
        listing = self.universe.find(order.stock, order.venue)
        if not isinstance(order, NewOrder) or listing is None:
            return
        left = next((hop.time for hop in message.hops if hop.place == "nic.tx"), message.time)
        self._left[order.order_id] = left
        decided = self._decided.get(order.order_id, message.hops[0].time)
        strategy = self._strategy.pop(order.order_id, order.strategy)
        self.tca.on_order(order.of(strategy), listing.index, min(decided, left), left)

    def _on_report(self, message: Message) -> None:
        self._cause = message
        report = fixmap.read_report(message.payload, self.universe.venues)
        if report and (left := self._left.pop(report.order_id, None)) is not None:
            self.scorer.on_answer(report.venue, _came(message) - left)
        if report is None or report.exec_type not in _TRADES:
            return
        time = _came(message)
        removed, added = self._executions.record(report, (report.venue, report.exec_id))
        measured: Measured | None = None
        if removed and (fill := self.tca.take_back((removed.venue, removed.exec_id))):
            measured, time = fill.measured, fill.time
        if added:
            measured = self.tca.on_fill(added, time, self._fee(added))
        if measured:
            self._tell(self.scorer.on_fill(measured))

    def _on_order(self, message: Message) -> None:
        self._cause = message
        if not message.payload["leaves"]:
            self.tca.on_end(message.payload["order_id"], _came(message))

    def _on_closed(self, measured: Measured) -> None:
        self._tell(self.scorer.on_closed(measured))

    def _tell(self, score: VenueScore) -> None:
        self.bus.publish(VENUES, score, key=(score.venue, score.takes, score.size), cause=self._cause)

    def _fee(self, report: Report) -> int:
        fees = self.fees[report.venue] if report.venue < len(self.fees) else Fees()
        return fees.of(report.last_qty, report.last_qty * report.last_price, sale=direction(report.side) < 0,
                       maker=report.maker)


def _came(message: Message) -> int:
    """When the frame came that told it, by the NIC's clock."""
    first = message.hops[0] if message.hops else None
    return first.time if first and first.place == "nic.rx" else message.time
