"""The venue's TCP endpoint: what it takes, and what it refuses and counts."""

import pytest

from hdl.net.headers import ETHERNET, IPV4, TCP
from hdl.venue import SIMULATED
from sim import frames
from sim.exchange.client import Client
from sim.exchange.tcp import MAX_SEGMENT, TcpEndpoint

SPEC = SIMULATED[0]
IP, SEGMENT = ETHERNET.bytes, ETHERNET.bytes + IPV4.bytes


def segment(payload=b"hello", **changes):
    fields = {"source_ip": SPEC.local_ip, "destination_ip": SPEC.remote_ip, "source": SPEC.local_port,
              "destination": SPEC.remote_port, "seq": SPEC.snd_nxt, "ack": SPEC.rcv_nxt,
              "source_mac": SPEC.local_mac, "destination_mac": SPEC.remote_mac}
    return frames.tcp_frame(payload, **{**fields, **changes})


def test_payload_in_order_and_padding_left_out():
    endpoint, client = TcpEndpoint(SPEC), Client(SPEC)
    payloads = [b"a", b"bc" * 300, b"d"]
    assert [endpoint.receive(client.frame(payload)) for payload in payloads] == payloads
    assert endpoint.rcv_nxt == SPEC.snd_nxt + 602
    assert endpoint.count == {"segments": 3}


def test_sequence_numbers_wrap():
    endpoint = TcpEndpoint(SPEC)
    endpoint.rcv_nxt = 0xFFFF_FFFE
    assert endpoint.receive(segment(b"abcd", seq=0xFFFF_FFFE)) == b"abcd"
    assert endpoint.rcv_nxt == 2
    assert endpoint.receive(segment(b"x", seq=0xFFFF_FFFE)) == b""
    assert endpoint.receive(segment(b"y", seq=2)) == b"y"
    assert endpoint.count == {"segments": 2, "duplicate": 1}


@pytest.mark.parametrize(("changes", "cause"), [
    ({"seq": SPEC.snd_nxt + 1}, "out_of_order"), ({"seq": SPEC.snd_nxt - 1}, "duplicate"),
    ({"flags": 0x02}, "flags"), ({"flags": 0x11}, "flags"), ({"flags": 0x04}, "flags"),
    ({"source": 1}, "not_ours"), ({"destination": 1}, "not_ours"), ({"source_ip": 1}, "not_ours"),
    ({"destination_ip": 1}, "not_ours"), ({"destination_mac": 1}, "not_ours")])
def test_segments_that_are_refused(changes, cause):
    endpoint = TcpEndpoint(SPEC)
    assert endpoint.receive(segment(**changes)) == b""
    assert endpoint.count == {cause: 1}
    assert endpoint.rcv_nxt == SPEC.snd_nxt
    assert endpoint.receive(segment()) == b"hello"


def test_every_flipped_bit_is_refused():
    frame = segment(b"8=FIX.4.4")
    used = SEGMENT + TCP.bytes + 9
    for at in [*range(6), *range(12, used)]:
        for bit in range(8):
            endpoint = TcpEndpoint(SPEC)
            changed = frame[:at] + bytes((frame[at] ^ 1 << bit,)) + frame[at + 1:]
            assert endpoint.receive(changed) == b"", (at, bit)
            assert endpoint.rcv_nxt == SPEC.snd_nxt


def test_every_truncation_is_refused():
    frame = segment(b"8=FIX.4.4" * 10)
    for size in range(len(frame)):
        endpoint = TcpEndpoint(SPEC)
        assert endpoint.receive(frame[:size]) == b"", size
        assert sum(endpoint.count.values()) == 1


def test_options_are_skipped():
    data = frames.tcp_segment(b"hello", source_ip=SPEC.local_ip, destination_ip=SPEC.remote_ip, source=SPEC.local_port,
                              destination=SPEC.remote_port, seq=SPEC.snd_nxt, options=b"\x01" * 8)
    packet = frames.ipv4_packet(data, protocol=6, source_ip=SPEC.local_ip, destination_ip=SPEC.remote_ip,
                                options=b"\x01" * 4)
    frame = frames.ethernet_frame(packet, type=0x0800, destination=SPEC.remote_mac)
    assert TcpEndpoint(SPEC).receive(frame) == b"hello"


def test_answers_acknowledge_and_split_at_the_segment_size():
    endpoint, client = TcpEndpoint(SPEC), Client(SPEC)
    endpoint.receive(client.frame(b"order"))
    made = endpoint.send(b"x" * (2 * MAX_SEGMENT + 5))
    assert [len(frame) - SEGMENT - TCP.bytes for frame in made] == [MAX_SEGMENT, MAX_SEGMENT, 6]  # padded to 60
    headers = [TCP.unpack(frame[SEGMENT:]) for frame in made]
    assert [header["seq"] - SPEC.rcv_nxt for header in headers] == [0, MAX_SEGMENT, 2 * MAX_SEGMENT]
    assert {header["ack"] for header in headers} == {SPEC.snd_nxt + 5}
    assert endpoint.snd_una == SPEC.rcv_nxt
    endpoint.receive(segment(b"", seq=SPEC.snd_nxt + 5, ack=SPEC.rcv_nxt + 100))
    assert endpoint.snd_una == SPEC.rcv_nxt + 100
    endpoint.receive(segment(b"", seq=SPEC.snd_nxt + 5, ack=SPEC.rcv_nxt + 10**6))  # never sent
    assert endpoint.snd_una == SPEC.rcv_nxt + 100
