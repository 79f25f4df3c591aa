"""Market trades from normalised ITCH: what the exchange simulator traded is what is read."""

import numpy as np

from hdl.layouts import MARKET_EVENT, Side
from host.tca.prints import Print, Prints
from sim.exchange.matching import Added, Book, Deleted, Executed, HiddenTrade, Reduced, Replaced


def event(type_, ref=0, price=0, qty=0, new_ref=0, detail=b"\0", time=0):
    return MARKET_EVENT.make(symbol=3, feed=1, type=ord(type_), ref=ref, price=price, qty=qty, new_ref=new_ref,
                             detail=detail[0], time=time)


def read(prints, *events):
    return list(prints.read(np.concatenate([np.atleast_1d(one) for one in events])))


def test_an_execution_has_the_price_of_its_order():
    prints = Prints()
    assert read(prints, event("A", 7, 1_000, 300), event("E", 7, qty=100, time=5)) == [Print(3, 5, 1_000, 100)]
    assert read(prints, event("U", 7, 1_100, 50, new_ref=8), event("E", 8, qty=50, time=6)) == [Print(3, 6, 1_100, 50)]
    assert read(prints, event("E", 8, qty=1)) == [], "it was fully executed"
    assert prints.unpriced == 1


def test_only_printable_executions_with_price_count():
    assert read(Prints(), event("C", 7, 990, 10, detail=b"Y"), event("C", 7, 990, 10, detail=b"N"),
                event("P", 0, 995, 20)) == [Print(3, 0, 990, 10), Print(3, 0, 995, 20)]


def test_what_was_deleted_or_reduced_is_forgotten():
    prints = Prints()
    read(prints, event("A", 1, 10, 100), event("D", 1), event("F", 2, 10, 100), event("X", 2, qty=100))
    assert prints._resting == {}


def test_a_random_book_s_trades_are_all_read(rng):
    book, prints, traded, records = Book(), Prints(), [], []
    for _ in range(3_000):
        side, live = rng.choice((Side.BUY, Side.SELL)), list(book.orders)
        choice = rng.random()
        if choice < 0.6 or not live:
            events = book.submit(side, rng.randint(1, 300), 1_000 + rng.randrange(-5, 6), rest=rng.random() < 0.8,
                                 improvement=rng.choice((0, 0, 1)))[1]
        elif choice < 0.8:
            events = book.cancel(rng.choice(live), rng.randint(1, 200))
        elif choice < 0.95:
            events = book.replace(rng.choice(live), rng.randint(1, 300), 1_000 + rng.randrange(-5, 6))[1]
        else:
            events = book.hidden_trade(side, rng.randint(1, 50), 1_000)
        for one in events:
            match one:
                case Added():
                    records.append(event("A", one.ref, one.price, one.qty))
                case Executed():
                    traded.append((one.price, one.qty))
                    records.append(event("E", one.ref, qty=one.qty) if one.displayed
                                   else event("C", one.ref, one.price, one.qty, detail=b"Y"))
                case Reduced():
                    records.append(event("X", one.ref, qty=one.qty))
                case Deleted():
                    records.append(event("D", one.ref))
                case Replaced():
                    records.append(event("U", one.ref, one.price, one.qty, one.new_ref))
                case HiddenTrade():
                    traded.append((one.price, one.qty))
                    records.append(event("P", 0, one.price, one.qty))
    assert [(one.price, one.qty) for one in read(prints, *records)] == traded
    assert prints.unpriced == 0
