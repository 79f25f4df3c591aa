"""One order and what became of it: facts, from which its state follows."""

from collections.abc import Callable
from dataclasses import dataclass, field

from host import messages as m
from host.executions import Effect
from host.messages import CancelOrder, NewOrder, ReplaceOrder, Report
from host.oms.states import FINAL, TERMS, State

_TAKING_BACK = frozenset((m.TRADE_CANCEL, m.TRADE_CORRECT))
_PENDING_NEW, _NEW, _PARTIALLY_FILLED, _FILLED = (State.PENDING_NEW, State.NEW, State.PARTIALLY_FILLED,
                                                  State.FILLED)


@dataclass(slots=True)
class Order:
    """An order with all versions that replaces made of it, under the ClOrdID of the first.

    Parameters
    ----------
    new : as it was sent.
    qty, price : terms in force; a replace changes them when the venue says so, not when it is asked.
    base : state with requests left aside: it decides what is legal.
    state : OrdStatus, requests included.
    filled, cost : sum of the trades that count: shares, and shares times price (1e-4 USD).
    fills : those trades by ExecID.
    requests : cancels and replaces that are not answered, by ClOrdID, oldest first.
    """

    new: NewOrder
    qty: int
    price: int
    base: State = State.PENDING_NEW
    state: State = State.PENDING_NEW
    filled: int = 0
    cost: int = 0
    fills: dict[str, Report] = field(default_factory=dict)
    requests: dict[int, CancelOrder | ReplaceOrder] = field(default_factory=dict)
    acknowledged: bool = False
    ended: State | None = None     # canceled, expired, rejected
    day: State | None = None       # done for day, calculated
    hold: State | None = None      # stopped, suspended
    claimed_filled: int = 0        # the highest CumQty (14) that the venue told
    claimed_final: bool = False    # the venue told an OrdStatus after which nothing trades

    @classmethod
    def of(cls, new: NewOrder) -> "Order":
        return cls(new, new.qty, new.price)

    @property
    def order_id(self) -> int:
        return self.new.order_id

    @property
    def live(self) -> bool:
        """It can still trade."""
        return self.filled < self.qty and self.ended is None and self.day is None

    @property
    def leaves(self) -> int:
        """LeavesQty (151): what can still trade on the terms in force."""
        return self.qty - self.filled if self.live else 0

    @property
    def most(self) -> int:
        """The largest total that can legally fill: a replace may have been accepted before we hear of it."""
        return max((one.qty for one in self.requests.values() if isinstance(one, ReplaceOrder)), default=0)

    def exceeds(self, filled: int) -> bool:
        """A total of `filled` is more than was ordered, or asked for in a replace that is under way."""
        return filled > self.qty and filled > self.most

    def settle(self) -> None:
        """Let the state follow from the facts."""
        filled = self.filled
        if filled:
            base = _FILLED if filled >= self.qty else _PARTIALLY_FILLED
        else:
            base = _NEW if self.acknowledged else _PENDING_NEW
        if self.ended or self.day or self.hold:
            base = max((fact for fact in (self.ended, self.day, self.hold, base) if fact),
                       key=lambda fact: fact.precedence)
        self.base = self.state = base
        if self.requests:
            self.state = (State.PENDING_CANCEL if any(isinstance(one, CancelOrder) for one in self.requests.values())
                          else State.PENDING_REPLACE)

    def ask(self, request: CancelOrder | ReplaceOrder) -> None:
        """A request leaves."""
        self.requests[request.order_id] = request
        self.settle()

    def end(self, state: State) -> None:
        """Nothing trades any more, and nothing of what we asked is pending."""
        self.ended = state
        self.requests.clear()

    def take(self, report: Report, effect: Effect | None) -> None:
        """Apply a legal report; `effect` is what it does to the trades that count, where it is about a trade.

        What the venue says of the whole order is remembered, to be compared when all is quiet.
        """
        if effect is not None:
            self._trade(effect)
        elif handler := _HANDLERS.get(report.exec_type):
            handler(self, report)
        takes_back = report.exec_type in _TAKING_BACK
        if report.cum_qty > self.claimed_filled or takes_back:
            self.claimed_filled = report.cum_qty
        if report.status in FINAL:
            self.claimed_final = True
        elif takes_back or report.exec_type in TERMS:
            self.claimed_final = False
        self.settle()

    def _trade(self, effect: Effect) -> None:
        removed, added = effect
        if removed:
            self.filled -= removed.last_qty
            self.cost -= removed.last_qty * removed.last_price
            del self.fills[removed.exec_id]
        if added:
            self.filled += added.last_qty
            self.cost += added.last_qty * added.last_price
            self.fills[added.exec_id] = added
            self.acknowledged = True
            self.hold = None  # what was stopped has got its trade; what was suspended trades again


def _acknowledge(order: Order, report: Report) -> None:
    order.acknowledged = True


def _replace(order: Order, report: Report) -> None:
    """New terms. OrderQty is CumQty + LeavesQty in the venue's words: it may have been amended (D11, D12)."""
    request = order.requests.pop(report.request_id, None)
    order.acknowledged = True
    if order.ended:
        return
    order.qty = report.cum_qty + report.leaves_qty
    if report.price:
        order.price = report.price
    elif isinstance(request, ReplaceOrder):
        order.price = request.price
    order.day = order.hold = None


def _refuse(order: Order, report: Report) -> None:
    order.requests.pop(report.request_id, None)


def _day(state: State) -> Callable[[Order, Report], None]:
    def handler(order: Order, report: Report) -> None:
        order.day = state
    return handler


def _hold(state: State) -> Callable[[Order, Report], None]:
    def handler(order: Order, report: Report) -> None:
        order.hold = state
    return handler


#: What a report does beside trades, by ExecType (150); those that are not here change nothing.
_HANDLERS: dict[str, Callable[[Order, Report], None]] = {
    m.NEW: _acknowledge, m.REPLACED: _replace, m.RESTATED: _replace, m.CANCEL_REFUSED: _refuse,
    m.CANCELED: lambda order, report: order.end(State.CANCELED),
    m.EXPIRED: lambda order, report: order.end(State.EXPIRED),
    m.REJECTED: lambda order, report: order.end(State.REJECTED),
    m.DONE_FOR_DAY: _day(State.DONE_FOR_DAY), m.CALCULATED: _day(State.CALCULATED),
    m.STOPPED: _hold(State.STOPPED), m.SUSPENDED: _hold(State.SUSPENDED),
}
