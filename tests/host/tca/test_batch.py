"""The batch form gives what the streaming form gives, to the last unit, on any day."""

import numpy as np
import pytest

from hdl.layouts import Side
from host.messages import NewOrder, Report
from host.tca import batch
from host.tca.bench import day
from host.tca.sums import HORIZONS, Column, total
from host.tca.tca import Tca

T = 1_767_623_400 * 10**9


class Day:
    """One random day, told to the streaming form as it happens and kept for the batch."""

    def __init__(self, rng):
        self.rng, self.now, self.tca = rng, T, Tca()
        self.orders, self.fills, self.quotes, self.trades = [], [], [], []
        self.live, self.newest = [], {}

    def run(self, steps):
        actions = (self.quote, self.quote, self.trade, self.order, self.fill, self.fill, self.end)
        for _ in range(steps):
            self.now += self.rng.choice((0, 1, 500, 30_000, 400_000, 2_000_000))
            self.rng.choice(actions)()
        self.now += self.rng.choice((0, HORIZONS[1]))
        self.tca.advance(self.now)
        return [np.array(rows, dtype) for rows, dtype in (
            (self.orders, batch.ORDERS), (self.fills, batch.FILLS), (self.quotes, batch.QUOTES),
            (self.trades, batch.TRADES))]

    def quote(self):
        symbol, bid = self.rng.randrange(4), 1_000_000 + self.rng.randrange(-50, 50) * 100
        self.now += 1
        time = self.now
        if symbol in self.newest and self.rng.random() < 0.2:
            time = self.newest[symbol] - 10  # late: it is ignored
        self.newest[symbol] = max(time, self.newest.get(symbol, 0))
        ask = bid + self.rng.randint(1, 400)
        self.tca.on_quote(symbol, time, bid, ask)
        self.quotes.append((symbol, time, bid, ask))

    def trade(self):
        stock, qty = self.rng.randrange(2), self.rng.randint(1, 900)
        price = 1_000_000 + self.rng.randrange(-5_000, 5_000)
        self.now += 1
        self.tca.on_trade(str(stock), self.now, price, qty)
        self.trades.append((stock, self.now, price, qty))

    def order(self):
        n, symbol = len(self.orders), self.rng.randrange(4)
        side, qty = self.rng.choice(list(Side)), self.rng.randint(1, 2_000)
        price, decided = 1_000_000 + self.rng.randrange(-50, 50) * 100, self.now - self.rng.choice((0, 40, 90_000))
        strategy, venue = self.rng.randrange(3), symbol % 2
        self.orders.append((symbol, symbol // 2, venue, strategy, side, qty, price, decided, self.now, 0))
        self.tca.on_order(NewOrder(n, str(symbol // 2), side, qty, price, strategy, venue=venue), symbol, decided,
                          self.now)
        self.live.append([n, qty])

    def fill(self):
        if self.live:
            one = self.rng.choice(self.live[-8:])
            qty = self.rng.randint(1, one[1])
            n, price, fee = one[0], 1_000_000 + self.rng.randrange(-6_000, 6_000), self.rng.randrange(-20, 30) * qty
            one[1] -= qty
            time = self.now - self.rng.choice((0, 0, 7))
            self.tca.on_fill(Report(n, f"E{len(self.fills)}", "F", "", "", Side.BUY, 0, qty, price), time, fee)
            self.fills.append((n, time, qty, price, fee))
            if not one[1]:
                self.finish(one)

    def end(self):
        if self.live:
            self.finish(self.rng.choice(self.live))

    def finish(self, one):
        self.live.remove(one)
        self.tca.on_end(one[0], self.now)
        self.orders[one[0]] = (*self.orders[one[0]][:-1], self.now)


@pytest.mark.parametrize("steps", [0, 1, 10, 300, 6_000])
def test_streaming_and_batch_agree_exactly(rng, steps):
    for _ in range(20 if steps < 1_000 else 1):
        one = Day(rng)
        arrays = one.run(steps)
        assert batch.measure(*arrays, until=one.now) == one.tca.cells


def test_every_measure_is_exercised(rng):
    one = Day(rng)
    one.run(6_000)
    assert all(total(one.tca.cells).values)


def test_fills_out_of_order_give_the_same(rng):
    orders, fills, quotes, trades = day(4_000)
    until = int(fills["time"].max()) + HORIZONS[-1]
    mixed = fills.copy()
    np.random.default_rng(rng.randrange(2**32)).shuffle(mixed)
    assert batch.measure(orders, fills, quotes, trades, until) == batch.measure(orders, mixed, quotes, trades, until)


def test_what_does_not_fit_or_cannot_be_is_said():
    orders, fills, quotes, trades = day(400)
    fills["price"] = 1 << 40
    fills["qty"] = 1 << 20
    with pytest.raises(OverflowError, match="64 bits"):
        batch.measure(orders, fills, quotes, trades, 0)
    fills["price"] = -1
    with pytest.raises(ValueError, match="price must be positive, row 0"):
        batch.measure(orders, fills, quotes, trades, 0)
    fills["order"] = 9_999
    with pytest.raises(ValueError, match="names order 9999"):
        batch.measure(orders, fills, quotes, trades, 0)


def test_a_day_without_a_book_measures_nothing():
    orders, fills, quotes, trades = day(400)
    assert batch.measure(orders, fills, quotes[:0], trades, 0) == {}
    cells = batch.measure(orders, fills[:0], quotes, trades[:0], 0)
    assert total(cells)[Column.ORDERS] == len(orders)
