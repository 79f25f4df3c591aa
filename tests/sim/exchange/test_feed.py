"""The feed: events to ITCH, messages to packets."""

import pytest

from hdl.layouts import Side
from hdl.venue import SIMULATED
from sim import itch
from sim.exchange.client import datagrams
from sim.exchange.feed import DAY_NS, MAX_DATAGRAM, Feed
from sim.exchange.matching import Added, Deleted, Executed, HiddenTrade, Reduced, Replaced
from sim.exchange.stocks import Stock

SPEC = SIMULATED[0]
NOW = 3 * DAY_NS + 12_345


@pytest.fixture
def feed():
    return Feed(SPEC, {7: Stock("AAPL", 185_0000), 8: Stock("SPY", 556_0000)})


@pytest.mark.parametrize(("event", "type_", "fields"), [
    (Added(5, Side.BUY, 100, 30, ""), "A", {"ref": 5, "side": "B", "price": 100, "shares": 30, "stock": "AAPL"}),
    (Added(5, Side.SELL, 100, 30, "VIRT"), "F", {"side": "S", "attribution": "VIRT"}),
    (Executed(5, 30, 100, 9, True, None, None, Side.BUY), "E", {"ref": 5, "shares": 30, "match": 9}),
    (Executed(5, 30, 99, 9, False, None, None, Side.BUY), "C", {"price": 99, "printable": "Y", "match": 9}),
    (Reduced(5, 10), "X", {"ref": 5, "shares": 10}),
    (Deleted(5), "D", {"ref": 5}),
    (Replaced(5, 6, 101, 40), "U", {"ref": 5, "new_ref": 6, "price": 101, "shares": 40}),
    (HiddenTrade(Side.SELL, 100, 20, 9), "P", {"side": "S", "price": 100, "shares": 20, "match": 9, "stock": "AAPL"}),
])
def test_events_as_messages(feed, event, type_, fields):
    message = itch.decode(feed.message(7, NOW, event))
    assert message.type == type_
    assert (message.locate, message.timestamp) == (7, 12_345)
    assert {name: getattr(message, name) for name in fields} == fields
    assert feed.count == {type_: 1}


def test_what_is_no_event(feed):
    with pytest.raises(TypeError, match="no ITCH message"):
        feed.message(7, NOW, "nothing")


def test_packets_are_filled_and_sequenced(feed):
    frames = feed.publish(7, NOW, [Added(n, Side.BUY, 100, 1, "") for n in range(1, 201)])
    payloads = datagrams(frames, SPEC.feed_ip)
    assert len(payloads) == len(frames) == 200 // ((MAX_DATAGRAM - 20) // 38) + 1
    assert all(len(frame) <= 1514 for frame in frames)
    assert max(len(payload) for payload in payloads) > MAX_DATAGRAM - 38
    expected = 1
    for payload in payloads:
        assert int.from_bytes(payload[10:18], "big") == expected
        expected += int.from_bytes(payload[18:20], "big")
    assert expected == feed.sequence == 201


def test_nothing_happened_nothing_is_sent(feed):
    assert feed.publish(7, NOW, []) == []
    assert feed.sequence == 1


def test_the_day_starts_and_ends(feed):
    types = []
    for payload in datagrams([*feed.start_of_day(NOW), *feed.end_of_day(NOW)], SPEC.feed_ip):
        at = 20
        while at < len(payload):
            message = itch.decode(payload[at + 2:at + 2 + int.from_bytes(payload[at:at + 2], "big")])
            types.append(message.type + getattr(message, "event_code", ""))
            at += 2 + int.from_bytes(payload[at:at + 2], "big")
    assert types == ["SO", "R", "R", "SS", "H", "H", "SQ", "SM", "SE", "SC"]
