"""The twin against the golden models, which it must equal row by row."""

from collections import Counter

import numpy as np
import pytest

from hdl.feed.spec import MESSAGES
from sim import itch
from sim.bookflow import Flow
from sim.faults.truth import encoded
from sim.models.book import BookModel
from sim.twin import Unusual, book
from sim.twin.book import Books
from sim.twin.day import day, name
from sim.twin.decode import decode

STOCKS, DEPTH = 12, 10


def binaryfile(messages) -> np.ndarray:
    return np.frombuffer(b"".join(len(one).to_bytes(2, "big") + one for one in messages), np.uint8)


def split(raw: np.ndarray) -> list[bytes]:
    data, at, out = raw.tobytes(), 0, []
    while at < len(data):
        end = at + 2 + int.from_bytes(data[at:at + 2], "big")
        out.append(data[at + 2:end])
        at = end
    return out


def model_rows(messages, locates: dict[int, str]):
    """(place, name, exact, bids, asks) after each message of a stock that is followed."""
    model = BookModel(locates)
    for n, raw in enumerate(messages):
        if (stock := model.apply(raw)) is not None:
            bids, asks = model.depth(stock, DEPTH)
            yield n, stock, not model.inexact(stock), [*map(tuple, bids)], [*map(tuple, asks)]


def twin_rows(raws: list[np.ndarray], locates: dict[int, str]):
    """The same by the twin, the file handed over in pieces."""
    books, names, before = Books(list(locates)), list(locates.values()), 0
    for raw in raws:
        columns, used = decode(raw)
        assert used == len(raw)
        for rows in books.rows(columns, DEPTH):
            for n, symbol, exact, levels in zip(*rows, strict=True):
                sides = ([tuple(level) for level in levels[:, at:at + 2].tolist() if level != [0, 0]] for at in (0, 2))
                yield before + n, names[symbol], bool(exact), *sides
        before += len(columns.type)


def check(messages, locates):
    third = len(messages) // 3
    pieces = [binaryfile(part) for part in (messages[:third], messages[third:])]
    count = Counter()
    for got, want in zip(twin_rows(pieces, locates), model_rows(messages, locates), strict=True):
        assert got == want
        count[want[2]] += 1
    return count


@pytest.mark.parametrize("nonsense", [0, 0.001, 0.05])
def test_rows_of_random_flow_are_the_model_s(rng, monkeypatch, nonsense):
    monkeypatch.setattr(book, "ROWS", 64)
    monkeypatch.setattr(book, "LEVELS", 4)
    locates = {7: "AAPL", 65_535: "MSFT", 1: "QQQ"}
    model, flow, messages = BookModel(locates), Flow(rng, 40, nonsense=nonsense, span=40), []
    for _ in range(1_500):
        locate = rng.choice(list(locates))
        messages.append(encoded(flow.next(model.books[locates[locate]]), locate, locates[locate]))
        model.apply(messages[-1])
    count = check(messages, locates)
    assert count[True]
    assert bool(count[False]) == (nonsense > 0.01) or nonsense == 0.001


def test_a_made_up_day_makes_sense_and_has_every_type(rng):
    raw = day(8_000, STOCKS, seed=rng.randrange(1 << 30), live=10)
    messages = split(raw)
    assert len(messages) == 8_000
    assert {itch.check(one).type for one in messages} == set(MESSAGES)
    assert check(messages, {n + 1: name(n) for n in range(STOCKS)})[False] == 0
    times = [itch.timestamp(one) for one in messages]
    assert times == sorted(times)


def test_the_same_seed_makes_the_same_day():
    one, other, another = (day(500, STOCKS, seed=seed) for seed in (1, 1, 2))
    assert (one == other).all()
    assert one.tobytes() != another.tobytes()
    with pytest.raises(ValueError, match="too few"):
        day(STOCKS, STOCKS, seed=1)


def test_columns_are_what_the_messages_say():
    raw = day(3_000, STOCKS, seed=4)
    columns, _ = decode(raw)
    for n, message in enumerate(map(itch.decode, split(raw))):
        for column, field in (("locate", "locate"), ("time", "timestamp"), ("ref", "ref"), ("new_ref", "new_ref"),
                              ("price", "price")):
            assert getattr(columns, column)[n] == getattr(message, field, 0)
        if message.type != "Q":
            assert columns.shares[n] == getattr(message, "shares", 0)
        assert columns.sell[n] == (getattr(message, "side", "") == "S")


def test_every_truncation_leaves_the_rest_for_later():
    messages = [itch.encode("D", ref=1), itch.encode("A", ref=2), itch.encode("S")]
    raw = binaryfile(messages)
    ends = np.cumsum([0, *(2 + len(one) for one in messages)]).tolist()
    for size in range(len(raw) + 1):
        columns, used = decode(raw[:size])
        assert used == max(end for end in ends if end <= size)
        assert len(columns.type) == ends.index(used)


def test_what_is_unusual_is_refused():
    good = binaryfile([itch.encode("S")])
    ended = np.concatenate([good, np.zeros(2, np.uint8)])
    assert decode(ended)[1] == len(ended)
    for bad in (b"\0\1!", b"\0\2S1", b"\0\x0cA" + bytes(11)):
        with pytest.raises(Unusual):
            decode(np.concatenate([good, np.frombuffer(bad, np.uint8)]))
    with pytest.raises(Unusual, match="after the end"):
        decode(np.concatenate([ended, good]))
