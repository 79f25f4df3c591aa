"""The EMS and OMS on the bus: passed orders to the NIC, the NIC's records and the venues' reports back."""

from collections import deque
from typing import Any

import numpy as np

from fixparse import templates
from fixparse.errors import FixError
from fixparse.templates import OrderValues, SessionText
from hdl.layouts import Origin
from host import fixmap
from host.bus import Bus, Hop, Message
from host.bus.topics import (
    DECISIONS,
    FAULTS,
    INTENTS,
    ORDERS,
    PASSED,
    PROPOSED,
    REJECTED,
    REPORTS,
    ROUTED,
    SENT,
    VENUE_REPORTS,
    Topic,
)
from host.ems.ems import Ems
from host.messages import CancelOrder, NewOrder, Rejection, ReplaceOrder
from host.oms.oms import Change
from host.oms.order import Order
from host.risk.adapter import HARDWARE


class EmsAdapter:
    """Steps 2 to 5 of the flow.

    Step 3 appears on the bus when the frame has left, rebuilt byte for byte from what the NIC says it
    wrote. Orders that the NIC fired by itself appear in steps 1 to 3 afterwards, with hardware times.

    What a venue reported goes out (step 5) in `settle`, once it is durable. Whoever runs this adapter calls
    that when there is nothing more to read for now, and again before anything leaves for the NIC.

    Parameters
    ----------
    sessions : CompIDs of what we send, by venue.
    """

    def __init__(self, bus: Bus, ems: Ems, sessions: tuple[SessionText, ...]):
        self.bus, self.ems, self.sessions = bus, ems, sessions
        self._hops: dict[int, tuple[Hop, ...]] = {}
        self._held: deque[tuple[Topic, Any, object, Message]] = deque()
        self._to_alpha = fixmap.Desk("EMS", "ALPHA")
        self._hardware = fixmap.Desk(HARDWARE, "EMS")
        bus.subscribe(PASSED, self._on_passed, name="ems")
        bus.subscribe(REJECTED, self._on_rejected, name="ems")
        bus.subscribe(DECISIONS, self._on_decisions, name="ems")
        bus.subscribe(SENT, self._on_sent, name="ems")
        bus.subscribe(VENUE_REPORTS, self._on_venue, name="ems")

    def settle(self) -> None:
        """Make the book of record durable, and tell what it may now tell, until nothing is left to tell.

        Raises `JournalError` where it cannot be written; nothing is lost, all of it waits for the next call.
        """
        oms = self.ems.oms
        while self._held or oms.durable != oms.count:
            oms.commit()
            for _ in range(len(self._held)):  # what is added meanwhile waits for the next commit
                topic, payload, key, cause = self._held.popleft()
                self.bus.publish(topic, payload, key=key, cause=cause)

    def _on_passed(self, message: Message) -> None:
        if fixmap.sender(message.payload) == HARDWARE or fixmap.read_algo(message.payload):
            return  # it has left already; or its children will (`host.ems.working`)
        asked = fixmap.read_order(message.payload, self.ems.universe.venues)
        if isinstance(asked, ReplaceOrder):
            return  # the NIC has no 35=G: it comes again as a cancel and a new order (`host.ems.replacing`)
        if isinstance(asked, CancelOrder):
            intent = self.ems.on_cancel(asked, message.time)
            self._changed(asked.orig_id, message)
        else:
            answer = self.ems.on_order(asked, message.time)
            if isinstance(answer, Rejection):
                self._tell_breaks()
                self.bus.publish(REJECTED, self._to_alpha.rejection(answer), cause=message)
                return
            intent = answer
            self._changed(asked.order_id, message)
        if intent is not None:
            sent = self.bus.publish(INTENTS, intent, cause=message)
            self._hops[asked.order_id] = sent.hops

    def _on_rejected(self, message: Message) -> None:
        """The host's gate stopped an order before it came here: it goes on record."""
        rejection = fixmap.read_rejection(message.payload)
        if rejection.order_id not in self.ems.oms.orders and self.ems.asked(rejection.order_id) is None:
            self.ems.oms.on_rejection(rejection)

    def _on_decisions(self, message: Message) -> None:
        for record in message.payload:
            verdict = self.ems.on_decision(record)
            if verdict is None:
                self._fault("ems", f"a decision on order {int(record['order_id']):016X}, which nobody asked for")
                continue
            asked = verdict.asked
            if record["origin"] == Origin.TRIGGER and isinstance(asked, NewOrder):
                self._fired(asked, verdict.rejection, Hop("nic.gate", int(record["time"])))
            if verdict.rejection:
                self.bus.publish(REJECTED, self._to_alpha.rejection(verdict.rejection), cause=message)
            self._changed(asked.orig_id if isinstance(asked, CancelOrder) else asked.order_id, message)

    def _fired(self, order: NewOrder, rejection: Rejection | None, gate: Hop) -> None:
        """Steps 1 and 2 of an order that the NIC made."""
        raw = self._hardware.new_order(order)
        self.bus.publish(PROPOSED, raw, hops=(gate,))
        if rejection is None:
            self.bus.publish(PASSED, raw, hops=(gate,))

    def _on_sent(self, message: Message) -> None:
        for record in message.payload:
            asked = self.ems.asked(int(record["order_id"]))
            if asked is None:
                self._fault("ems", f"order {int(record['order_id']):016X} left, which nobody asked for")
                continue
            self.bus.publish(ROUTED, self._wire(asked, record), hops=self._trail(record))

    def _trail(self, record: np.void) -> tuple[Hop, ...]:
        start, out = int(record["rx_time"]), Hop("nic.tx", int(record["time"]))
        gate = Hop("nic.gate", start + int(record["decide_delay"]))
        if record["origin"] == Origin.TRIGGER:
            return (Hop("nic.rx", start), Hop("nic.needed", start + int(record["cause_delay"])), gate, out)
        return (*self._hops.pop(int(record["order_id"]), ()), Hop("nic.intent", start), gate, out)

    def _wire(self, asked: NewOrder | CancelOrder, record: np.void) -> bytes:
        """The message that left, byte for byte."""
        cancel = isinstance(asked, CancelOrder)
        order = self.ems.routed[asked.orig_id] if isinstance(asked, CancelOrder) else asked
        values = OrderValues(
            msg_seq=int(record["msg_seq"]), date=int(record["transact_date"]), ms=int(record["transact_ms"]),
            order_id=asked.order_id, symbol=order.stock, qty=order.qty, side=fixmap.SIDES[order.side].decode(),
            price=order.price, tif=order.tif, orig_id=asked.orig_id if isinstance(asked, CancelOrder) else 0)
        template = templates.ORDER_CANCEL_REQUEST if cancel else templates.NEW_ORDER_SINGLE
        return template.encode(self.sessions[order.venue], values)

    def _on_venue(self, message: Message) -> None:
        try:
            report = fixmap.read_report(message.payload, self.ems.universe.venues)
        except FixError as error:
            self._fault("ems", f"a report that cannot be read: {error}")
            return
        if report is None:
            return
        outcome = self.ems.on_report(report)
        self._tell_breaks()
        if isinstance(outcome, Change):
            self._held.append((REPORTS, message.payload, None, message))
            self._held.append((ORDERS, order_state(outcome.order), outcome.order.order_id, message))

    def _changed(self, order_id: int, cause: Message) -> None:
        self._tell_breaks()
        if order := self.ems.oms.find(order_id):
            if self._held:  # it may know of a report that is not durable yet
                self._held.append((ORDERS, order_state(order), order.order_id, cause))
            else:
                self.bus.publish(ORDERS, order_state(order), key=order.order_id, cause=cause)

    def _tell_breaks(self) -> None:
        for broken in self.ems.oms.take_breaks():
            self._fault("oms", str(broken))

    def _fault(self, service: str, what: str) -> None:
        self.bus.publish(FAULTS, {"service": service, "what": what})


def order_state(order: Order) -> dict[str, Any]:
    """An order as it goes on the bus (`oms.orders`)."""
    return {"order_id": order.new.order_id, "stock": order.new.stock, "side": int(order.new.side),
            "qty": order.qty, "price": order.price, "strategy": order.new.strategy, "venue": order.new.venue,
            "origin": int(order.new.origin), "state": order.state.value, "filled": order.filled,
            "leaves": order.leaves}
