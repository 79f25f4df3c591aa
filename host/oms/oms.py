"""The OMS: book of record of every order, and what venues said of it."""

from collections import Counter
from dataclasses import dataclass, field

from host import messages
from host.messages import CancelOrder, NewOrder, Rejection, Report
from host.oms.journal import Event as Entry
from host.oms.journal import Journal, MemoryJournal
from host.oms.states import Event, IllegalTransition, State, step

_EVENTS = {
    messages.NEW: Event.ACCEPTED, messages.CANCELED: Event.CANCELED, messages.REJECTED: Event.REJECTED,
    messages.EXPIRED: Event.EXPIRED, messages.CANCEL_REFUSED: Event.CANCEL_REFUSED,
    messages.TRADE_CANCEL: Event.BUSTED,
}
#: Reports that say what we know already.
_SILENT = {messages.PENDING_NEW, messages.PENDING_CANCEL}


@dataclass
class Order:
    """One order and what became of it. `fills` holds (quantity, price) by ExecID."""
    new: NewOrder
    state: State = State.PENDING_NEW
    fills: dict[str, tuple[int, int]] = field(default_factory=dict)
    filled: int = 0

    @property
    def leaves(self) -> int:
        """Quantity that can still trade."""
        return self.new.qty - self.filled if self.state.live else 0


@dataclass(frozen=True, slots=True)
class Break:
    """A report that cannot be: it changed nothing, and a person must look at it."""
    order_id: int
    exec_id: str
    why: str


@dataclass(frozen=True, slots=True)
class Change:
    """An order's state after an event. `report` is set where a venue caused it."""
    order: Order
    state: State
    report: Report | None = None


class Oms:
    """Applies each event once, in any order in which it may arrive.

    Every accepted event goes to the journal before the book changes. A report is known by its venue
    and ExecID: a second one changes nothing. A report of an unknown order, a trade that exceeds its
    order, and a transition that the table does not have become a `Break`.
    """

    def __init__(self, journal: Journal | None = None):
        self.journal: Journal = MemoryJournal() if journal is None else journal
        self.orders: dict[int, Order] = {}
        self.breaks: list[Break] = []
        self.duplicates = 0
        self._reports: set[tuple[int, str]] = set()
        self._cancels: dict[int, int] = {}

    @classmethod
    def recover(cls, journal: Journal) -> "Oms":
        """The book as it was when the journal was last written."""
        oms = cls()
        for event in journal.events():
            oms._apply(event)
        oms.journal = journal
        return oms

    def on_new(self, order: NewOrder) -> Change | None:
        """An order leaves (or is about to). A ClOrdID seen before is a break."""
        if order.order_id in self.orders:
            self.breaks.append(Break(order.order_id, "", "a second order with this ClOrdID"))
            return None
        return self._keep(order)

    def on_cancel(self, cancel: CancelOrder) -> Change | None:
        """A cancel leaves. None where the order is not live: there is nothing to cancel."""
        order = self.orders.get(cancel.orig_id)
        return self._keep(cancel) if order and order.state.live else None

    def on_rejection(self, rejection: Rejection) -> Change | None:
        """The gate stopped an order, or the cancel of one."""
        return self._keep(rejection)

    def on_report(self, report: Report) -> Change | None:
        """A venue's report. None where it is a duplicate, says nothing new, or is a break."""
        key = (report.venue, report.exec_id)
        if report.exec_id and key in self._reports:
            self.duplicates += 1
            return None
        if why := self._impossible(report):
            self.breaks.append(Break(report.order_id, report.exec_id, why))
            return None
        return self._keep(report)

    @property
    def live(self) -> list[Order]:
        return [order for order in self.orders.values() if order.state.live]

    def states(self) -> Counter:
        return Counter(order.state.value for order in self.orders.values())

    def _impossible(self, report: Report) -> str:
        """Why a report cannot be applied; empty where it can."""
        order = self.orders.get(report.order_id)
        if order is None:
            return "report of an order that we do not know"
        if report.exec_type in _SILENT:
            return ""
        if report.exec_type in (messages.TRADE_CANCEL, messages.TRADE_CORRECT) and report.ref_id not in order.fills:
            return f"bust or correction of execution {report.ref_id!r}, which we do not know"
        if report.is_trade:
            if report.last_qty <= 0 or report.last_price <= 0:
                return f"trade of {report.last_qty} at {report.last_price}"
        elif report.exec_type not in _EVENTS and report.exec_type != messages.TRADE_CORRECT:
            return f"ExecType {report.exec_type!r} is not one that an order of ours can have"
        event, filled = self._event(order, report)
        if filled > order.new.qty:
            return f"trades exceed the order: {filled} of {order.new.qty}"
        try:
            step(order.state, event, filled, order.new.qty)
        except IllegalTransition as error:
            return str(error)
        return ""

    @staticmethod
    def _event(order: Order, report: Report) -> tuple[Event, int]:
        """The event a report is, and the quantity filled after it."""
        filled = order.filled
        if report.exec_type == messages.TRADE_CORRECT:
            return Event.BUSTED, filled - order.fills[report.ref_id][0] + report.last_qty
        if report.exec_type == messages.TRADE_CANCEL:
            return Event.BUSTED, filled - order.fills[report.ref_id][0]
        if report.is_trade:
            filled += report.last_qty
            return (Event.FILLED_ALL if filled == order.new.qty else Event.FILLED_SOME), filled
        return _EVENTS[report.exec_type], filled

    def _keep(self, event: Entry) -> Change | None:
        self.journal.append(event)
        return self._apply(event)

    def _apply(self, event: Entry) -> Change | None:
        match event:
            case NewOrder():
                order = self.orders[event.order_id] = Order(event)
                return Change(order, order.state)
            case CancelOrder():
                self._cancels[event.order_id] = event.orig_id
                return self._move(self.orders[event.orig_id], Event.CANCEL_SENT)
            case Rejection():
                return self._apply_rejection(event)
            case _:
                return self._apply_report(event)

    def _apply_rejection(self, rejection: Rejection) -> Change | None:
        if original := self._cancels.get(rejection.order_id):
            return self._move(self.orders[original], Event.CANCEL_REFUSED)
        order = self.orders.get(rejection.order_id)
        if order is None:  # stopped before it was routed: kept, as refused orders are part of the record
            order = self.orders[rejection.order_id] = Order(NewOrder(
                rejection.order_id, rejection.stock, rejection.side, rejection.qty, rejection.price,
                rejection.strategy, time=rejection.time))
        return self._move(order, Event.REJECTED)

    def _apply_report(self, report: Report) -> Change | None:
        if report.exec_id:
            self._reports.add((report.venue, report.exec_id))
        if report.exec_type in _SILENT:
            return None
        order = self.orders[report.order_id]
        event, filled = self._event(order, report)
        order.fills.pop(report.ref_id, None)
        if report.exec_type in (messages.TRADE, messages.TRADE_CORRECT):
            order.fills[report.exec_id] = (report.last_qty, report.last_price)
        order.filled = filled
        return self._move(order, event, report)

    @staticmethod
    def _move(order: Order, event: Event, report: Report | None = None) -> Change:
        order.state = step(order.state, event, order.filled, order.new.qty)
        return Change(order, order.state, report)
