"""The states of an order, and what may be said of an order in each: tables without behaviour.

Source: FIX 4.4 (errata 20030618) volume 4, "Order State Change Matrices" (appendix D of FIX 4.2), with its
table of OrdStatus and precedence. An order may be in several states at once, such as filled and pending
cancel; its OrdStatus (39) is the one of highest precedence. `host.oms.order` keeps the facts apart and
takes the highest.

Two things differ from the venue's view, which the matrices take. An order is pending cancel or pending
replace from the moment our request leaves, not from its acknowledgement, because from then on its end is
uncertain. And what ends an order (cancel, expiry, rejection) ends its requests as well: nothing of them is
pending any more, although their refusals may still come.
"""

import enum

from fixparse.enums import OrdStatus
from host import messages as m

#: What we do to an order, beside ExecType (150) and `CANCEL_REFUSED` for what a venue says of it.
CANCEL_SENT, REPLACE_SENT, GATE_REJECTED = "cancel sent", "replace sent", "gate rejected"


class State(enum.Enum):
    """OrdStatus. The value is for people; `fix` is tag 39; of several states, that of highest `precedence` shows."""
    fix: str
    precedence: int
    legal: frozenset[str]

    PENDING_CANCEL = "pending cancel", OrdStatus.PENDING_CANCEL, 12
    PENDING_REPLACE = "pending replace", OrdStatus.PENDING_REPLACE, 11
    DONE_FOR_DAY = "done for day", OrdStatus.DONE_FOR_DAY, 10
    CALCULATED = "calculated", OrdStatus.CALCULATED, 9
    FILLED = "filled", OrdStatus.FILLED, 8
    STOPPED = "stopped", OrdStatus.STOPPED, 7
    SUSPENDED = "suspended", OrdStatus.SUSPENDED, 6
    CANCELED = "canceled", OrdStatus.CANCELED, 5
    EXPIRED = "expired", OrdStatus.EXPIRED, 5
    PARTIALLY_FILLED = "partially filled", OrdStatus.PARTIALLY_FILLED, 4
    NEW = "new", OrdStatus.NEW, 2
    PENDING_NEW = "pending new", OrdStatus.PENDING_NEW, 2
    REJECTED = "rejected", OrdStatus.REJECTED, 2

    def __new__(cls, text: str, fix: bytes, precedence: int) -> "State":
        state = object.__new__(cls)
        state._value_, state.fix, state.precedence = text, fix.decode(), precedence
        state.legal = frozenset()
        return state


#: OrdStatus values after which an order trades no more.
FINAL = frozenset(state.fix for state in (State.FILLED, State.CANCELED, State.EXPIRED, State.REJECTED,
                                          State.DONE_FOR_DAY, State.CALCULATED))

#: What changes no state of its own: it says what is known, or answers a request, and may come late.
ANSWERS = {m.PENDING_NEW, m.PENDING_CANCEL, m.PENDING_REPLACE, m.CANCEL_REFUSED, m.ORDER_STATUS}
#: Trades count whenever they come, also after the order's end (D35), in any order with their corrections.
EXECUTIONS = {m.TRADE, m.TRADE_CORRECT, m.TRADE_CANCEL}
ENDS = {m.CANCELED, m.EXPIRED}
HOLDS = {m.STOPPED, m.SUSPENDED}
#: New terms: a replace accepted (D6 to D18), or the venue's own change (D20, D21).
TERMS = {m.REPLACED, m.RESTATED}
REQUESTS = {CANCEL_SENT, REPLACE_SENT}

_WORKING = ANSWERS | EXECUTIONS | ENDS | HOLDS | TERMS | REQUESTS | {m.NEW, m.DONE_FOR_DAY}
#: What may still come after an end: late acknowledgements and late or corrected trades; its end stays.
_ENDED = ANSWERS | EXECUTIONS | {m.NEW, m.REPLACED, m.DONE_FOR_DAY, m.CALCULATED}

#: What may happen to an order, by its state when requests are left aside. All else is illegal: it becomes a
#: `Break` and never changes an order.
LEGAL: dict[State, set[str]] = {
    State.PENDING_NEW: _WORKING | {m.REJECTED, GATE_REJECTED},
    State.NEW: _WORKING | {m.REJECTED, m.CALCULATED},  # an acknowledged order may still be rejected
    State.PARTIALLY_FILLED: _WORKING | {m.CALCULATED},
    State.STOPPED: _WORKING | {m.CALCULATED},
    State.SUSPENDED: _WORKING | {m.REJECTED, m.CALCULATED},
    # a filled order may be replaced to trade more (D8); there is nothing left to cancel
    State.FILLED: ANSWERS | EXECUTIONS | TERMS | {REPLACE_SENT, m.NEW, m.DONE_FOR_DAY, m.CALCULATED},
    # until it is restated the next morning (D27 to D29)
    State.DONE_FOR_DAY: ANSWERS | EXECUTIONS | ENDS | TERMS | {m.NEW, m.CALCULATED},
    State.CALCULATED: ANSWERS | EXECUTIONS | ENDS | TERMS | {m.NEW},
    State.CANCELED: _ENDED,
    State.EXPIRED: _ENDED,
    State.REJECTED: ANSWERS,
}
for _state, _legal in LEGAL.items():
    _state.legal = frozenset(_legal)
