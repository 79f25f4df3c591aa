"""Positions: average cost and P&L, exact to the last 1e-4 USD."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hdl.layouts import Side
from host.positions.positions import Fees, Positions

FILLS = st.lists(st.tuples(st.sampled_from([Side.BUY, Side.SELL, Side.SELL_SHORT]), st.integers(1, 5_000),
                           st.integers(1, 2_000_000), st.integers(0, 1), st.booleans()), max_size=40)


def test_buying_twice_and_selling_some():
    book = Positions((Fees(maker=-20, taker=30),))
    book.on_fill("AAPL", 0, Side.BUY, 100, 10_000)
    book.on_fill("AAPL", 0, Side.BUY, 100, 20_000)
    position = book.on_fill("AAPL", 0, Side.SELL, 50, 25_000, maker=True)
    assert (position.qty, position.cost, position.realised) == (150, 2_250_000, 500_000)
    assert position.fees == 200 * 30 - 50 * 20
    book.on_mark("AAPL", 16_000)
    assert position.unrealised == 150 * 1_000
    assert position.net == 500_000 + 150_000 - 5_000


def test_a_fill_through_zero_closes_and_opens():
    book = Positions()
    book.on_fill("X", 0, Side.BUY, 100, 10_000)
    position = book.on_fill("X", 0, Side.SELL, 300, 11_000)
    assert (position.qty, position.cost, position.realised) == (-200, -2_200_000, 100_000)
    book.on_fill("X", 0, Side.BUY, 200, 10_500)
    assert (position.qty, position.cost, position.realised) == (0, 0, 200_000)


@given(FILLS, st.integers(1, 2_000_000))
def test_pnl_is_cash_plus_value_whatever_the_order(fills, mark):
    book = Positions((Fees(-20, 30), Fees(-25, 28)))
    cash = held = fees = 0
    for side, qty, price, venue, maker in fills:
        book.on_fill("X", venue, side, qty, price, maker)
        sign = -1 if side & 1 else 1
        cash -= sign * qty * price
        held += sign * qty
        fees += qty * (book.fees[venue].maker if maker else book.fees[venue].taker)
    position = book.on_mark("X", mark)
    assert position.qty == held == sum(book.by_symbol.values())
    assert position.realised + position.unrealised == cash + held * mark
    assert position.fees == fees
    assert position.net == book.net
    assert position.qty == 0 or (position.cost > 0) == (position.qty > 0) or position.cost == 0
    assert position.qty or not position.cost


@pytest.mark.parametrize(("qty", "price"), [(0, 1), (-5, 1), (5, 0), (5, -1)])
def test_an_impossible_fill_is_refused_and_changes_nothing(qty, price):
    book = Positions()
    with pytest.raises(ValueError, match="cannot be"):
        book.on_fill("X", 0, Side.BUY, qty, price)
    assert not book.by_stock
