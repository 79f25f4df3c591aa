"""Cancel and replace (35=G) at venues that are reached through a NIC, which sends 35=D and 35=F alone.

A replace is worked as a cancel, and, once the venue has confirmed it, a new order for what is then left of the new
total. So every race ends well:

* a fill while the replace is under way makes the new order smaller, or needless;
* too late to cancel (35=9), or stopped by the gate: the replace is rejected, and the old order stands as it is;
* a kill in between: the new order meets the gate like any other, and is rejected there.

What a real 35=G would save is the round trip of the cancel, and the place in the queue where only quantity is taken
off. The book of record has what was sent: a cancel and an order. A trade that a venue tells after it has confirmed the
cancel counts (FIX 4.4 volume 4, D35), but comes too late for the new order: it is filled on top.
"""

from typing import Any

from host import fixmap
from host.bus import Bus, Message
from host.bus.topics import FAULTS, ORDERS, PASSED, PROPOSED, REJECTED, REPORTS
from host.messages import CANCEL_REFUSED, CancelOrder, NewOrder, Rejection, ReplaceOrder
from host.oms.oms import Oms
from host.oms.states import State
from host.universe import Universe


class Replacing:
    """Follows each 35=G to its end: a new order on `orders.proposed`, or its rejection (reasons 0: too late)."""

    def __init__(self, bus: Bus, universe: Universe, oms: Oms):
        self.bus, self.universe, self.oms = bus, universe, oms
        self._waiting: dict[int, ReplaceOrder] = {}  # by the order that is to go
        self._cancels: dict[int, int] = {}
        self._to_risk, self._to_alpha = fixmap.Desk("EMS", "RISK"), fixmap.Desk("EMS", "ALPHA")
        for topic, handler in ((PASSED, self._on_passed), (ORDERS, self._on_order), (REPORTS, self._on_report),
                               (REJECTED, self._on_rejected)):
            bus.subscribe(topic, handler, name="replacing")

    def _on_passed(self, message: Message) -> None:
        asked = fixmap.read_order(message.payload, self.universe.venues)
        if isinstance(asked, CancelOrder):
            if asked.order_id not in self._cancels:  # whoever withdraws an order wants no other in its place
                self._give_up(asked.orig_id, message)
        elif isinstance(asked, ReplaceOrder):
            cancel_id, order = fixmap.read_parent(message.payload), self.oms.find(asked.orig_id)
            if cancel_id is None:
                self.bus.publish(FAULTS, {"service": "ems", "what": f"a replace of order {asked.orig_id:016X} without "
                                                                    f"SecondaryClOrdID (526) for its cancel"})
            if cancel_id is None or order is None or not order.live or order.new.order_id in self._waiting or (
                    asked.qty <= order.filled):
                self._refuse(asked, message)
                return
            self._waiting[asked.orig_id] = asked
            self._cancels[cancel_id] = asked.orig_id
            cancel = CancelOrder(cancel_id, asked.orig_id, asked.stock, asked.side, order.qty, asked.strategy,
                                 time=self.bus.clock())
            self.bus.publish(PROPOSED, self._to_risk.cancel(cancel), cause=message)

    def _on_order(self, message: Message) -> None:
        """The old order has ended: what is left of the new total is a new order."""
        change: dict[str, Any] = message.payload
        if change["leaves"] or change["order_id"] not in self._waiting:
            return
        asked = self._waiting[change["order_id"]]
        left = asked.qty - change["filled"]
        if change["state"] != State.CANCELED.value or left <= 0:
            self._give_up(change["order_id"], message)
            return
        self._forget(asked)
        new = NewOrder(asked.order_id, asked.stock, asked.side, left, asked.price, asked.strategy,
                       venue=change["venue"], time=self.bus.clock())
        self.bus.publish(PROPOSED, self._to_risk.new_order(new, self.universe.venues[new.venue]), cause=message)

    def _on_report(self, message: Message) -> None:
        """Too late to cancel, or refused for another reason: where the order lives on, it does so as it was."""
        report = fixmap.read_report(message.payload, self.universe.venues)
        if report and report.exec_type == CANCEL_REFUSED and report.request_id in self._cancels:
            self._give_up(report.order_id, message)

    def _on_rejected(self, message: Message) -> None:
        """The gate stopped the cancel."""
        order_id = fixmap.read_rejection(message.payload).order_id
        if (orig_id := self._cancels.get(order_id)) is not None:
            self._give_up(orig_id, message)

    def _give_up(self, orig_id: int, cause: Message) -> None:
        if asked := self._waiting.get(orig_id):
            self._forget(asked)
            self._refuse(asked, cause)

    def _forget(self, asked: ReplaceOrder) -> None:
        del self._waiting[asked.orig_id]
        self._cancels = {cancel: orig for cancel, orig in self._cancels.items() if orig != asked.orig_id}

    def _refuse(self, asked: ReplaceOrder, cause: Message) -> None:
        rejection = Rejection(asked.order_id, asked.stock, asked.side, asked.qty, asked.price, asked.strategy, 0,
                              self.bus.clock())
        self.bus.publish(REJECTED, self._to_alpha.rejection(rejection), cause=cause)
