"""Parent orders on the bus: passed parents in, children to the risk gate, and what became of them."""

from collections import Counter
from collections.abc import Iterable

import numpy as np

from host import fixmap
from host.bus import Bus, Message
from host.bus.topics import CONTROL, FAULTS, MARKET_EVENTS, ORDERS, PARENTS, PASSED, PROPOSED, REJECTED, REPORTS, TOPS
from host.ems import algos
from host.ems.ids import OrderIds
from host.ems.parents import Parent, Parents, Pull, Send, Step
from host.ems.router import Router
from host.messages import CANCEL_REFUSED, CancelOrder, NewOrder, ReplaceOrder
from host.universe import Universe

#: ITCH types that are trades: E, C where printable, P.
_TRADES, _PRINTABLE, _AT_PRICE = np.frombuffer(b"ECP", np.uint8), ord("Y"), ord("C")


class WorkingAdapter:
    """Children take the way of every order: proposed, checked, passed, routed. A kill stops every parent.

    Parameters
    ----------
    ids : slots of the children alone.
    """

    def __init__(self, bus: Bus, universe: Universe, router: Router, ids: OrderIds):
        self.bus, self.universe, self.ids, self.router = bus, universe, ids, router
        self.traded: Counter[str] = Counter()
        self.parents = Parents(router, ids.take, ids.give_back, self.traded.__getitem__)
        self._told: dict[int, int] = {}
        self._cancels: dict[int, int] = {}
        self._cause: Message | None = None
        self._desk = fixmap.Desk("EMS", "RISK")
        for topic, handler in ((TOPS, self._on_tops), (MARKET_EVENTS, self._on_events), (PASSED, self._on_passed),
                               (ORDERS, self._on_order), (REJECTED, self._on_rejected), (REPORTS, self._on_report),
                               (CONTROL, self._on_control)):
            bus.subscribe(topic, handler, name="working")

    def wind_down(self) -> None:
        """Withdraw every child; send none any more."""
        self._do(self.parents.stop_all(self.bus.clock()))

    def start(self, order: NewOrder, algo: algos.Algo, cause: Message) -> None:
        """A parent order of the EMS itself, which no strategy proposed."""
        self._cause = cause
        self._do(self.parents.start(order, algo, cause.time))

    def stop(self, stock: str, cause: Message) -> None:
        """Send nothing more of a stock, and withdraw what works."""
        self._cause = cause
        own = [one.order.order_id for one in self.parents.parents.values() if one.order.stock == stock]
        self._do(step for order_id in own for step in self.parents.stop(order_id, cause.time))

    # ---- what is told

    def _on_tops(self, message: Message) -> None:
        if not self.parents.parents:
            return
        self._cause = message
        indices = self.universe.by_index
        stocks = {indices[symbol].stock for symbol in set(message.payload["symbol"].tolist()) if symbol in indices}
        self._do(self.parents.on_market(stocks, message.time))

    def _on_events(self, message: Message) -> None:
        records = message.payload
        trades = np.isin(records["type"], _TRADES)
        trades &= (records["type"] != _AT_PRICE) | (records["detail"] == _PRINTABLE)
        for symbol, qty in records[["symbol", "qty"]][trades].tolist():
            if listing := self.universe.by_index.get(symbol):
                self.traded[listing.stock] += qty

    def _on_passed(self, message: Message) -> None:
        self._cause = message
        asked = fixmap.read_order(message.payload, self.universe.venues)
        if isinstance(asked, CancelOrder):
            self._do(self.parents.stop(asked.orig_id, message.time))
        elif isinstance(asked, ReplaceOrder):
            return  # of an order that a venue has (`host.ems.replacing`)
        elif algo := fixmap.read_algo(message.payload):
            try:
                work = algos.read(*algo)
            except ValueError as error:
                self.bus.publish(FAULTS, {"service": "ems", "what": f"a parent order that cannot be worked: {error}"})
                self._tell(Parent(asked, algos.Sweep(), 0, stopped=True))
            else:
                self._do(self.parents.start(asked, work, message.time))

    def _on_order(self, message: Message) -> None:
        self._cause = message
        self._do(self.parents.on_change(message.payload, message.time))

    def _on_rejected(self, message: Message) -> None:
        self._cause = message
        order_id = fixmap.read_rejection(message.payload).order_id
        if (child := self._cancels.pop(order_id, None)) is not None:
            self.parents.on_pull_rejected(child)
        else:
            self._do(self.parents.on_rejected(order_id, message.time))

    def _on_report(self, message: Message) -> None:
        report = fixmap.read_report(message.payload, self.universe.venues)
        if report and report.exec_type == CANCEL_REFUSED:
            self.parents.on_pull_rejected(report.order_id)

    def _on_control(self, message: Message) -> None:
        if message.payload.kill and message.payload.all:
            self._cause = message
            self._do(self.parents.stop_all(message.time))

    # ---- what is done

    def _do(self, steps: Iterable[Step]) -> None:
        for step in steps:
            match step:
                case Send(child, parent):
                    raw = self._desk.new_order(child, self.universe.venues[child.venue], parent=parent)
                    self.bus.publish(PROPOSED, raw, cause=self._cause)
                case Pull(child):
                    cancel = CancelOrder(self.ids.renumber(child.order_id), child.order_id, child.stock, child.side,
                                         child.qty, child.strategy, time=self.bus.clock())
                    self._cancels[cancel.order_id] = child.order_id
                    self.bus.publish(PROPOSED, self._desk.cancel(cancel), cause=self._cause)
                case _:
                    self._tell(step.parent)

    def _tell(self, parent: Parent) -> None:
        order_id = parent.order.order_id
        last = parent.filled - self._told.get(order_id, 0)
        self._told[order_id] = parent.filled
        if parent.done:
            self._told.pop(order_id, None)
            self.ids.give_back(order_id, self.bus.clock())
        self.bus.publish(PARENTS, {
            "order_id": order_id, "stock": parent.order.stock, "side": int(parent.order.side),
            "strategy": parent.order.strategy, "algo": type(parent.algo).__name__, "qty": parent.order.qty,
            "filled": parent.filled, "last_qty": last, "leaves": parent.leaves, "working": parent.working,
            "children": len(parent.children)}, key=order_id, cause=self._cause)
