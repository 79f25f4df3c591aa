"""Questions to a warehouse: the same answers as counting by hand, and one line for what cannot be read."""

import time

import pytest

from fixparse import orders
from fixparse.forms import Header
from hdl.layouts import BOOK_TOP, ORDER_SENT, RECORD_BYTES, Origin, Side
from host import fixmap
from host.bus import Hop, InProcess
from host.bus.topics import PASSED, POSITIONS, REPORTS, ROUTED, SAMPLES, TOPICS
from host.cli import main
from host.desk.latency import percentile, stages
from host.messages import NewOrder
from host.risk.utilisation import Utilisation
from host.tca.sums import per_share
from host.warehouse.adapter import WarehouseAdapter
from host.warehouse.costs import KEYS, costs
from host.warehouse.query import PERMILLES, Query, QueryError, stage_latencies
from host.warehouse.writer import Warehouse

NOW = 1_767_623_400 * 10**9  # 2026-01-05 14:30 UTC
VENUES = ("XTGA", "XTGB")
DAY = ["--date", "2026-01-05"]


class Session:
    """A session made by hand: books, orders that left, and executions."""

    def __init__(self, folder, name="s"):
        self.now, self.serial = NOW, 0
        self.bus = InProcess(lambda: self.now)
        self.warehouse = Warehouse(folder, name)
        self.desk = fixmap.Desk("RISK", "EMS")
        adapter = WarehouseAdapter(self.bus, self.warehouse, VENUES)
        adapter.about(NOW, venues=list(VENUES), strategies={0: "maker", 1: "taker"}, stocks=["AAPL"])

    def top(self, at, symbol, bid, ask, inexact=0):
        self._record(BOOK_TOP.make(time=NOW + at, symbol=symbol, bid_price=bid, ask_price=ask, inexact=inexact))

    def order(self, at, order_id, venue, qty, price, side=Side.BUY, strategy=0, symbol=0):
        self.now = NOW + at + 100
        order = NewOrder(order_id, "AAPL", side, qty, price, strategy, time=self.now)
        self.bus.publish(PASSED, self.desk.new_order(order))
        self._record(ORDER_SENT.make(time=NOW + at, symbol=symbol, order_id=order_id, venue=venue,
                                     origin=int(Origin.TRIGGER)))

    def fill(self, at, order_id, venue, qty, price, exec_id, kind="F", ref=""):
        """Step 5 as a venue says it; heard 50 ns after it reached the NIC."""
        self.now = NOW + at + 50
        raw = orders.execution_report(
            Header(b"FIX.4.4", VENUES[venue].encode(), b"TGATE", places=9), self.now, order_id=b"V1",
            cl_ord_id=b"%016X" % order_id, exec_id=exec_id.encode(), exec_type=kind.encode(), ord_status=b"2",
            symbol=b"AAPL", side=b"1", qty=qty, price=price, last_qty=qty, last_price=price,
            extra=[(19, ref.encode())] if ref else [])
        self.bus.publish(REPORTS, raw, hops=(Hop("nic.rx", NOW + at),))

    def position(self, at, qty, used):
        self.now = NOW + at
        self.bus.publish(POSITIONS, {"stock": "AAPL", "qty": qty})
        self.bus.publish(SAMPLES, Utilisation("firm.gross_usd", used, 1000), key="firm.gross_usd")

    def close(self):
        assert self.warehouse.close()
        assert self.warehouse.lost == 0

    def _record(self, record):
        self.serial += 1
        record["serial"] = self.serial
        self.warehouse.records(record.view("u1").reshape(-1, RECORD_BYTES))


@pytest.fixture
def traded(tmp_path):
    """Two buys on venue A (one filled in two parts, one of them busted), one on B whose book is not usable."""
    session = Session(tmp_path)
    session.top(0, 0, 99_00, 101_00)
    session.top(900, 0, 1, 9_999_999, inexact=1)       # not usable: the one before it counts
    session.order(1000, 1, 0, 300, 102_00)
    session.position(1050, 0, 100)
    session.fill(1100, 1, 0, 100, 102_00, "E1")
    session.position(1150, 100, 400)
    session.top(1200, 0, 100_00, 102_00)
    session.fill(1300, 1, 0, 100, 101_00, "E2")
    session.fill(1400, 1, 0, 100, 500_00, "E3")
    session.fill(1500, 1, 0, 100, 500_00, "E4", kind="H", ref="E3")
    session.top(3000, 0, 103_00, 105_00)
    session.order(1700, 2, 0, 50, 1, strategy=1)
    session.order(1800, 3, 1, 1000, 99_00, symbol=1)   # no book
    session.fill(1900, 3, 1, 1000, 99_00, "E1")
    session.close()
    return tmp_path


def by(folder, key, horizon=10_000):
    with Query(folder) as query:
        return {one.key: one for one in costs(query, key, horizon)}


def test_costs_are_those_counted_by_hand(traded):
    a, b = by(traded, "venue").values()
    assert (a.key, a.orders, a.sent_qty, a.fills, a.filled_qty) == ("XTGA", 2, 350, 2, 200)
    # arrival mid 100.00: (102 - 100) and (101 - 100) a share; mids at the fills 100.00 and 101.00; later 104.00
    assert (a.slippage, a.effective_spread, a.markout) == (
        per_share(2 * (2_00 * 100 + 1_00 * 100), 200), 2 * per_share(2 * (2_00 * 100 + 0), 200),
        per_share(2 * (2_00 * 100 + 3_00 * 100), 200))
    assert a.slippage == 15_000
    assert (b.key, b.fills, b.slippage, b.fill_permille) == ("XTGB", 1, 0, 1000)  # filled, but not measured


def test_executions_know_the_risk_of_their_moment(traded):
    """Each fill sees what was known before it: the first 10.0 % of the limit, the others 40.0 % and a position."""
    taken = by(traded, "size")
    assert taken["200-499"].gross_permille == 400
    assert taken["200-499"].adding_permille == 1000
    assert taken["1-99"].gross_permille is None  # no fill


@pytest.mark.parametrize(("key", "lines"), [
    ("venue", ["XTGA", "XTGB"]), ("strategy", ["maker", "taker"]), ("size", ["1-99", "200-499", "1000-4999"]),
    ("hour", ["2026-01-05 14:00"]), ("stock", ["AAPL"]), ("origin", ["trigger"])])
def test_every_key_splits_the_same_orders(traded, key, lines):
    found = by(traded, key)
    assert list(found) == lines
    assert sum(one.orders for one in found.values()) == 3
    assert sum(one.filled_qty for one in found.values()) == 1200


def test_sessions_of_one_day_stay_apart(tmp_path):
    """The same order ids and times in two sessions: nothing joins across."""
    for name in ("a", "b"):
        session = Session(tmp_path, name)
        session.top(0, 0, 99_00, 101_00)
        session.order(1000, 1, 0, 100, 101_00)
        session.fill(1100, 1, 0, 100, 101_00, "E1")
        session.close()
    with Query(tmp_path) as query:
        assert [(one.orders, one.fills, one.slippage) for one in costs(query, "venue")] == [(2, 2, 10_000)]
    with Query(tmp_path, session="a") as query:
        assert [(one.orders, one.fills) for one in costs(query, "venue")] == [(1, 1)]


def test_latency_is_what_the_desk_counts(tmp_path, rng):
    session, trails = Session(tmp_path), {"trigger": [], "host": []}
    for n in range(300):
        start = NOW + 10_000 * n
        a, b, c = sorted(rng.randrange(1, 5000) for _ in range(3))
        origin = rng.choice(list(trails))
        middle = "nic.needed" if origin == "trigger" else "orders.proposed"
        first = rng.choice(["nic.rx", "report.rx"]) if origin == "host" else "nic.rx"
        hops = (Hop(first, start), Hop(middle, start + a), Hop("nic.gate", start + b), Hop("nic.tx", start + c))
        trails[origin].append(hops)
        session.bus.publish(ROUTED, session.desk.new_order(NewOrder(n + 1, "AAPL", Side.BUY, 1, 1, 0)), hops=hops)
    session.close()
    with Query(tmp_path) as query:
        found = {(one.origin, one.stage): one for one in stage_latencies(query)}
    for origin, some in trails.items():
        expected = stages(some)
        assert {stage for name, stage in found if name == origin} == set(expected)
        for stage, spread in expected.items():
            one = found[origin, stage]
            assert (one.orders, one.min, one.max) == (spread.count, spread.min, spread.max)
            assert (one.cuts[0], one.cuts[1]) == (spread.p50, spread.p99)
    total = sorted(way[-1].time - way[0].time for way in trails["trigger"])
    assert found["trigger", "total"].cuts == [percentile(total, cut) for cut in PERMILLES.values()]


def test_files_that_are_not_whole_are_left_out_and_named(traded, capsys):
    good = next((traded / "nic.sent").rglob("*.parquet"))
    bad = [good.with_name("cut.parquet"), good.with_name("empty.parquet"), good.with_name("junk.parquet")]
    for path, content in zip(bad, (good.read_bytes()[:-5], b"", b"PAR1 this is not a Parquet file PAR1"), strict=True):
        path.write_bytes(content)
    with Query(traded) as query:
        assert [path for path, _ in query.skipped] == sorted(bad)
    assert main.call(["tca", "--warehouse", str(traded)]) == 0
    said = capsys.readouterr()
    assert "XTGA" in said.out
    assert len(said.err.splitlines()) == 3


def test_a_page_that_is_damaged_is_one_line(traded, capsys):
    path = next((traded / "nic.sent").rglob("*.parquet"))
    data = bytearray(path.read_bytes())
    data[4:200] = b"\xff" * 196
    path.write_bytes(data)
    assert main.call(["tca", "--warehouse", str(traded)]) == main.BAD_INPUT
    assert len(capsys.readouterr().err.strip().splitlines()) == 1


def test_the_commands(traded, capsys):
    for key in KEYS:
        assert main.call(["tca", "--by", key, "--warehouse", str(traded), *DAY, "--hour", "14"]) == 0
    assert main.call(["latency", "--warehouse", str(traded)]) == main.BAD_INPUT  # nothing went all the way here
    assert "no order that left the NIC" in capsys.readouterr().err


@pytest.mark.parametrize(("arguments", "why"), [
    (["tca", "--by", "moon"], "--by moon: give venue"), (["tca", "--date", "5 Jan"], "YYYY-MM-DD"),
    (["tca", "--hour", "24"], "--hour 24"), (["tca", "--date", "2026-01-06"], "it has 2026-01-05"),
    (["latency", "--date", "2026-01-05", "--hour", "3"], "nothing of 2026-01-05, hour 3"),
    (["tca", "--session", "none"], "no order that was sent")])
def test_wrong_questions_get_one_line(traded, capsys, arguments, why):
    assert main.call([arguments[0], "--warehouse", str(traded), *arguments[1:]]) == main.BAD_INPUT
    said = capsys.readouterr().err
    assert why in said
    assert len(said.strip().splitlines()) == 1


def test_no_warehouse(tmp_path, capsys):
    assert main.call(["tca", "--warehouse", str(tmp_path / "none")]) == main.BAD_INPUT
    assert main.call(["tca", "--warehouse", str(tmp_path)]) == main.BAD_INPUT
    assert main.call(["latency", "--date", "2026-01-05"]) == main.BAD_INPUT
    assert len(capsys.readouterr().err.strip().splitlines()) == 3
    with pytest.raises(QueryError, match="no data"):
        Query(tmp_path)


def test_a_column_that_was_empty_in_one_file_keeps_its_type(tmp_path):
    warehouse = Warehouse(tmp_path, "s", flush_s=0.01)
    for n, level in enumerate([None, 3, None]):
        warehouse.rows(lambda n=n, level=level: [("risk.news", {"time": NOW + n, "seq": n + 1, "level": level})])
        while warehouse.written <= n:
            time.sleep(0.01)
    warehouse.close()
    with Query(tmp_path) as query:
        assert query.tables["risk.news"] == 3
        assert query.rows('SELECT level + 1 AS level FROM "risk.news" ORDER BY time') == [
            {"level": None}, {"level": 4}, {"level": None}]


def test_tables_nobody_wrote_are_empty_not_missing(traded):
    with Query(traded) as query:
        assert query.rows('SELECT count(*) AS n FROM "nic.executions"') == [{"n": 0}]
        assert set(query.tables) >= {name for name, topic in TOPICS.items() if topic.record}
        with pytest.raises(QueryError, match="moon"):
            query.rows("SELECT moon FROM positions")
