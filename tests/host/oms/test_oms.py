"""The OMS as a service: what it refuses and keeps, what it answers, and its book made again from the journal."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hdl.layouts import Origin, Side
from host import messages as m
from host.messages import NewOrder, Rejection, Report
from host.oms.breaks import Acceptance, Break
from host.oms.journal import JournalError, MemoryJournal
from host.oms.oms import Change, Oms
from host.oms.states import State
from tests.host.oms.anything import ORDER, STEPS, cancel, play, replace, report


def book(*reports):
    oms = Oms()
    oms.on_new(ORDER)
    for one in reports:
        assert isinstance(oms.on_report(one), Change)
    return oms


def test_the_same_execution_id_at_another_venue_is_another_execution():
    oms = book(report("F", 40, exec_id="same"))
    oms.on_new(NewOrder(9, "AAPL", Side.BUY, 100, 10_000, 0, venue=1))
    assert isinstance(oms.on_report(report("F", 10, exec_id="same", order_id=9, venue=1)), Change)
    assert oms.orders[9].filled == 10


@pytest.mark.parametrize(("bad", "why"), [
    (report("F", 10, order_id=77), "do not know"),
    (report("F", 101), "exceed"),
    (report("F", 10, price=-1), "trade of"),
    (report("F", -10), "trade of"),
    (report("F", 0), "trade of"),
    (report("F", 10, price=10**30), "trade of"),
    (report("F", 10, venue=1), "venue 1"),
    (report("?"), "ExecType '\\?'"),
    (report("1", 10), "ExecType '1'"),
    (report("H"), "names no execution"),
    (report("G", 10), "names no execution"),
    (report(m.CANCEL_REFUSED, request_id=5), "did not make"),
    (report("0", cum=-5), "cannot be"),
    (report("D", cum=0, leaves=10**20), "cannot be"),
    (Report(1, "X", "F", "", "MSFT", Side.BUY, 0, 10, 10_000), "BUY MSFT"),
    (Report(1, "X", "F", "", "AAPL", Side.SELL, 0, 10, 10_000), "SELL AAPL"),
    (Report(1, "", "F", "", "AAPL", Side.BUY, 0, 10, 10_000), "no ExecID"),
])
def test_what_cannot_be_is_a_break_that_changes_nothing_and_is_kept(bad, why):
    journal = MemoryJournal()
    oms = Oms(journal)
    oms.on_new(ORDER)
    broken = oms.on_report(bad)
    assert isinstance(broken, Break)
    assert why.replace("\\", "") in broken.why
    assert oms.take_breaks() == [broken] == oms.breaks
    assert not oms.take_breaks()
    assert oms.orders[1] == book().orders[1]
    number, event, refused = list(journal.entries())[-1]
    assert (number, event, refused) == (broken.number, bad, broken.why)


def test_a_break_names_order_state_and_message():
    oms = book(report("4"))
    broken = oms.on_report(report("C", exec_id="E77"))
    assert str(broken) == ("order 0000000000000001 (canceled): ExecutionReport (35=8, 150=C, 17=E77) of venue 0 "
                           "refused: expired on an order that is canceled")


def test_a_refused_report_that_comes_again_is_one_break_and_counts_once_it_is_legal():
    oms = Oms()
    early = report("F", 10)
    assert isinstance(oms.on_report(early), Break)
    assert oms.on_report(early) is None
    assert len(oms.breaks) == 1
    oms.on_new(ORDER)
    assert isinstance(oms.on_report(early), Change)
    assert oms.orders[1].filled == 10
    assert not oms.breaks


def test_an_execution_id_used_for_something_else_is_a_break():
    oms = book(report("F", 10, exec_id="E"))
    assert "used before" in oms.on_report(report("F", 11, exec_id="E")).why
    assert oms.orders[1].filled == 10
    assert oms.duplicates == 0


def test_a_second_order_with_the_same_id_is_refused_and_the_first_lives_on():
    oms = book(report("0"))
    assert "ClOrdID" in oms.on_new(ORDER).why
    oms.on_cancel(cancel(2))
    assert "ClOrdID" in oms.on_new(NewOrder(2, "AAPL", Side.BUY, 100, 10_000, 0)).why
    assert "ClOrdID" in oms.on_cancel(cancel(2)).why
    assert "ClOrdID" in oms.on_replace(replace(2)).why
    assert oms.orders[1].state is State.PENDING_CANCEL


def test_requests_for_what_is_not_live_leave_nothing():
    oms = book(report("4"))
    count = oms.count
    assert oms.on_cancel(cancel()) is None
    assert oms.on_cancel(cancel(5, 99)) is None
    assert oms.on_replace(replace()) is None
    assert oms.on_replace(replace(5, 99)) is None
    assert oms.count == count


def test_a_replace_below_what_is_filled_is_not_sent():
    assert book(report("F", 50)).on_replace(replace(qty=50)) is None


def test_the_gate_stops_orders_cancels_and_orders_that_were_never_routed():
    oms = Oms()
    assert oms.on_rejection(Rejection(5, "AAPL", Side.SELL, 100, 10_000, 1, 1)).state is State.REJECTED
    assert oms.orders[5].new.side is Side.SELL
    oms.on_new(ORDER)
    oms.on_report(report("0"))
    oms.on_cancel(cancel())
    stopped = Rejection(2, "AAPL", Side.BUY, 100, 10_000, 0, 1)
    assert oms.on_rejection(stopped).state is State.NEW
    assert "answered" in oms.on_rejection(stopped).why
    late = oms.on_rejection(Rejection(1, "AAPL", Side.BUY, 100, 10_000, 0, 1))
    assert "gate rejected" in late.why
    assert oms.orders[1].live


def test_a_person_accepts_a_trade_that_was_refused():
    journal = MemoryJournal()
    oms = Oms(journal)
    oms.on_new(ORDER)
    unknown = oms.on_report(report("F", 30, exec_id="A", order_id=77))
    over = oms.on_report(report("F", 130, exec_id="B"))
    assert oms.accept(Acceptance(unknown.number, "officer", "the venue confirms")).order.filled == 30
    assert oms.accept(Acceptance(over.number, "officer", "sold too much")).state is State.FILLED
    assert oms.orders[77].new.strategy == -1
    assert oms.orders[1].filled == 130
    assert oms.orders[1].leaves == 0
    assert not oms.breaks
    assert oms.on_report(report("F", 130, exec_id="B")) is None, "it is known now"
    again = Oms(journal)
    assert again.orders == oms.orders
    assert not again.breaks


def test_only_a_refused_trade_can_be_accepted_and_somebody_must_do_it():
    oms = book(report("F", 10, exec_id="A"))
    status = oms.on_report(report("8"))
    reused = oms.on_report(report("F", 20, exec_id="A"))
    impossible = oms.on_report(report("F", -5, exec_id="N"))
    over = oms.on_report(report("F", 200, exec_id="B"))
    for wrong in (Acceptance(status.number, "a", "b"), Acceptance(999, "a", "b"), Acceptance(reused.number, "a", "b"),
                  Acceptance(impossible.number, "a", "b"), Acceptance(over.number, "", "b"),
                  Acceptance(over.number, "a", "")):
        with pytest.raises(ValueError):
            oms.accept(wrong)
    assert oms.orders[1].filled == 10


class Failing(MemoryJournal):
    broken = True

    def commit(self, changed):
        if self.broken:
            raise JournalError("the disk is full", passing=True)


def test_a_journal_that_fails_stops_new_orders_and_loses_nothing():
    journal = Failing()
    oms = Oms(journal)
    oms.on_new(ORDER)
    with pytest.raises(JournalError):
        oms.commit()
    assert oms.stopped == "the disk is full"
    assert "disk is full" in oms.on_new(NewOrder(2, "AAPL", Side.BUY, 1, 1, 0)).why
    assert isinstance(oms.on_new(NewOrder(3, "AAPL", Side.BUY, 1, 1, 0, origin=Origin.TRIGGER)), Change), "it has left"
    assert oms.on_report(report("F", 10)).order.filled == 10, "what venues say is taken all the same"
    assert oms.durable == 0
    journal.broken = False
    assert oms.commit() == oms.count == 4
    assert not oms.stopped
    assert isinstance(oms.on_new(NewOrder(4, "AAPL", Side.BUY, 1, 1, 0)), Change)


def test_every_id_of_an_order_finds_it():
    oms = book(report("0"))
    oms.on_replace(replace(2, qty=150))
    oms.on_report(report("5", request_id=2, leaves=150))
    assert oms.find(2) is oms.find(1)
    oms.on_report(report("F", 150, order_id=2))
    assert oms.orders[1].state is State.FILLED
    assert set(oms.ids()) == {1, 2}
    assert oms.find(3) is None


def test_doubts_are_what_does_not_add_up_when_all_is_read():
    oms = book(report("F", 30, cum=50), report("H", ref_id="never", cum=30))
    oms.on_new(NewOrder(9, "AAPL", Side.BUY, 100, 10_000, 0, venue=0))
    oms.on_report(Report(9, "Z", "I", "4", "AAPL", Side.BUY, 0))
    oms.on_report(report("F", 10, cum=60))
    whats = [doubt.what for doubt in oms.doubts()]
    assert len(whats) == 3
    assert "60 filled" in whats[0]
    assert "ended" in whats[1]
    assert "'never'" in whats[2]
    assert not book(report("0", cum=0), report("F", 30, cum=30)).doubts()


@settings(max_examples=300)
@given(STEPS)
def test_any_sequence_keeps_the_book_sound_and_the_journal_makes_it_again(steps):
    journal = MemoryJournal()
    oms = Oms(journal)
    play(oms, steps)
    for order in oms.orders.values():
        assert order.filled == sum(fill.last_qty for fill in order.fills.values()) >= 0
        assert order.cost == sum(fill.last_qty * fill.last_price for fill in order.fills.values())
        assert order.leaves == (order.qty - order.filled if order.live else 0) >= 0
        assert not order.ended or not order.live
        assert order.state is order.base or order.requests
        assert order.state.precedence >= order.base.precedence
    assert sorted(fill.exec_id for order in oms.orders.values() for fill in order.fills.values()) == sorted(
        one.exec_id for one in oms.executed())
    assert len(list(journal.entries())) == oms.count
    again = Oms(journal)
    assert again.orders == oms.orders
    assert again.breaks == oms.breaks
    assert again._reports == oms._reports
    assert again.executed() == oms.executed()


@settings(max_examples=100)
@given(STEPS)
def test_playing_everything_twice_changes_nothing(steps):
    journal = MemoryJournal()
    play(Oms(journal), steps)
    once, twice = Oms(journal), Oms(journal)
    for entry in list(journal.entries()):
        if isinstance(entry.event, Report) and not entry.refused:
            # 35=9 and order status have no ExecID, and say nothing new a second time
            twice.on_report(entry.event)
    assert {order_id: order.fills for order_id, order in once.orders.items()} == {
        order_id: order.fills for order_id, order in twice.orders.items()}


@settings(max_examples=200)
@given(st.lists(st.integers(1, 25), max_size=4), st.sets(st.integers(0, 3)), st.sets(st.integers(0, 3)),
       st.sampled_from(["", "4", "C", "3"]), st.randoms(use_true_random=False))
def test_the_reports_of_an_order_in_any_order_give_the_same_order(fills, corrected, busted, end, random):
    reports = [report("A", exec_id="A"), report("0", exec_id="N")]
    for n, qty in enumerate(fills):
        last = f"T{n}"
        reports.append(report("F", qty, exec_id=last))
        if n in corrected:
            reports.append(report("G", qty - qty // 2, exec_id=f"G{n}", ref_id=last))
            last = f"G{n}"
        if n in busted:
            reports.append(report("H", exec_id=f"H{n}", ref_id=last))
    if end:
        reports.append(report(end, exec_id="X"))
    expected = book(*reports).orders[1]
    random.shuffle(reports)
    oms = book(*reports)
    order = oms.orders[1]
    assert not oms.breaks
    assert not oms.doubts()
    assert (order.state, order.filled, order.cost, order.leaves, order.fills) == (
        expected.state, expected.filled, expected.cost, expected.leaves, expected.fills)
