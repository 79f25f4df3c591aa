"""The flow of one trade on the bus, message by message, with a NIC that passes or rejects as told."""

import numpy as np
import pytest

from fixparse import orders
from fixparse.codec import parse
from fixparse.enums import ExecType, OrdStatus
from fixparse.fields import FIX44
from fixparse.forms import Header
from hdl.config import GBE
from hdl.layouts import (
    ARM,
    BOOK_TOP,
    CHUNK_BYTES,
    DECISION,
    HEADER_DTYPE,
    INTENT,
    ORDER_SENT,
    RECORD_BYTES,
    SESSION_BYTES,
    Action,
    Condition,
    Origin,
    Reason,
    Side,
)
from hdl.venue import SIMULATED
from host import fixmap
from host.alpha.strategy import Arm, Propose, Withdraw
from host.bus.topics import ARMS, FAULTS, PASSED, POSITIONS, PROPOSED, REJECTED, REPORTS, ROUTED, VENUE_REPORTS, VENUES
from host.desk.desk import Desk
from host.desk.latency import stages
from host.oms.states import State
from host.risk.limits import load
from host.universe import Universe

UNIVERSE = Universe.grid(("AAPL", "MSFT"), tuple(venue.target_comp_id for venue in SIMULATED))
FLOW = (PROPOSED, PASSED, ROUTED, VENUE_REPORTS, REPORTS)
BID, ASK = 1_850_000, 1_850_300


class Scripted:
    """A strategy that does what the test says, on the next top."""
    name = "maker"

    def __init__(self, context):
        self.context, self.todo, self.heard = context, [], []

    def on_top(self, top, now):
        actions, self.todo = self.todo, []
        return actions

    def on_report(self, report, now):
        self.heard.append(("report", report.exec_type))
        return []

    def on_rejection(self, rejection, now):
        self.heard.append(("rejection", rejection.names))
        return []

    def on_fired(self, order_id, symbol, now):
        self.heard.append(("fired", order_id))
        return []

    def on_cancel_rejected(self, order_id, now):
        self.heard.append(("cancel rejected", order_id))
        return []


class Nic:
    """The NIC's side of the ring: answers intents with decisions and sent orders; knows no limits."""

    def __init__(self, desk):
        self.desk, self.serial, self.seq, self.reasons, self.intents, self.arms = desk, 0, 0, 0, [], []
        self.tcp = 1000

    def up(self, record):
        record = record.copy()
        record["serial"] = self.serial
        self.serial += 1
        self.desk.nic.on_records(record.view(np.uint8).reshape(-1, RECORD_BYTES))

    def top(self, symbol=0, bid=BID, ask=ASK, time=100):
        self.up(BOOK_TOP.make(symbol=symbol, bid_price=bid, bid_qty=100, ask_price=ask, ask_qty=300, seq=time,
                              time=time, feed=symbol % 2))

    def serve(self):
        """Decide on what the desk sent."""
        for raw in self.desk.nic.take():
            kind = raw.view(HEADER_DTYPE)["kind"][0]
            if kind == ARM.kind:
                self.arms.append(raw.view(ARM.dtype)[0])
            else:
                intent = raw.view(INTENT.dtype)[0]
                self.intents.append(intent)
                self.decide(intent, Origin.HOST, 2_000)

    def decide(self, order, origin, rx_time):
        self.up(DECISION.make(symbol=order["symbol"], order_id=order["order_id"], reasons=self.reasons,
                              price=order["price"], qty=order["qty"], side=order["side"], origin=origin,
                              action=order["action"], strategy=order["strategy"], venue=order["venue"],
                              time=rx_time + 40))
        if not self.reasons:
            self.seq += 1
            self.up(ORDER_SENT.make(symbol=order["symbol"], order_id=order["order_id"], rx_time=rx_time,
                                    cause_delay=24 if origin == Origin.TRIGGER else 0, decide_delay=40,
                                    time=rx_time + 48, msg_seq=self.seq, origin=origin, venue=order["venue"],
                                    transact_date=20260105, transact_ms=52_200_000))

    def session(self, data, venue=0):
        for at in range(0, len(data), CHUNK_BYTES):
            part = data[at:at + CHUNK_BYTES]
            words = {f"b{n}": int.from_bytes(part[8 * n:8 * n + 8], "little") for n in range(CHUNK_BYTES // 8)}
            self.up(SESSION_BYTES.make(venue=venue, tcp_seq=self.tcp, count=len(part), time=5_000, **words))
            self.tcp += len(part)


class Venue:
    """Writes the reports of one venue."""

    def __init__(self, n=0):
        self.header = Header(FIX44.encode(), SIMULATED[n].target_comp_id.encode(), b"TICKGATE", places=9)
        self.reports = 0

    def report(self, order_id, exec_type, status, side=b"1", last=(0, 0), leaves=0, cum=0, exec_id=None, orig=None):
        self.reports += 1
        return orders.execution_report(
            self.header, 6_000, order_id=b"1", cl_ord_id=b"%016X" % order_id, exec_id=exec_id or b"E%d" % self.reports,
            exec_type=exec_type, ord_status=status, symbol=b"AAPL", side=side, qty=100, price=BID, last_qty=last[0],
            last_price=last[1], leaves_qty=leaves, cum_qty=cum,
            orig_cl_ord_id=None if orig is None else b"%016X" % orig)


class Rig:
    def __init__(self, journal=None):
        self.now, self.seen, self.written = 1_000, [], []
        self.desk = Desk(GBE, UNIVERSE, load(), SIMULATED, self.written.extend, lambda: self.now,
                         strategies={"maker": Scripted}, journal=journal)
        self.strategy = self.desk.alpha.strategies[0]
        self.nic, self.venue = Nic(self.desk), Venue()
        self.desk.bus.tap(lambda message: self.seen.append(message))

    def on(self, *topics):
        return [message for message in self.seen if message.topic in topics]

    def do(self, *actions):
        self.strategy.todo = list(actions)
        self.now += 1_000
        self.nic.top(time=self.now)
        self.nic.serve()

    def buy(self, price=BID, **more):
        order_id = self.strategy.context.take_id()
        self.do(Propose(order_id, "AAPL", Side.BUY, 100, price, **more))
        return order_id


@pytest.fixture
def rig():
    rig = Rig()
    rig.nic.top(0)
    rig.nic.top(1, ask=ASK + 100)
    rig.seen.clear()
    return rig


def test_a_host_order_appears_step_by_step(rig):
    order_id = rig.buy()
    rig.nic.session(rig.venue.report(order_id, ExecType.NEW, OrdStatus.NEW, leaves=100))
    rig.nic.session(rig.venue.report(order_id, ExecType.TRADE, OrdStatus.FILLED, last=(100, BID), cum=100))
    steps = [(message.topic.name, parse(message.payload).text(35)) for message in rig.on(*FLOW)]
    assert steps == [("orders.proposed", "D"), ("orders.passed", "D"), ("orders.routed", "D"),
                     ("executions.venue", "8"), ("executions.desk", "8"),
                     ("executions.venue", "8"), ("executions.desk", "8")]
    for message in rig.on(PROPOSED, PASSED, ROUTED):
        fields = parse(message.payload)
        assert (fields.text(11), fields.text(55).strip(), fields.text(54), fields.qty(38), fields.price(44)) == (
            f"{order_id:016X}", "AAPL", "1", 100, BID)
    fill = parse(rig.on(REPORTS)[-1].payload)
    assert (fill.text(150), fill.price(31), fill.qty(32), 37 in fill) == ("F", BID, 100, True)
    assert rig.on(POSITIONS)[-1].payload["qty"] == 100
    assert rig.on(VENUES)[-1].payload.fills == 1
    assert rig.desk.oms.orders[order_id].state is State.FILLED
    assert not rig.on(FAULTS)


def test_the_routed_message_is_the_venue_s_and_its_hops_tell_the_way(rig):
    rig.buy()
    routed = rig.on(ROUTED)[0]
    assert parse(routed.payload).text(56) == SIMULATED[0].target_comp_id
    places = [hop.place for hop in routed.hops]
    assert places == ["nic.rx", "orders.proposed", "orders.passed", "nic.intents", "nic.intent", "nic.gate", "nic.tx",
                      "orders.routed"]
    assert stages([routed.hops])["nic.gate > nic.tx"].max == 8


def test_a_trigger_appears_afterwards_with_hardware_times(rig):
    order_id = rig.strategy.context.take_id()
    rig.do(Arm(order_id, 0, Side.BUY, 100, ASK, Condition.CROSS, ASK))
    assert [int(arm["order_id"]) for arm in rig.nic.arms] == [order_id]
    assert len(rig.on(ARMS)) == 1
    rig.nic.decide(rig.nic.arms[0], Origin.TRIGGER, 3_000)
    assert [message.topic for message in rig.on(*FLOW)] == [PROPOSED, PASSED, ROUTED]
    hops = {hop.place: hop.time for hop in rig.on(ROUTED)[0].hops}
    assert (hops["nic.rx"], hops["nic.needed"], hops["nic.gate"], hops["nic.tx"]) == (3_000, 3_024, 3_040, 3_048)
    assert rig.on(PROPOSED)[0].hops[0].time == 3_040
    assert ("fired", order_id) in rig.strategy.heard
    assert not rig.nic.intents  # nobody sent it a second time
    rig.nic.session(rig.venue.report(order_id, ExecType.TRADE, OrdStatus.FILLED, last=(100, ASK), cum=100))
    assert rig.desk.positions.position("AAPL").qty == 100


def test_the_nic_s_rejection_goes_back_with_its_reasons(rig):
    rig.nic.reasons = 1 << Reason.COLLAR | 1 << Reason.RATE
    order_id = rig.buy()
    assert rig.strategy.heard == [("rejection", ("COLLAR", "RATE"))]
    assert parse(rig.on(REJECTED)[0].payload).text(58) == "COLLAR RATE"
    assert rig.desk.oms.orders[order_id].state is State.REJECTED
    assert not rig.on(ROUTED)
    assert rig.desk.alpha.ids.in_use == 0


def test_the_host_s_gate_stops_what_the_nic_cannot_see(rig):
    rig.desk.risk.kill("tester", "trying it")
    assert [write.register for write in rig.written] == ["kill"]
    order_id = rig.buy()
    assert rig.strategy.heard == [("rejection", ("KILL",))]
    assert not rig.nic.intents
    assert rig.desk.oms.orders[order_id].state is State.REJECTED
    rig.desk.risk.resume("tester", "done")
    rig.buy()
    assert len(rig.nic.intents) == 1


def test_cancel_and_a_fill_that_races_it(rig):
    order_id = rig.buy()
    rig.nic.session(rig.venue.report(order_id, ExecType.NEW, OrdStatus.NEW, leaves=100))
    rig.do(Withdraw(order_id))
    cancel = rig.nic.intents[-1]
    assert (cancel["action"], int(cancel["orig_id"])) == (Action.CANCEL, order_id)
    assert int(cancel["order_id"]) % GBE.open_orders == order_id % GBE.open_orders
    assert parse(rig.on(ROUTED)[-1].payload).text(35) == "F"
    rig.nic.session(rig.venue.report(order_id, ExecType.TRADE, OrdStatus.PARTIALLY_FILLED, last=(40, BID), leaves=60,
                                     cum=40))
    assert rig.desk.oms.orders[order_id].state is State.PENDING_CANCEL
    rig.nic.session(rig.venue.report(int(cancel["order_id"]), ExecType.CANCELED, OrdStatus.CANCELED, cum=40,
                                     orig=order_id))
    assert rig.desk.oms.orders[order_id].state is State.CANCELED
    assert rig.desk.positions.position("AAPL").qty == 40
    assert rig.desk.alpha.ids.in_use == 0


def test_a_cancel_that_the_gate_stops_is_told_to_the_strategy(rig):
    order_id = rig.buy()
    rig.nic.reasons = 1 << Reason.RATE
    rig.do(Withdraw(order_id))
    assert rig.strategy.heard[-1] == ("cancel rejected", order_id)
    assert rig.desk.oms.orders[order_id].state is State.PENDING_NEW
    rig.nic.reasons = 0
    rig.do(Withdraw(order_id))
    assert rig.desk.oms.orders[order_id].state is State.PENDING_CANCEL


def test_a_repeated_report_reaches_positions_once(rig):
    order_id = rig.buy()
    fill = rig.venue.report(order_id, ExecType.TRADE, OrdStatus.PARTIALLY_FILLED, last=(40, BID), leaves=60, cum=40,
                            exec_id=b"twice")
    rig.nic.session(fill + fill)
    assert len(rig.on(VENUE_REPORTS)) == 2
    assert len(rig.on(REPORTS)) == 1
    assert rig.desk.positions.position("AAPL").qty == 40


@pytest.mark.parametrize("damage", [
    lambda raw: raw.replace(b"150=F", b"150=?"),
    lambda raw: raw.replace(b"32=100", b"32=900"),
    lambda raw: raw.replace(b"11=0", b"11=Z"),
    lambda raw: raw.replace(b"54=1", b"54=8"),
    lambda raw: raw.replace(b"49=XTGA", b"49=NOPE"),
])
def test_an_impossible_report_is_a_fault_and_changes_nothing(rig, damage):
    order_id = rig.buy()
    raw = damage(rig.venue.report(order_id, ExecType.TRADE, OrdStatus.FILLED, last=(100, BID), cum=100))
    at = raw.rindex(b"10=")
    rig.nic.session(raw[:at] + b"10=%03d\x01" % (sum(raw[:at]) % 256))
    assert len(rig.on(FAULTS)) == 1
    assert not rig.on(REPORTS)
    assert rig.desk.positions.position("AAPL").qty == 0
    rig.nic.session(rig.venue.report(order_id, ExecType.TRADE, OrdStatus.FILLED, last=(100, BID), cum=100))
    assert rig.desk.positions.position("AAPL").qty == 100


def test_lost_records_and_lost_session_bytes_are_faults(rig):
    rig.nic.serial += 3
    rig.nic.top()
    assert "3 records" in rig.on(FAULTS)[-1].payload["what"]
    order_id = rig.buy()
    rig.nic.session(b"8=FIX.4.4\x01")
    rig.nic.tcp += 50
    rig.nic.session(rig.venue.report(order_id, ExecType.TRADE, OrdStatus.FILLED, last=(100, BID), cum=100))
    assert "missing" in rig.on(FAULTS)[-1].payload["what"]
    assert rig.desk.positions.position("AAPL").qty == 100


def test_an_order_without_a_book_to_trust_is_rejected_as_stale(rig):
    order_id = rig.strategy.context.take_id()
    rig.do(Propose(order_id, "MSFT", Side.BUY, 100, BID))
    assert rig.strategy.heard == [("rejection", ("STALE",))]


def test_the_loss_limit_kills(rig):
    order_id = rig.buy()
    rig.nic.session(rig.venue.report(order_id, ExecType.TRADE, OrdStatus.FILLED, last=(100, BID), cum=100))
    assert not rig.desk.risk.control.killed
    rig.nic.top(bid=100, ask=200, time=9_000)
    other = rig.buy(price=100)
    rig.nic.session(rig.venue.report(other, ExecType.TRADE, OrdStatus.PARTIALLY_FILLED, last=(1, 100), leaves=99,
                                     cum=1))
    assert not rig.desk.risk.control.killed, "18,500 USD lost at a limit of 25,000"
    rig.desk.positions.on_fill("MSFT", 0, Side.BUY, 1_000, 100_000)
    rig.desk.positions.on_mark("MSFT", 10_000)
    rig.nic.session(rig.venue.report(other, ExecType.TRADE, OrdStatus.PARTIALLY_FILLED, last=(1, 100), leaves=98,
                                     cum=2))
    assert rig.desk.risk.control.killed
    assert [write.register for write in rig.written] == ["kill"]


def test_fixmap_gives_back_what_it_wrote(rig):
    order = fixmap.read_order(fixmap.Desk("A", "B").new_order(
        fixmap.NewOrder(0xABC, "AAPL", Side.SELL_SHORT, 7, 1_234_567, 3, "3", 1, 12_345), "XTGB"), UNIVERSE.venues)
    assert order == fixmap.NewOrder(0xABC, "AAPL", Side.SELL_SHORT, 7, 1_234_567, 3, "3", 1, 12_345)


def test_a_service_that_fails_kills_and_the_others_go_on(rig):
    order_id = rig.buy()
    rig.strategy.on_report = None  # calling it raises
    rig.nic.session(rig.venue.report(order_id, ExecType.TRADE, OrdStatus.FILLED, last=(100, BID), cum=100))
    assert rig.desk.risk.control.killed
    assert [write.register for write in rig.written] == ["kill"]
    assert "alpha failed" in rig.on(FAULTS)[0].payload["what"]
    assert rig.desk.positions.position("AAPL").qty == 100
    assert len(rig.desk.failures) == 1
