"""The host's own books and their snapshots, held to the golden model."""

from hdl.layouts import MARKET_EVENT, Side
from host.marketdata import snapshot
from host.marketdata.shadow import Shadow, change_of, changes, itch, stock_of
from sim import itch as wire
from sim.bookflow import Flow
from sim.faults.truth import encoded
from sim.models.book import BookModel

LOCATE, STOCK, SYMBOL = 7, "AAPL", 3


def played(rng, count=400):
    """Model and shadow after the same random messages."""
    model, shadow, flow = BookModel({LOCATE: STOCK}), Shadow(), Flow(rng, 30)
    for seq in range(1, count):
        raw = encoded(flow.next(model.books[STOCK]), LOCATE, STOCK)
        model.apply(raw)
        shadow.apply(change_of(raw, seq, {LOCATE: SYMBOL}))
    return model, shadow


def test_it_holds_the_model_s_orders(rng):
    model, shadow = played(rng)
    orders = {ref: (order.side, order.price, order.qty) for ref, order in model.books[STOCK].orders.items()}
    assert {ref: tuple(order) for ref, order in shadow.orders.items()} == orders


def test_a_loaded_snapshot_is_the_same_book(rng):
    model, shadow = played(rng)
    loaded = BookModel({LOCATE: STOCK})
    messages = snapshot.load({snapshot.Listed(STOCK, LOCATE): shadow})
    for raw in messages:
        loaded.apply(raw)
    assert loaded.depth(STOCK, None) == model.depth(STOCK, None)
    assert loaded.books[STOCK].orders == model.books[STOCK].orders
    assert not loaded.inexact(STOCK)
    states = [wire.decode(raw).trading_state for raw in messages if raw[:1] == b"H"]
    assert states == ["H"], "halted while it is loaded"


def test_datagrams_hold_every_message_once(rng):
    _, shadow = played(rng, 2_000)
    messages = snapshot.load({snapshot.Listed(STOCK, LOCATE): shadow}) * 4
    found, seq = [], snapshot.FIRST
    for datagram in snapshot.datagrams(messages):
        packet = snapshot.parse(datagram)
        assert len(datagram) <= snapshot.LARGEST
        assert (packet.session, packet.seq) == (snapshot.SESSION, seq)
        found += packet.messages
        seq += len(packet.messages)
    assert found == messages


def test_a_damaged_datagram_is_none_at_every_truncation(rng):
    whole = wire.datagram("S" * 10, 9, [wire.encode("D", ref=1), wire.encode("S")])
    assert snapshot.parse(whole).seq == 9
    assert all(snapshot.parse(whole[:size]) is None for size in range(len(whole)))
    assert snapshot.parse(whole + b"\0") is None


def test_it_knows_the_trading_state():
    shadow = Shadow()
    for raw in (wire.encode("H", locate=LOCATE, stock=STOCK, trading_state="P"),
                wire.encode("h", locate=LOCATE, stock=STOCK, halt_action="H")):
        shadow.apply(change_of(raw, 1, {LOCATE: SYMBOL}))
    assert (shadow.state, shadow.halt) == ("P", "H")
    released = [wire.decode(raw) for raw in snapshot.release({snapshot.Listed(STOCK, LOCATE): shadow})]
    assert [(one.type, one[-1] if one.type == "h" else one.trading_state) for one in released] == [
        ("h", "H"), ("H", "P")]


def test_events_and_messages_say_the_same(rng):
    raw = wire.encode("U", locate=LOCATE, ref=5, new_ref=6, shares=70, price=8)
    record = MARKET_EVENT.make(symbol=SYMBOL, type=ord("U"), seq=4, ref=5, new_ref=6, qty=70, price=8)
    assert changes(record) == [change_of(raw, 4, {LOCATE: SYMBOL})]
    sold = wire.encode("A", locate=LOCATE, side="S", ref=1, shares=1, price=1)
    assert change_of(sold, 1, {LOCATE: SYMBOL}).side == Side.SELL


def test_what_is_not_ours_is_none():
    assert change_of(wire.encode("D", locate=8, ref=1), 1, {LOCATE: SYMBOL}) is None
    assert change_of(b"", 1, {LOCATE: SYMBOL}) is None
    assert change_of(wire.encode("D", locate=LOCATE)[:-1], 1, {LOCATE: SYMBOL}) is None
    assert stock_of(wire.encode("R", locate=9, stock="MSFT")) == (9, "MSFT")
    assert stock_of(wire.encode("D", locate=9)) is None
    assert itch("R", locate=9, stock="MSFT") == wire.encode("R", locate=9, stock="MSFT")
