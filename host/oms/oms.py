"""The OMS: book of record of every order, and what venues said of it."""

from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

from hdl.layouts import Origin
from host import messages as m
from host.executions import Executions, Key
from host.messages import CancelOrder, NewOrder, Rejection, ReplaceOrder, Report
from host.oms import rules
from host.oms.breaks import Acceptance, Break, Doubt
from host.oms.journal import Entry, Event, Journal, JournalError, MemoryJournal, project
from host.oms.order import Order
from host.oms.states import CANCEL_SENT, EXECUTIONS, GATE_REJECTED, REPLACE_SENT, State


class Change(NamedTuple):
    """An order's state after an event. `report` is set where a venue caused it."""
    order: Order
    state: State
    report: Report | None = None


Outcome = Change | Break | None
#: A NamedTuple from its values in order, in half the time that its constructor takes.
_new = tuple.__new__


def _key(report: Report) -> Key | None:
    """What tells a report from all others; None for those that have no ExecID of their own (35=9, order status)."""
    return (report.venue, report.exec_id) if report.exec_id and report.exec_type != m.ORDER_STATUS else None


class Oms:
    """Applies each event once, in any order in which it may arrive.

    Every event goes to the journal before the book changes, refused ones too. A report is known by its
    venue and ExecID: a second one changes nothing. What is not legal (`host.oms.states`) or cannot be
    becomes a `Break`. No I/O of its own: the journal does it, and only in `commit`.

    Nothing may be acknowledged, to a venue or to another service, before `commit` has returned. When it
    raises, `stopped` says why and no new order is taken until it works again.

    Parameters
    ----------
    journal : the book begins as it says. One journal holds one trading day: ExecIDs are unique in it.

    Members
    -------
    orders : by the ClOrdID of their first version.
    breaks : what was refused, oldest first, until a person accepts it or it comes again and is legal.
    duplicates : reports that came again.
    count, durable : events so far, and how many of them have been committed.
    """

    def __init__(self, journal: Journal | None = None):
        self.journal: Journal = MemoryJournal() if journal is None else journal
        self.orders: dict[int, Order] = {}
        self.executions = Executions()
        self.duplicates = 0
        self.stopped = ""
        self.count = self.durable = 0
        self._ids: dict[int, Order] = {}           # by every ClOrdID, requests' included
        self._reports: dict[Key, Report] = {}
        self._refused: dict[int, tuple[Break, Event]] = {}
        self._refused_reports: dict[Key, int] = {}
        self._news: list[Break] = []
        self._dirty: dict[int, Order] = {}
        self._recover()

    # ---- what happens

    def on_new(self, order: NewOrder) -> Change | Break:
        """An order leaves (or is about to). A break where its ClOrdID was used before, or the journal fails."""
        if order.order_id in self._ids:
            return self._refuse(order, "this ClOrdID was used before")
        if self.stopped and order.origin is not Origin.TRIGGER:  # what the NIC fired has left: it goes on record
            return self._refuse(order, f"the book of record cannot be written: {self.stopped}")
        return self._keep(order)

    def on_cancel(self, cancel: CancelOrder) -> Outcome:
        """A cancel leaves. None where the order is not live: there is nothing to cancel."""
        order = self._ids.get(cancel.orig_id)
        if order is None or not order.live or CANCEL_SENT not in order.base.legal:
            return None
        if cancel.order_id in self._ids:
            return self._refuse(cancel, "this ClOrdID was used before")
        return self._keep(cancel)

    def on_replace(self, replace: ReplaceOrder) -> Outcome:
        """A replace leaves. None where the order is dead; a filled one may be replaced by a larger one (D8)."""
        order = self._ids.get(replace.orig_id)
        if order is None or REPLACE_SENT not in order.base.legal or replace.qty <= order.filled:
            return None
        if replace.order_id in self._ids:
            return self._refuse(replace, "this ClOrdID was used before")
        return self._keep(replace)

    def on_rejection(self, rejection: Rejection) -> Change | Break:
        """The gate stopped an order, or the cancel or replace of one; an order never heard of goes on record."""
        order = self._ids.get(rejection.order_id)
        if order is not None and rejection.order_id != order.order_id:
            if rejection.order_id not in order.requests:
                return self._refuse(rejection, "the request was answered before")
        elif order is not None and GATE_REJECTED not in order.base.legal:
            return self._refuse(rejection, f"the gate rejected an order that is {order.base.value}")
        return self._keep(rejection)

    def on_report(self, report: Report) -> Outcome:
        """A venue's report. None where it came before."""
        key = _key(report)
        if key:
            before = self._reports.get(key)
            if before is not None:
                if not rules.same(before, report):
                    return self._refuse(report, f"ExecID {report.exec_id!r} was used before, for another execution")
                self.duplicates += 1
                return None
        if why := rules.impossible(report, self._ids, self.executions):
            if self._refused_before(report):  # sent again, and still refused: the break stands
                self.duplicates += 1
                return None
            return self._refuse(report, why)
        self.count = self.journal.append(report)
        return self._apply_report(report, key)

    def accept(self, acceptance: Acceptance) -> Change:
        """A person decides that a refused trade was real: it counts, whatever the order's state and quantity.

        Where its order is not known, one is put on record from the report. Raises `ValueError` where the
        number names no refused trade, or nobody takes responsibility.
        """
        refused = self._refused.get(acceptance.refusal)
        if refused is None or not isinstance(refused[1], Report) or not refused[1].is_trade:
            raise ValueError(f"number {acceptance.refusal} is no refused trade that waits for a decision")
        key = refused[1].venue, refused[1].exec_id
        if not refused[1].exec_id or key in self._reports:
            raise ValueError(f"execution {refused[1].exec_id!r} cannot be told from one that counts already")
        if refused[1].last_qty <= 0 or refused[1].last_price <= 0:
            raise ValueError(f"a trade of {refused[1].last_qty} at {refused[1].last_price} cannot be")
        if not acceptance.who or not acceptance.why:
            raise ValueError("an acceptance needs a name and a reason")
        return self._keep(acceptance)

    def commit(self) -> int:
        """Make everything so far durable; returns the number of the last event. Raises `JournalError`."""
        if self.durable != self.count:
            try:
                self.journal.commit(self._dirty.values())
            except JournalError as error:
                self.stopped = str(error)
                raise
            self._dirty.clear()
            self.stopped, self.durable = "", self.count
        return self.durable

    # ---- what is asked

    def find(self, order_id: int) -> Order | None:
        """The order of a ClOrdID, also of one of its cancels and replaces."""
        return self._ids.get(order_id)

    @property
    def breaks(self) -> list[Break]:
        return [one for one, _ in self._refused.values()]

    def take_breaks(self) -> list[Break]:
        """Breaks since last asked."""
        news, self._news = self._news, []
        return news

    @property
    def live(self) -> list[Order]:
        return [order for order in self.orders.values() if order.live]

    @property
    def in_flight(self) -> bool:
        """Something was sent and not answered: the book may lag behind the venues'."""
        return any(order.requests or order.state is State.PENDING_NEW for order in self.orders.values())

    def ids(self) -> Iterable[int]:
        """Every ClOrdID on record, requests' included."""
        return self._ids.keys()

    def states(self) -> Counter:
        return Counter(order.state.value for order in self.orders.values())

    def executed(self) -> list[Report]:
        """Trades that count, in the order in which they came."""
        trades = self.executions.trades
        return [report for key, report in trades.items() if self.executions.counts(key)]

    def doubts(self) -> list[Doubt]:
        """What does not add up; meaningful once every message that was sent has been read."""
        return rules.doubts(self.orders.values(), self.executions)

    # ---- how

    def _keep(self, event: Event) -> Change:
        self.count = self.journal.append(event)
        return self._apply(event)

    def _refuse(self, event: Event, why: str) -> Break:
        self.count = self.journal.append(event, why)
        one = self._on_refused(self.count, event, why)
        self._news.append(one)
        return one

    def _refused_before(self, report: Report) -> bool:
        number = self._refused_reports.get((report.venue, report.exec_id))
        before = self._refused[number][1] if number in self._refused else None
        return isinstance(before, Report) and rules.same(before, report)

    def _on_refused(self, number: int, event: Event, why: str) -> Break:
        order_id = getattr(event, "order_id", 0)
        order = self._ids.get(order_id)
        one = Break(number, order_id, order.state.value if order else "", rules.describe(event),
                    event.exec_id if isinstance(event, Report) else "", why)
        self._refused[number] = one, event
        if isinstance(event, Report) and event.exec_id:
            self._refused_reports.setdefault((event.venue, event.exec_id), number)
        return one

    def _apply(self, event: Event) -> Change:
        match event:
            case Report():
                return self._apply_report(event, _key(event))
            case NewOrder():
                return self._changed(self._add(event))
            case CancelOrder() | ReplaceOrder():
                order = self._ids[event.order_id] = self._ids[event.orig_id]
                order.ask(event)
                return self._changed(order)
            case Rejection():
                return self._apply_rejection(event)
            case _:
                report = self._refused.pop(event.refusal)[1]
                assert isinstance(report, Report), "only trades are accepted"
                if report.order_id not in self._ids:
                    self._add(rules.order_of(report))
                return self._apply_report(report, _key(report))

    def _apply_report(self, report: Report, key: Key | None) -> Change:
        if key:
            self._reports[key] = report
            if self._refused_reports:  # refused when it came first, and sent again: that break is settled
                self._refused.pop(self._refused_reports.pop(key, 0), None)
        order = self._ids[report.order_id]
        if report.request_id:  # from now on the venue may name the order so, even where we did not ask for it
            self._ids.setdefault(report.request_id, order)
        order.take(report, self.executions.record(report, key) if key and report.exec_type in EXECUTIONS else None)
        return self._changed(order, report)

    def _apply_rejection(self, rejection: Rejection) -> Change:
        order = self._ids.get(rejection.order_id)
        if order is not None and rejection.order_id in order.requests:
            del order.requests[rejection.order_id]
        else:
            if order is None:  # stopped before it was routed: kept, as refused orders are part of the record
                order = self._add(NewOrder(
                    rejection.order_id, rejection.stock, rejection.side, rejection.qty, rejection.price,
                    rejection.strategy, time=rejection.time))
            order.end(State.REJECTED)
        order.settle()
        return self._changed(order)

    def _add(self, new: NewOrder) -> Order:
        order = self.orders[new.order_id] = self._ids[new.order_id] = Order.of(new)
        return order

    def _changed(self, order: Order, report: Report | None = None) -> Change:
        self._dirty[order.new.order_id] = order
        return _new(Change, (order, order.state, report))

    def _recover(self) -> None:
        """The book as the journal has it. Raises `JournalError` where its projection says otherwise."""
        for entry in self.journal.entries():
            self._replay(entry)
        projection = self.journal.projection()
        if projection is not None:
            stored, made = set(projection), {project(order) for order in self.orders.values()}
            if stored != made:
                one = min(stored ^ made)
                raise JournalError(
                    f"the journal and its projection differ, first at order {one.order_id:016X}: the file was changed "
                    f"by other hands, or written by a faulty version. Keep it, and start from the venue's records")
        self._dirty.clear()
        self.durable = self.count

    def _replay(self, entry: Entry) -> None:
        if entry.number != self.count + 1:
            raise JournalError(f"the journal jumps from event {self.count} to {entry.number}: events are missing")
        self.count = entry.number
        if entry.refused:
            self._on_refused(entry.number, entry.event, entry.refused)
            return
        try:
            self._apply(entry.event)
        except KeyError as error:
            raise JournalError(f"event {entry.number} of the journal speaks of {error}, which none before it made: the "
                               f"file was changed by other hands") from None
