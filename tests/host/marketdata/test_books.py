"""Books from records: the newest top counts, depth is replaced part by part."""

import numpy as np

from hdl.layouts import BOOK_LEVELS, BOOK_TOP, Side
from host.marketdata.books import Books


def top(seq, bid=100, ask=110, symbol=0, **more):
    return BOOK_TOP.make(symbol=symbol, bid_price=bid, bid_qty=3, ask_price=ask, ask_qty=4, seq=seq, time=seq, **more)


def levels(first, pairs, side=Side.BUY, symbol=0):
    values = {f"{name}{n}": value for n, pair in enumerate(pairs)
              for name, value in zip(("price", "qty"), pair, strict=True)}
    return BOOK_LEVELS.make(symbol=symbol, side=side, first=first, exact=1, **values)


def test_tops_in_order_and_by_symbol():
    books = Books()
    changed = books.on_tops(np.concatenate([top(1), top(2, bid=101), top(2, symbol=5)]))
    assert [(one.symbol, one.bid, one.seq) for one in changed] == [(0, 100, 1), (0, 101, 2), (5, 100, 2)]
    assert books.tops[0].bid == 101


def test_an_older_top_is_ignored_and_counted():
    books = Books()
    books.on_tops(top(5, bid=105))
    assert books.on_tops(top(4, bid=104)) == []
    assert (books.tops[0].bid, books.stale) == (105, 1)


def test_a_change_of_exactness_has_the_same_number_and_counts():
    books = Books()
    books.on_tops(top(5))
    books.on_tops(top(5, inexact=2, flags=1))
    assert not books.tops[0].usable


def test_usable():
    books = Books()
    for seq, (bid, ask, inexact, crossed, usable) in enumerate((
            (100, 110, 0, 0, True), (0, 110, 0, 0, False), (100, 0, 0, 0, False), (110, 110, 0, 1, False),
            (100, 110, 4, 0, False))):
        (one,) = books.on_tops(top(seq, bid, ask, inexact=inexact, crossed=crossed))
        assert one.usable is usable


def test_depth_grows_and_shrinks():
    books = Books()
    ten = [(100 - n, n + 1) for n in range(10)]
    books.on_levels(np.concatenate([levels(0, ten[:5]), levels(5, ten[5:])]))
    assert books.depth(0, Side.BUY) == ten
    books.on_levels(np.concatenate([levels(0, ten[1:6]), levels(5, ten[6:])]))
    assert books.depth(0, Side.BUY) == ten[1:]
    books.on_levels(np.concatenate([levels(0, ten[:2]), levels(5, [])]))
    assert books.depth(0, Side.BUY) == ten[:2]
    books.on_levels(np.concatenate([levels(0, []), levels(5, [])]))
    assert books.depth(0, Side.BUY) == []
    assert books.depth(0, Side.SELL) == []
