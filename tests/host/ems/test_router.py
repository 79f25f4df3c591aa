"""Routing: best price, then score, then the shorter queue."""

import pytest

from hdl.layouts import Side
from host.ems.router import Router
from host.marketdata.books import Books, Top
from host.messages import DAY, IOC, NewOrder
from host.universe import Universe

UNIVERSE = Universe.grid(("AAPL",), ("XTGA", "XTGB"))


def router(tops, scores=(0, 0)):
    books = Books()
    for symbol, (bid, bid_qty, ask, ask_qty, *inexact) in enumerate(tops):
        books.tops[symbol] = Top(symbol, bid, bid_qty, ask, ask_qty, sum(inexact), 0, 1, 1)
    return Router(UNIVERSE, books, lambda venue, takes: scores[venue])


def order(side, price, tif=DAY):
    return NewOrder(1, "AAPL", side, 100, price, 0, tif)


EVEN = [(100, 5, 110, 5), (100, 5, 110, 5)]


@pytest.mark.parametrize(("tops", "scores", "asked", "venue"), [
    (EVEN, (0, 0), order(Side.BUY, 110, IOC), 0),
    ([(100, 5, 110, 5), (100, 5, 109, 5)], (9, 0), order(Side.BUY, 110, IOC), 1),      # price before score
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
