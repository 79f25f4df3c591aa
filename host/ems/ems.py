"""The EMS: turns passed orders into intents for the NIC, and what comes back into reports."""

from dataclasses import dataclass

import numpy as np

from hdl.layouts import INTENT, Action, Origin, Reason, Side
from host.ems.router import Router
from host.messages import UNROUTED, CancelOrder, NewOrder, Rejection, Report
from host.oms.breaks import Break
from host.oms.oms import Change, Oms, Outcome
from host.universe import Universe


@dataclass(frozen=True, slots=True)
class Verdict:
    """A gate decision, with the order or cancel it was about. `rejection` is None where it passed."""
    asked: NewOrder | CancelOrder
    rejection: Rejection | None
    change: Outcome


class Ems:
    """Routes, cancels, and follows each order from intent to its last report.

    The OMS is told before anything leaves, so that no answer can find an order unknown. Orders that
    the NIC fired by itself are learnt from their decision record, which always comes before their
    first execution.
    """

    def __init__(self, universe: Universe, oms: Oms, router: Router):
        self.universe, self.oms, self.router = universe, oms, router
        self.routed: dict[int, NewOrder] = {order_id: order.new for order_id, order in oms.orders.items()}
        self._cancels: dict[int, CancelOrder] = {
            cancel.order_id: cancel for order in oms.orders.values() for cancel in order.requests.values()
            if isinstance(cancel, CancelOrder)}

    def on_order(self, order: NewOrder, now: int) -> np.ndarray | Rejection:
        """An INTENT for a passed order; a rejection where no venue can take it."""
        venue = self.router.choose(order) if order.venue == UNROUTED else order.venue
        listing = None if venue is None else self.universe.find(order.stock, venue)
        if listing is None:
            reason = Reason.STALE if order.stock in self.universe.by_stock else Reason.RESTRICTED
            return self._reject(order, 1 << reason, now)
        routed = order.to(listing.venue)
        if isinstance(self.oms.on_new(routed), Break):
            return self._refused(order, now)
        self.routed[order.order_id] = routed
        return INTENT.make(symbol=listing.index, order_id=routed.order_id, price=routed.price, qty=routed.qty,
                           side=routed.side, action=Action.NEW, strategy=routed.strategy, venue=listing.venue,
                           tif=ord(routed.tif))

    def on_cancel(self, cancel: CancelOrder, now: int) -> np.ndarray | None:
        """An INTENT that cancels; None where the order is not live any more (its report is on the way)."""
        order = self.routed.get(cancel.orig_id)
        if order is None or not isinstance(self.oms.on_cancel(cancel), Change):
            return None
        listing = self.universe.find(order.stock, order.venue)
        assert listing is not None, "a routed order has a listing"
        self._cancels[cancel.order_id] = cancel
        return INTENT.make(symbol=listing.index, order_id=cancel.order_id, orig_id=cancel.orig_id, price=order.price,
                           qty=order.qty, side=order.side, action=Action.CANCEL, strategy=order.strategy,
                           venue=order.venue, tif=ord(order.tif))

    def on_decision(self, record: np.void) -> Verdict | None:
        """One DECISION record. None for an id that nobody here asked for."""
        order_id, reasons, time = int(record["order_id"]), int(record["reasons"]), int(record["time"])
        if cancel := self._cancels.get(order_id):
            order = self.routed[cancel.orig_id]
            rejection = Rejection(order_id, order.stock, order.side, cancel.qty, order.price, order.strategy,
                                  reasons, time) if reasons else None
            return Verdict(cancel, rejection, self.oms.on_rejection(rejection) if rejection else None)
        change: Outcome = None
        if order_id not in self.routed:
            if int(record["origin"]) != Origin.TRIGGER:
                return None
            fired = self.routed[order_id] = self._fired(record)
            change = self.oms.on_new(fired)
        order = self.routed[order_id]
        if not reasons:
            return Verdict(order, None, change)
        rejection = Rejection(order_id, order.stock, order.side, order.qty, order.price, order.strategy, reasons, time)
        return Verdict(order, rejection, self.oms.on_rejection(rejection))

    def asked(self, order_id: int) -> NewOrder | CancelOrder | None:
        """What went out under a ClOrdID."""
        return self._cancels.get(order_id) or self.routed.get(order_id)

    def on_report(self, report: Report) -> Outcome:
        """A venue's report; None where it came before."""
        return self.oms.on_report(report)

    def live(self, venue: int | None = None) -> list[NewOrder]:
        """Orders that can still trade, of one venue or all."""
        return [order.new for order in self.oms.live if venue is None or order.new.venue == venue]

    def _fired(self, record: np.void) -> NewOrder:
        listing = self.universe.by_index[int(record["symbol"])]
        return NewOrder(int(record["order_id"]), listing.stock, Side(int(record["side"])), int(record["qty"]),
                        int(record["price"]), int(record["strategy"]), venue=int(record["venue"]),
                        time=int(record["time"]), origin=Origin.TRIGGER)

    def _reject(self, order: NewOrder, reasons: int, now: int) -> Rejection:
        rejection = self._rejection(order, reasons, now)
        self.oms.on_rejection(rejection)
        return rejection

    def _refused(self, order: NewOrder, now: int) -> Rejection:
        """The OMS did not take it, and has it on record as refused."""
        return self._rejection(order, 1 << (Reason.KILL if self.oms.stopped else Reason.DUPLICATE), now)

    @staticmethod
    def _rejection(order: NewOrder, reasons: int, now: int) -> Rejection:
        return Rejection(order.order_id, order.stock, order.side, order.qty, order.price, order.strategy, reasons, now)


