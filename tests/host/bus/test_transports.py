"""What every transport promises, held against each of them."""

import numpy as np

from hdl.layouts import BOOK_TOP
from host.bus import Hop
from host.bus.topics import CONTROL, ORDERS, POSITIONS, PROPOSED, REPORTS, TOPS, VENUES
from host.risk.control import ControlEvent
from host.tca.scores import VenueScore


def test_messages_come_in_order_with_the_sequence_numbers_of_their_topic(net, rng):
    alpha, ems = net.node("alpha"), net.node("ems")
    seen = {PROPOSED: [], REPORTS: []}
    for topic, list_ in seen.items():
        ems.subscribe(topic, lambda message, list_=list_: list_.append((message.seq, message.payload)))
    net.meet()
    sent = {PROPOSED: [], REPORTS: []}
    for n in range(500):
        topic = rng.choice([PROPOSED, REPORTS])
        alpha.publish(topic, b"8=FIX %d" % n)
        sent[topic].append((len(sent[topic]) + 1, b"8=FIX %d" % n))
        if rng.random() < 0.05:
            net.poll()
    net.until(lambda: seen == sent)


def test_everything_of_a_message_arrives(net):
    nic, desk = net.node("nic"), net.node("desk")
    seen = []
    for topic in (TOPS, CONTROL, VENUES, ORDERS):
        desk.subscribe(topic, seen.append)
    net.meet()
    top = BOOK_TOP.make(symbol=3, bid_price=5)
    sent = [nic.publish(TOPS, top, key=3, hops=(Hop("nic.rx", 7),)),
            nic.publish(CONTROL, ControlEvent(True, True, 0, 0, "anna", "test", 9)),
            nic.publish(VENUES, VenueScore(1, True, 2, 3, 4, 5, 6, 7), key=(1, True, 2)),
            nic.publish(ORDERS, {"order_id": 2**63 + 1, "leaves": 5}, key=2**63 + 1)]
    net.until(lambda: len(seen) == 4)
    by_topic = {message.topic: message for message in seen}
    for message in sent:
        got = by_topic[message.topic]
        assert got._replace(payload=None) == message._replace(payload=None)
        assert type(got.payload) is type(message.payload)
        assert np.array_equal(got.payload, message.payload) if message.topic is TOPS else got.payload == message.payload
    assert by_topic[TOPS].hops == (Hop("nic.rx", 7), Hop("market.tops", sent[0].time))


def test_hops_grow_from_process_to_process(net):
    alpha, risk, ems = net.node("alpha"), net.node("risk"), net.node("ems")
    risk.subscribe(PROPOSED, lambda message: risk.publish(REPORTS, message.payload, cause=message))
    seen = []
    ems.subscribe(REPORTS, seen.append)
    net.meet()
    alpha.publish(PROPOSED, b"8=", hops=(Hop("nic.rx", 1),))
    net.until(lambda: seen)
    assert [hop.place for hop in seen[0].hops] == ["nic.rx", "orders.proposed", "executions.desk"]
    assert [hop.time for hop in seen[0].hops] == sorted(hop.time for hop in seen[0].hops)


def test_each_source_has_numbers_of_its_own_and_nothing_is_a_gap(net):
    one, two, ems = net.node("one"), net.node("two"), net.node("ems")
    seen, gaps = [], []
    ems.subscribe(PROPOSED, lambda message: seen.append(message.payload), on_gap=lambda *gap: gaps.append(gap))
    net.meet()
    for n in range(50):
        one.publish(PROPOSED, b"one %d" % n)
        two.publish(PROPOSED, b"two %d" % n)
    net.until(lambda: len(seen) == 100)
    for name in (b"one", b"two"):
        assert [payload for payload in seen if payload.startswith(name)] == [b"%b %d" % (name, n) for n in range(50)]
    assert not gaps


def test_a_late_joiner_gets_the_last_value_of_each_key_and_nothing_twice(net):
    publisher, reader = net.node("publisher"), net.node("reader")
    net.meet()
    for topic, kept in ((POSITIONS, True), (TOPS, False)):
        payload = (lambda n: {"qty": n}) if kept else (lambda n: BOOK_TOP.make(bid_qty=n))
        value = (lambda message: message.payload["qty"]) if kept else (
            lambda message: int(message.payload["bid_qty"][0]))
        for key, n in (("AAPL", 1), ("MSFT", 2), ("AAPL", 3)):
            publisher.publish(topic, payload(n), key=key)
        net.poll(0.05)
        late, seen = net.node(f"late {topic}"), []
        net.meet()
        late.subscribe(topic, lambda message, seen=seen, value=value: seen.append(value(message)), last=True)
        assert seen == [2, 3]
        publisher.publish(topic, payload(4), key="MSFT")
        net.until(lambda seen=seen: len(seen) == 3)
        net.poll(0.05)
        assert seen == [2, 3, 4]
        assert value(late.last(topic, "AAPL")) == 3
    assert reader.last(CONTROL) is None


def test_a_publisher_that_is_started_again_is_another_source_and_no_gap(net):
    ems, alpha = net.node("ems"), net.node("alpha")
    seen, gaps = [], []
    ems.subscribe(PROPOSED, lambda message: seen.append(message.payload), on_gap=lambda *gap: gaps.append(gap))
    net.meet()
    alpha.publish(PROPOSED, b"1")
    net.until(lambda: seen == [b"1"])
    if net.kind != "inprocess":
        net.leave(alpha)
        alpha = net.node("alpha")
        assert alpha.source == "alpha.2"
        net.meet()
    alpha.publish(PROPOSED, b"2")
    net.until(lambda: seen == [b"1", b"2"])
    assert not gaps


def test_a_subscriber_that_leaves_stops_nobody(net):
    alpha, ems, tca = net.node("alpha"), net.node("ems"), net.node("tca")
    seen, also = [], []
    ems.subscribe(PROPOSED, lambda message: seen.append(message.payload))
    leaving = tca.subscribe(PROPOSED, lambda message: also.append(message.payload))
    net.meet()
    alpha.publish(PROPOSED, b"1")
    net.until(lambda: seen == also == [b"1"])
    if net.kind == "inprocess":
        leaving.cancel()
    else:
        net.leave(tca)
    alpha.publish(PROPOSED, b"2")
    net.until(lambda: seen == [b"1", b"2"])
    assert also == [b"1"]


def test_a_cause_is_seen_before_its_effect_here(net):
    """What a process publishes because of a message reaches its own subscribers after that message has."""
    alpha, risk = net.node("alpha"), net.node("risk")
    seen = []
    risk.subscribe(PROPOSED, lambda message: risk.publish(REPORTS, b"effect", cause=message))
    risk.subscribe(PROPOSED, lambda message: seen.append("cause"))
    risk.subscribe(REPORTS, lambda message: seen.append("effect"))
    net.meet()
    for _ in range(3):
        alpha.publish(PROPOSED, b"8=")
    net.until(lambda: len(seen) == 6)
    assert seen == ["cause", "effect"] * 3
