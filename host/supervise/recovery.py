"""What an EMS that was started again must catch up with: everything said while it was away, and nothing twice.

The book of record says what was acknowledged, the bus's logs what was said to the EMS and by it. What they have and
the book has not is taken now; what the book has and nobody was told is told now. Orders that passed the gate and never
reached the book, or are in the book and never left, go back rejected: whoever proposed them did so long ago.
"""

from collections.abc import Callable

import numpy as np

from hdl.layouts import Origin, Reason
from host import fixmap
from host.bus.node import Node
from host.bus.topics import DECISIONS, INTENTS, ORDERS, PASSED, REJECTED, REPORTS, ROUTED, SENT, VENUE_REPORTS, Topic
from host.ems.adapter import EmsAdapter, order_state
from host.messages import CancelOrder, NewOrder, Rejection
from host.oms.oms import Oms
from host.oms.states import State
from host.risk.adapter import HARDWARE


def recover(bus: Node, ems: EmsAdapter, oms: Oms) -> int:
    """Catch up; returns how many messages were not known. Orders first, then their decisions, then what left, then
    what venues said of it."""
    count = _give_back(bus, ems, oms) + _unsent(bus, oms)
    count += _replay(bus, DECISIONS, lambda record: _undecided(oms, record))
    told = {fixmap.read_order(message.payload).order_id for message in bus.history(ROUTED)
            if message.source.startswith(f"{bus.name}.")}
    count += _replay(bus, SENT, lambda record: int(record["order_id"]) not in told)
    count += _reports(bus, ems, oms)
    for order in oms.live:
        bus.publish(ORDERS, order_state(order), key=order.new.order_id)
    return count


def _give_back(bus: Node, ems: EmsAdapter, oms: Oms) -> int:
    """Orders and cancels that passed, and never came into the book."""
    desk, answered = fixmap.Desk("EMS", "ALPHA"), set()
    for message in bus.history(REJECTED):
        answered.add(fixmap.read_rejection(message.payload).order_id)
    passed = bus.history(PASSED)
    bus.replay(passed, lambda message: False)
    lost = 0
    for message in passed:
        if fixmap.sender(message.payload) == HARDWARE or fixmap.read_algo(message.payload):
            continue
        asked = fixmap.read_order(message.payload, ems.ems.universe.venues)
        if oms.find(asked.order_id) or asked.order_id in answered:
            continue
        price = 0 if isinstance(asked, CancelOrder) else asked.price
        rejection = Rejection(asked.order_id, asked.stock, asked.side, asked.qty, price, asked.strategy,
                              1 << Reason.KILL, bus.clock())
        if isinstance(asked, NewOrder):
            oms.on_rejection(rejection)
        bus.publish(REJECTED, desk.rejection(rejection), cause=message)
        lost += 1
    return lost


def _unsent(bus: Node, oms: Oms) -> int:
    """Orders and cancels that came into the book, and whose intents did not leave before the process ended."""
    desk = fixmap.Desk("EMS", "ALPHA")
    sent = {order_id for message in bus.history(INTENTS) for order_id in message.payload["order_id"].tolist()}
    lost = 0
    for order in oms.live:
        new = order.new
        asked = list(order.requests)
        if order.base is State.PENDING_NEW and new.origin is Origin.HOST:
            asked.append(new.order_id)
        for order_id in asked:
            if order_id in sent:
                continue
            rejection = Rejection(order_id, new.stock, new.side, new.qty, new.price, new.strategy, 1 << Reason.KILL,
                                  bus.clock())
            oms.on_rejection(rejection)
            bus.publish(REJECTED, desk.rejection(rejection))
            bus.publish(ORDERS, order_state(order), key=new.order_id)
            lost += 1
    return lost


def _undecided(oms: Oms, record: np.void) -> bool:
    """The book does not know of this decision yet."""
    order_id = int(record["order_id"])
    order = oms.find(order_id)
    if order is None:
        return True
    if not record["reasons"]:
        return False
    return order_id in order.requests or (order.new.order_id == order_id and order.base is State.PENDING_NEW)


def _replay(bus: Node, topic: Topic, wanted: Callable[[np.void], bool]) -> int:
    """Deliver the records of a topic that are wanted."""
    count = 0
    for message in bus.history(topic):
        keep = np.fromiter((wanted(record) for record in message.payload), bool, len(message.payload))
        bus.replay([message._replace(payload=message.payload[keep])], lambda message: len(message.payload) > 0)
        count += int(keep.sum())
    return count


def _reports(bus: Node, ems: EmsAdapter, oms: Oms) -> int:
    """Venues' reports that nobody was told of: new ones as ever, and those that the book has."""
    told = {message.payload for message in bus.history(REPORTS)}
    before, repeated = oms.count, 0
    for message in bus.history(VENUE_REPORTS):
        known = oms.count
        bus.replay([message], lambda message: message.payload not in told)
        if message.payload in told or oms.count != known:
            continue
        report = fixmap.read_report(message.payload, ems.ems.universe.venues)
        if report and (order := oms.find(report.order_id)):
            bus.publish(REPORTS, message.payload, cause=message)
            bus.publish(ORDERS, order_state(order), key=order.new.order_id, cause=message)
            repeated += 1
    return oms.count - before + repeated
