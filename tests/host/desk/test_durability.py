"""The desk on a durable book: what is told is on disk, a restart goes on, and a book that fails stops orders."""

import sqlite3
from contextlib import closing

import pytest

from fixparse.enums import ExecType, OrdStatus
from hdl.config import GBE
from hdl.layouts import Condition, Origin, Reason, Side
from host.alpha.strategy import Arm, Withdraw
from host.bus.topics import BREAKS, FAULTS, ORDERS, PASSED, REPORTS
from host.link.driver import Exposure
from host.oms.oms import Oms
from host.oms.sqlite import SqliteJournal
from host.oms.states import State
from tests.host.desk.test_flow import ASK, BID, UNIVERSE, Rig


@pytest.fixture
def path(tmp_path):
    return tmp_path / "oms.sqlite"


def start(path):
    rig = Rig(SqliteJournal(path))
    rig.nic.top(0)
    rig.nic.top(1, ask=ASK + 100)
    rig.seen.clear()
    return rig


def stop(rig):
    """As a killed process would: nothing more is committed."""
    rig.desk.oms.journal.close()


@pytest.fixture
def rig(path):
    rig = start(path)
    yield rig
    stop(rig)


def fill(rig, order_id, qty=100, **more):
    status = OrdStatus.FILLED if qty == 100 else OrdStatus.PARTIALLY_FILLED
    return rig.venue.report(order_id, ExecType.TRADE, status, last=(qty, BID), cum=qty, leaves=100 - qty, **more)


def on_disk(path):
    """What another process reads at this moment."""
    with closing(sqlite3.connect(path)) as reader:
        orders = dict(reader.execute("SELECT order_id, filled FROM orders"))
        return orders, [row[0] for row in reader.execute("SELECT exec_id FROM executions ORDER BY number")]


def test_an_order_is_on_disk_before_it_can_leave_and_a_fill_before_anyone_is_told(rig, path):
    found = []
    rig.desk.bus.subscribe(REPORTS, lambda message: found.append(on_disk(path)))
    take, taken = rig.desk.nic.take, []

    def watched():
        records = take()
        taken.append((len(records), on_disk(path)[0]))
        return records

    rig.desk.nic.take = watched
    order_id = rig.buy()
    assert taken == [(1, {order_id: 0})]
    rig.nic.session(fill(rig, order_id, 40, exec_id=b"A") + fill(rig, order_id, 60, exec_id=b"B"))
    assert found == [({order_id: 40}, ["A"]), ({order_id: 100}, ["A", "B"])]


def test_a_restart_goes_on_with_orders_positions_and_numbers(path):
    rig = start(path)
    filled, resting, canceling = rig.buy(), rig.buy(), rig.buy()
    rig.nic.session(fill(rig, filled, exec_id=b"A"))
    for one in (resting, canceling):
        rig.nic.session(rig.venue.report(one, ExecType.NEW, OrdStatus.NEW, leaves=100))
    rig.do(Withdraw(canceling))
    cancel = int(rig.nic.intents[-1]["order_id"])
    before = rig.desk.oms.orders
    stop(rig)

    rig = start(path)
    desk = rig.desk
    assert desk.oms.orders == before
    assert desk.positions.position("AAPL").qty == 100
    assert desk.alpha.ids.in_use == 2, "slots of live orders stay taken"
    new = rig.buy()
    assert new not in before
    assert new not in (cancel, *before)
    assert new % GBE.open_orders not in {resting % GBE.open_orders, canceling % GBE.open_orders}
    rig.nic.session(fill(rig, filled, exec_id=b"A"))
    assert not rig.on(REPORTS), "sent again by the venue, told once"
    rig.nic.session(rig.venue.report(cancel, ExecType.CANCELED, OrdStatus.CANCELED, orig=canceling, exec_id=b"C9"))
    assert desk.oms.orders[canceling].state is State.CANCELED
    rig.nic.session(fill(rig, resting, exec_id=b"D9"))
    assert desk.positions.position("AAPL").qty == 200
    assert not rig.on(FAULTS)
    stop(rig)


def test_a_book_that_cannot_be_written_stops_orders_tells_why_and_loses_no_fill(rig, path):
    order_id = rig.buy()
    run = rig.desk.oms.journal._db.execute
    with closing(sqlite3.connect(path)) as other:
        other.execute("BEGIN IMMEDIATE")  # a lock stands for every reason why nothing can be written
        rig.nic.session(fill(rig, order_id, exec_id=b"A"))
        assert rig.desk.risk.control.killed
        assert [write.register for write in rig.written] == ["kill"], "armed triggers stop as well"
        faults = [message.payload["what"] for message in rig.on(FAULTS)]
        assert len(faults) == 1
        assert "holds a lock" in faults[0]
        assert not rig.on(REPORTS), "not told before it is durable"
        assert rig.buy()
        assert rig.strategy.heard[-1] == ("rejection", ("KILL",))
        rig.desk.risk.resume("officer", "too early")
        assert rig.buy()
        assert rig.desk.risk.control.killed, "killed again at once"
        assert len(rig.nic.intents) == 1
        other.rollback()
    rig.nic.serve()
    assert rig.on(FAULTS)[-1].payload["what"].startswith("the book of record is written again")
    assert len(rig.on(REPORTS)) == 1
    assert rig.desk.positions.position("AAPL").qty == 100
    assert rig.desk.risk.control.killed, "a person resumes"
    rig.desk.risk.resume("officer", "lock is gone")
    last = rig.buy()
    assert last in on_disk(path)[0]
    assert len(rig.nic.intents) == 2
    assert run("PRAGMA quick_check").fetchone() == ("ok",)


def test_an_order_refused_by_the_book_is_rejected_and_the_one_it_repeats_lives(rig):
    order_id = rig.buy()
    rig.desk.alpha.ids.give_back(order_id, 0)
    count = len(rig.nic.intents)
    raw = rig.on(PASSED)[0].payload
    rig.desk.bus.publish(PASSED, raw)
    assert rig.strategy.heard[-1] == ("rejection", (Reason.DUPLICATE.name,))
    assert rig.desk.oms.orders[order_id].state is State.PENDING_NEW
    assert len(rig.nic.intents) == count
    assert "ClOrdID" in rig.on(FAULTS)[0].payload["what"]


def test_a_trigger_that_fired_is_on_record_even_while_the_book_cannot_be_written(rig, path):
    order_id = rig.strategy.context.take_id()
    rig.do(Arm(order_id, 0, Side.BUY, 100, ASK, Condition.CROSS, ASK))
    with closing(sqlite3.connect(path)) as other:
        other.execute("BEGIN IMMEDIATE")
        rig.buy()
        rig.nic.decide(rig.nic.arms[0], Origin.TRIGGER, 3_000)
        rig.nic.session(fill(rig, order_id, exec_id=b"A"))
        other.rollback()
    rig.nic.serve()
    assert on_disk(path)[0][order_id] == 100
    assert not rig.desk.oms.breaks


def test_desk_and_nic_are_compared_when_all_is_quiet_and_breaks_are_told(rig):
    order_id = rig.buy()
    flat = {listing.index: Exposure(0, 0, 0) for listing in UNIVERSE.listings}
    assert rig.desk.reconcile(lambda: flat) is None, "the order is not acknowledged"
    assert not rig.on(BREAKS)
    rig.nic.session(fill(rig, order_id))
    breaks = rig.desk.reconcile(lambda: flat)
    assert [(one.stock, one.what, one.desk, one.nic) for one in breaks] == [("AAPL", "position", 100, 0)]
    assert [message.payload for message in rig.on(BREAKS)] == breaks
    assert "desk and NIC differ" in rig.on(FAULTS)[0].payload["what"]
    assert rig.desk.reconcile(lambda: flat | {0: Exposure(100, 0, 0)}) == []


def test_the_state_told_of_an_order_is_never_ahead_of_the_disk(rig, path):
    ahead = []

    def watch(message):
        told, disk = message.payload, on_disk(path)[0]
        if told["filled"] > disk.get(told["order_id"], 0):
            ahead.append(told)

    rig.desk.bus.subscribe(ORDERS, watch)
    order_id = rig.buy()
    rig.nic.session(fill(rig, order_id, 40))
    rig.do(Withdraw(order_id))
    rig.nic.session(fill(rig, order_id, 60))
    assert ahead == []
    assert rig.desk.oms.orders[order_id].filled == 100


def test_what_the_desk_leaves_is_what_the_book_opens_with(path):
    rig = start(path)
    order_id = rig.buy()
    rig.nic.session(fill(rig, order_id, 40, exec_id=b"A"))
    bust = rig.venue.report(order_id, ExecType.TRADE_CANCEL, OrdStatus.NEW, exec_id=b"B")
    at = bust.rindex(b"10=")
    raw = bust[:at] + b"19=A\x01"
    start_of_body = raw.index(b"35=")
    raw = b"8=FIX.4.4\x019=%d\x01" % (len(raw) - start_of_body) + raw[start_of_body:]
    rig.nic.session(raw + b"10=%03d\x01" % (sum(raw) % 256))
    assert not rig.on(FAULTS)
    assert rig.desk.positions.position("AAPL").qty == 0
    orders = rig.desk.oms.orders
    stop(rig)
    journal = SqliteJournal(path)
    assert Oms(journal).orders == orders
    journal.close()
