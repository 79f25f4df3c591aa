"""TCA: slippage and spread against worked examples, and the score that follows."""

import pytest

from hdl.layouts import Side
from host.marketdata.books import Top
from host.messages import NewOrder, Report
from host.tca.tca import Tca


def top(bid, ask):
    return Top(0, bid, 1, ask, 1, 0, 0, 1, 1)


TAKES = True


def order(order_id=1, side=Side.BUY, qty=100, venue=0, price=1_000_200):
    return NewOrder(order_id, "AAPL", side, qty, price, 3, venue=venue)


def test_taking_and_resting_are_scored_apart():
    tca = Tca(miss_cost=1_000, enough=1)
    tca.on_order(order(1), top(1_000_000, 1_000_200))
    tca.on_fill(fill(100, 1_000_200), None)
    tca.on_order(order(2, price=1_000_000), top(1_000_000, 1_000_200))
    assert (tca.score(0, TAKES), tca.score(0, not TAKES)) == (-10_000, -1_000)
    tca.on_fill(fill(100, 1_000_000, 2), None)
    assert tca.score(0, not TAKES) == 10_000
    assert tca.score(1, TAKES) == 0


def fill(qty, price, order_id=1, side=Side.BUY):
    return Report(order_id, f"{order_id}/{qty}", "F", "", "AAPL", side, 0, qty, price)


def test_a_buy_above_the_mid_costs():
    tca = Tca()
    tca.on_order(order(), top(1_000_000, 1_000_200))              # mid 1,000,100
    score = tca.on_fill(fill(60, 1_000_200), top(1_000_100, 1_000_300))  # mid now 1,000,200
    assert score.slippage == 100 * 100      # 0.01 USD a share, in 1e-6 USD
    assert score.effective_spread == 0      # paid the mid of the moment
    assert score.fill_ratio == 600


def test_a_sell_above_the_mid_gains():
    tca = Tca()
    tca.on_order(order(side=Side.SELL), top(1_000_000, 1_000_200))
    assert tca.on_fill(fill(100, 1_000_150, side=Side.SELL), top(1_000_000, 1_000_200)).slippage == -50 * 100


def test_half_units_of_the_mid_are_kept():
    tca = Tca()
    tca.on_order(order(), top(1_000_000, 1_000_001))
    assert tca.on_fill(fill(100, 1_000_001), None).slippage == 50  # half of 1e-4 USD


def test_score_waits_for_enough_orders_and_prefers_cheap_and_filled():
    tca = Tca(miss_cost=1_000, enough=2)
    for n, venue, price, filled in ((1, 0, 1_000_200, 100), (2, 1, 1_000_100, 100), (3, 0, 1_000_200, 100)):
        tca.on_order(order(n, venue=venue), top(1_000_000, 1_000_200))
        tca.on_fill(fill(filled, price, n), None)
    assert tca.score(1, TAKES) == 0, "one order is not enough"
    assert tca.score(0, TAKES) == -100 * 100
    tca.on_order(order(4, venue=1), top(1_000_000, 1_000_200))
    assert tca.score(1, TAKES) == -500, "half of what was sent was missed"


def test_what_cannot_be_measured_is_counted_and_ignored():
    tca = Tca()
    tca.on_order(order(), None)
    tca.on_order(order(2), Top(0, 100, 1, 0, 0, 0, 0, 1, 1))
    assert tca.unmeasured == 2
    assert tca.on_fill(fill(100, 1_000_000), None) is None


def test_strategies_are_summed_apart():
    tca = Tca()
    tca.on_order(order(), top(1_000_000, 1_000_200))
    tca.on_fill(fill(100, 1_000_200), None)
    assert tca.strategies[3].filled_qty == 100


@pytest.mark.parametrize("price", [1_000_100 + 33, 1_000_100 - 33])
def test_shares_of_a_unit_round_towards_zero(price):
    tca = Tca()
    tca.on_order(order(qty=3), top(1_000_100, 1_000_101))
    tca.on_fill(fill(3, price), None)
    exact = (2 * price - 2_000_201) * 50
    assert tca.measure(0).slippage == int(exact)
