"""The matching engine against a model that keeps one list of orders and sorts it anew each time."""

import pytest

from hdl.layouts import Side
from sim.exchange.matching import Added, Book, Deleted, Executed, HiddenTrade, Reduced, Replaced, opposite

BUY, SELL = Side.BUY, Side.SELL


class Plain:
    """Orders as [ref, side, price, qty] in order of arrival."""

    def __init__(self):
        self.orders = []

    def ranked(self, side):
        """First to trade first."""
        key = (lambda order: -order[2]) if side is BUY else (lambda order: order[2])
        return sorted((order for order in self.orders if order[1] is side), key=key)

    def trade(self, side, qty, price):
        fills = []
        for order in self.ranked(opposite(side)):
            if not qty or (price is not None and (price < order[2] if side is BUY else price > order[2])):
                break
            traded = min(qty, order[3])
            qty, order[3] = qty - traded, order[3] - traded
            fills.append((order[0], traded, order[2]))
        self.orders = [order for order in self.orders if order[3]]
        return qty, fills

    def depth(self, side):
        levels = {}
        for order in self.ranked(side):
            levels[order[2]] = levels.get(order[2], 0) + order[3]
        return list(levels.items())


def fills(events):
    return [(event.ref, event.qty, event.price) for event in events if isinstance(event, Executed)]


def test_random_orders_match_as_in_the_plain_model(rng):
    book, plain = Book(), Plain()
    for _ in range(4000):
        refs = list(book.orders)
        choice = rng.random()
        side, qty = rng.choice((BUY, SELL)), rng.randint(1, 30)
        price = rng.randint(95, 105)
        if choice < 0.55 or not refs:
            immediate = rng.random() < 0.3
            limit = None if immediate and rng.random() < 0.3 else price
            ref, events = book.submit(side, qty, limit, rest=not immediate)
            left, expected = plain.trade(side, qty, limit)
            assert fills(events) == expected
            if left and not immediate:
                plain.orders.append([ref, side, price, left])
                assert events[-1] == Added(ref, side, price, left, "")
            else:
                assert ref == 0
        elif choice < 0.75:
            ref = rng.choice(refs)
            order = next(order for order in plain.orders if order[0] == ref)
            part = rng.choice((None, rng.randint(1, 30)))
            events = book.cancel(ref, part)
            if part is not None and part < order[3]:
                order[3] -= part
                assert events == [Reduced(ref, part)]
            else:
                plain.orders.remove(order)
                assert events == [Deleted(ref)]
        else:
            ref = rng.choice(refs)
            order = next(order for order in plain.orders if order[0] == ref)
            plain.orders.remove(order)
            new_ref, events = book.replace(ref, qty, price)
            left, expected = plain.trade(order[1], qty, price)
            assert fills(events) == expected
            if left:
                plain.orders.append([new_ref, order[1], price, left])
            if not expected:
                assert events == [Replaced(ref, new_ref, price, qty)]
        for each in (BUY, SELL):
            assert book.depth(each) == plain.depth(each)
            assert book.levels(each) == len(plain.depth(each))
        bid, ask = book.best(BUY), book.best(SELL)
        assert bid is None or ask is None or bid < ask
        assert set(book.orders) == {order[0] for order in plain.orders}


def test_time_priority_and_partial_fills():
    book = Book()
    first, _ = book.submit(SELL, 100, 50)
    second, _ = book.submit(SELL, 100, 50)
    better, _ = book.submit(SELL, 100, 49)
    _, events = book.submit(BUY, 250, 50)
    assert fills(events) == [(better, 100, 49), (first, 100, 50), (second, 50, 50)]
    assert book.depth(SELL) == [(50, 50)]
    assert [order.ref for order in book.queue(SELL, 50)] == [second]


def test_a_reduced_order_keeps_its_place_and_a_replaced_one_loses_it():
    book = Book()
    first, _ = book.submit(BUY, 100, 50)
    second, _ = book.submit(BUY, 100, 50)
    book.cancel(first, 40)
    assert [order.ref for order in book.queue(BUY, 50)] == [first, second]
    third, _ = book.replace(first, 60, 50)
    assert [order.ref for order in book.queue(BUY, 50)] == [second, third]


def test_a_replace_that_crosses_is_a_delete_and_a_new_order():
    book = Book()
    book.submit(SELL, 50, 51, owner="resting")
    ref, _ = book.submit(BUY, 100, 49, owner="mine")
    new_ref, events = book.replace(ref, 80, 51)
    assert events[0] == Deleted(ref)
    assert (events[1].aggressor, events[1].owner, events[1].qty) == ("mine", "resting", 50)
    assert events[2] == Added(new_ref, BUY, 51, 30, "")
    assert book.orders[new_ref].owner == "mine"


def test_improvement_is_for_the_aggressor_and_never_from_a_client():
    book = Book()
    book.submit(SELL, 100, 50_00)
    book.submit(SELL, 100, 50_00, owner="client")
    _, events = book.submit(BUY, 200, None, rest=False, improvement=7)
    assert [(event.price, event.displayed) for event in events] == [(49_93, False), (50_00, True)]
    book.submit(BUY, 100, 40_00)
    _, events = book.submit(SELL, 100, None, rest=False, improvement=7)
    assert events[0].price == 40_07


def test_numbers_are_given_once():
    book = Book()
    refs = [book.submit(BUY, 1, 10)[0] for _ in range(3)] + [book.replace(1, 1, 9)[0]]
    assert len(set(refs)) == 4
    matches = [event.match for event in book.submit(SELL, 3, 1)[1] if isinstance(event, Executed)]
    matches += [event.match for event in book.hidden_trade(BUY, 1, 5) if isinstance(event, HiddenTrade)]
    assert len(set(matches)) == 4


@pytest.mark.parametrize(("qty", "price"), [(0, 1), (-1, 1), (1, 0), (1, -5)])
def test_what_is_no_order(qty, price):
    with pytest.raises(ValueError, match="positive"):
        Book().submit(BUY, qty, price)
