"""The ring and the log: what is read is what was written, or the reader is told that it was too slow."""

import os

import pytest

from host.bus.kept import KeptError, KeptLog, KeptReader
from host.bus.ring import AGAIN, DATA, ENTRY, Lapped, Reader, RingError, Writer, size_of


def ring(capacity=4096):
    memory = memoryview(bytearray(size_of(capacity)))
    return Writer(memory), Reader(memory, from_start=True), memory


def test_what_is_read_is_what_was_written_across_many_wraps(rng):
    writer, reader, _ = ring()
    sent, got = [], []
    for _ in range(5_000):
        frame = rng.randbytes(rng.randrange(1, 300))
        writer.write(ENTRY.pack(len(frame), 0, 1, len(sent)) + frame)
        sent.append((len(sent), frame))
        if rng.random() < 0.3 or len(sent) % 4 == 0:
            got += [(entry.kept_end, entry.frame) for entry in reader.read()]
    for _ in range(8):
        got += [(entry.kept_end, entry.frame) for entry in reader.read()]
    assert got == sent


def test_a_slow_reader_is_told_once_and_goes_on_with_the_newest(rng):
    writer, reader, _ = ring()
    for _ in range(200 + rng.randrange(500)):
        writer.append(bytes(rng.randrange(100)))
    with pytest.raises(Lapped):
        reader.read()
    assert reader.read() == []
    writer.append(b"new")
    assert [entry.frame for entry in reader.read()] == [b"new"]


def test_stamps_never_go_back():
    writer, reader, _ = ring()
    for _ in range(50):
        writer.append(b"x")
    stamps = [entry.stamp for entry in reader.read()]
    assert len(stamps) > 10
    assert stamps == sorted(stamps)


def test_the_last_value_of_every_name_stays_however_much_is_written(rng):
    writer, reader, _ = ring()
    newest = {}
    for n in range(3_000):
        name = rng.choice(["A", "B", "C"]) if n < 50 or rng.random() < 0.01 else None
        frame = f"{name}{n}".encode()
        writer.append(frame, value=name)
        if name:
            newest[name] = frame
        if n % 97 == 0:
            held = [entry.frame for entry in reader.held()]
            assert [frame for frame in newest.values() if frame not in held] == []
    for n in range(1_000):  # more than the ring holds: by now each of them was written again
        writer.append(b"%d" % n)
    assert {entry.frame for entry in reader.held() if entry.flags & AGAIN} == set(newest.values())


def test_last_values_that_would_fill_the_ring_are_given_up_instead():
    writer, reader, _ = ring()
    for n in range(1_000):
        writer.append(b"%d" % n, value=n)
    assert len(reader.held()) > 50


@pytest.mark.parametrize("capacity", [0, 512, 4095, 5000])
def test_a_size_that_is_no_ring_is_refused(capacity):
    with pytest.raises(RingError, match="power of two"):
        Writer(memoryview(bytearray(size_of(capacity))))


def test_a_frame_that_is_too_large_is_refused_and_the_ring_goes_on():
    writer, reader, _ = ring()
    with pytest.raises(RingError, match="larger"):
        writer.append(bytes(600))
    writer.append(b"small")
    assert [entry.frame for entry in reader.read()] == [b"small"]


def test_memory_that_holds_no_ring_is_refused(rng):
    for size in (0, 100, DATA, 5000):
        with pytest.raises(RingError):
            Reader(memoryview(rng.randbytes(size)))


def test_a_damaged_ring_is_told_and_never_read_beyond_its_end(rng):
    for _ in range(200):
        writer, reader, memory = ring()
        for n in range(20):
            writer.append(bytes(50 + n))
        for _ in range(5):
            memory[DATA + rng.randrange(2000)] = rng.randrange(256)
        try:
            entries = reader.read()
        except RingError:
            continue
        assert all(len(entry.frame) <= 4096 for entry in entries)


def test_the_log_is_read_as_it_grows_and_from_any_place(tmp_path, rng):
    log, reader = KeptLog(tmp_path / "log"), KeptReader(tmp_path / "log")
    ends, frames, got = [], [], []
    for _ in range(500):
        frames.append(rng.randbytes(rng.randrange(300)))
        ends.append(ENTRY.unpack_from(log.append(frames[-1]))[3])
        if rng.random() < 0.1:
            got += reader.read()
    got += reader.read()
    assert [entry.frame for entry in got] == frames
    assert [entry.kept_end for entry in got] == ends
    at = rng.randrange(500)
    assert [entry.frame for entry in KeptReader(tmp_path / "log", ends[at]).read()] == frames[at + 1:]
    log.close()


def test_a_log_that_was_cut_gives_what_is_whole(tmp_path, rng):
    log = KeptLog(tmp_path / "log")
    ends = [ENTRY.unpack_from(log.append(rng.randbytes(40)))[3] for _ in range(5)]
    whole = (tmp_path / "log").read_bytes()
    for length in range(0, len(whole), 7):
        (tmp_path / "cut").write_bytes(whole[:length])
        assert len(KeptReader(tmp_path / "cut").read()) == sum(end <= length for end in ends)


def test_a_log_that_cannot_be_written_says_so_and_stays_readable(tmp_path):
    with pytest.raises(KeptError, match="cannot be made"):
        KeptLog(tmp_path / "no" / "log")
    log = KeptLog(tmp_path / "log")
    with pytest.raises(KeptError, match="cannot be made"):
        KeptLog(tmp_path / "log")
    log.append(b"one")
    good, log._file = log._file, os.open("/dev/full", os.O_WRONLY)
    with pytest.raises(KeptError, match="free some space"):
        log.append(b"two")
    log._file = good
    log.append(b"three")
    assert [entry.frame for entry in KeptReader(tmp_path / "log").read()] == [b"one", b"three"]
