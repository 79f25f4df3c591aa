"""The book model against what exchanges and other programs say about real days."""

import csv
from decimal import Decimal

import pytest

from hdl.layouts import Inexact, Side
from sim import itch
from sim.capture import messages
from sim.models.book import BookModel, SymbolBook

AAPL = "nasdaq_20200130_aapl_first10k.itch50"
BX = "bx_20190730_aapl_msft.itch50"
OPEN = "nasdaq_20191230_open_all_symbols.itch50"


def price(text: str) -> int:
    return int(Decimal(text) * 10_000)


@pytest.mark.data
def test_whole_book_after_1001_messages(data_dir):
    """Every price line and every order that the file names."""
    model = BookModel(names=["AAPL"])
    for message in messages(data_dir / "itch" / AAPL):
        if message.index > 1001:
            break
        assert model.apply(message.data) == "AAPL"
    theirs = {"B": {}, "S": {}}
    for line in (data_dir / "itch" / "nasdaq_20200130_aapl_book_after_1001.txt").read_text().splitlines():
        if not line.startswith(tuple(theirs)):
            continue
        side, at, qty = line.replace(":", "").split()
        theirs[side][price(at)] = int(qty)
    bids, asks = model.depth("AAPL", 1000)
    assert (dict(bids), dict(asks)) == (theirs["B"], theirs["S"])
    assert len(bids) + len(asks) == 64
    assert len(model.books["AAPL"].orders) == 80
    assert model.inexact("AAPL") == 0


@pytest.mark.data
@pytest.mark.parametrize(("name", "stocks"), [(AAPL, ["AAPL"]), (BX, ["AAPL", "MSFT"])])
def test_whole_days_without_a_flaw(data_dir, name, stocks):
    model, touched = BookModel(names=stocks), 0
    for message in messages(data_dir / "itch" / name):
        touched += model.apply(message.data) is not None
    assert touched > 6000
    assert [model.inexact(stock) for stock in stocks] == [0] * len(stocks)


@pytest.mark.data
def test_references_older_than_the_file_are_unknown(data_dir):
    """394 messages name an order that the file does not add; what replaces such an order is unknown too."""
    found = [itch.decode(message.data) for message in messages(data_dir / "itch" / OPEN)]
    model = BookModel({message.locate: str(message.locate) for message in found})
    known, older, unknown = set(), 0, 0
    for message in found:
        if message.type in "ECXDU":
            older += message.ref not in known
            unknown += message.ref not in model.books[str(message.locate)].orders
        if message.type in "AFU":
            known.add(message.new_ref if message.type == "U" else message.ref)
        model.apply(message)
    assert (older, unknown) == (394, 399)
    inexact = [book for book in model.books.values() if book.inexact]
    assert inexact
    assert all(book.inexact == 1 << Inexact.UNKNOWN_REFERENCE for book in inexact)


@pytest.mark.data
@pytest.mark.parametrize("stock", ["AAPL", "MSFT"])
def test_best_bid_and_ask_at_every_row(data_dir, stock):
    """Another program's best bid and ask: each of its rows is what our book was at that nanosecond."""
    model, ours = BookModel(names=[stock]), {}
    for message in messages(data_dir / "itch" / BX):
        if model.apply(message.data):
            bids, asks = model.depth(stock, 1)
            best = (bids[0].price if bids else None, asks[0].price if asks else None)
            ours.setdefault(itch.timestamp(message.data), []).append(best)
    with (data_dir / "itch" / f"bx_20190730_{stock.lower()}_bbo.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) > 200
    for row in rows:
        assert (price(row["best_bid"]), price(row["best_ask"])) in ours[int(row["ts"])], row


def test_flow_of_one_order():
    book = SymbolBook()
    book.add(7, Side.BUY, 100, 50)
    book.add(8, Side.BUY, 100, 5)
    book.take(7, 20)
    assert book.side(Side.BUY) == [(100, 35)]
    book.replace(7, 9, 101, 10)
    assert book.side(Side.BUY) == [(101, 10), (100, 5)]
    book.take(9, 10)
    book.delete(8)
    assert (book.side(Side.BUY), book.orders, book.inexact) == ([], {}, 0)


@pytest.mark.parametrize(("act", "cause"), [
    (lambda book: book.take(1, 1), Inexact.UNKNOWN_REFERENCE),
    (lambda book: book.delete(1), Inexact.UNKNOWN_REFERENCE),
    (lambda book: book.replace(1, 2, 100, 5), Inexact.UNKNOWN_REFERENCE),
    (lambda book: book.add(7, Side.SELL, 200, 5), Inexact.DUPLICATE_REFERENCE),
    (lambda book: book.replace(7, 8, 200, 5), Inexact.DUPLICATE_REFERENCE),
    (lambda book: book.add(1, Side.SELL, 200, 0), Inexact.ARITHMETIC),
    (lambda book: book.take(7, 51), Inexact.ARITHMETIC),
    (lambda book: book.add(1, Side.BUY, 100, 0xFFFFFFFF), Inexact.ARITHMETIC),
])
def test_contradictions_stay_until_clear(act, cause):
    model = BookModel({1: "X"})
    book = model.books["X"]
    book.add(7, Side.BUY, 100, 50)
    book.add(8, Side.SELL, 101, 50)
    assert not book.inexact
    act(book)
    assert model.inexact("X") == 1 << cause
    book.add(99, Side.BUY, 99, 1)
    assert model.inexact("X") == 1 << cause
    model.clear("X")
    assert model.inexact("X") == 0
    assert model.depth("X", 5) == ([], [])


def test_a_full_execution_leaves_no_empty_level():
    book = SymbolBook()
    book.add(1, Side.SELL, 0, 1)
    book.add(2, Side.BUY, 0, 1)
    assert book.crossed
    book.take(1, 1)
    assert not book.crossed
    assert book.side(Side.SELL) == []


def test_start_and_faults():
    model = BookModel({1: "X", 2: "Y"}, started=False)
    assert model.inexact("X") == 1 << Inexact.NOT_STARTED
    model.clear("X")
    model.clear("Y")
    model.fault(Inexact.GAP, ["Y"])
    assert (model.inexact("X"), model.inexact("Y")) == (0, 1 << Inexact.GAP)
    model.fault(Inexact.BAD_FRAME)
    assert model.inexact("Y") == 1 << Inexact.GAP | 1 << Inexact.BAD_FRAME
    assert model.apply(itch.encode("D", locate=3, ref=1)) is None
    assert model.apply(itch.encode("P", locate=1, shares=1, price=5)) == "X"
