"""The encoding: everything that a topic carries comes back as it was, and nothing else is believed."""

import numpy as np
import pytest

from host.bus import Hop, Message
from host.bus.topics import (
    BREAKS,
    CHARGES,
    CONTROL,
    FAULTS,
    ORDERS,
    PROPOSED,
    SAMPLES,
    TOPICS,
    TOPS,
    UTILISATION,
    VENUES,
    Kind,
)
from host.bus.wire import HEADER_BYTES, SCHEMA, WireError, decode, encode, seq_of, topic_of
from host.positions.reconcile import Break
from host.risk.charge import Charge
from host.risk.control import ControlEvent
from host.risk.utilisation import Utilisation
from host.tca.scores import VenueScore

STRUCTS = {
    BREAKS.name: Break("AAPL", "VENUEA", "position", -5, 7),
    CHARGES.name: Charge(1, -2, 3, 4, 5, 6, -7, -8),
    UTILISATION.name: Utilisation("firm.gross_usd", 10**15, 10**16),
    SAMPLES.name: Utilisation("firm.gross_usd", 10**15, 10**16),
    CONTROL.name: ControlEvent(True, False, 3, 0, "anna", "why — ünïcode", 5),
    VENUES.name: VenueScore(1, True, 2, 3, 4, 5, -6, -7, 8),
}


def payload_of(topic, rng):
    if topic.kind is Kind.FIX:
        return b"8=FIX.4.4\x019=5\x0135=0\x0110=163\x01" + rng.randbytes(rng.randrange(300))
    if topic.kind is Kind.RECORDS:
        raw = np.frombuffer(rng.randbytes(64 * rng.randint(1, 5)), np.uint8).copy().reshape(-1, 64)
        raw[:, 0] = topic.record.kind
        return raw.view(topic.record.dtype).reshape(-1)
    if topic.name in STRUCTS:
        return STRUCTS[topic.name]
    return {"order_id": rng.randrange(2**64), "stock": "AAPL", "net": -rng.randrange(2**63), "état": "ü"}


def message_of(topic, rng):
    key = rng.choice([None, 5, "AAPL", (1, True, 2), ("AAPL", 1, "open buy"), -2**63])
    time = rng.randrange(2**62)
    hops = tuple(Hop(f"place{n}", rng.randrange(2**62)) for n in range(rng.randrange(4)))
    return Message(topic, rng.randrange(2**64), time, payload_of(topic, rng), key, (*hops, Hop(topic.name, time)),
                   "ems.2")


def same(one, other):
    if isinstance(one.payload, np.ndarray):
        assert one.payload.dtype == other.payload.dtype
        assert one.payload.tobytes() == other.payload.tobytes()
        return one._replace(payload=None) == other._replace(payload=None)
    return one == other and type(one.payload) is type(other.payload)


@pytest.mark.parametrize("topic", TOPICS.values(), ids=str)
def test_every_topic_comes_back_as_it_was(topic, rng):
    for _ in range(20):
        message = message_of(topic, rng)
        frame = encode(message)
        assert same(decode(frame, "ems.2"), message)
        assert (topic_of(frame), seq_of(frame)) == (topic, message.seq)


@pytest.mark.parametrize("topic", [PROPOSED, TOPS, ORDERS, CONTROL], ids=str)
def test_every_truncation_and_any_changed_bit_is_refused(topic, rng):
    frame = encode(message_of(topic, rng))
    for length in range(len(frame)):
        with pytest.raises(WireError):
            decode(frame[:length])
    for _ in range(200):
        changed = bytearray(frame)
        changed[rng.randrange(len(frame))] ^= 1 << rng.randrange(8)
        with pytest.raises(WireError):
            decode(bytes(changed))


def test_anything_random_is_refused_in_words(rng):
    for _ in range(500):
        with pytest.raises(WireError, match=r"\w"):
            decode(rng.randbytes(rng.randrange(200)))


def signed(body):
    import zlib
    return zlib.crc32(body).to_bytes(4, "little") + body


@pytest.mark.parametrize(("at", "value", "why"), [
    (0, SCHEMA ^ 1, "another version"), (4, 0xFFFF, "topic"), (8, 0xFFFF_FFF0, "topic"), (8, 3, "topic")])
def test_a_header_that_lies_is_refused_even_with_a_right_checksum(at, value, why):
    frame = encode(Message(FAULTS, 1, 2, {"service": "x"}, "key", (Hop("bus.faults", 2),)))
    body = bytearray(frame[4:])
    size = 2 if at == 4 else 4
    body[at:at + size] = value.to_bytes(size, "little")
    with pytest.raises(WireError, match=why):
        decode(signed(bytes(body)))


def test_a_payload_of_another_kind_is_refused_even_with_a_right_checksum():
    for topic, payload in ((TOPS, b""), (TOPS, bytes(63)), (TOPS, bytes(64)), (CONTROL, b"\x80"), (ORDERS, b"\x01")):
        head = encode(Message(PROPOSED, 1, 2, b"", None, (Hop("x", 2),)))[4:HEADER_BYTES]
        body = bytearray(head + payload)
        body[4:6] = list(TOPICS).index(topic.name).to_bytes(2, "little")
        with pytest.raises(WireError):
            decode(signed(bytes(body)))


@pytest.mark.parametrize(("topic", "payload", "key"), [
    (PROPOSED, "text", None), (TOPS, b"bytes", None), (TOPS, np.zeros(1, np.uint8), None), (ORDERS, 5, None),
    (CONTROL, {"kill": True}, None), (FAULTS, {"what": object()}, None), (FAULTS, {"what": 2**64}, None),
    (PROPOSED, b"", object())])
def test_what_its_topic_does_not_carry_is_not_sent(topic, payload, key):
    with pytest.raises(WireError, match=topic.name):
        encode(Message(topic, 1, 2, payload, key, (Hop(topic.name, 2),)))


def test_numpy_integers_travel_as_integers():
    frame = encode(Message(FAULTS, 1, 2, {"n": np.int64(-3)}, np.uint8(7), (Hop("bus.faults", 2),)))
    message = decode(frame)
    assert (message.payload, message.key) == ({"n": -3}, 7)
