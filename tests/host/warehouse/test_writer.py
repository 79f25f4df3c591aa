"""The writer: whole files or none, every row or a count of those lost, and nobody waits for it."""

import os
import signal
import subprocess
import sys
import time

import duckdb
import numpy as np
import pyarrow.parquet as pq
import pytest

from hdl.layouts import BOOK_TOP, DECISION, MARKET_EVENT, RECORD_BYTES, SESSION_BYTES
from host.warehouse import writer
from host.warehouse.bench import batch, records_per_second
from host.warehouse.store import HOUR_NS, clear
from host.warehouse.table import GROUP_ROWS
from host.warehouse.writer import Warehouse

START = 1_767_623_400 * 10**9  # 2026-01-05 14:30 UTC
KINDS = (MARKET_EVENT, BOOK_TOP, DECISION)


def raw(*records):
    return np.concatenate([one.view(np.uint8).reshape(-1, RECORD_BYTES) for one in records])


def stored(folder, table):
    """Every whole file of a table, as one sorted list of rows."""
    return pq.read_table(folder / table, partitioning=None).sort_by("serial").to_pylist()


def until(what, seconds=20.0):
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.01)


def test_every_record_comes_back_as_it_was(tmp_path, rng):
    """Random bytes in every field, kinds mixed, in batches of random size."""
    random = np.random.default_rng(rng.randrange(2**32))
    records = random.integers(0, 256, (3000, RECORD_BYTES), np.uint8)
    records[:, 0] = random.choice([kind.kind for kind in (*KINDS, SESSION_BYTES)], len(records))
    head = records.view(MARKET_EVENT.dtype).reshape(-1)
    head["time"] = START + np.arange(len(records))
    head["serial"] = np.arange(len(records))
    warehouse = Warehouse(tmp_path, "s")
    at = 0
    while at < len(records):
        size = rng.randrange(1, 700)
        warehouse.records(records[at:at + size])
        at += size
    assert warehouse.close()
    assert warehouse.lost == 0
    for kind, table in zip(KINDS, ("market.events", "market.tops", "nic.decisions"), strict=True):
        expected = records[records[:, 0] == kind.kind].view(kind.dtype).reshape(-1)
        found = pq.read_table(tmp_path / table, partitioning=None).sort_by("serial")
        assert found.num_rows == len(expected)
        for name in found.column_names[:-1]:
            assert (found[name].to_numpy() == expected[name]).all(), name
        assert set(found["session"].to_pylist()) == {"s"}
    assert not (tmp_path / "session.bytes").exists()


def test_partitions_are_hours_of_session_time(tmp_path):
    warehouse = Warehouse(tmp_path, "s")
    times = [START, START + HOUR_NS, START + 10 * HOUR_NS, START + 1]
    warehouse.records(raw(*(BOOK_TOP.make(time=time_, serial=n) for n, time_ in enumerate(times))))
    warehouse.rows(lambda: [("positions", {"time": START + HOUR_NS, "seq": 1, "stock": "AAPL", "qty": 3})])
    warehouse.close()
    found = {str(path.parent.relative_to(tmp_path)): pq.read_table(path, partitioning=None).num_rows
             for path in tmp_path.rglob("*.parquet")}
    assert found == {"market.tops/date=2026-01-05/hour=14": 2, "market.tops/date=2026-01-05/hour=15": 1,
                     "market.tops/date=2026-01-06/hour=00": 1, "positions/date=2026-01-05/hour=15": 1}


def test_duckdb_reads_the_encodings_and_the_partitions(tmp_path):
    warehouse = Warehouse(tmp_path, "s")
    warehouse.records(raw(*(BOOK_TOP.make(time=START + n, serial=n, bid_price=n) for n in range(500))))
    warehouse.close()
    found = duckdb.sql(f"SELECT date, hour, sum(bid_price), max(time) FROM read_parquet("
                       f"'{tmp_path}/market.tops/**/*.parquet', hive_partitioning=true) GROUP BY ALL").fetchall()
    assert [(str(date), int(hour), total, last) for date, hour, total, last in found] == [
        ("2026-01-05", 14, sum(range(500)), START + 499)]


def test_more_than_a_row_group(tmp_path):
    warehouse = Warehouse(tmp_path, "s")
    random = np.random.default_rng(1)
    for n in range(0, 3 * GROUP_ROWS, 1 << 16):
        warehouse.records(batch(random, START + n))
    warehouse.close()
    assert warehouse.written == 3 * GROUP_ROWS
    assert sum(pq.read_metadata(path).num_rows for path in tmp_path.rglob("*.parquet")) == 3 * GROUP_ROWS


def test_what_waits_too_long_is_in_a_whole_file_while_the_session_runs(tmp_path):
    warehouse = Warehouse(tmp_path, "s", flush_s=0.05)
    warehouse.records(raw(BOOK_TOP.make(time=START)))
    until(lambda: list(tmp_path.rglob("*.parquet")))
    assert warehouse.written == 1
    warehouse.close()


_KILLED = """
import sys, time, numpy as np
from pathlib import Path
from host.warehouse.bench import batch
from host.warehouse.writer import Warehouse
warehouse, random, n = Warehouse(Path(sys.argv[1]), "s", flush_s=0.1), np.random.default_rng(1), 0
print("ready", flush=True)
while True:
    warehouse.records(batch(random, 1_767_623_400 * 10**9 + n, 1 << 12)); n += 1; time.sleep(0.002)
"""


def test_a_killed_writer_leaves_no_broken_file(tmp_path):
    process = subprocess.Popen([sys.executable, "-c", _KILLED, str(tmp_path)], stdout=subprocess.PIPE)
    process.stdout.readline()
    until(lambda: len(list(tmp_path.rglob("*.parquet"))) >= 4)
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    rows = [pq.read_table(path, partitioning=None).num_rows for path in tmp_path.rglob("*.parquet")]
    assert all(rows)
    for left in tmp_path.rglob(".*.partial"):  # a later session removes it once nobody can be writing it
        os.utime(left, (1, 1))
    Warehouse(tmp_path, "t").close()
    assert not list(tmp_path.rglob(".*.partial"))
    assert len(list(tmp_path.rglob("*.parquet"))) == len(rows)


def test_a_full_disk_costs_rows_and_a_word_and_passes(tmp_path, monkeypatch):
    warehouse = Warehouse(tmp_path, "s", flush_s=0.02)
    begin, full = warehouse.store.begin, [True]

    def on_a_full_disk(table, hour):
        aside, final = begin(table, hour)
        if full[0]:
            aside.symlink_to("/dev/full")
        return aside, final

    monkeypatch.setattr(warehouse.store, "begin", on_a_full_disk)
    warehouse.records(raw(*(BOOK_TOP.make(time=START, serial=n) for n in range(10))))
    until(lambda: warehouse.lost == 10)
    warehouse.rows(lambda: [("positions", {"time": START, "seq": 1, "stock": "AAPL"})])
    until(lambda: warehouse.lost == 11)
    full[0] = False
    warehouse.records(raw(*(BOOK_TOP.make(time=START, serial=n) for n in range(10, 15))))
    until(lambda: warehouse.written == 5)
    assert warehouse.close()
    news = list(warehouse.news)
    assert "market.tops is not stored: No space left on device; 10 rows lost so far" in news[0]
    assert sum("market.tops is stored again" in one for one in news) == 1
    assert [row["serial"] for row in stored(tmp_path, "market.tops")] == [10, 11, 12, 13, 14]
    assert not list(tmp_path.rglob(".*.partial"))


def test_a_disk_that_fills_up_under_load_loses_nothing_uncounted(tmp_path, monkeypatch, rng):
    """Groups fail at random while others are written: every row is in a whole file or counted as lost."""
    warehouse = Warehouse(tmp_path, "s", flush_s=0.05)
    begin = warehouse.store.begin

    def at_random(table, hour):
        aside, final = begin(table, hour)
        if rng.random() < 0.5:
            aside.symlink_to("/dev/full")
        return aside, final

    monkeypatch.setattr(warehouse.store, "begin", at_random)
    random, total = np.random.default_rng(1), 0
    for n in range(24):
        warehouse.records(batch(random, START + n))
        total += 1 << 16
        time.sleep(0.01)
    assert warehouse.close()
    assert warehouse.written + warehouse.lost == total
    assert sum(pq.read_metadata(path).num_rows for path in tmp_path.rglob("*.parquet")) == warehouse.written
    assert not list(tmp_path.rglob(".*.partial"))


def test_a_folder_that_cannot_be_made_is_an_error_at_once(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OSError, match="file"):
        Warehouse(tmp_path / "file" / "warehouse")


def test_a_writer_that_is_behind_drops_and_counts(tmp_path, monkeypatch):
    monkeypatch.setattr(writer, "BACKLOG_BYTES", 0)
    monkeypatch.setattr(writer, "BACKLOG_ROWS", 0)
    monkeypatch.setattr(Warehouse, "_work", lambda self: None)
    warehouse = Warehouse(tmp_path, "s")
    for _ in range(3):
        warehouse.records(raw(BOOK_TOP.make(time=START), BOOK_TOP.make(time=START)))
        warehouse.rows(list)
    assert warehouse.lost == 2 * 2 + 2
    warehouse.close()
    assert any("dropped" in one for one in warehouse.news)


def test_a_row_that_cannot_be_read_costs_itself_alone(tmp_path):
    warehouse = Warehouse(tmp_path, "s")
    warehouse.rows(lambda: 1 // 0)
    warehouse.rows(lambda: [("positions", {"time": START, "seq": 1, "qty": 1 << 70})])
    warehouse.rows(lambda: [("bus.faults", {"time": START, "seq": 1, "service": "x", "what": "y"})])
    warehouse.close()
    assert (warehouse.written, warehouse.lost) == (1, 2)
    assert len(warehouse.news) == 2


def test_clear_removes_the_warehouse_and_nothing_else(tmp_path):
    warehouse = Warehouse(tmp_path, "s")
    warehouse.records(raw(BOOK_TOP.make(time=START)))
    warehouse.close()
    keep = [tmp_path / "notes.txt", tmp_path / "market.tops" / "mine.parquet"]
    for path in keep:
        path.write_text("mine")
    clear(tmp_path)
    assert [path for path in sorted(tmp_path.rglob("*")) if path.is_file()] == sorted(keep)


def test_the_benchmark_measures(tmp_path):
    assert records_per_second(tmp_path, batches=2) > 0
