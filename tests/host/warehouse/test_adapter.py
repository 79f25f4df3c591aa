"""Everything that crosses the bus is stored; nothing that goes wrong with it reaches the desk."""

import numpy as np
import pyarrow.parquet as pq
import pytest

from hdl.config import GBE
from hdl.layouts import BOOK_TOP, INTENT, RECORD_BYTES, Reason, Side
from hdl.venue import SIMULATED
from host import fixmap
from host.bus import Hop, InProcess
from host.bus.topics import (
    CONTROL,
    FAULTS,
    INTENTS,
    PASSED,
    POSITIONS,
    PROPOSED,
    REJECTED,
    SAMPLES,
    TOPICS,
    TOPS,
    UTILISATION,
    Kind,
)
from host.desk.desk import Desk
from host.messages import CancelOrder, NewOrder, Rejection
from host.risk.control import ControlEvent
from host.risk.limits import load
from host.risk.utilisation import Utilisation
from host.universe import Universe
from host.warehouse.adapter import DOWN_AND_DESK, WarehouseAdapter
from host.warehouse.storage import Storage
from host.warehouse.writer import Warehouse

VENUE_NAMES = tuple(venue.target_comp_id for venue in SIMULATED)
UNIVERSE = Universe.grid(("AAPL", "MSFT"), VENUE_NAMES)
NOW = 1_767_623_400 * 10**9
ORDER = NewOrder((1 << 63) + 5, "AAPL", Side.SELL, 100, 1_850_000, 1, time=NOW)


class Bench:
    """A bus with a warehouse on it; `stored` closes it and gives the rows of a table."""

    def __init__(self, folder, **more):
        self.folder, self.now = folder, NOW
        self.bus = InProcess(lambda: self.now)
        self.warehouse = Warehouse(folder, "s")
        self.adapter = WarehouseAdapter(self.bus, self.warehouse, VENUE_NAMES, **more)
        self.faults = []
        self.bus.subscribe(FAULTS, lambda message: self.faults.append(message.payload["what"]))

    def stored(self, table):
        assert self.warehouse.close()
        path = self.folder / table
        return pq.read_table(path, partitioning=None).to_pylist() if path.exists() else []


@pytest.fixture
def bench(tmp_path):
    return Bench(tmp_path)


def test_orders_are_stored_as_read_and_as_they_were(bench):
    desk = fixmap.Desk("ALPHA", "RISK")
    raw = [desk.new_order(ORDER, VENUE_NAMES[1]), desk.cancel(CancelOrder(7, 5, "AAPL", Side.BUY, 100, 1, time=NOW)),
           b"8=FIX.4.4\x019=5\x0135=0\x0110=163\x01", b"junk"]
    for one in raw:
        bench.bus.publish(PROPOSED, one, hops=(Hop("nic.rx", NOW - 9),))
    rows = bench.stored("orders.proposed")
    assert [row["raw"] for row in rows] == raw
    assert [row["what"] for row in rows] == ["NewOrder", "CancelOrder", None, None]
    first = rows[0]
    assert (first["order_id"], first["price"], first["side"], first["venue"], first["stated_time"]) == (
        ORDER.order_id, ORDER.price, 1, 1, NOW)
    assert first["hops"] == [{"place": "nic.rx", "time": NOW - 9}, {"place": "orders.proposed", "time": NOW}]
    assert rows[1]["orig_id"] == 5
    assert all(row["problem"] for row in rows[2:])
    assert not any(row["problem"] for row in rows[:2])
    assert bench.faults == []


def test_rejections_carry_their_reasons(bench):
    rejection = Rejection(1 << 50, "MSFT", Side.BUY, 100, 5, 0, 1 << Reason.COLLAR | 1 << Reason.RATE, NOW)
    bench.bus.publish(REJECTED, fixmap.Desk("RISK", "ALPHA").rejection(rejection))
    assert bench.stored("orders.rejected")[0]["reasons"] == rejection.reasons


def test_what_goes_down_to_the_nic_is_stored_by_the_time_of_the_bus(bench):
    intent = INTENT.make(order_id=ORDER.order_id, qty=100)
    bench.bus.publish(INTENTS, intent)
    assert intent["time"] == 0
    row = bench.stored("nic.intents")[0]
    assert (row["time"], row["order_id"]) == (NOW, ORDER.order_id)


def test_every_topic_has_a_table(bench):
    payloads = {Kind.FIX: fixmap.Desk("A", "B").new_order(ORDER), Kind.STRUCT: {"what": 1}}
    for topic in TOPICS.values():
        bench.bus.publish(topic, payloads.get(topic.kind) if topic.record is None else topic.record.make(time=NOW))
    bench.warehouse.close()
    assert {path.name for path in bench.folder.iterdir()} == set(TOPICS)
    assert bench.warehouse.lost == 0


def test_values_of_services_are_rows(bench):
    bench.bus.publish(UTILISATION, Utilisation("firm.loss_usd", 9, 10))
    bench.bus.publish(CONTROL, ControlEvent(True, True, 0, 0, "me", "because", 3))
    use = bench.stored("risk.utilisation")[0]
    assert (use["path"], use["used"], use["permille"], use["level"]) == ("firm.loss_usd", 9, 900, 2)
    control = bench.stored("risk.control")[0]
    assert (control["kill"], control["who"], control["stated_time"], control["time"]) == (True, "me", 3, NOW)


def test_use_of_limits_is_stored_whenever_it_changes(tmp_path):
    bench = Bench(tmp_path)
    for one in (Utilisation("firm.gross_usd", 80, 100), Utilisation("firm.loss_usd", 0, 9)):
        bench.bus.publish(SAMPLES, one, key=one.path)
    assert [(row["path"], row["permille"], row["level"], row["time"]) for row in bench.stored("risk.samples")] == [
        ("firm.gross_usd", 800, 1, NOW), ("firm.loss_usd", 0, 0, NOW)]


def test_a_failure_is_told_once_and_stops_nothing(tmp_path):
    bench = Bench(tmp_path)
    for _ in range(3):
        bench.bus.publish(POSITIONS, {"stock": "AAPL", "qty": 100})
        bench.bus.publish(TOPS, None)
    assert len(bench.stored("positions")) == 3
    assert len(bench.faults) == 1
    assert "market.tops is not stored whole: TypeError" in bench.faults[0]


def test_a_desk_and_its_storage(tmp_path):
    desk = Desk(GBE, UNIVERSE, load(), SIMULATED, lambda writes: None, lambda: NOW, strategies={})
    storage = Storage(desk, tmp_path / "w", seed=7)
    records = BOOK_TOP.make(time=NOW, symbol=1, bid_price=5, ask_price=6).view(np.uint8).reshape(-1, RECORD_BYTES)
    storage.on_records(records)
    desk.nic.on_records(records)
    storage.poll()
    assert storage.close() == ""
    tops = pq.read_table(tmp_path / "w" / "market.tops", partitioning=None).to_pylist()
    assert len(tops) == 1  # as it came, not from the bus once more
    about = pq.read_table(tmp_path / "w" / "sessions", partitioning=None).to_pylist()[0]
    assert (about["seed"], about["time"]) == (7, NOW)
    assert VENUE_NAMES[0] in about["venues"]
    assert PASSED in DOWN_AND_DESK
    assert TOPS not in DOWN_AND_DESK


def test_a_desk_trades_on_without_a_folder(tmp_path):
    (tmp_path / "w").write_text("in the way")
    desk = Desk(GBE, UNIVERSE, load(), SIMULATED, lambda writes: None, lambda: NOW, strategies={})
    told = []
    desk.bus.subscribe(FAULTS, lambda message: told.append(message.payload))
    storage = Storage(desk, tmp_path / "w")
    storage.on_records(np.zeros((1, RECORD_BYTES), np.uint8))
    storage.poll()
    assert storage.close() == ""
    assert told[0]["service"] == "warehouse"
    assert "nothing is stored" in told[0]["what"]
    assert not desk.risk.control.killed
