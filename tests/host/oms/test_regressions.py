"""What users of other order and execution systems report, one test each: it must not happen here.

Every test goes through the durable book, and where a restart matters, through the file.
"""

from contextlib import contextmanager

import pytest

from host import messages as m
from host.messages import NewOrder
from host.oms.breaks import Acceptance, Break
from host.oms.dropcopy import DropCopy
from host.oms.oms import Change, Oms
from host.oms.sqlite import SqliteJournal
from host.oms.states import State
from host.positions.positions import Positions
from tests.host.oms.anything import ORDER, cancel, replace, report


@pytest.fixture
def start(tmp_path):
    """A process with the book of record; what it did not commit is gone when it ends."""
    @contextmanager
    def process():
        journal = SqliteJournal(tmp_path / "oms.sqlite")
        try:
            yield Oms(journal)
        finally:
            journal.close()
    return process


@pytest.fixture
def oms(start):
    with start() as oms:
        oms.on_new(ORDER)
        yield oms


def held(oms):
    """Shares that a positions service started now would have."""
    positions = Positions()
    positions.recover(oms.executed())
    return positions.position("AAPL").qty


# ---- phantom and doubled fills on restart

def test_a_fill_replayed_after_a_restart_is_not_doubled(start):
    fill = report("F", 40, exec_id="A", cum=40)
    with start() as oms:
        oms.on_new(ORDER)
        oms.on_report(fill)
        oms.commit()
    with start() as oms:
        assert oms.on_report(fill) is None
        assert oms.orders[1].filled == held(oms) == 40
        assert oms.duplicates == 1


def test_a_fill_that_was_never_acknowledged_counts_once_when_the_venue_sends_it_again(start):
    fill = report("F", 40, exec_id="A")
    with start() as oms:
        oms.on_new(ORDER)
        oms.commit()
        oms.on_report(fill)  # the process dies before the commit
    with start() as oms:
        assert held(oms) == 0
        assert isinstance(oms.on_report(fill), Change)
        oms.commit()
    with start() as oms:
        assert held(oms) == 40


def test_a_busted_fill_does_not_come_back_as_a_phantom_after_a_restart(start):
    fill, bust = report("F", 40, exec_id="A"), report("H", exec_id="B", ref_id="A")
    with start() as oms:
        oms.on_new(ORDER)
        oms.on_report(fill)
        oms.on_report(bust)
        oms.commit()
    with start() as oms:
        oms.on_report(fill)
        oms.on_report(bust)
        assert oms.orders[1].filled == held(oms) == 0


def test_pending_requests_survive_a_restart_and_their_answers_are_understood(start):
    with start() as oms:
        oms.on_new(ORDER)
        oms.on_report(report("0"))
        oms.on_replace(replace(2, qty=150, price=10_100))
        oms.on_cancel(cancel(3, 2))
        oms.commit()
    with start() as oms:
        assert oms.orders[1].state is State.PENDING_CANCEL
        oms.on_report(report(m.CANCEL_REFUSED, order_id=1, request_id=3, exec_id=""))
        assert oms.orders[1].state is State.PENDING_REPLACE
        oms.on_report(report("5", request_id=2, leaves=150))
        assert (oms.orders[1].qty, oms.orders[1].price) == (150, 10_100)


def test_a_refused_message_and_a_person_s_decision_survive_a_restart(start):
    with start() as oms:
        oms.on_new(ORDER)
        broken = oms.on_report(report("F", 130, exec_id="over"))
        oms.commit()
    with start() as oms:
        assert oms.breaks == [broken]
        oms.accept(Acceptance(broken.number, "officer", "the venue confirms it"))
        oms.commit()
    with start() as oms:
        assert not oms.breaks
        assert held(oms) == 130


# ---- a fill while a replace is under way

def test_a_fill_during_an_in_flight_replace_still_counts_after_it(oms):
    """The order shows what is left of the new quantity, not the new quantity: nothing is traded twice."""
    oms.on_report(report("0"))
    oms.on_replace(replace(2, qty=100, price=10_050))
    oms.on_report(report("F", 17, cum=17, leaves=83))
    oms.on_report(report("5", request_id=2, cum=17, leaves=83))
    assert (oms.orders[1].filled, oms.orders[1].leaves) == (17, 83)
    assert isinstance(oms.on_report(report("F", 83, order_id=2, cum=100)), Change)
    assert oms.orders[1].state is State.FILLED
    assert not oms.breaks


def test_a_fill_of_the_replacement_that_overtakes_its_acknowledgement_is_no_overfill(oms):
    oms.on_report(report("0"))
    oms.on_replace(replace(2, qty=300))
    assert isinstance(oms.on_report(report("F", 250, order_id=2, cum=250, leaves=50)), Change)
    assert oms.orders[1].state is State.PENDING_REPLACE
    oms.on_report(report("5", request_id=2, cum=250, leaves=50))
    assert (oms.orders[1].state, oms.orders[1].leaves) == (State.PARTIALLY_FILLED, 50)
    assert not oms.breaks


def test_more_than_even_the_replacement_allows_is_an_overfill(oms):
    oms.on_replace(replace(2, qty=300))
    assert "exceed" in oms.on_report(report("F", 301, order_id=2)).why


def test_a_refused_replace_leaves_the_old_terms_in_force(oms):
    oms.on_report(report("0"))
    oms.on_replace(replace(2, qty=300, price=9_000))
    oms.on_report(report("F", 60))
    oms.on_report(report(m.CANCEL_REFUSED, request_id=2, exec_id=""))
    assert (oms.orders[1].qty, oms.orders[1].price, oms.orders[1].leaves) == (100, 10_000, 40)


# ---- fills and cancels

def test_a_fill_after_the_cancel_counts_and_the_order_stays_canceled(oms):
    oms.on_cancel(cancel())
    oms.on_report(report("4", request_id=2))
    assert isinstance(oms.on_report(report("F", 30)), Change)
    assert (oms.orders[1].state, oms.orders[1].filled, oms.orders[1].leaves) == (State.CANCELED, 30, 0)
    assert held(oms) == 30


def test_a_fill_that_beats_the_cancel_leaves_nothing_pending(oms):
    oms.on_report(report("0"))
    oms.on_cancel(cancel())
    oms.on_report(report("F", 100))
    assert not oms.orders[1].live
    oms.on_report(report(m.CANCEL_REFUSED, request_id=2, exec_id=""))
    assert oms.orders[1].state is State.FILLED


def test_an_unsolicited_cancel_leaves_no_order_pending_for_ever(oms):
    oms.on_report(report("0"))
    oms.on_cancel(cancel())
    oms.on_report(report("4"))
    assert oms.orders[1].state is State.CANCELED
    assert oms.on_report(report(m.CANCEL_REFUSED, request_id=2, exec_id="")).state is State.CANCELED
    assert not oms.breaks
    assert not oms.in_flight


# ---- busts and corrections

def test_a_bust_after_the_fill_that_completed_an_order_makes_it_live_again(oms):
    oms.on_report(report("F", 60, exec_id="A"))
    oms.on_report(report("F", 40, exec_id="B"))
    oms.on_report(report("H", ref_id="A"))
    assert (oms.orders[1].state, oms.orders[1].leaves, held(oms)) == (State.PARTIALLY_FILLED, 60, 40)


def test_a_bust_or_correction_that_comes_before_its_trade_is_not_lost(oms):
    assert isinstance(oms.on_report(report("H", ref_id="A")), Change)
    assert isinstance(oms.on_report(report("G", 25, exec_id="B2", ref_id="B")), Change)
    assert len(oms.doubts()) == 2
    oms.on_report(report("F", 60, exec_id="A"))
    oms.on_report(report("F", 20, exec_id="B"))
    assert oms.orders[1].filled == held(oms) == 25
    assert not oms.doubts()


@pytest.mark.parametrize("ref", ["C1", "A"], ids=["names the last correction", "names the original"])
def test_a_correction_of_a_correction(oms, ref):
    oms.on_report(report("F", 10, exec_id="A"))
    oms.on_report(report("G", 20, exec_id="C1", ref_id="A"))
    oms.on_report(report("G", 30, exec_id="C2", ref_id=ref))
    assert oms.orders[1].filled == held(oms) == 30
    oms.on_report(report("H", exec_id="C3", ref_id=ref))
    assert oms.orders[1].filled == held(oms) == 0


def test_a_correction_beyond_the_order_and_one_of_another_order_s_trade_are_breaks(oms):
    oms.on_new(NewOrder(9, "AAPL", ORDER.side, 100, 10_000, 0, venue=0))
    oms.on_report(report("F", 10, exec_id="A"))
    assert "exceed" in oms.on_report(report("G", 101, ref_id="A")).why
    assert "another order" in oms.on_report(report("H", order_id=9, ref_id="A")).why
    assert oms.orders[1].filled == 10


def test_a_trade_is_busted_once(oms):
    oms.on_report(report("F", 10, exec_id="A"))
    oms.on_report(report("H", ref_id="A"))
    assert "busted already" in oms.on_report(report("H", ref_id="A")).why


# ---- order of arrival

def test_acknowledgements_after_fills_and_ends_change_nothing(oms):
    oms.on_report(report("F", 30))
    oms.on_report(report("0"))
    oms.on_report(report("A"))
    assert oms.orders[1].state is State.PARTIALLY_FILLED
    oms.on_report(report("4"))
    oms.on_report(report("0"))
    assert oms.orders[1].state is State.CANCELED
    assert not oms.breaks


def test_a_replace_acknowledged_after_the_cancel_that_followed_it_does_not_revive_the_order(oms):
    oms.on_report(report("0"))
    oms.on_replace(replace(2, qty=150))
    oms.on_cancel(cancel(3, 2))
    oms.on_report(report("4", request_id=3, order_id=2))
    oms.on_report(report("5", request_id=2, leaves=150))
    assert oms.orders[1].state is State.CANCELED
    assert not oms.live
    assert not oms.breaks


# ---- execution ids

def test_a_duplicate_execution_id_is_applied_once_however_often_it_comes(oms):
    fill = report("F", 40, exec_id="same")
    for _ in range(5):
        oms.on_report(fill)
    assert (oms.orders[1].filled, oms.duplicates) == (40, 4)


def test_an_execution_id_that_a_venue_uses_twice_loses_no_trade_silently(oms):
    oms.on_report(report("F", 40, exec_id="same"))
    broken = oms.on_report(report("F", 30, exec_id="same"))
    assert isinstance(broken, Break)
    assert "used before" in broken.why


def test_a_duplicate_that_ends_the_order_does_not_leave_it_open(oms):
    last = report("F", 100, exec_id="last")
    oms.on_report(last)
    oms.on_report(last)
    assert not oms.live


def test_an_order_status_that_repeats_an_execution_id_is_not_taken_for_it(oms):
    assert isinstance(oms.on_report(report("I", exec_id="A")), Change)
    assert isinstance(oms.on_report(report("F", 40, exec_id="A")), Change)
    assert oms.orders[1].filled == 40


# ---- what is not ours

def test_a_fill_of_an_order_that_we_do_not_know_is_kept_and_can_be_taken(oms):
    broken = oms.on_report(report("F", 40, order_id=77, exec_id="A"))
    assert "do not know" in broken.why
    assert held(oms) == 0
    oms.accept(Acceptance(broken.number, "officer", "typed in at the venue"))
    assert held(oms) == 40


def test_orders_unknown_to_us_in_the_drop_copy_are_told_and_change_nothing(oms):
    copy = DropCopy(oms, frozenset({0}), grace=10)
    copy.on_report(report("F", 40, order_id=77, exec_id="A"))
    assert copy.check(0) == []
    difference, = copy.check(10)
    assert "do not know" in difference.what
    assert held(oms) == 0
    assert set(oms.orders) == {1}


def test_an_execution_that_we_missed_shows_in_what_the_venue_says_of_the_order(oms):
    oms.on_report(report("F", 20, cum=60))  # one of 40 was lost
    doubt, = oms.doubts()
    assert "60 filled" in doubt.what
