"""Scapy layers: there and back for every message type and record, and nothing raises on what is damaged."""

import numpy as np
import pytest
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Ether
from scapy.packet import Raw

from hdl.feed.spec import ALPHA, MESSAGES
from hdl.layouts import BY_KIND, RECORD_BYTES
from hdl.venue import HOST_ETHERTYPE, SIMULATED
from sim import frames, itch
from sim.dissect.layers import ITCH, RECORDS, Block, HostBridge, MoldUDP64, itch_layer

VENUE = SIMULATED[0]


def some(rng, spec):
    """Any contents of a message type."""
    return {item.name: bytes(rng.choice(b"ABC123 ") for _ in range(item.width)) if item.kind == ALPHA
            else rng.getrandbits(8 * item.width) for item in spec.items}


@pytest.mark.parametrize("spec", MESSAGES.values(), ids=lambda spec: spec.type)
def test_a_message_there_and_back(rng, spec):
    fields = some(rng, spec)
    raw = itch.encode(spec.type, **fields)
    layer = itch_layer(raw)
    assert {name: getattr(layer, name) for name in fields} == fields
    assert bytes(ITCH[spec.type](**fields)) == raw
    assert bytes(layer) == raw


def frame(messages, **more):
    return frames.udp_frame(itch.datagram(VENUE.mold_session, 77, messages, **more), source_ip=VENUE.remote_ip,
                            source=1, destination_ip=VENUE.feed_ip, destination=VENUE.feed_port)


def test_a_frame_shows_its_messages(rng):
    messages = [itch.encode(spec.type, **some(rng, spec)) for spec in MESSAGES.values()]
    packet = Ether(frame(messages))
    mold = packet[MoldUDP64]
    assert (mold.session, mold.sequence, mold.count) == (VENUE.mold_session, 77, len(messages))
    assert [bytes(block.message) for block in mold.blocks] == messages
    assert [block.message.type for block in mold.blocks] == [spec.type.encode() for spec in MESSAGES.values()]
    assert bytes(packet) == frame(messages)


def test_built_from_layers_it_is_the_exchange_s_datagram(rng):
    messages = [itch.encode(spec.type, **some(rng, spec)) for spec in MESSAGES.values()]
    built = MoldUDP64(session=VENUE.mold_session, sequence=5, count=len(messages),
                      blocks=[Block(message=itch_layer(raw)) for raw in messages])
    assert bytes(built) == itch.datagram(VENUE.mold_session, 5, messages)


def test_heartbeat_end_and_damage(rng):
    assert Ether(frame([]))[MoldUDP64].blocks == []
    assert Ether(frame([], count=0xFFFF))[MoldUDP64].blocks == []
    whole = frame([itch.encode("A", ref=1), b"\xff123"])
    assert isinstance(Ether(whole)[MoldUDP64].blocks[1].message, Raw)
    start = len(whole) - len(itch.datagram(VENUE.mold_session, 77, [itch.encode("A"), b"\xff123"]))
    for size in range(start, len(whole)):
        Ether(whole[:size])
    for _ in range(200):
        damaged = bytearray(whole)
        damaged[rng.randrange(start, len(whole))] = rng.randrange(256)
        Ether(bytes(damaged))


@pytest.mark.parametrize("record", BY_KIND.values(), ids=lambda record: record.name)
def test_a_record_there_and_back(rng, record):
    raw = bytearray(rng.randbytes(RECORD_BYTES))
    raw[0] = record.kind
    values = np.frombuffer(bytes(raw), record.dtype)[0]
    layer = RECORDS[record.kind](bytes(raw))
    for field in record.fields:
        if field.kind[0] != "S":
            assert layer.getfieldval(field.name) == int(values[field.name])
    assert bytes(layer) == bytes(raw)


def test_a_bridge_frame_shows_its_records():
    records = b"".join(record.make().tobytes() for record in BY_KIND.values())
    packet = Ether(frames.host_frame(records + b"pad"))
    assert packet.type == HOST_ETHERTYPE
    assert [layer.kind for layer in packet[HostBridge].records] == list(BY_KIND)


def test_other_ports_stay_as_they_are():
    assert MoldUDP64 not in IP(src="1.2.3.4") / UDP(dport=9) / Raw(itch.datagram("S", 1, []))
