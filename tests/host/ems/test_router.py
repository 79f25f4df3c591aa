"""Routing: best price after the score, then the shorter queue; exploration and what the score changed."""

import pytest

from hdl.layouts import Side
from host.ems.router import Router
from host.marketdata.books import Books, Top
from host.messages import DAY, IOC, NewOrder
from host.tca.scores import Scores, VenueScore
from host.universe import Universe

UNIVERSE = Universe.grid(("AAPL",), ("XTGA", "XTGB"))


def router(tops, scores=(0, 0), **more):
    books, known = Books(), Scores()
    for symbol, (bid, bid_qty, ask, ask_qty, *inexact) in enumerate(tops):
        books.tops[symbol] = Top(symbol, bid, bid_qty, ask, ask_qty, sum(inexact), 0, 1, 1)
        for takes in (True, False):
            known.on_score(VenueScore(symbol, takes, 0, 9, 9, 1000, 0, scores[symbol]))
    return Router(UNIVERSE, books, known, **more)


def order(side, price, tif=DAY):
    return NewOrder(1, "AAPL", side, 100, price, 0, tif)


EVEN = [(100, 5, 110, 5), (100, 5, 110, 5)]


@pytest.mark.parametrize(("tops", "scores", "asked", "venue"), [
    (EVEN, (0, 0), order(Side.BUY, 110, IOC), 0),
    ([(100, 5, 110, 5), (100, 5, 109, 5)], (99, 0), order(Side.BUY, 110, IOC), 1),     # a unit of price is 100 of score
    ([(100, 5, 110, 5), (100, 5, 109, 5)], (101, 0), order(Side.BUY, 110, IOC), 0),
    ([(101, 5, 110, 5), (100, 5, 109, 5)], (0, 9), order(Side.SELL, 100, IOC), 0),
    (EVEN, (0, 9), order(Side.BUY, 110, IOC), 1),                                     # then score
    ([(100, 5, 110, 5), (100, 5, 109, 5)], (9, 0), order(Side.BUY, 109), 1),          # marketable though it may rest
    (EVEN, (0, 9), order(Side.BUY, 100), 1),                                          # resting: score
    ([(100, 9, 110, 5), (100, 5, 110, 5)], (0, 0), order(Side.BUY, 100), 1),          # then the shorter queue
    ([(100, 9, 110, 5), (100, 5, 110, 9)], (0, 0), order(Side.SELL, 110), 0),
    ([(100, 5, 110, 5), (99, 9, 110, 5)], (0, 0), order(Side.BUY, 100), 1),           # betters the price there
    ([(100, 5, 110, 5, 1), (90, 5, 120, 5)], (9, 0), order(Side.BUY, 120, IOC), 1),   # an inexact book is no book
])
def test_choice(tops, scores, asked, venue):
    assert router(tops, scores).choose(asked) == venue


def test_no_book_no_venue():
    assert router([(100, 5, 110, 5, 1), (0, 0, 110, 5)]).choose(order(Side.BUY, 100)) is None


def test_a_closed_venue_is_left_out():
    closing = router(EVEN)
    closing.closed.add(0)
    assert closing.choose(order(Side.BUY, 110, IOC)) == 1


def test_exploration_is_a_share_of_the_orders_and_repeats_with_its_seed():
    def routes(seed):
        one = router(EVEN, (0, -500), explore=100, seed=seed)
        found = [one.choose(order(Side.BUY, 110, IOC)) for _ in range(2_000)]
        assert one.effects.explored == {1: sum(found)}
        return found

    assert routes(1) == routes(1)
    assert routes(1) != routes(2)
    assert 140 < sum(routes(3)) < 260


def test_what_the_score_changed_is_counted():
    one = router(EVEN, (-300, 0))
    for price in (110, 100):
        assert one.choose(order(Side.BUY, price)) == 1
    assert one.effects.rerouted == {(0, 1): 2}
    same = router(EVEN, (0, -300))
    same.choose(order(Side.BUY, 110))
    assert not same.effects.rerouted


def test_what_is_equal_goes_to_the_venue_that_answers_sooner():
    one = router(EVEN)
    for venue, answer in ((0, 9_000), (1, 8_000)):
        one.scores.on_score(VenueScore(venue, True, 0, 9, 9, 1000, 0, 0, answer))
    assert one.choose(order(Side.BUY, 110, IOC)) == 1


def test_a_score_is_that_of_the_order_s_size():
    one = router(EVEN)
    one.scores.on_score(VenueScore(0, True, 2, 9, 9, 1000, 0, -5_000))
    large = NewOrder(1, "AAPL", Side.BUY, 400, 110, 0, IOC)
    assert (one.choose(order(Side.BUY, 110, IOC)), one.choose(large)) == (0, 1)
