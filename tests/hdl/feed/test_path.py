"""FeedPath: every message type at its exact cycle, every truncation, notes."""

from collections import Counter
from dataclasses import asdict
from itertools import pairwise

import pytest

from hdl.config import GBE, XGBE
from hdl.feed.itch import NEEDED
from hdl.feed.path import DISTANCE, LATENCY, NOTE_LATENCY, note_latency
from hdl.feed.spec import LONGEST, MESSAGES
from hdl.messages import Note
from sim import itch
from sim.feedbench import Datagram, path_outputs, run_path
from sim.models.feed import FeedPathModel

SESSION = "TGXTGA0001"
_config = GBE


def random_message(rng, type_: str) -> bytes:
    return type_.encode() + rng.randbytes(MESSAGES[type_].length - 1)


@pytest.fixture(autouse=True, params=[GBE, XGBE], ids=["8 bits", "64 bits"])
def config(request, monkeypatch):
    """The variant that `matches` runs."""
    monkeypatch.setitem(globals(), "_config", request.param)
    return request.param


def matches(datagrams, port=0):
    """Runs gateware and model; returns what came out, having compared it cycle by cycle."""
    seen, count, where = run_path(_config, datagrams, port)
    model = FeedPathModel.of(_config, port)
    expected = [(cycle, asdict(message))
                for cycle, message in path_outputs(model, datagrams, where, note_latency(_config))]
    assert seen == expected
    assert count == +model.count
    return seen, where


def test_every_type_leaves_at_its_cycle(rng):
    """The table of the docstring, and every field of every type, with random contents."""
    datagrams = [Datagram(itch.datagram(SESSION, 7, [random_message(rng, type_)]), feed=rng.randrange(2),
                          rx_time=rng.getrandbits(64)) for type_ in MESSAGES]
    seen, where = matches(datagrams, port=1)
    assert [message["type"] for _, message in seen] == [spec.code for spec in MESSAGES.values()]
    header_and_length = 22
    for (cycle, message), bytes_ in zip(seen, where, strict=True):
        assert cycle == bytes_[header_and_length + NEEDED[chr(message["type"])] - 1] + LATENCY


def test_latency_table():
    """Bytes of each type after which it leaves, as documented."""
    whole = {type_: spec.length for type_, spec in MESSAGES.items()}
    early = {"F": 36, "H": 20, "R": 19, "Y": 19, "K": 19, "J": 19, "N": 19, "O": 19, "L": 23, "I": 36, "V": 11, "W": 11}
    assert whole | early == NEEDED
    assert (LATENCY, DISTANCE, NOTE_LATENCY, note_latency(XGBE)) == (1, 13, 14, 5)


def test_messages_as_close_as_they_come(rng):
    """Blocks back to back, the shortest after each other and all pairs mixed, with header and numbers of each."""
    types = [rng.choice(list(MESSAGES)) for _ in range(40)]
    messages = [random_message(rng, type_) for type_ in ["W", "W", "S", "W", "D", "D", "B", *types]]
    seen, _ = matches([Datagram(itch.datagram(SESSION, (1 << 32) - 20, messages), tail=True)])
    assert [message["seq"] for _, message in seen] == [(1 << 32) - 20 + n for n in range(len(messages))]
    cycles = [cycle for cycle, _ in seen]
    assert min(b - a for a, b in pairwise(cycles)) == max(1, DISTANCE // _config.lanes)


@pytest.mark.parametrize("error", [False, True], ids=["short", "torn"])
def test_every_truncation(rng, error):
    """A datagram cut after every byte: its length field agreeing (short), or its frame torn."""
    whole = itch.datagram(SESSION, 1, [random_message(rng, type_) for type_ in "FDW"])
    datagrams = [Datagram(whole[:n], rx_time=n, length=len(whole) if error else None, error=error)
                 for n in range(1 if error else 0, len(whole) + 1)]
    seen, _ = matches(datagrams)
    notes = Counter(message["note"] for _, message in seen)
    assert notes[Note.BAD_FRAME] == (len(whole) + 1 - (22 + NEEDED["F"]) if error else 0)


def test_lengths_that_do_not_fit(rng):
    """Zero, one too many, far beyond; longer than any message; messages before stand and the sequence shows a gap."""
    good = random_message(rng, "A")
    blocks = [b"\0\0", b"\0\x25" + good, b"\xff\xff" + good, b"\x05\x00" + bytes(1280), b"\0\x01A",
              b"\0\x0b" + b"z" * 11, b"\0\x0a" + b"z" * 10, b"\0\x23" + good[:35],
              (LONGEST + 1).to_bytes(2, "big") + b"A" + bytes(LONGEST)]
    first = itch.datagram(SESSION, 5, [good], count=2)
    datagrams = [Datagram(first + block) for block in blocks]
    datagrams += [Datagram(first + block + b"\0\x24" + good) for block in blocks]
    seen, _ = matches(datagrams)
    assert {message["note"] for _, message in seen} == {Note.MESSAGE, Note.HEARTBEAT}
    assert sum(message["type"] == ord("z") for _, message in seen) == 2


def test_notes(rng):
    """Heartbeat, end of session, the same with bytes after them, with a bad FCS, and with too few messages."""
    message = random_message(rng, "D")
    heartbeat, end = itch.datagram(SESSION, 9, []), itch.datagram(SESSION, 9, [], count=0xFFFF)
    cases = [(heartbeat, {}, [Note.HEARTBEAT]), (end, {}, [Note.END]), (end + b"\0", {}, [Note.HEARTBEAT]),
             (heartbeat + b"\0", {"tail": True}, [Note.HEARTBEAT]), (heartbeat, {"error": True}, []),
             (end, {"error": True, "tail": True}, []), (b"", {}, []), (b"", {"error": True}, []),
             (itch.datagram(SESSION, 9, [message], count=2), {}, [Note.MESSAGE, Note.HEARTBEAT]),
             (itch.datagram(SESSION, 9, [message, message], count=1), {}, [Note.MESSAGE, Note.HEARTBEAT]),
             (itch.datagram(SESSION, 9, [message]), {"error": True}, [Note.MESSAGE, Note.BAD_FRAME]),
             (itch.datagram(SESSION, 9, [message]), {"tail": True}, [Note.MESSAGE])]
    seen, _ = matches([Datagram(payload, **options) for payload, options, _ in cases])
    assert [message["note"] for _, message in seen] == [note for _, _, notes in cases for note in notes]


def test_stalls(rng):
    """Cycles without a beat move everything and change nothing."""
    datagrams = []
    for _ in range(6):
        payload = itch.datagram(SESSION, 1, [random_message(rng, rng.choice("AFDEXUPCRH")) for _ in range(3)])
        datagrams.append(Datagram(payload, stalls=frozenset(rng.sample(range(1, len(payload)), len(payload) // 3))))
    matches(datagrams)
