"""Desk against NIC: agreement is silent, every difference is named."""

from typing import NamedTuple

from hdl.layouts import Side
from host.messages import NewOrder
from host.oms.oms import Oms
from host.positions.positions import Positions
from host.positions.reconcile import Difference, reconcile
from host.universe import Universe

UNIVERSE = Universe.grid(("AAPL",), ("XTGA", "XTGB"))


class Exposure(NamedTuple):
    position: int = 0
    open_buy: int = 0
    open_sell: int = 0


def desk():
    positions, oms = Positions(), Oms()
    positions.on_fill("AAPL", 0, Side.BUY, 100, 10_000)
    positions.on_fill("AAPL", 1, Side.SELL, 30, 10_000)
    oms.on_new(NewOrder(1, "AAPL", Side.SELL_SHORT, 70, 10_000, 0, venue=1))
    return positions, oms


def test_agreement_is_silent():
    positions, oms = desk()
    assert reconcile(UNIVERSE, positions, oms.live, {0: Exposure(100), 1: Exposure(-30, 0, 70)}) == []


def test_every_difference_is_named():
    positions, oms = desk()
    assert reconcile(UNIVERSE, positions, oms.live, {0: Exposure(90, 5), 1: Exposure(-30)}) == [
        Difference("AAPL", "XTGA", "position", 100, 90), Difference("AAPL", "XTGA", "open buy", 0, 5),
        Difference("AAPL", "XTGB", "open sell", 70, 0)]
