"""Executions as a set: the same trades count in whatever order, and however often, they are told."""

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from hdl.layouts import Side
from host.executions import Executions
from host.messages import Report


def told(exec_id, kind="F", qty=10, ref_id="", venue=0):
    return Report(1, exec_id, kind, "", "AAPL", Side.BUY, venue, qty, 10_000, ref_id=ref_id)


def record(executions, report):
    return executions.record(report, (report.venue, report.exec_id))


def counting(executions):
    return {key: report.last_qty for key, report in executions.trades.items() if executions.counts(key)}


@st.composite
def histories(draw):
    """What a venue did, in its order: trades, lines of corrections, busts; and a second venue with the same ExecIDs."""
    reports, expected = [], {}
    for venue in (0, 1):
        for n in range(draw(st.integers(0, 5))):
            last, qty = f"T{n}", draw(st.integers(1, 50))
            reports.append(told(last, qty=qty, venue=venue))
            for step in range(draw(st.integers(0, 3))):
                qty = draw(st.integers(1, 50))
                reports.append(told(f"T{n}C{step}", "G", qty, last, venue))
                last = f"T{n}C{step}"
            if draw(st.booleans()):
                reports.append(told(f"T{n}H", "H", 0, last, venue))
            else:
                expected[venue, last] = qty
    return reports, expected


@settings(max_examples=300)
@given(histories(), st.integers(0, 2**32), st.booleans())
def test_the_same_counts_in_any_order_with_any_duplicates(history, seed, twice):
    reports, expected = history
    random.Random(seed).shuffle(reports)
    executions, total = Executions(), {}
    for report in reports + reports * twice:
        effect = executions.effect(report)
        assert record(executions, report) == effect, "what it would do is what it does"
        removed, added = effect
        if removed:
            del total[removed.venue, removed.exec_id]
        if added:
            total[added.venue, added.exec_id] = added.last_qty
        assert counting(executions) == total, "effects add up to what counts"
    assert total == expected
    assert executions.unmatched() == []


def test_a_bust_that_names_the_original_reaches_its_correction():
    executions = Executions()
    for report in (told("A"), told("B", "G", 20, "A"), told("C", "H", 0, "A")):
        record(executions, report)
    assert counting(executions) == {}
    assert "busted" in executions.impossible(told("D", "G", 5, "A"))


def test_a_correction_of_what_was_busted_before_it_came_does_not_count():
    executions = Executions()
    for report in (told("C", "H", 0, "A"), told("B", "G", 20, "A"), told("A")):
        assert record(executions, report) == (None, None)
    assert counting(executions) == {}


def test_corrections_in_a_circle_are_impossible_and_end():
    executions = Executions()
    record(executions, told("B", "G", 20, "A"))
    circle = told("A", "G", 30, "B")
    assert "replace itself" in executions.impossible(circle)
    assert record(executions, circle) == (None, None)
    assert "replace itself" in executions.impossible(told("Z", "G", 30, "Z"))


def test_unmatched_is_what_was_spoken_of_and_never_told():
    executions = Executions()
    record(executions, told("B", "H", 0, "A"))
    record(executions, told("D", "G", 5, "C"))
    assert executions.unmatched() == [(0, "A"), (0, "C")]


def test_where_a_line_of_corrections_begins_and_ends():
    executions = Executions()
    for report in (told("C", "G", 30, "B"), told("B", "G", 20, "A"), told("A")):
        record(executions, report)
    assert executions.last((0, "A")) == executions.last((0, "C")) == (0, "C")
    assert executions.first((0, "C")) == (0, "A")
