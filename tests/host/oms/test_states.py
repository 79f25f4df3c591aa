"""Exactly the legal transitions are accepted: the whole table, as a person would write it, tried on real orders."""

import itertools

import pytest

from hdl.layouts import Side
from host import messages as m
from host.messages import CancelOrder, NewOrder, Rejection, ReplaceOrder, Report
from host.oms.breaks import Break
from host.oms.oms import Change, Oms
from host.oms.states import CANCEL_SENT, GATE_REJECTED, LEGAL, REPLACE_SENT, State

#: ExecTypes, then: 9 = OrderCancelReject, C> and R> = our cancel and replace, G! = the gate's rejection.
GRID = """
                  0 3 4 5 6 7 8 9 A B C D E F G H I  9 C> R> G!
pending new       y y y y y y y y y . y y y y y y y  y y  y  y
new               y y y y y y y y y y y y y y y y y  y y  y  .
partially filled  y y y y y y . y y y y y y y y y y  y y  y  .
stopped           y y y y y y . y y y y y y y y y y  y y  y  .
suspended         y y y y y y y y y y y y y y y y y  y y  y  .
filled            y y . y y . . . y y . y y y y y y  y .  y  .
done for day      y . y y y . . . y y y y y y y y y  y .  .  .
calculated        y . y y y . . . y . y y y y y y y  y .  .  .
canceled          y y . y y . . . y y . . y y y y y  y .  .  .
expired           y y . y y . . . y y . . y y y y y  y .  .  .
rejected          . . . . y . . . y . . . y . . . y  y .  .  .
"""

_ids = itertools.count(1)
_HEAD, *_ROWS = [line for line in GRID.splitlines() if line.strip()]
EVENTS = _HEAD.split()
SENT = {"C>": CANCEL_SENT, "R>": REPLACE_SENT, "G!": GATE_REJECTED}
NAMES = [m.CANCEL_REFUSED if n == EVENTS.index("I") + 1 else SENT.get(event, event) for n, event in enumerate(EVENTS)]


def table():
    for row in _ROWS:
        name, marks = row[:18].strip(), row[18:].split()
        assert len(marks) == len(NAMES)
        for event, mark in zip(NAMES, marks, strict=True):
            yield State(name), event, mark == "y"


def report(exec_type, qty=0, ref_id="", request_id=0, exec_id=None):
    return Report(1, exec_id or f"E{next(_ids)}", exec_type, "", "AAPL", Side.BUY, 0, qty, 10_000 if qty else 0,
                  leaves_qty=100, ref_id=ref_id, request_id=request_id)


#: How an order gets into each state.
WAYS = {
    State.PENDING_NEW: [], State.NEW: ["0"], State.PARTIALLY_FILLED: ["F40"], State.FILLED: ["F100"],
    State.STOPPED: ["7"], State.SUSPENDED: ["9"], State.DONE_FOR_DAY: ["3"], State.CALCULATED: ["0", "B"],
    State.CANCELED: ["4"], State.EXPIRED: ["C"], State.REJECTED: ["8"],
}


def order_in(state):
    oms = Oms()
    oms.on_new(NewOrder(1, "AAPL", Side.BUY, 100, 10_000, 0, venue=0))
    for way in WAYS[state]:
        assert isinstance(oms.on_report(report(way[0], int(way[1:] or 0), exec_id=f"{way}:first")), Change)
    assert oms.orders[1].state is oms.orders[1].base is state
    return oms


def do(oms, event):
    order = oms.orders[1]
    match event:
        case "cancel sent":
            return oms.on_cancel(CancelOrder(2, 1, "AAPL", Side.BUY, 100, 0))
        case "replace sent":
            return oms.on_replace(ReplaceOrder(2, 1, "AAPL", Side.BUY, 300, 10_000, 0))
        case "gate rejected":
            return oms.on_rejection(Rejection(1, "AAPL", Side.BUY, 100, 10_000, 0, 1))
        case m.TRADE:  # more than is left of a filled order would be illegal for another reason
            order.qty += 5
            return oms.on_report(report(event, 5))
        case m.TRADE_CORRECT | m.TRADE_CANCEL:
            return oms.on_report(report(event, 5 if event == m.TRADE_CORRECT else 0,
                                        next(iter(order.fills), "not told yet")))
        case m.CANCEL_REFUSED:
            oms._ids[2] = order
            return oms.on_report(report(event, request_id=2))
        case _:
            return oms.on_report(report(event))


@pytest.mark.parametrize(("state", "event", "legal"), list(table()),
                         ids=lambda value: str(getattr(value, "value", value)))
def test_a_transition_is_accepted_exactly_where_the_table_has_it(state, event, legal):
    assert (event in LEGAL[state]) == legal
    oms = order_in(state)
    before = oms.orders[1].state
    outcome = do(oms, event)
    if legal:
        assert isinstance(outcome, Change)
        assert not oms.breaks
        return
    assert oms.orders[1].state is before
    if event in (CANCEL_SENT, REPLACE_SENT):
        assert outcome is None, "we do not send what cannot be"
    else:
        assert isinstance(outcome, Break)
        assert state.value in outcome.why


def test_the_table_is_whole():
    assert {state for state, _, _ in table()} == set(LEGAL) == set(State) - {State.PENDING_CANCEL,
                                                                             State.PENDING_REPLACE}
    assert {event for _, event, _ in table()} == set().union(*LEGAL.values())


def test_precedence_is_the_specification_s():
    order = ["pending cancel", "pending replace", "done for day", "calculated", "filled", "stopped", "suspended",
             "canceled", "partially filled", "new"]
    values = [State(name).precedence for name in order]
    assert values == [12, 11, 10, 9, 8, 7, 6, 5, 4, 2]
    assert State.EXPIRED.precedence == State.CANCELED.precedence
    assert State.PENDING_NEW.precedence == State.REJECTED.precedence == State.NEW.precedence


def test_what_has_ended_lives_again_only_by_a_bust_a_correction_or_new_terms():
    for state, event, legal in table():
        oms = order_in(state)
        if legal and not oms.orders[1].live and event not in (m.REPLACED, m.RESTATED, m.TRADE_CANCEL, m.TRADE_CORRECT,
                                                              m.TRADE):
            do(oms, event)
            assert not oms.orders[1].live, (state, event)
