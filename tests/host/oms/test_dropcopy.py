"""The drop copy: silent where both agree, patient where one is ahead, and clear where they differ."""

import pytest

from host.messages import NewOrder
from host.oms.dropcopy import DropCopy
from host.oms.oms import Change, Oms
from tests.host.oms.anything import ORDER, report

GRACE = 1_000


@pytest.fixture
def oms():
    oms = Oms()
    oms.on_new(ORDER)
    return oms


@pytest.fixture
def copy(oms):
    return DropCopy(oms, frozenset({0}), GRACE)


def whats(copy, start=0):
    assert copy.check(start) == []
    return [one.what for one in copy.check(start + GRACE)]


def test_agreement_is_silent_whoever_is_first(oms, copy):
    ours, theirs = report("F", 10, exec_id="A"), report("F", 20, exec_id="B")
    oms.on_report(ours)
    copy.on_report(theirs)
    assert copy.check(0) == copy.check(GRACE - 1) == []
    oms.on_report(theirs)
    copy.on_report(ours)
    copy.on_report(ours)
    copy.on_report(report("0", exec_id="N"))
    assert copy.check(10 * GRACE) == []


def test_an_execution_that_only_the_copy_has_can_be_taken_from_it(oms, copy):
    copy.on_report(report("F", 10, exec_id="A"))
    copy.check(0)
    difference, = copy.check(GRACE)
    assert "only the drop copy" in difference.what
    assert "ours" in difference.what
    assert isinstance(oms.on_report(difference.missing), Change)
    assert oms.orders[1].filled == 10
    assert copy.check(GRACE) == []
    assert oms.on_report(report("F", 10, exec_id="A")) is None, "our own session tells it at last: known"


def test_an_order_that_we_do_not_know(copy):
    copy.on_report(report("F", 10, exec_id="A", order_id=99))
    copy.check(0)
    difference, = copy.check(GRACE)
    assert "do not know" in difference.what
    assert "0000000000000063" in str(difference)


def test_every_other_difference_is_named(oms, copy):
    for name in ("only ours", "price", "their bust", "our bust"):
        oms.on_report(report("F", 10, exec_id=name))
        if name != "only ours":
            copy.on_report(report("F", 10, exec_id=name, price=10_001 if name == "price" else 10_000))
    copy.on_report(report("H", ref_id="their bust"))
    oms.on_report(report("H", ref_id="our bust"))
    assert whats(copy) == ["the drop copy does not tell it: 10 at 10000",
                           "the book has 10 at 10000, the drop copy 10 at 10001",
                           "it is taken back or corrected in the drop copy, and counts in the book",
                           "it is taken back or corrected in the book, and counts in the drop copy"]


def test_a_correction_told_to_both_agrees_in_any_order(oms, copy):
    trade, correction = report("F", 10, exec_id="A"), report("G", 15, exec_id="B", ref_id="A")
    for one in (trade, correction):
        oms.on_report(one)
    for one in (correction, trade):
        copy.on_report(one)
    assert whats(copy) == []


def test_the_grace_begins_when_the_difference_does(oms, copy):
    oms.on_report(report("F", 10, exec_id="A"))
    copy.check(0)
    copy.on_report(report("F", 10, exec_id="A"))
    copy.check(GRACE)
    copy.on_report(report("H", ref_id="A", exec_id="B"))
    assert copy.check(5 * GRACE) == []
    assert len(copy.check(6 * GRACE)) == 1


def test_venues_without_a_drop_copy_are_not_compared(oms, copy):
    oms.on_new(NewOrder(9, "AAPL", ORDER.side, 100, 10_000, 0, venue=1))
    oms.on_report(report("F", 10, exec_id="A", order_id=9, venue=1))
    assert whats(copy) == []
