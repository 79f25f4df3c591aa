"""The in-process bus: order, sequence numbers, gaps, last values, hops, failing subscribers."""

import pytest

from host.bus import Hop, InProcess, Message, Subscription
from host.bus.topics import CONTROL, POSITIONS, PROPOSED, REPORTS, TOPICS, Kind


class Clock:
    def __init__(self):
        self.now = 0

    def __call__(self):
        self.now += 1
        return self.now


@pytest.fixture
def bus():
    return InProcess(Clock())


def test_topics_are_named_once_and_records_say_their_record():
    assert len({topic.name for topic in TOPICS.values()}) == len(TOPICS)
    assert all((topic.record is not None) == (topic.kind is Kind.RECORDS) for topic in TOPICS.values())


def test_messages_arrive_in_order_with_sequence_numbers_of_their_topic(bus):
    seen = []
    bus.subscribe(PROPOSED, lambda message: seen.append((message.topic.name, message.seq, message.payload)))
    bus.subscribe(REPORTS, lambda message: seen.append((message.topic.name, message.seq, message.payload)))
    bus.publish(PROPOSED, b"a")
    bus.publish(REPORTS, b"b")
    bus.publish(PROPOSED, b"c")
    assert seen == [("orders.proposed", 1, b"a"), ("executions.desk", 1, b"b"), ("orders.proposed", 2, b"c")]


def test_an_effect_is_delivered_after_its_cause_has_reached_everyone(bus):
    seen = []
    bus.subscribe(PROPOSED, lambda message: bus.publish(REPORTS, b"effect", cause=message))
    bus.subscribe(PROPOSED, lambda message: seen.append("cause at the second subscriber"))
    bus.subscribe(REPORTS, lambda message: seen.append("effect"))
    bus.publish(PROPOSED, b"cause")
    assert seen == ["cause at the second subscriber", "effect"]


def test_late_joiner_gets_the_last_value_of_each_key_and_nothing_twice(bus):
    for key, value in (("AAPL", 1), ("MSFT", 2), ("AAPL", 3)):
        bus.publish(POSITIONS, value, key=key)
    seen = []
    bus.subscribe(POSITIONS, lambda message: seen.append(message.payload), last=True)
    assert seen == [2, 3]
    bus.publish(POSITIONS, 4, key="MSFT")
    assert seen == [2, 3, 4]
    assert bus.last(POSITIONS, "AAPL").payload == 3
    assert bus.last(CONTROL) is None


def test_hops_name_every_place_with_its_time(bus):
    bus.subscribe(PROPOSED, lambda message: bus.publish(REPORTS, b"x", cause=message))
    seen = []
    bus.subscribe(REPORTS, seen.append)
    bus.publish(PROPOSED, b"x", hops=(Hop("nic.rx", 0),))
    assert seen[0].hops == (Hop("nic.rx", 0), Hop("orders.proposed", 1), Hop("executions.desk", 2))


def test_a_gap_is_told_before_the_next_message_and_a_repeat_is_dropped():
    events = []
    subscription = Subscription(PROPOSED, lambda message: events.append(message.seq),
                                on_gap=lambda topic, expected, got: events.append((topic.name, expected, got)))
    for seq in (5, 6, 9, 9, 7, 10):
        subscription.deliver(Message(PROPOSED, seq, 0, b""))
    assert events == [5, 6, ("orders.proposed", 7, 9), 9, 10]
    assert subscription.missed == 2


def test_a_failing_subscriber_stops_nobody_else(bus):
    faults, seen = [], []
    bus.on_fault = lambda subscription, error: faults.append((subscription.name, str(error)))

    def broken(message):
        raise RuntimeError("no")

    bus.subscribe(PROPOSED, broken, name="broken")
    bus.subscribe(PROPOSED, seen.append)
    bus.publish(PROPOSED, b"1")
    bus.publish(PROPOSED, b"2")
    assert faults == [("broken", "no")]
    assert [message.payload for message in seen] == [b"1", b"2"]


def test_without_a_fault_handler_the_failure_is_raised_after_delivery(bus):
    seen = []

    def broken(message):
        raise RuntimeError("no")

    bus.subscribe(PROPOSED, broken)
    bus.subscribe(PROPOSED, seen.append)
    with pytest.raises(RuntimeError, match="no"):
        bus.publish(PROPOSED, b"1")
    assert len(seen) == 1
    bus.publish(PROPOSED, b"2")  # the bus still works
    assert len(seen) == 2


def test_a_tap_sees_every_topic_before_its_subscribers(bus):
    seen = []
    bus.subscribe(PROPOSED, lambda message: seen.append("subscriber"))
    bus.tap(lambda message: seen.append(message.topic.name))
    bus.publish(PROPOSED, b"")
    bus.publish(REPORTS, b"")
    assert seen == ["orders.proposed", "subscriber", "executions.desk"]


def test_a_cancelled_subscription_hears_nothing(bus):
    seen = []
    bus.subscribe(PROPOSED, seen.append).cancel()
    bus.publish(PROPOSED, b"")
    assert not seen
