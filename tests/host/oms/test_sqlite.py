"""The durable journal: what was committed comes back exactly; every failure is a clear event, and loses nothing."""

import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings

from hdl.layouts import Origin, Side
from host.messages import NewOrder, Rejection, Report
from host.oms import schema
from host.oms.breaks import Acceptance, Break
from host.oms.journal import JournalError
from host.oms.oms import Change, Oms
from host.oms.sqlite import SqliteJournal, remove
from host.oms.states import State
from tests.host.oms.anything import STEPS, cancel, play, replace

ORDER = NewOrder(1, "AAPL", Side.BUY, 100, 10_000, 2, "3", 0, 55, Origin.TRIGGER)


def fill(exec_id, qty=10, order_id=1, price=10_000):
    return Report(order_id, exec_id, "F", "1", "AAPL", Side.BUY, 0, qty, price, maker=True, text="é|\x00'", time=10**18)


@contextmanager
def book(path):
    journal = SqliteJournal(path)
    try:
        yield Oms(journal)
    finally:
        journal.close()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "oms.sqlite"


def assert_same(again, oms):
    assert again.orders == oms.orders
    assert again.breaks == oms.breaks
    assert again.executed() == oms.executed()
    assert again.count == again.durable == oms.count


def test_every_kind_of_event_comes_back_as_it_was(path):
    with book(path) as oms:
        oms.on_new(ORDER)
        oms.on_report(fill("A"))
        oms.on_replace(replace(3, qty=150))
        oms.on_cancel(cancel(4, 3))
        oms.on_rejection(Rejection(4, "AAPL", Side.BUY, 100, 10_000, 0, 1 << 63, 5))
        oms.on_rejection(Rejection(9, "MSFT", Side.SELL_SHORT, 5, 1, 3, 1))
        refused = oms.on_report(fill("B", order_id=88))
        oms.accept(Acceptance(refused.number, "a", "b", 77))
        assert isinstance(oms.on_report(fill("C", 10_000)), Break)
        oms.commit()
        with closing(sqlite3.connect(path)) as reader:
            kinds = {table.name: reader.execute(f"SELECT count(*) FROM {table.name}").fetchone()[0]
                     for table in schema.TABLES}
        assert kinds == {"reports": 3, "new_orders": 1, "cancels": 1, "replaces": 1, "rejections": 2, "acceptances": 1}
    with book(path) as again:
        assert_same(again, oms)


def test_numbers_beyond_63_bits_are_kept_exactly(path):
    with book(path) as oms:
        oms.on_new(NewOrder((1 << 64) - 1, "AAPL", Side.BUY, 100, 10_000, 2, venue=0))
        oms.on_report(fill("A", order_id=(1 << 64) - 1))
        oms.on_report(fill("B", 10**30))
        oms.commit()
    with book(path) as again:
        assert_same(again, oms)


def test_what_was_not_committed_is_gone_and_the_rest_is_whole(path):
    with book(path) as oms:
        oms.on_new(ORDER)
        oms.on_report(fill("A"))
        assert oms.commit() == 2
        oms.on_report(fill("B"))
    with book(path) as again:
        assert again.orders[1].filled == 10
        assert again.count == 2
        assert isinstance(again.on_report(fill("B")), Change), "sent again by the venue"


@settings(max_examples=40, deadline=None)
@given(STEPS)
def test_any_sequence_comes_back(steps):
    with TemporaryDirectory() as folder:
        path = Path(folder) / "oms.sqlite"
        with book(path) as oms:
            play(oms, steps)
            oms.commit()
        with book(path) as again:
            assert_same(again, oms)


def test_the_projection_is_what_a_reader_sees_and_the_view_has_the_trades(path):
    with book(path) as oms:
        oms.on_new(ORDER)
        oms.on_report(fill("A"))
        oms.commit()
        oms.on_report(fill("B", 20))
        oms.on_report(fill("C", 500))
        with closing(sqlite3.connect(path)) as reader:
            assert reader.execute("SELECT state, filled FROM orders").fetchall() == [("partially filled", 10)]
            oms.commit()
            assert reader.execute("SELECT state, filled FROM orders").fetchall() == [("partially filled", 30)]
            assert reader.execute("SELECT exec_id, last_qty FROM executions").fetchall() == [("A", 10), ("B", 20)]


def test_the_tables_of_this_version_are_pinned():
    """A change of the tables needs a new VERSION: then change it here as well."""
    import hashlib

    assert (schema.VERSION, hashlib.sha256("\n".join(schema.DDL).encode()).hexdigest()[:16]) == (1, "b13cacea116e3c72")


# ---- what goes wrong

def written(path):
    with book(path) as oms:
        oms.on_new(ORDER)
        for n in range(400):
            oms.on_report(Report(1, f"E{n}", "0", "0", "AAPL", Side.BUY, 0, text="x" * 50))
        oms.commit()


def refused(path, *words):
    with pytest.raises(JournalError) as caught:
        SqliteJournal(path)
    for word in (str(path), *words):
        assert word in str(caught.value)


def test_another_version_is_refused(path):
    written(path)
    with closing(sqlite3.connect(path)) as other:
        other.execute("PRAGMA user_version = 7")
    before = path.read_bytes()
    refused(path, "version 7", f"has {schema.VERSION}")
    assert path.read_bytes() == before


def test_another_program_s_database_is_refused(path):
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE reports (x)")
    refused(path, "another program")


def test_a_file_that_is_no_database_is_refused(path):
    path.write_bytes(b"number,order\n" * 100)
    refused(path, "not a database")
    assert path.read_bytes() == b"number,order\n" * 100


def test_a_damaged_file_is_refused(path, rng):
    written(path)
    whole = path.read_bytes()
    noticed = 0
    for _ in range(20):
        damaged = bytearray(whole)
        at = rng.randrange(4096, len(whole) - 200)
        damaged[at:at + 200] = rng.randbytes(200)
        path.write_bytes(damaged)
        said = ""
        try:
            with book(path) as oms:  # what it does not notice is text inside a message
                assert list(oms.orders) == [1]
        except JournalError as error:
            noticed, said = noticed + 1, str(error)
        assert not said or str(path) in said
    assert noticed


def test_a_journal_with_a_hole_is_refused(path):
    written(path)
    with closing(sqlite3.connect(path)) as other, other:
        other.execute("DELETE FROM reports WHERE number = 17")
    with pytest.raises(JournalError, match="jumps from event 16 to 18"):
        Oms(SqliteJournal(path))


def test_a_projection_that_was_changed_is_refused(path):
    written(path)
    with closing(sqlite3.connect(path)) as other, other:
        other.execute("UPDATE orders SET filled = 55")
    with pytest.raises(JournalError, match="order 0000000000000001"):
        Oms(SqliteJournal(path))


def test_an_event_of_an_order_that_is_not_there_is_refused(path):
    written(path)
    with closing(sqlite3.connect(path)) as other, other:
        other.execute("UPDATE reports SET order_id = 5 WHERE number = 17")
    with pytest.raises(JournalError, match="event 17"):
        Oms(SqliteJournal(path))


def test_a_second_writer_is_refused_and_a_dead_one_is_not_in_the_way(path):
    code = ("import sys; from pathlib import Path; from host.oms.sqlite import SqliteJournal; "
            "j = SqliteJournal(Path(sys.argv[1])); print('open', flush=True); sys.stdin.read()")
    child = subprocess.Popen([sys.executable, "-c", code, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert child.stdout.readline() == b"open\n"
        refused(path, "another process")
        with pytest.raises(JournalError, match="another process"):
            remove(path)
    finally:
        child.kill()
        child.communicate()
    with book(path) as oms:
        oms.on_new(ORDER)
        oms.commit()


def test_a_locked_file_stops_new_orders_and_goes_on_when_it_is_free(path):
    with book(path) as oms:
        oms.on_new(ORDER)
        with closing(sqlite3.connect(path)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(JournalError, match="holds a lock") as caught:
                oms.commit()
            assert caught.value.passing
            assert isinstance(oms.on_new(NewOrder(2, "AAPL", Side.BUY, 1, 1, 0)), Break)
            other.rollback()
        assert oms.commit() == 2
    with book(path) as again:
        assert_same(again, oms)


def test_a_full_disk_stops_new_orders_loses_nothing_and_goes_on_when_there_is_room(path):
    with book(path) as oms:
        oms.on_new(ORDER)
        oms.commit()
        pages = oms.journal._db.execute("PRAGMA page_count").fetchone()[0]
        oms.journal._db.execute(f"PRAGMA max_page_count = {pages}")
        for n in range(500):
            oms.on_report(Report(1, f"E{n}", "0", "0", "AAPL", Side.BUY, 0, text="x" * 90))
        for _ in range(3):
            with pytest.raises(JournalError, match="disk is full") as caught:
                oms.commit()
        assert caught.value.passing
        assert oms.durable == 1
        assert isinstance(oms.on_new(NewOrder(2, "AAPL", Side.BUY, 1, 1, 0)), Break)
        oms.journal._db.execute("PRAGMA max_page_count = 1000000")
        assert oms.commit() == 502
    with book(path) as again:
        assert_same(again, oms)


def test_a_folder_that_is_not_there_is_a_clear_event(tmp_path):
    refused(tmp_path / "no" / "oms.sqlite", "cannot be made")
    (tmp_path / "oms.sqlite").mkdir()
    refused(tmp_path / "oms.sqlite", "cannot be opened")
    with pytest.raises(JournalError, match="cannot be deleted"):
        remove(tmp_path / "oms.sqlite")


def test_remove_takes_all_of_it(path):
    written(path)
    copy = path.with_name("copy.sqlite")
    shutil.copy(path, copy)
    remove(path)
    assert sorted(one.name for one in path.parent.iterdir()) == ["copy.sqlite", "oms.sqlite.lock"]
    remove(path)
    with book(copy) as again:
        assert again.orders[1].state is State.NEW
