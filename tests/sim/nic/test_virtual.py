"""The virtual NIC on a loopback component: exact cycles, wire timing, pacing, records, waveforms, the cache."""

from itertools import pairwise

import numpy as np
import pytest

from hdl.config import GBE, TINY
from sim.compiled import BuildError, build_library
from sim.nic import VirtualNic
from tests.sim.adder import Adder
from tests.sim.loopback import Loopback

LATENCY = 2  # of the loopback, first beat in to first beat out
GAP = 24     # bytes of preamble, FCS and inter-frame gap


@pytest.fixture
def nic():
    with VirtualNic(GBE, Loopback(GBE)) as nic:
        yield nic


def note(raw: np.ndarray) -> tuple[int, int, int]:
    """Cycle, beats and last beat of the loopback's record."""
    words = raw[:24].view("<u8")
    return int(words[0]), int(words[1]), int(words[2]) & 0x7FF


def test_starts_and_ends_are_exact(nic):
    nic.send(0, bytes(range(60)), at=100)
    nic.send(1, bytes(range(64)), at=7)
    assert nic.run_until(1000) == "cycle"
    assert nic.cycle == 1000
    assert nic.played(0).tolist() == [[100, 159]]
    assert nic.played(1).tolist() == [[7, 70]]
    (frame,) = nic.frames()
    assert frame == (bytes(range(60)), 100 + LATENCY, 159 + LATENCY, False)
    (raw,), (cycle,) = nic.records()
    assert note(raw) == (70, 64, 63 | 1 << 8 | 1 << 9)  # what the design's own cycle counter says
    assert cycle == 72
    assert nic.frames() == []
    assert len(nic.records().raw) == len(nic.played(0)) == 0


def test_wire_keeps_frames_apart(nic):
    nic.send_many(0, [b"a" * 60, b"b" * 61, b"c" * 62], at=[10, 0, 500])
    nic.run_while_busy()
    assert nic.played(0).tolist() == [[10, 69], [70 + GAP, 130 + GAP], [500, 561]]


def test_no_gap_is_back_to_back():
    with VirtualNic(GBE, Loopback(GBE), wire_gap=False) as nic:
        nic.send_many(0, [b"a" * 60, b"b"])
        nic.run_while_busy()
        assert nic.played(0).tolist() == [[0, 59], [60, 60]]
        assert [frame.start for frame in nic.frames()] == [LATENCY, 60 + LATENCY]


def test_random_frames_come_back_unchanged(nic, rng):
    sent = [(rng.randbytes(rng.randrange(1, 300)), rng.random() < 0.2) for _ in range(200)]
    nic.send_many(0, [frame for frame, _ in sent], error=[bad for _, bad in sent])
    assert nic.run_while_busy() == "quiet"
    back = nic.frames()
    assert [(frame.data, frame.poisoned) for frame in back] == sent
    assert all(later.start - earlier.end > GAP for earlier, later in pairwise(back))


def test_transmit_pace(nic):
    nic.set_tx_pace(gap=100, period=3)
    nic.send_many(0, [b"abcd", b"ef"])
    nic.run_while_busy()
    first, second = nic.frames()
    assert (first.data, first.end - first.start) == (b"abcd", 9)
    assert first.end + 100 < second.start <= first.end + 103


def test_records_keep_order_however_slow_the_host_is(nic, rng):
    records = np.frombuffer(rng.randbytes(64 * 200), np.uint8).reshape(-1, 64)
    for period in (1, 7):
        nic.set_host_pace(period)
        nic.post(records)
        assert nic.pending == 200
        nic.run_while_busy(quiet=64)
        raw, cycles = nic.records()
        assert nic.pending == 0
        assert (raw == ~records).all()
        assert (np.diff(cycles.astype(int)) >= period).all()
    nic.set_host_pace(0)
    nic.post(records)
    nic.run(1000)
    assert len(nic.records().raw) == 0
    assert nic.pending > 100


def test_stops_at_the_first_event(nic):
    nic.send(0, b"x" * 60, at=50)
    nic.send(1, b"y" * 60, at=200)
    assert nic.run(10_000, until="tx") == "tx"
    assert nic.cycle == 50 + LATENCY + 60
    assert nic.run(10_000, until="record") == "record"
    assert nic.cycle == 200 + 60 + 2
    assert nic.run_while_busy(limit=10, quiet=100) == "cycle"
    assert nic.run_while_busy(quiet=100) == "quiet"


def test_misuse_is_refused(nic):
    with pytest.raises(ValueError, match="ports 0 to 1"):
        nic.send(2, b"x")
    with pytest.raises(ValueError, match="empty"):
        nic.send(0, b"")
    with pytest.raises(ValueError, match="until"):
        nic.run(1, until="never")
    with pytest.raises(ValueError, match="2 frames with 1 times"):
        nic.send_many(0, [b"a", b"b"], at=[1])
    with pytest.raises(TypeError, match="Adder is not a NIC of variant tiny: tx__payload"):
        VirtualNic(TINY, Adder())


def test_second_build_compiles_nothing_and_runs_are_equal():
    told, ends = [], []
    for _ in range(2):
        with VirtualNic(GBE, Loopback(GBE), progress=told.append) as nic:
            nic.send(0, bytes(100))
            nic.run_while_busy()
            ends.append((nic.cycle, nic.frames()))
    assert told == []  # the fixture of an earlier test, or the first of these two, built it
    assert ends[0] == ends[1]


@pytest.mark.slow
def test_waveform(tmp_path):
    path = tmp_path / "loop.fst"
    with VirtualNic(GBE, Loopback(GBE), trace=path) as nic:
        nic.send(0, bytes(range(200)))
        nic.run(1000)
    assert blocks(path.read_bytes())[0] == 0  # a header block comes first, and the blocks fill the file
    with pytest.raises(OSError, match="cannot write the waveform"):
        VirtualNic(GBE, Loopback(GBE), trace=tmp_path / "absent" / "loop.fst")


def blocks(data: bytes) -> list[int]:
    """Types of the blocks of an FST file: type (1 byte), length including itself (8, big-endian), content."""
    types, at = [], 0
    while at < len(data):
        types.append(data[at])
        at += 1 + int.from_bytes(data[at + 1:at + 9], "big")
    assert at == len(data)
    return types


def test_a_failing_build_names_step_and_log(tmp_path):
    with pytest.raises(BuildError, match=r"verilator failed:(.|\n)*the whole log: .*failed\.log"):
        build_library("module top(;", [], {}, tmp_path)
