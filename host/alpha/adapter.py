"""Strategies on the bus: market data, reports and rejections in; proposals, cancels and triggers out."""

from collections.abc import Callable
from dataclasses import replace

from hdl.layouts import ARM, Condition, Origin, Reason, Side
from host import fixmap
from host import messages as m
from host.alpha.strategy import Action, Arm, Disarm, Propose, Replace, Strategy, Withdraw
from host.bus import Bus, Hop, Message
from host.bus.topics import ARMS, COMMANDS, DECISIONS, FAULTS, ORDERS, PARENTS, PROPOSED, REJECTED, REPORTS, TOPS
from host.ems import algos
from host.ems.ids import OrderIds
from host.marketdata.books import Books
from host.messages import IOC, UNROUTED, CancelOrder, NewOrder, Rejection, ReplaceOrder, Report
from host.risk.response import ANSWERS, REDUCE
from host.universe import Universe

Held = Callable[[str], int]
#: Quantities and prices of a record have 32 bits.
_MOST = 1 << 32


def _impossible(qty: int, price: int) -> int:
    """Reason bits of what fits no order record (`hdl.layouts.INTENT`); 0 where it does."""
    return (not 0 < qty < _MOST) << Reason.QUANTITY | (not 0 < price < _MOST) << Reason.COLLAR


class AlphaAdapter:
    """Runs strategies, each under its index in the gate.

    The ids are those of this adapter alone: every order that a strategy proposes and every trigger it
    arms has one of its slots, given back when the order is dead.

    Parameters
    ----------
    position : shares held of a stock, over all venues.
    """

    def __init__(self, bus: Bus, universe: Universe, books: Books, ids: OrderIds, position: Held):
        self.bus, self.universe, self.books, self.ids, self.position = bus, universe, books, ids, position
        self.strategies: dict[int, Strategy] = {}
        self._owner: dict[int, int] = {}
        self._orders: dict[int, NewOrder] = {}
        self._cancels: dict[int, int] = {}
        self._replaces: dict[int, int] = {}  # the order that is to go, by the one that is to come
        self._parts: set[int] = set()  # cancels that are part of a replace
        self._desk = fixmap.Desk("ALPHA", "RISK")
        self._closed: set[str] = set()  # stocks that risk takes down
        self._armed: dict[int, int] = {}  # the trigger's ClOrdID by symbol
        self._live: dict[int, int] = {}  # quantity that can still trade, by order
        self._cause: Message | None = None
        self.stopped = False
        bus.subscribe(TOPS, self._on_tops, name="alpha")
        bus.subscribe(REPORTS, self._on_report, name="alpha")
        bus.subscribe(REJECTED, self._on_rejected, name="alpha")
        bus.subscribe(DECISIONS, self._on_decisions, name="alpha")
        bus.subscribe(ORDERS, self._on_order, name="alpha")
        bus.subscribe(PARENTS, self._on_parent, name="alpha")
        bus.subscribe(COMMANDS, self._on_command, name="alpha")

    def take_id(self, index: int) -> int:
        """A ClOrdID for an order or trigger of strategy `index`."""
        order_id = self.ids.take(self._now)
        self._owner[order_id] = index
        return order_id

    def drop_id(self, order_id: int) -> None:
        self.ids.give_back(order_id, self._now)

    def wind_down(self) -> None:
        """Strategies act no more; triggers are disarmed and live orders cancelled."""
        self.stopped = True
        for listing in self.universe.listings:
            self._disarm(listing.index)
        for order_id in [order_id for order_id, leaves in self._live.items() if leaves]:
            self._withdraw(order_id)

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
        index = self._owner[report.order_id]
        new_id = next((new for new, old in self._replaces.items() if old == report.order_id), None)
        if report.exec_type == m.CANCEL_REFUSED and report.request_id in self._parts:
            return  # it was the cancel of a replace: that is told as rejected
        if new_id is not None and report.exec_type == m.CANCELED and report.cum_qty < self._orders[new_id].qty:
            del self._replaces[new_id]
            report = replace(report, exec_type=m.REPLACED, request_id=new_id)
        if report.exec_type == m.CANCEL_REFUSED:
            actions = self.strategies[index].on_cancel_rejected(report.order_id, message.time)
        else:
            actions = self.strategies[index].on_report(report, message.time)
        self._act(index, actions, tuple(Hop("report.rx", hop.time) for hop in message.hops[:1]))

    def _on_rejected(self, message: Message) -> None:
        self._cause = message
        rejection = fixmap.read_rejection(message.payload)
        if rejection.order_id in self._parts:
            return  # as above: the replace's own rejection follows
        original = self._cancels.pop(rejection.order_id, None)
        if original is not None:
            index = self._owner[original]
            self._act(index, self.strategies[index].on_cancel_rejected(original, message.time))
        elif (owner := self._owner.get(rejection.order_id)) is not None:
            self._not_replaced(rejection.order_id, message.time)
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
                if self._armed.get(int(record["symbol"])) == order_id:
                    del self._armed[int(record["symbol"])]
                self._act(index, self.strategies[index].on_fired(order_id, int(record["symbol"]), message.time))

    def _on_order(self, message: Message) -> None:
        state = message.payload
        if state["order_id"] in self._orders:
            self._live[state["order_id"]] = state["leaves"]
            if not state["leaves"]:
                self.ids.give_back(state["order_id"], message.time)

    def _on_parent(self, message: Message) -> None:
        """What an algorithm has done so far, told as a report of the parent order."""
        self._cause = message
        one, order = message.payload, self._orders.get(message.payload["order_id"])
        if order is None:
            return
        self._live[order.order_id] = one["leaves"]
        if not one["leaves"]:
            self.ids.give_back(order.order_id, message.time)
        kind = m.TRADE if one["last_qty"] else m.NEW if one["leaves"] else m.CANCELED
        report = Report(order.order_id, "", kind, "", order.stock, order.side, UNROUTED, one["last_qty"],
                        leaves_qty=one["leaves"], cum_qty=one["filled"], time=message.time)
        self._act(order.strategy, self.strategies[order.strategy].on_report(report, message.time))

    def _on_command(self, message: Message) -> None:
        """Risk takes a position down: strategies leave the stock until it is there, so that none trades against it."""
        command, stock = message.payload["command"], message.payload["stock"]
        if command in ANSWERS:
            self._closed.discard(stock)
        if command != REDUCE or self.stopped:
            return
        self._cause = message
        self._closed.add(stock)
        for listing in self.universe.by_stock.get(stock, ()):
            armed = self._armed.get(listing.index)
            self._disarm(listing.index)
            if armed:
                self.ids.give_back(armed, message.time)
                index = self._owner[armed]
                self._act(index, self.strategies[index].on_fired(armed, listing.index, message.time))
        for order_id in [one for one, leaves in self._live.items() if leaves and self._orders[one].stock == stock]:
            self._withdraw(order_id)

    def _own_side(self, side: Side, stock: str, qty: int) -> Side:
        """A sale of more than is held and not yet offered is a short sale, and must say so (Regulation SHO 200(g))."""
        if side == Side.BUY:
            return side
        offered = sum(leaves for order_id, leaves in self._live.items()
                      if leaves and self._orders[order_id].stock == stock and self._orders[order_id].side & 1)
        held = self.position(stock)
        return Side.SELL if held - offered >= qty else Side.SELL_SHORT

    def _act(self, index: int, actions: list[Action], hops: tuple[Hop, ...] = ()) -> None:
        if self.stopped:
            return
        for action in actions:
            match action:
                case Propose(order_id) | Replace(new_id=order_id) if reasons := _impossible(action.qty, action.price):
                    self._refuse(index, order_id, action, reasons)
                case Propose():
                    self._propose(index, action, hops)
                case Withdraw():
                    self._withdraw(action.order_id)
                case Replace():
                    self._replace(index, action)
                case Arm():
                    self._arm(index, action)
                case Disarm():
                    self._disarm(action.symbol)

    def _refuse(self, index: int, order_id: int, action: Propose | Replace, reasons: int) -> None:
        """What no order can be does not get as far as the gate: a strategy with such a fault is told, and so are we."""
        what = (f"strategy {self.strategies[index].name} asked for {action.qty} at {action.price} (1e-4 USD), which no "
                f"order can be")
        self.bus.publish(FAULTS, {"service": "alpha", "what": what})
        if isinstance(action, Propose):
            self.ids.give_back(order_id, self._now)
            stock, side = action.stock, action.side
        else:
            stock, side = self._orders[action.order_id].stock, self._orders[action.order_id].side
        rejection = Rejection(order_id, stock, side, action.qty, action.price, index, reasons, self._now)
        self._act(index, self.strategies[index].on_rejection(rejection, self._now))

    def _propose(self, index: int, action: Propose, hops: tuple[Hop, ...]) -> None:
        venue = UNROUTED if action.venue is None else action.venue
        side = self._own_side(action.side, action.stock, action.qty)
        order = NewOrder(action.order_id, action.stock, side, action.qty, action.price, index, action.tif, venue,
                         self._now)
        self._orders[order.order_id] = order
        name = "" if venue == UNROUTED else self.universe.venues[venue]
        algo = algos.write(action.algo) if action.algo else None
        self.bus.publish(PROPOSED, self._desk.new_order(order, name, algo=algo), hops=hops)

    def _withdraw(self, order_id: int) -> None:
        order = self._orders[order_id]
        cancel = CancelOrder(self.ids.renumber(order_id), order_id, order.stock, order.side, order.qty,
                             order.strategy, time=self.bus.clock())
        self._cancels[cancel.order_id] = order_id
        self.bus.publish(PROPOSED, self._desk.cancel(cancel))

    def _replace(self, index: int, action: Replace) -> None:
        """The slot goes over to the new order, and back where it comes to nothing."""
        old = self._orders[action.order_id]
        new = replace(old, order_id=action.new_id, qty=action.qty, price=action.price)
        cancel = self.ids.renumber(action.order_id)
        self._owner[new.order_id], self._orders[new.order_id] = index, new
        self._replaces[new.order_id] = old.order_id
        self._parts.add(cancel)
        self.ids.move(old.order_id, new.order_id)
        asked = ReplaceOrder(new.order_id, old.order_id, new.stock, new.side, new.qty, new.price, index,
                             time=self._now)
        self.bus.publish(PROPOSED, self._desk.replace(asked, cancel), cause=self._cause)

    def _not_replaced(self, new_id: int, now: int) -> None:
        """The old order has its slot again, for as long as it lives."""
        old = self._replaces.pop(new_id, None)
        if old is not None:
            self.ids.move(new_id, old)
            if not self._live.get(old):
                self.ids.give_back(old, now)

    def _disarm(self, symbol: int) -> None:
        self._armed.pop(symbol, None)
        self.bus.publish(ARMS, ARM.make(symbol=symbol, condition=Condition.NONE), key=symbol, cause=self._cause)

    def _arm(self, index: int, action: Arm) -> None:
        listing = self.universe.by_index[action.symbol]
        if listing.stock in self._closed:
            self.drop_id(action.order_id)
            self._act(index, self.strategies[index].on_fired(action.order_id, action.symbol, self._now))
            return
        self._armed[action.symbol] = action.order_id
        side = self._own_side(action.side, listing.stock, action.qty)
        record = ARM.make(symbol=action.symbol, order_id=action.order_id, price=action.price, qty=action.qty, side=side,
                          strategy=index, venue=listing.venue, tif=ord(IOC),
                          condition=action.condition, threshold=action.threshold)
        self.bus.publish(ARMS, record, key=action.symbol, cause=self._cause)
