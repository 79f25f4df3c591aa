"""TCA order by order: every measure against a worked example."""

import pytest

from hdl.layouts import Side
from host.messages import NewOrder, Report
from host.tca.sums import HORIZONS, Column, size_bucket, total
from host.tca.tca import Tca

T = 10**12


def order(order_id=1, side=Side.BUY, qty=100, venue=0, price=1_000_200):
    return NewOrder(order_id, "AAPL", side, qty, price, 3, venue=venue)


def fill(qty, price, order_id=1, side=Side.BUY, exec_id=None):
    return Report(order_id, exec_id or f"{order_id}/{qty}/{price}", "F", "", "AAPL", side, 0, qty, price)


@pytest.fixture
def tca():
    """The mid is 100.0100 USD, a spread of 0.02."""
    tca = Tca()
    tca.on_quote(0, T, 1_000_000, 1_000_200)
    return tca


def sums(tca):
    return total(tca.cells)


def test_a_buy_above_the_mid_costs_and_is_compared_with_the_mid_of_the_moment(tca):
    tca.on_order(order(), 0, T, T + 10)
    tca.on_quote(0, T + 20, 1_000_100, 1_000_300)
    tca.on_fill(fill(60, 1_000_200), T + 30)
    assert sums(tca).slippage == 100 * 100         # 0.01 USD a share, in 1e-6 USD
    assert sums(tca).effective_spread == 0         # paid the mid of the moment
    assert sums(tca).fill_ratio == 600


def test_a_sell_above_the_mid_gains(tca):
    tca.on_order(order(side=Side.SELL), 0, T, T)
    tca.on_fill(fill(100, 1_000_150, side=Side.SELL), T + 1)
    assert sums(tca).slippage == -50 * 100


def test_shortfall_is_delay_execution_fees_and_what_was_missed(tca):
    tca.on_quote(0, T + 100, 1_000_100, 1_000_300)             # 0.01 USD lost before it left
    tca.on_order(order(qty=200), 0, T + 50, T + 100)
    tca.on_fill(fill(100, 1_000_300), T + 110, fee=3_000)
    tca.on_quote(0, T + 200, 1_000_500, 1_000_700)
    tca.on_end(1, T + 300)                                     # 100 shares missed, the mid is 0.05 USD higher
    one = sums(tca)
    assert (one.delay, one.slippage, one.fee) == (10_000, 10_000, 3_000)
    assert one[Column.OPPORTUNITY2] == 2 * 500 * 100
    assert one.shortfall == (100 * 200 + 3_000 + 100 * 500) * 100 // 200
    assert one[Column.MISSED_QTY] == 100


def test_realised_spread_and_impact_make_up_the_effective_spread(tca):
    tca.on_order(order(), 0, T, T)
    tca.on_fill(fill(100, 1_000_200), T + 5)
    for horizon, move in zip(HORIZONS, (0, 150, -50), strict=True):
        tca.on_quote(0, T + horizon, 1_000_000 + move, 1_000_200 + move)
    tca.advance(T + 5 + HORIZONS[-1])
    one = sums(tca)
    assert one.effective_spread == 2 * 100 * 100
    assert [one.markout(n) for n in range(3)] == [-100 * 100, 50 * 100, -150 * 100]
    for n in range(3):
        assert one.effective_spread == one.realised_spread(n) + one.impact(n)


def test_a_horizon_is_marked_at_the_quote_in_force_then_and_not_before_it_came(tca):
    tca.on_order(order(), 0, T, T)
    tca.on_fill(fill(100, 1_000_100), T)
    tca.on_quote(0, T + HORIZONS[0], 1_000_100, 1_000_300)      # exactly at the horizon: in force
    assert sums(tca)[Column.MARKED_QTY] == 0
    tca.on_quote(0, T + HORIZONS[0] + 1, 1_000_900, 1_001_100)  # after it
    assert sums(tca).markout(0) == 100 * 100


def test_vwap_and_twap_over_the_life_of_the_order(tca):
    tca.on_trade("AAPL", T + 1_000, 999_000, 900)               # before it left
    tca.on_order(order(qty=100), 0, T, T + 2_000)
    tca.on_trade("AAPL", T + 3_000, 1_000_000, 100)
    tca.on_trade("AAPL", T + 4_000, 1_000_300, 200)
    tca.on_quote(0, T + 8_000, 1_000_400, 1_000_600)            # 6 us at 1,000,100, then 2 us at 1,000,500
    tca.on_fill(fill(100, 1_000_300), T + 9_000)
    tca.on_end(1, T + 10_000)
    assert sums(tca).vwap == (1_000_300 - 1_000_200) * 100
    assert sums(tca).twap == (1_000_300 - 1_000_200) * 100


def test_no_market_trades_no_vwap(tca):
    tca.on_order(order(), 0, T, T)
    tca.on_fill(fill(100, 1_000_300), T + 1)
    tca.on_end(1, T + 2)
    assert sums(tca)[Column.VWAP_QTY] == 0
    assert sums(tca)[Column.TWAP_QTY] == 100


def test_a_fill_after_the_end_is_not_missed_any_more(tca):
    tca.on_order(order(), 0, T, T)
    tca.on_end(1, T + 10)
    assert sums(tca)[Column.MISSED_QTY] == 100
    tca.on_fill(fill(40, 1_000_200), T + 20)
    assert sums(tca)[Column.MISSED_QTY] == 60
    assert sums(tca)[Column.TWAP_QTY] == 40


@pytest.mark.parametrize("marked", [False, True])
@pytest.mark.parametrize("ended", [False, True])
def test_a_busted_fill_leaves_no_trace(tca, marked, ended):
    tca.on_order(order(), 0, T, T)
    tca.on_fill(fill(60, 1_000_200, exec_id="stays"), T + 1, 5)
    if ended:
        tca.on_end(1, T + 2)
    tca.advance(T + 1 + HORIZONS[-1])
    before = list(sums(tca).values)
    tca.on_fill(fill(40, 1_000_100, exec_id="busted"), T + 3, 7)
    if marked:
        tca.advance(T + 3 + HORIZONS[-1])
    assert tca.take_back((0, "busted")).time == T + 3
    tca.advance(T + 3 + HORIZONS[-1])
    assert sums(tca).values == before
    assert tca.take_back((0, "busted")) is None


def test_an_order_is_closed_once_it_ended_and_its_fills_reached_the_main_horizon(tca):
    closed = []
    tca.on_closed = lambda measured: closed.append(measured.order.order_id)
    tca.on_order(order(), 0, T, T)
    tca.on_fill(fill(100, 1_000_200), T)
    tca.on_end(1, T + 1)
    assert closed == []
    tca.advance(T + HORIZONS[1])
    tca.advance(T + HORIZONS[2])
    assert closed == [1]
    tca.on_order(order(2), 0, T, T)
    tca.on_end(2, T + 1)
    assert closed == [1, 2], "one without fills waits for nothing"


def test_without_a_book_an_order_is_counted_and_not_measured():
    tca = Tca()
    assert tca.on_order(order(), 0, T, T) is None
    tca.on_quote(0, T + 1, 1, 2)
    assert tca.on_order(order(2), 0, T, T) is None, "its book came after it had left"
    assert tca.unmeasured == 2
    assert tca.on_fill(fill(100, 1_000_000), T) is None
    assert tca.on_end(1, T) is None


def test_cells_keep_venue_manner_size_strategy_and_time_apart(tca):
    for n, (qty, price, later) in enumerate(((100, 1_000_200, 0), (101, 1_000_200, 0), (100, 1_000_199, 0),
                                             (100, 1_000_200, 3_600 * 10**9))):
        tca.on_order(order(n, qty=qty, price=price), 0, T + later, T + later)
    assert len(tca.cells) == 4
    assert {(key.takes, key.size) for key in tca.cells} == {(True, 0), (True, 1), (False, 0)}
    assert {key.strategy for key in tca.cells} == {3}
    assert [size_bucket(qty) for qty in (1, 100, 101, 1_600, 1_601)] == [0, 0, 1, 4, 5]


@pytest.mark.parametrize("price", [1_000_100 + 33, 1_000_100 - 33])
def test_shares_of_a_unit_round_towards_zero(price):
    tca = Tca()
    tca.on_quote(0, T, 1_000_100, 1_000_101)
    tca.on_order(order(qty=3), 0, T, T)
    tca.on_fill(fill(3, price), T)
    assert sums(tca).slippage == int((2 * price - 2_000_201) * 50)


def test_a_late_quote_is_ignored_and_one_of_the_same_time_replaces(tca):
    tca.on_quote(0, T - 1, 5, 6)
    tca.on_quote(0, T, 1_000_100, 1_000_300)
    tca.on_order(order(), 0, T, T)
    tca.on_fill(fill(100, 1_000_200), T)
    assert sums(tca).slippage == 0
