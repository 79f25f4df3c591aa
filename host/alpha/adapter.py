"""Strategies on the bus: market data, reports and rejections in; proposals, cancels and triggers out."""

from hdl.layouts import ARM, Condition, Origin, Side
from host import fixmap
from host import messages as m
from host.alpha.strategy import Action, Arm, Disarm, Propose, Strategy, Withdraw
from host.bus import Bus, Hop, Message
from host.bus.topics import ARMS, DECISIONS, PROPOSED, REJECTED, REPORTS, TOPS
from host.ems.ids import OrderIds
from host.marketdata.books import Books
from host.messages import IOC, UNROUTED, CancelOrder, NewOrder
from host.universe import Universe

#: Reports after which an order holds no slot of the NIC any more, unless shares are left.
_LAST = {m.CANCELED, m.REJECTED, m.EXPIRED}


class AlphaAdapter:
    """Runs strategies, each under its index in the gate.

    The ids are those of this adapter alone: every order that a strategy proposes and every trigger it
    arms has one of its slots, given back when the order is dead.
    """

    def __init__(self, bus: Bus, universe: Universe, books: Books, ids: OrderIds):
        self.bus, self.universe, self.books, self.ids = bus, universe, books, ids
        self.strategies: dict[int, Strategy] = {}
        self._owner: dict[int, int] = {}
        self._orders: dict[int, NewOrder] = {}
        self._cancels: dict[int, int] = {}
        self._desk = fixmap.Desk("ALPHA", "RISK")
        self._cause: Message | None = None
        bus.subscribe(TOPS, self._on_tops, name="alpha")
        bus.subscribe(REPORTS, self._on_report, name="alpha")
        bus.subscribe(REJECTED, self._on_rejected, name="alpha")
        bus.subscribe(DECISIONS, self._on_decisions, name="alpha")

    def take_id(self, index: int) -> int:
        """A ClOrdID for an order or trigger of strategy `index`."""
        order_id = self.ids.take(self._now)
        self._owner[order_id] = index
        return order_id

    def drop_id(self, order_id: int) -> None:
        self.ids.give_back(order_id, self._now)

    @property
    def _now(self) -> int:
        return self._cause.time if self._cause else 0

    def _on_tops(self, message: Message) -> None:
        self._cause = message
        symbols = dict.fromkeys(message.payload["symbol"].tolist())
        for symbol in symbols:  # the newest top of each: older ones of the batch are history
            top = self.books.tops.get(symbol)
            if top is None or symbol not in self.universe.by_index:
                continue
            for index, strategy in self.strategies.items():
                self._act(index, strategy.on_top(top, message.time), (Hop("nic.rx", top.time),))

    def _on_report(self, message: Message) -> None:
        self._cause = message
        report = fixmap.read_report(message.payload, self.universe.venues)
        if report is None or report.order_id not in self._owner:
            return
        if report.exec_type in _LAST or (report.exec_type == m.TRADE and not report.leaves_qty):
            self.ids.give_back(report.order_id, message.time)
        index = self._owner[report.order_id]
        if report.exec_type == m.CANCEL_REFUSED:
            self._act(index, self.strategies[index].on_cancel_rejected(report.order_id, message.time))
        else:
            self._act(index, self.strategies[index].on_report(report, message.time))

    def _on_rejected(self, message: Message) -> None:
        self._cause = message
        rejection = fixmap.read_rejection(message.payload)
        original = self._cancels.pop(rejection.order_id, None)
        if original is not None:
            index = self._owner[original]
            self._act(index, self.strategies[index].on_cancel_rejected(original, message.time))
        elif (owner := self._owner.get(rejection.order_id)) is not None:
            self.ids.give_back(rejection.order_id, message.time)
            self._act(owner, self.strategies[owner].on_rejection(rejection, message.time))

    def _on_decisions(self, message: Message) -> None:
        self._cause = message
        for record in message.payload:
            order_id = int(record["order_id"])
            if record["origin"] == Origin.TRIGGER and (index := self._owner.get(order_id)) is not None:
                order = NewOrder(order_id, self.universe.by_index[int(record["symbol"])].stock,
                                 Side(int(record["side"])), int(record["qty"]), int(record["price"]), index)
                self._orders[order_id] = order
                self._act(index, self.strategies[index].on_fired(order_id, int(record["symbol"]), message.time))

    def _act(self, index: int, actions: list[Action], hops: tuple[Hop, ...] = ()) -> None:
        for action in actions:
            match action:
                case Propose():
                    self._propose(index, action, hops)
                case Withdraw():
                    self._withdraw(index, action)
                case Arm():
                    self._arm(index, action)
                case Disarm():
                    self.bus.publish(ARMS, ARM.make(symbol=action.symbol, condition=Condition.NONE),
                                     key=action.symbol, cause=self._cause)

    def _propose(self, index: int, action: Propose, hops: tuple[Hop, ...]) -> None:
        venue = UNROUTED if action.venue is None else action.venue
        order = NewOrder(action.order_id, action.stock, action.side, action.qty, action.price, index, action.tif,
                         venue, self._now)
        self._orders[order.order_id] = order
        name = "" if venue == UNROUTED else self.universe.venues[venue]
        self.bus.publish(PROPOSED, self._desk.new_order(order, name), hops=hops)

    def _withdraw(self, index: int, action: Withdraw) -> None:
        order = self._orders[action.order_id]
        cancel = CancelOrder(self.ids.renumber(order.order_id), order.order_id, order.stock, order.side, order.qty,
                             index, time=self._now)
        self._cancels[cancel.order_id] = order.order_id
        self.bus.publish(PROPOSED, self._desk.cancel(cancel))

    def _arm(self, index: int, action: Arm) -> None:
        listing = self.universe.by_index[action.symbol]
        record = ARM.make(symbol=action.symbol, order_id=action.order_id, price=action.price, qty=action.qty,
                          side=action.side, strategy=index, venue=listing.venue, tif=ord(IOC),
                          condition=action.condition, threshold=action.threshold)
        self.bus.publish(ARMS, record, key=action.symbol, cause=self._cause)
