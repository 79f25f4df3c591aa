"""What the OMS refuses, and why; and what it doubts. Pure functions of the book."""

from collections.abc import Iterable, Mapping

from host import messages as m
from host.executions import Executions
from host.messages import UNROUTED, CancelOrder, NewOrder, Rejection, ReplaceOrder, Report
from host.oms.breaks import Doubt
from host.oms.journal import Event
from host.oms.order import Order
from host.oms.states import EXECUTIONS

#: No quantity and no price (1e-4 USD) of anything real is as large.
LARGEST = 1 << 40
#: Names of ExecTypes (150) that an order of ours can have.
NAMES = {
    m.NEW: "new", m.PENDING_NEW: "pending new", m.REJECTED: "rejected", m.CANCELED: "canceled",
    m.PENDING_CANCEL: "pending cancel", m.REPLACED: "replaced", m.PENDING_REPLACE: "pending replace",
    m.EXPIRED: "expired", m.RESTATED: "restated", m.DONE_FOR_DAY: "done for day", m.CALCULATED: "calculated",
    m.STOPPED: "stopped", m.SUSPENDED: "suspended", m.TRADE: "trade", m.TRADE_CORRECT: "trade correct",
    m.TRADE_CANCEL: "trade cancel", m.ORDER_STATUS: "order status", m.CANCEL_REFUSED: "cancel reject",
}


def impossible(report: Report, orders: Mapping[int, Order], executions: Executions) -> str:
    """Why a report cannot be applied; empty where it can. `orders` by every ClOrdID."""
    order = orders.get(report.order_id)
    if order is None:
        return "we do not know this order"
    kind = report.exec_type
    if kind not in order.base.legal:
        return _illegal(order, report)
    if report.venue != order.new.venue and order.new.venue != UNROUTED:
        return f"it comes from venue {report.venue}, the order is at venue {order.new.venue}"
    if kind in EXECUTIONS:
        return _impossible_trade(report, order, orders, executions)
    if kind == m.CANCEL_REFUSED and orders.get(report.request_id) is not order:
        return f"it answers a request {report.request_id:016X} that we did not make"
    if not (0 <= report.cum_qty < LARGEST and 0 <= report.leaves_qty < LARGEST and 0 <= report.price < LARGEST):
        return f"quantities {report.cum_qty} and {report.leaves_qty} or price {report.price} cannot be"
    return ""


def _illegal(order: Order, report: Report) -> str:
    if report.exec_type not in NAMES:
        return f"ExecType {report.exec_type!r} is not one that an order of ours can have"
    return f"{NAMES[report.exec_type]} on an order that is {order.base.value}"


def _impossible_trade(report: Report, order: Order, orders: Mapping[int, Order], executions: Executions) -> str:
    if not report.exec_id:
        return "it has no ExecID"
    if report.exec_type != m.TRADE_CANCEL and not (0 < report.last_qty < LARGEST and 0 < report.last_price < LARGEST):
        return f"a trade of {report.last_qty} at {report.last_price} cannot be"
    new = order.new
    if (report.stock != new.stock and report.stock) or (
            report.side is not new.side and m.direction(report.side) != m.direction(new.side)):
        return f"it is about {report.side.name} {report.stock}, the order about {new.side.name} {new.stock}"
    if report.exec_type == m.TRADE and not order.exceeds(order.filled + report.last_qty):
        return ""
    if report.exec_type != m.TRADE and (why := executions.impossible(report)):
        return why
    removed, added = executions.effect(report)
    if removed is not None and orders.get(removed.order_id) is not order:
        return f"execution {report.ref_id!r} is one of another order"
    filled = order.filled + (added.last_qty if added else 0) - (removed.last_qty if removed else 0)
    if added and order.exceeds(filled):
        return f"trades exceed the order: {filled} of {order.qty}"
    return ""


def same(before: Report, report: Report) -> bool:
    """A report sent again, not an ExecID used twice."""
    return (before.order_id == report.order_id and before.exec_type == report.exec_type
            and before.last_qty == report.last_qty and before.last_price == report.last_price
            and before.ref_id == report.ref_id)


def order_of(report: Report) -> NewOrder:
    """An order that we never sent, as far as a report of it tells. Strategy -1: nobody's."""
    qty = max(report.cum_qty + report.leaves_qty, report.last_qty)
    return NewOrder(report.order_id, report.stock, report.side, qty, report.price or report.last_price, -1,
                    venue=report.venue, time=report.time)


def doubts(orders: Iterable[Order], executions: Executions) -> list[Doubt]:
    """Executions that a venue counts and we do not, orders that it holds for dead and we do not, and executions
    that were busted or corrected without ever having been told."""
    found = []
    for order in orders:
        if order.claimed_filled > order.filled:
            found.append(Doubt(order.order_id, f"the venue told {order.claimed_filled} filled, its trades make "
                                               f"{order.filled}: executions are missing"))
        if order.claimed_final and order.live:
            found.append(Doubt(order.order_id, f"the venue holds it for ended, here it is {order.state.value}"))
    return found + [Doubt(0, f"execution {exec_id!r} of venue {venue} was taken back or corrected, and never told")
                    for venue, exec_id in executions.unmatched()]


def describe(event: Event) -> str:
    """A message in the terms of FIX, for a person."""
    match event:
        case Report(exec_type=m.CANCEL_REFUSED):
            return f"OrderCancelReject (35=9, 11={event.request_id:016X})"
        case Report():
            trade = f", 32={event.last_qty}, 31={event.last_price}" if event.last_qty or event.last_price else ""
            return f"ExecutionReport (35=8, 150={event.exec_type}, 17={event.exec_id}{trade}) of venue {event.venue}"
        case NewOrder():
            return "NewOrderSingle (35=D)"
        case CancelOrder():
            return f"OrderCancelRequest (35=F, 41={event.orig_id:016X})"
        case ReplaceOrder():
            return f"OrderCancelReplaceRequest (35=G, 41={event.orig_id:016X})"
        case Rejection():
            return f"the gate's rejection ({' '.join(event.names)})"
        case _:
            return "acceptance"
