"""The flow of one book: it follows its own orders, stays on tick and lot, and moves with the value."""

from random import Random

import pytest

from hdl.layouts import Side
from sim.exchange.clients import Listing
from sim.exchange.flow import Flow, FlowRates, Value
from sim.exchange.matching import Book, Executed
from sim.exchange.stocks import Stock


def make(seed=1, **rates):
    stock = Stock("AAPL", 185_0000)
    return Flow(Listing(stock, 1, Book()), Value(stock), FlowRates(**rates), Random(seed))


def steps(flow, count, walk=True):
    rng = Random(2)
    for _ in range(count):
        if walk and rng.random() < 0.1:
            flow.value.step(rng)
        yield flow.step()


def test_it_knows_its_resting_orders():
    flow = make()
    flow.open()
    for _ in steps(flow, 3000):
        assert sorted(flow.live) == sorted(flow.listing.book.orders)


def test_orders_of_others_are_not_its_own():
    flow = make()
    flow.open()
    ref, events = flow.listing.book.submit(Side.BUY, 700, 184_9900, owner="client")
    flow.note(events)
    for _ in steps(flow, 2000):
        assert ref not in flow.live
    taken, events = flow.listing.book.submit(Side.SELL, 10**5, 1_0000, owner="client", rest=False)
    flow.note(events)
    assert taken == 0
    assert sorted(flow.live) == sorted(flow.listing.book.orders)


def test_everything_is_on_tick_and_in_lots():
    flow = make()
    flow.open()
    for events in steps(flow, 2000):
        for event in events:
            qty = getattr(event, "qty", 100)
            assert qty > 0
            if not isinstance(event, Executed):
                assert qty % 100 == 0
        assert all(order.price % 100 == 0 for order in flow.listing.book.orders.values())


def test_the_book_follows_the_value_both_ways():
    flow = make()
    flow.open()
    for target in (186_0000, 184_0000):
        flow.value.price = target
        for _ in steps(flow, 1500, walk=False):
            pass
        bid, ask = flow.listing.book.best(Side.BUY), flow.listing.book.best(Side.SELL)
        assert bid < ask
        assert abs((bid + ask) // 2 - target) < 1000


def test_divergence_begins_and_ends():
    flow = make()
    for _ in range(50):
        flow.diverge()
        assert 2 <= abs(flow.shift) <= flow.rates.shift_ticks
        assert flow.fair == flow.value.price + 100 * flow.shift
        flow.diverge()
        assert flow.shift == 0


@pytest.mark.parametrize("mean", [1, 1_000, 40_000])
def test_waiting_times(mean):
    flow = make()
    waits = [flow.wait(mean) for _ in range(4000)]
    assert min(waits) >= 1
    assert 0.9 * mean < sum(waits) / len(waits) - 1 < 1.1 * mean or mean == 1
