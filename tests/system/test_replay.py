"""Real data through the NIC: its books are the golden model's, and the exchange's own."""

import csv
from decimal import Decimal

import pytest

from host.cli import main

pytestmark = [pytest.mark.data, pytest.mark.slow]

FILES = [("nasdaq_20200130_aapl_first10k.itch50", "AAPL"), ("bx_20190730_aapl_msft.itch50", "AAPL,MSFT"),
         ("nasdaq_20191230_open_all_symbols.itch50", "HDS,VICI,PSQ,XOP,QQQ,SCWX,IWM,ZIV")]


def replay(path, symbols, out, engine, depth=10):
    code = main.call(["replay", str(path), "--symbols", symbols, "--depth", str(depth), "--books", str(out),
                      "--engine", engine])
    assert code == 0
    return out.read_text()


@pytest.fixture(scope="module")
def nic_rows(data_dir, tmp_path_factory):
    """Rows of a file by the NIC, ten levels deep; each file is replayed once."""
    folder, done = tmp_path_factory.mktemp("nic"), {}

    def rows(name):
        if name not in done:
            done[name] = replay(data_dir / "itch" / name, dict(FILES)[name], folder / name, "nic").splitlines()
        return done[name]
    return rows


@pytest.mark.parametrize(("name", "symbols"), FILES)
def test_the_nic_s_csv_is_the_model_s(data_dir, tmp_path, nic_rows, name, symbols):
    model = replay(data_dir / "itch" / name, symbols, tmp_path / "model.csv", "model").splitlines()
    nic = nic_rows(name)
    assert len(nic) == len(model) > 1
    for one, other in zip(nic, model, strict=True):
        assert one == other


def test_the_book_after_1001_messages(data_dir, nic_rows):
    cells = [int(cell) for cell in nic_rows(FILES[0][0])[1001].split(",")[4:]]
    levels: dict[str, list] = {"B": [], "S": []}
    for line in (data_dir / "itch" / "nasdaq_20200130_aapl_book_after_1001.txt").read_text().splitlines():
        if line.startswith(tuple(levels)):
            side, price, qty = line.replace(":", "").split()
            levels[side].append((int(Decimal(price) * 10_000), int(qty)))
    bids, asks = sorted(levels["B"], reverse=True)[:10], sorted(levels["S"])[:10]
    assert [tuple(cells[n:n + 2]) for n in range(0, 40, 4)] == bids
    assert [tuple(cells[n:n + 2]) for n in range(2, 40, 4)] == asks


@pytest.mark.parametrize("stock", ["aapl", "msft"])
def test_best_bid_and_ask_are_the_exchange_s(data_dir, nic_rows, stock):
    ours: dict[int, set] = {}
    for row in csv.DictReader(nic_rows(FILES[1][0])):
        if row["symbol"] == stock.upper():
            ours.setdefault(int(row["timestamp_ns"]), set()).add((int(row["bid1"]), int(row["ask1"])))
            assert row["exact"] == "1"
    with (data_dir / "itch" / f"bx_20190730_{stock}_bbo.csv").open() as file:
        theirs = list(csv.DictReader(file))
    assert len(theirs) > 200
    for row in theirs:
        best = tuple(int(Decimal(row[name]) * 10_000) for name in ("best_bid", "best_ask"))
        assert best in ours[int(row["ts"])]
