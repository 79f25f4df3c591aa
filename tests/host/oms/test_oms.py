"""The OMS: every legal transition, every race, every duplicate; and its projection from the journal."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hdl.layouts import Side
from host import messages
from host.messages import CancelOrder, NewOrder, Rejection, Report
from host.oms.journal import MemoryJournal
from host.oms.oms import Oms
from host.oms.states import TRANSITIONS, Event, IllegalTransition, State, step

ORDER = NewOrder(1, "AAPL", Side.BUY, 100, 10_000, 0, venue=0)
_ids = itertools.count()


def report(exec_type, qty=0, cum=0, exec_id=None, order_id=1, ref_id="", price=10_000):
    return Report(order_id, exec_id or f"E{next(_ids)}", exec_type, "", "AAPL", Side.BUY, 0, qty, price if qty else 0,
                  100 - cum, cum, ref_id)


def oms_with(*reports, cancel_after=None):
    oms = Oms()
    oms.on_new(ORDER)
    for n, one in enumerate(reports):
        if cancel_after == n:
            oms.on_cancel(CancelOrder(2, 1, "AAPL", Side.BUY, 100, 0))
        oms.on_report(one)
    return oms


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("event", Event)
def test_exactly_the_table_is_legal(state, event):
    if event in TRANSITIONS[state]:
        assert step(state, event, 10, 100) in State
    else:
        with pytest.raises(IllegalTransition, match=state.value):
            step(state, event, 10, 100)


def test_no_terminal_state_ever_becomes_live_again_except_by_a_bust():
    for state in State:
        for event in TRANSITIONS[state]:
            if not state.live and event is not Event.BUSTED:
                assert not step(state, event, 100, 100).live


def test_the_usual_life():
    oms = oms_with(report("0"), report("F", 40), report("F", 60))
    assert oms.orders[1].state is State.FILLED
    assert oms.orders[1].filled == 100
    assert not oms.live
    assert not oms.breaks


def test_a_repeated_execution_id_is_applied_once():
    fill = report("F", 40, exec_id="same")
    oms = oms_with(fill, fill)
    assert oms.orders[1].filled == 40
    assert oms.duplicates == 1


def test_the_same_execution_id_at_another_venue_is_another_execution():
    oms = oms_with(report("F", 40, exec_id="same"))
    oms.on_new(NewOrder(9, "AAPL", Side.BUY, 100, 10_000, 0, venue=1))
    oms.on_report(Report(9, "same", "F", "", "AAPL", Side.BUY, 1, 10, 10_000))
    assert oms.orders[9].filled == 10


def test_fill_during_a_pending_cancel_then_canceled():
    oms = oms_with(report("0"), report("F", 30), report("4"), cancel_after=1)
    assert oms.orders[1].state is State.CANCELED
    assert oms.orders[1].filled == 30


def test_the_fill_that_beats_the_cancel():
    oms = oms_with(report("0"), report("F", 100), report(messages.CANCEL_REFUSED), cancel_after=1)
    assert oms.orders[1].state is State.FILLED


def test_fill_after_cancel_still_counts():
    oms = oms_with(report("0"), report("4"), report("F", 30))
    assert oms.orders[1].state is State.CANCELED
    assert oms.orders[1].filled == 30
    assert not oms.breaks


def test_a_refused_cancel_puts_the_order_back():
    refused = report(messages.CANCEL_REFUSED)
    assert oms_with(report("0"), refused, cancel_after=1).orders[1].state is State.NEW
    assert oms_with(report("F", 30), refused, cancel_after=1).orders[1].state is State.PARTIALLY_FILLED


def test_a_cancel_that_the_gate_stops_puts_the_order_back():
    oms = oms_with(report("0"))
    oms.on_cancel(CancelOrder(2, 1, "AAPL", Side.BUY, 100, 0))
    oms.on_rejection(Rejection(2, "AAPL", Side.BUY, 100, 10_000, 0, 1))
    assert oms.orders[1].state is State.NEW


def test_acknowledgement_after_the_first_fill_changes_nothing():
    assert oms_with(report("F", 30), report("0")).orders[1].state is State.PARTIALLY_FILLED


def test_bust_and_correction():
    oms = oms_with(report("F", 30, exec_id="a"), report("F", 20, exec_id="b"))
    oms.on_report(report(messages.TRADE_CANCEL, ref_id="a"))
    assert oms.orders[1].filled == 20
    oms.on_report(report(messages.TRADE_CORRECT, 25, exec_id="c", ref_id="b"))
    assert oms.orders[1].filled == 25
    assert oms.orders[1].fills == {"c": (25, 10_000)}


@pytest.mark.parametrize(("bad", "why"), [
    (report("F", 10, order_id=77), "do not know"),
    (report("F", 101), "exceed"),
    (report("F", 10, price=-1), "trade of"),
    (report("F", 0), "trade of"),
    (report(messages.TRADE_CANCEL, ref_id="never"), "do not know"),
    (report("?"), "ExecType"),
])
def test_what_cannot_be_is_a_break_and_changes_nothing(bad, why):
    oms = oms_with(bad)
    assert [why in one.why for one in oms.breaks] == [True]
    assert oms.orders[1].state is State.PENDING_NEW
    assert oms.orders[1].filled == 0


def test_fills_on_a_rejected_order_are_a_break():
    oms = oms_with(report("8"), report("F", 10))
    assert oms.orders[1].state is State.REJECTED
    assert "FILLED_SOME" in oms.breaks[0].why


def test_a_second_order_with_the_same_id_is_refused():
    oms = oms_with()
    assert oms.on_new(ORDER) is None
    assert "ClOrdID" in oms.breaks[0].why


def test_an_order_the_gate_stopped_before_routing_is_on_record():
    oms = Oms()
    change = oms.on_rejection(Rejection(5, "AAPL", Side.SELL, 100, 10_000, 1, 1))
    assert change.state is State.REJECTED
    assert oms.orders[5].new.side is Side.SELL


EVENTS = st.lists(st.one_of(
    st.builds(lambda qty, n: ("F", qty, f"T{n}"), st.integers(-5, 60), st.integers(0, 12)),
    st.sampled_from([(kind, 0, "") for kind in ("0", "4", "8", "A", "6", "C", messages.CANCEL_REFUSED, "cancel")])),
    max_size=25)


@settings(max_examples=200)
@given(EVENTS)
def test_any_sequence_keeps_the_book_sound_and_the_journal_makes_it_again(events):
    journal = MemoryJournal()
    oms = Oms(journal)
    oms.on_new(ORDER)
    applied = {}
    for n, (kind, qty, exec_id) in enumerate(events):
        if kind == "cancel":
            oms.on_cancel(CancelOrder(100 + n, 1, "AAPL", Side.BUY, 100, 0))
            continue
        change = oms.on_report(report(kind, qty, exec_id=exec_id))
        if change and change.report.is_trade:
            assert exec_id not in applied
            applied[exec_id] = qty
    order = oms.orders[1]
    assert order.filled == sum(applied.values()) == sum(qty for qty, _ in order.fills.values())
    assert 0 <= order.filled <= 100
    assert (order.state is State.FILLED) == (order.filled == 100) or order.state in (State.CANCELED, State.EXPIRED)
    again = Oms.recover(journal)
    assert again.orders == oms.orders
    assert again._reports == oms._reports
