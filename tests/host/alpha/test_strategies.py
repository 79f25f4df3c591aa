"""Signals and the two strategies, driven by hand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hdl.layouts import Condition, Side
from host.alpha.maker import Maker, MakerParameters
from host.alpha.signals import imbalance, microprice, round_down, round_up
from host.alpha.strategy import Arm, Context, Disarm, Propose, Replace, Withdraw
from host.alpha.taker import ImbalanceTaker, TakerParameters
from host.ems.ids import OrderIds
from host.marketdata.books import Books, Top
from host.messages import CANCELED, NEW, REPLACED, TRADE, Rejection, Report
from host.risk.utilisation import Utilisation
from host.tca.scores import VenueScore
from host.universe import Universe

UNIVERSE = Universe.grid(("AAPL",), ("XTGA", "XTGB"))
SIZES = st.integers(1, 10**6)


def top(bid=10_000, bid_qty=100, ask=10_200, ask_qty=100, symbol=0, inexact=0):
    return Top(symbol, bid, bid_qty, ask, ask_qty, inexact, 0, 1, 1)


@given(st.integers(1, 2**31), st.integers(1, 10_000), SIZES, SIZES)
def test_the_microprice_lies_between_bid_and_ask_and_leans_to_the_thin_side(bid, spread, bid_qty, ask_qty):
    one = top(bid, bid_qty, bid + spread, ask_qty)
    assert one.bid <= microprice(one) <= one.ask
    assert (2 * microprice(one) <= one.twice_mid) or bid_qty >= ask_qty
    assert imbalance(one) + imbalance(one, Side.SELL) in (255, 256)


@given(st.integers(0, 10**9), st.integers(1, 10_000))
def test_rounding_to_ticks(price, tick):
    assert round_down(price, tick) <= price <= round_up(price, tick)
    assert round_down(price, tick) % tick == round_up(price, tick) % tick == 0
    assert price - round_down(price, tick) < tick
    assert round_up(price, tick) - price < tick


class World:
    def __init__(self, strategy, **more):
        self.books, self.ids, self.held, self.now = Books(), OrderIds(16), 0, 0
        self.context = Context(0, UNIVERSE, self.books, lambda: self.ids.take(self.now),
                               lambda order_id: self.ids.give_back(order_id, self.now), lambda stock: self.held)
        self.strategy = strategy(self.context, **more)

    def see(self, one, later=10_000_000):
        self.now += later
        self.books.tops[one.symbol] = one
        return self.strategy.on_top(one, self.now)


def report(order_id, exec_type, leaves=0, qty=0, **more):
    return Report(order_id, "", exec_type, "", "AAPL", Side.BUY, 0, qty, 10_000, leaves, **more)


def quotes(actions):
    return {action.side: action.price for action in actions if isinstance(action, Propose)}


def test_the_maker_quotes_both_sides_and_never_crosses():
    world = World(Maker)
    assert quotes(world.see(top())) == {Side.BUY: 10_000, Side.SELL: 10_200}


@given(st.integers(100, 10**6), st.integers(1, 50), SIZES, SIZES, st.integers(-900, 900))
def test_no_quote_crosses_whatever_the_market_and_the_position(ticks, spread, bid_qty, ask_qty, held):
    world = World(Maker)
    world.held = held
    one = top(ticks * 100, bid_qty, (ticks + spread) * 100, ask_qty)
    prices = quotes(world.see(one))
    assert prices.get(Side.BUY, 0) < one.ask
    assert prices.get(Side.SELL, 10**9) > one.bid
    assert all(price % 100 == 0 for price in prices.values())


def test_inventory_moves_both_quotes_against_it():
    flat, long = World(Maker), World(Maker)
    long.held = 800
    a, b = quotes(flat.see(top(10_000, 1, 11_000, 1))), quotes(long.see(top(10_000, 1, 11_000, 1)))
    assert b[Side.BUY] < a[Side.BUY]
    assert b[Side.SELL] < a[Side.SELL]


def test_no_quote_beyond_the_inventory_limit():
    world = World(Maker, parameters=MakerParameters(max_inventory=500))
    world.held = 450
    assert set(quotes(world.see(top()))) == {Side.SELL}


def test_a_quote_is_pulled_when_the_market_moves_and_replaced_once_canceled():
    world = World(Maker)
    bid = next(action for action in world.see(top()) if action.side == Side.BUY)
    assert world.see(top(10_100, 100, 10_300, 100)) == []  # within the hysteresis
    pulled = world.see(top(11_000, 100, 11_200, 100))
    assert Withdraw(bid.order_id) in pulled
    assert world.see(top(12_000, 100, 12_200, 100)) == []  # on its way
    world.now += 10_000_000
    again = world.strategy.on_report(report(bid.order_id, CANCELED), world.now)
    assert quotes(again) == {Side.BUY: 12_000}


def test_a_filled_quote_is_replaced_and_a_partly_filled_one_stays():
    world = World(Maker)
    bid = next(action for action in world.see(top()) if action.side == Side.BUY)
    world.now += 10_000_000
    assert world.strategy.on_report(report(bid.order_id, NEW, leaves=100), world.now) == []
    assert world.strategy.on_report(report(bid.order_id, TRADE, leaves=40, qty=60), world.now) == []
    assert quotes(world.strategy.on_report(report(bid.order_id, TRADE, qty=40), world.now)) == {Side.BUY: 10_000}


def test_quotes_step_back_when_their_fills_are_followed_by_losses():
    world = World(Maker)
    for venue in (0, 1):
        world.context.scores.on_score(VenueScore(venue, False, 0, 20, 20, 500, 20_000, -20_000))
    assert quotes(world.see(top())) == {Side.BUY: 9_800, Side.SELL: 10_400}


def test_as_a_limit_fills_up_the_maker_leans_harder_and_then_only_reduces():
    def asks(used):
        world = World(Maker)
        world.held = 300
        world.context.appetite.on_utilisation(Utilisation("firm.loss_usd", used, 1_000))
        return quotes(world.see(top(10_000, 1, 12_000, 1)))

    assert asks(750)[Side.BUY] < asks(0)[Side.BUY]
    assert set(asks(900)) == {Side.SELL}


def test_order_flow_moves_the_quotes_with_it():
    world = World(Maker, parameters=MakerParameters(flow=512))
    for qty in (500, 500, 500):
        world.see(top(10_000, qty, 10_600, qty))
    calm = top(10_000, 500, 10_600, 500)
    assert world.strategy._fair([calm], 100) == 10_300
    world.see(top(10_000, 900, 10_600, 500))
    world.see(calm)
    world.see(top(10_000, 500, 10_600, 100))
    assert world.strategy._fair([calm], 100) > 10_300


def test_a_rejected_quote_waits():
    world = World(Maker)
    bid = next(action for action in world.see(top()) if action.side == Side.BUY)
    world.strategy.on_rejection(Rejection(bid.order_id, "AAPL", Side.BUY, 100, 10_000, 0, 1), world.now)
    assert quotes(world.see(top(), later=1)) == {}
    assert Side.BUY in quotes(world.see(top()))


def test_an_unusable_book_quotes_nothing_and_pulls():
    world = World(Maker)
    assert world.see(top(inexact=1)) == []
    assert len(world.see(top())) == 2
    assert all(isinstance(action, Withdraw) for action in world.see(top(inexact=1)))


@pytest.mark.parametrize(("one", "condition", "side"), [
    (top(bid_qty=900, ask_qty=100), Condition.IMBALANCE, Side.BUY),
    (top(bid_qty=100, ask_qty=900), Condition.IMBALANCE, Side.SELL),
    (top(bid_qty=110, ask_qty=100), Condition.CROSS, Side.BUY),
    (top(bid_qty=90, ask_qty=100), Condition.CROSS, Side.SELL),
])
def test_the_taker_arms_the_side_the_queue_leans_to(one, condition, side):
    (arm,) = World(ImbalanceTaker).see(one)
    assert (arm.condition, arm.side, arm.symbol) == (condition, side, 0)
    assert (arm.price <= one.ask) if side == Side.BUY else (arm.price >= one.bid)


def test_the_taker_arms_a_smaller_size_where_its_own_is_dear():
    world = World(ImbalanceTaker, parameters=TakerParameters(qty=400))
    for size, score in ((0, -3_000), (1, -3_500), (2, -12_000)):
        world.context.scores.on_score(VenueScore(0, True, size, 20, 20, 900, -score, score))
    (arm,) = world.see(top(bid_qty=900))
    assert arm.qty == 200
    (elsewhere,) = world.see(top(bid_qty=900, symbol=1))
    assert elsewhere.qty == 400
    assert world.context.effects.summary(("XTGA", "XTGB"))["held_back"] == {"XTGA": 200}


def test_the_taker_arms_once_rearms_on_change_and_rests_after_firing():
    world = World(ImbalanceTaker)
    (first,) = world.see(top(bid_qty=900))
    assert world.see(top(bid_qty=900)) == []
    (second,) = world.see(top(bid_qty=100, ask_qty=900))
    assert isinstance(second, Arm)
    assert second.order_id != first.order_id
    assert world.ids.in_use == 1
    world.strategy.on_fired(second.order_id, 0, world.now)
    assert world.see(top(bid_qty=900), later=1_000) == []
    assert len(world.see(top(bid_qty=900))) == 1


def test_the_taker_turns_round_at_its_inventory_limit_and_disarms_without_a_book():
    world = World(ImbalanceTaker)
    world.held = 600
    (arm,) = world.see(top(bid_qty=900))
    assert arm.side == Side.SELL
    assert world.see(top(inexact=1)) == [Disarm(0)]
    assert world.ids.in_use == 0


def test_whatever_happens_the_maker_has_one_order_a_side_and_pulls_only_what_works(rng):
    """Tops, fills, cancels, rejections and refused cancels in any order, at any distance in time."""
    world = World(Maker, parameters=MakerParameters(hysteresis=0))
    working: dict[int, Side] = {}
    pulled: set[int] = set()
    for _ in range(3_000):
        world.now += rng.choice((1, 1_000, 300_000, 5_000_000))
        order_id = rng.choice(list(working)) if working else 0
        event = rng.choice(("top", "top", "fill", "part", "cancel", "reject", "refuse")) if order_id else "top"
        if event == "top":
            bid = 10_000 + rng.randrange(20) * 100
            one = top(bid, rng.randint(1, 900), bid + 100 * rng.randint(1, 4), rng.randint(1, 900), rng.randrange(2),
                      rng.random() < 0.1)
            world.books.tops[one.symbol] = one
            actions = world.strategy.on_top(one, world.now)
        elif event == "refuse":
            pulled.discard(order_id)
            actions = world.strategy.on_cancel_rejected(order_id, world.now)
        elif event == "part":
            actions = world.strategy.on_report(report(order_id, TRADE, leaves=40, qty=60), world.now)
        else:
            del working[order_id]
            pulled.discard(order_id)
            world.ids.give_back(order_id, world.now)
            actions = (world.strategy.on_rejection(Rejection(order_id, "AAPL", Side.BUY, 100, 10_000, 0, 1), world.now)
                       if event == "reject" else
                       world.strategy.on_report(report(order_id, TRADE if event == "fill" else CANCELED), world.now))
        for action in actions:
            if isinstance(action, Propose):
                assert action.side not in working.values()
                working[action.order_id] = action.side
            else:
                assert action.order_id in working
                assert action.order_id not in pulled
                pulled.add(action.order_id)
    assert world.ids.in_use == len(working)


def test_a_maker_that_replaces_moves_its_quote_in_one_step():
    world = World(Maker, parameters=MakerParameters(replace=True))
    bid = next(action for action in world.see(top()) if action.side == Side.BUY)
    moved = next(action for action in world.see(top(12_000, 100, 12_200, 100))
                 if isinstance(action, Replace) and action.order_id == bid.order_id)
    assert (moved.qty, moved.price > bid.price) == (100, True)
    later = world.see(top(14_000, 100, 14_200, 100))
    assert not [action for action in later if getattr(action, "order_id", 0) == bid.order_id], "one at a time"
    world.strategy.on_report(report(bid.order_id, REPLACED, request_id=moved.new_id), world.now)
    again = next(action for action in world.see(top(14_000, 100, 14_200, 100))
                 if isinstance(action, Replace) and action.order_id == moved.new_id)
    world.strategy.on_rejection(Rejection(again.new_id, "AAPL", Side.BUY, 100, 1, 0, 0), world.now)
    assert world.strategy.quotes["AAPL", Side.BUY].order_id == moved.new_id, "the quote stands where it stood"
    assert world.strategy.on_report(report(moved.new_id, TRADE, qty=100), world.now) is not None
    assert moved.new_id not in world.strategy._by_id
