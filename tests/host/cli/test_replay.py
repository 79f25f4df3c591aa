"""`tickgate replay` by the golden model: the CSV, and every way in which a file can be wrong."""

import gzip

import pytest

from host.cli import main
from sim import itch

LENGTH = 2


def messages():
    """Two stocks; AAPL gets two bids, one of them executed away."""
    common = {"tracking": 0}
    return [
        itch.encode("R", locate=1, timestamp=10, stock="AAPL"),
        itch.encode("R", locate=2, timestamp=11, stock="MSFT"),
        itch.encode("A", locate=1, timestamp=20, ref=1, side="B", shares=100, stock="AAPL", price=1_000_000, **common),
        itch.encode("A", locate=1, timestamp=30, ref=2, side="B", shares=50, stock="AAPL", price=1_000_100),
        itch.encode("A", locate=2, timestamp=40, ref=3, side="S", shares=10, stock="MSFT", price=2_000_000),
        itch.encode("E", locate=1, timestamp=50, ref=2, shares=50, match=7),
    ]


def binaryfile(raw):
    return b"".join(len(one).to_bytes(LENGTH, "big") + one for one in raw)


@pytest.fixture
def run(tmp_path, capsys):
    def replay(data, *more, symbols="AAPL", name="day.itch50"):
        path, out = tmp_path / name, tmp_path / "books.csv"
        if data is not None:
            path.write_bytes(data)
        code = main.call(["replay", str(path), "--symbols", symbols, "--books", str(out), "--engine", "model", *more])
        captured = capsys.readouterr()
        assert "Traceback" not in captured.err
        return code, out.read_text().splitlines() if out.exists() else [], captured.err
    return replay


ROWS = ["seq,timestamp_ns,symbol,exact,bid1,bidqty1,ask1,askqty1,bid2,bidqty2,ask2,askqty2",
        "1,10,AAPL,1,0,0,0,0,0,0,0,0",
        "3,20,AAPL,1,1000000,100,0,0,0,0,0,0",
        "4,30,AAPL,1,1000100,50,0,0,1000000,100,0,0",
        "6,50,AAPL,1,1000000,100,0,0,0,0,0,0"]


def test_one_row_for_each_message_of_a_named_symbol(run):
    assert run(binaryfile(messages()), "--depth", "2") == (0, ROWS, "")


def test_gzip_is_the_same(run):
    assert run(gzip.compress(binaryfile(messages())), "--depth", "2")[1] == ROWS


def test_two_symbols_in_file_order(run):
    code, rows, _ = run(binaryfile(messages()), symbols="msft, AAPL")
    assert code == 0
    assert [row.split(",")[2] for row in rows[1:]] == ["AAPL", "MSFT", "AAPL", "AAPL", "MSFT", "AAPL"]


def test_an_unknown_reference_makes_the_book_inexact(run):
    bad = itch.encode("D", locate=1, timestamp=60, ref=99)
    code, rows, _ = run(binaryfile([*messages(), bad]))
    assert code == 0
    assert [row.split(",")[3] for row in rows[1:]] == ["1", "1", "1", "1", "0"]


def test_every_truncation_keeps_what_came_before(run):
    data = binaryfile(messages())
    ends = {0}
    for one in messages():
        ends.add(max(ends) + LENGTH + len(one))
    for size in range(max(ends)):
        code, rows, err = run(data[:size], "--depth", "2")
        whole = sum(end <= size for end in ends) - 1
        expected = [row for row in ROWS[1:] if int(row.split(",")[0]) <= whole]
        if size in ends and size:
            assert (code, rows[1:]) == (0, expected)
            continue
        assert code == main.BAD_INPUT
        assert err.count("\n") == 1
        if expected:
            assert rows[1:] == expected
            assert "byte" in err


@pytest.mark.parametrize(("data", "said"), [
    (binaryfile([b"?nonsense"]), "unknown message type"),
    (binaryfile([*messages(), b"\x00" * 5]), "unknown message type"),
    (binaryfile([*messages(), messages()[0][:-1]]), "has 38 bytes, should have 39"),
    (b"", "empty"),
    (gzip.compress(binaryfile(messages()), mtime=0)[:-20], "gzip"),
    (b"\xd4\xc3\xb2\xa1" + b"\x00" * 8, "header"),
    (None, "No such file"),
])
def test_bad_input_is_one_line(run, data, said):
    code, _, err = run(data)
    assert code == main.BAD_INPUT
    assert said in err
    assert err.count("\n") == 1


@pytest.mark.parametrize(("more", "said"), [
    (["--depth", "11"], "reports 10 levels"), (["--engine", "abacus"], "give model or nic"),
    (["--symbols", ","], "at least one"), (["--symbols", "A,B,C,D,E,F,G,H,I"], "has 8 books"),
    (["--symbols", "TOOLONGNAME"], "no stock symbol"), (["--symbols", "ZZZ"], "no message names ZZZ")])
def test_bad_options_are_one_line(run, more, said):
    code, rows, err = run(binaryfile(messages()), *more)
    assert (code, rows) == (main.BAD_INPUT, [])
    assert said in err


def test_a_csv_that_cannot_be_written(run, tmp_path):
    (tmp_path / "books.csv").mkdir()
    path = tmp_path / "day.itch50"
    path.write_bytes(binaryfile(messages()))
    assert main.call(["replay", str(path), "--symbols", "AAPL", "--books", str(tmp_path / "books.csv"),
                      "--engine", "model"]) == main.BAD_INPUT
