"""A long file's rows come from the twin, and are the golden model's to the byte."""

import gzip

import pytest

from host.cli import main, replaytwin
from sim import itch
from sim.twin.day import day, name

STOCKS = [name(n) for n in range(3)]


@pytest.fixture
def replay(tmp_path, monkeypatch, capsys):
    def run(data: bytes, twin: bool, depth: int = 10):
        monkeypatch.setattr(replaytwin, "SMALLEST", 0 if twin else 1 << 60)
        monkeypatch.setattr(replaytwin, "CHUNK", 10_007)
        path, out = tmp_path / "day.itch50", tmp_path / "books.csv"
        path.write_bytes(data)
        code = main.call(["replay", str(path), "--symbols", ",".join(STOCKS), "--books", str(out), "--depth",
                          str(depth), "--engine", "model"])
        return code, out.read_bytes() if out.exists() else b"", capsys.readouterr()
    return run


@pytest.fixture
def used(monkeypatch):
    """What the twin answered, call by call."""
    answers, write = [], replaytwin.write
    monkeypatch.setattr(replaytwin, "write", lambda *args: answers.append(write(*args)) or answers[-1])
    return answers


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
@pytest.mark.parametrize("end", [b"", b"\0\0"])
def test_the_same_bytes(replay, used, rng, pack, end):
    data = pack(day(4_000, 5, seed=rng.randrange(1 << 30)).tobytes() + end)
    twin, model = replay(data, True, 3), replay(data, False, 3)
    assert twin[:2] == model[:2]
    assert used == [len(model[1].splitlines()) - 1, None]


@pytest.mark.parametrize("spoil", [
    lambda data: data[:-3], lambda data: data + b"\0\1!", lambda data: data + b"\0\0more", lambda data: data + b"\0",
    lambda data: data + b"\0\x27" + itch.encode("R", locate=77, stock=STOCKS[0])])
def test_what_the_twin_refuses_the_model_reads(replay, used, spoil):
    data = spoil(day(600, 5, seed=3).tobytes())
    twin, model = replay(data, True), replay(data, False)
    assert twin == model
    assert used == [None, None]
