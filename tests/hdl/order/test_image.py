"""Frame images: patched by hand they are the frame, and independent stacks find its checksums right."""

import dataclasses

import pytest
from scapy.layers.inet import IP, TCP
from scapy.layers.l2 import Ether

from fixparse import codec
from fixparse.templates import OrderValues, symbol_text
from hdl.layouts import Action, Side
from hdl.order.image import FRAMES, SIDE_CHARS, SUMS_WORD, WORD, frame, image, sum16, symbol_words
from hdl.registers import IMAGE_WORDS
from hdl.venue import SIMULATED
from sim.frames import checksum, tcp_frame


def random_values(rng):
    return OrderValues(rng.randrange(10**9), 20240229, rng.randrange(86_400_000), rng.getrandbits(64), "AAPL",
                       rng.getrandbits(32), rng.choice("125"), rng.getrandbits(32), "0", rng.getrandbits(64))


@pytest.mark.parametrize("action", Action)
@pytest.mark.parametrize("venue", SIMULATED, ids=lambda v: v.name)
def test_another_stack_agrees(venue, action, rng):
    for _ in range(100):
        values, seq, ack = random_values(rng), rng.getrandbits(32), rng.getrandbits(32)
        data = frame(venue, action, values, seq, ack)
        assert len(data) == FRAMES[action].length
        packet = Ether(data)
        again = packet.copy()
        del again[IP].chksum, again[TCP].chksum, again[IP].len
        assert bytes(again) == data
        assert (packet[TCP].seq, packet[TCP].ack, packet[TCP].flags) == (seq, ack, "PA")
        message = codec.parse(bytes(packet[TCP].payload))
        assert int(message[11], 16) == values.order_id
        ours = tcp_frame(message.raw, source_ip=venue.local_ip, destination_ip=venue.remote_ip, source=venue.local_port,
                         destination=venue.remote_port, seq=seq, ack=ack, source_mac=venue.local_mac,
                         destination_mac=venue.remote_mac)
        assert ours == data


@pytest.mark.parametrize("action", Action)
def test_words_are_the_frame_without_its_slots(action, rng):
    venue, words = SIMULATED[1], image(SIMULATED[1], action)
    assert len(words) == IMAGE_WORDS
    data = b"".join(word.to_bytes(WORD, "little") for word in words[:SUMS_WORD])
    full = frame(venue, action, random_values(rng), rng.getrandbits(32), rng.getrandbits(32))
    slots = {n for slot in FRAMES[action].slots.values() for place in slot.places for n in place}
    for n in range(len(data)):
        expected = 0 if n >= len(full) else data[n] if n in slots else full[n]
        assert data[n] == expected, n
    assert not any(data[n] for n in slots)


def test_names_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="SenderCompID"):
        image(dataclasses.replace(SIMULATED[0], sender_comp_id="MUCH-TOO-LONG"), Action.NEW)


def test_symbol_words():
    low, high = symbol_words("MSFT")
    assert (low | high << 64).to_bytes(16, "little") == symbol_text("MSFT")


def test_every_side_has_its_character():
    assert set(SIDE_CHARS) == set(Side)


def test_sum_against_the_inverse(rng):
    for length in range(1, 40):
        data = rng.randbytes(length)
        assert ~sum16(data) & 0xFFFF == checksum(data)
