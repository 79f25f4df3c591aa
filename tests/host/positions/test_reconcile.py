"""Desk against NIC: agreement is silent, every difference is named, and nothing is said while things move."""

from typing import NamedTuple

from hdl.layouts import Side
from host.messages import CancelOrder, NewOrder, Report
from host.oms.oms import Oms
from host.positions.positions import Positions
from host.positions.reconcile import Break, Reconciler, compare
from host.universe import Universe

UNIVERSE = Universe.grid(("AAPL",), ("XTGA", "XTGB"))
ORDER = NewOrder(1, "AAPL", Side.SELL_SHORT, 70, 10_000, 0, venue=1)


class Exposure(NamedTuple):
    position: int = 0
    open_buy: int = 0
    open_sell: int = 0


AGREED = {0: Exposure(100), 1: Exposure(-30, 0, 70)}


def report(exec_id, exec_type, qty=0):
    return Report(1, exec_id, exec_type, "", "AAPL", Side.SELL_SHORT, 1, qty, 10_000 if qty else 0)


def desk():
    positions, oms = Positions(), Oms()
    positions.on_fill("AAPL", 0, Side.BUY, 100, 10_000)
    positions.on_fill("AAPL", 1, Side.SELL, 30, 10_000)
    oms.on_new(ORDER)
    oms.on_report(report("A", "0"))
    oms.commit()
    return positions, oms


def reconciler(positions, oms, exposures, drain=lambda: None):
    return Reconciler(UNIVERSE, positions, oms, lambda: exposures, drain)


def test_agreement_is_silent():
    positions, oms = desk()
    assert compare(UNIVERSE, positions, oms.live, AGREED) == []
    assert reconciler(positions, oms, AGREED).check() == []


def test_every_difference_is_named():
    positions, oms = desk()
    breaks = reconciler(positions, oms, {0: Exposure(90, 5), 1: Exposure(-30)}).check()
    assert breaks == [
        Break("AAPL", "XTGA", "position", 100, 90), Break("AAPL", "XTGA", "open buy", 0, 5),
        Break("AAPL", "XTGB", "open sell", 70, 0)]
    assert str(breaks[0]) == "desk and NIC differ: AAPL on XTGA, position: 100 and 90"


def test_nothing_is_said_while_something_is_in_flight():
    positions, oms = desk()
    wrong = {0: Exposure(), 1: Exposure()}
    oms.on_cancel(CancelOrder(2, 1, "AAPL", Side.SELL_SHORT, 70, 0))
    oms.commit()
    assert reconciler(positions, oms, wrong).check() is None, "a cancel is not answered"
    oms.on_report(report("B", "4"))
    assert reconciler(positions, oms, wrong).check() is None, "a report is not durable, so positions do not know it"
    oms.commit()
    assert reconciler(positions, oms, wrong).check()
    oms.on_new(NewOrder(3, "AAPL", Side.BUY, 70, 10_000, 0, venue=1))
    oms.commit()
    assert reconciler(positions, oms, wrong).check() is None, "an order is not acknowledged"


def test_a_report_that_comes_up_with_the_registers_makes_it_try_again():
    positions, oms = desk()
    late = [None, report("B", "F", 30)]

    def drain():
        if one := late.pop(0) if late else None:
            positions.on_report(one)
            oms.on_report(one)
            oms.commit()

    exposures = {0: Exposure(100), 1: Exposure(-60, 0, 40)}
    again = reconciler(positions, oms, exposures, drain)
    assert again.check() is None
    assert again.check() == []
