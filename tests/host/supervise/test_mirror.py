"""The page of a desk of processes: what it hears makes the same picture, early or late, and it can do nothing."""

import io
import json
import time
import urllib.error
import urllib.request

import pytest

from fixparse import orders
from fixparse.enums import ExecType, OrdStatus
from fixparse.forms import Header
from hdl.layouts import BOOK_TOP, DECISION, MARKET_EVENT, ORDER_SENT, Action, Origin, Reason, Side
from host import fixmap
from host.bus import Hop
from host.bus.shared import Shared
from host.bus.topics import (
    CONTROL,
    DECISIONS,
    LIMITS_HELD,
    MARKET_EVENTS,
    MEASURES,
    ORDERS,
    REPORTS,
    ROUTED,
    SAMPLES,
    SENT,
    SERVICES,
    TOPICS,
    TOPS,
)
from host.cli.places import DASHBOARD
from host.cli.simulation import START_NS
from host.dashboard.guard import Token
from host.dashboard.snapshot import snapshot
from host.dashboard.view import View
from host.desk.counts import Counts
from host.messages import NewOrder
from host.risk.control import Control
from host.risk.limits import DEFAULT_FILE
from host.risk.utilisation import Utilisation
from host.supervise.mirror import Mirror
from host.supervise.page import Page
from host.supervise.setting import BUS, Setting

BID, ASK = 1_850_000, 1_850_300
ORDER = 0x4FEA000000000100


class Rig:
    """Everybody else as one process, and pages that look."""

    def __init__(self, folder):
        self.setting = Setting(str(folder), state=str(folder / "state"), page="127.0.0.1:0")
        self.setting.write(DEFAULT_FILE.read_text())
        self.others = Shared(folder / BUS, "others", clock=lambda: START_NS + 5_000)
        self.venue = self.setting.universe.venues[0]
        self.nodes = []

    def look(self):
        """A page's view, as of now and from now on."""
        bus = self.setting.join("dashboard")
        self.nodes.append(bus)
        mirror = Mirror(self.setting, bus)
        view = View(mirror, Counts(mirror.bus, mirror.universe, mirror.oms.find))
        mirror.catch_up()
        return bus, view

    def order(self, filled=0, leaves=100, state="new"):
        self.others.publish(ORDERS, {
            "order_id": ORDER, "stock": "AAPL", "side": int(Side.BUY), "qty": 100, "price": BID, "strategy": 1,
            "venue": 0, "origin": int(Origin.TRIGGER), "state": state, "filled": filled, "leaves": leaves}, key=ORDER)

    def fill(self):
        self.others.publish(REPORTS, orders.execution_report(
            Header(b"FIX.4.4", self.venue.encode(), b"TGATE", places=9), START_NS + 9, order_id=b"V1",
            exec_type=ExecType.TRADE, cl_ord_id=b"%016X" % ORDER, exec_id=b"E1", ord_status=OrdStatus.FILLED,
            symbol=b"AAPL", side=b"1", qty=100, price=BID, last_qty=100, last_price=BID, cum_qty=100))

    def trade(self):
        """A trigger's order from market data to its fill, and what risk and TCA say of it."""
        say = self.others.publish
        say(MARKET_EVENTS, MARKET_EVENT.make(time=START_NS, symbol=0, feed=0, type=ord("A"), seq=1))
        say(TOPS, BOOK_TOP.make(time=START_NS, symbol=0, bid_price=BID, bid_qty=100, ask_price=ASK, ask_qty=100, seq=1),
            key=0)
        say(DECISIONS, DECISION.make(order_id=ORDER, action=Action.NEW, origin=Origin.TRIGGER))
        self.order()
        say(SENT, ORDER_SENT.make(order_id=ORDER, action=Action.NEW, origin=Origin.TRIGGER))
        new = NewOrder(ORDER, "AAPL", Side.BUY, 100, BID, 1, venue=0)
        say(ROUTED, fixmap.Desk("TGATE", self.venue).new_order(new), hops=(
            Hop("nic.rx", START_NS), Hop("nic.needed", START_NS + 100), Hop("nic.tx", START_NS + 900)))
        self.fill()
        self.order(filled=100, leaves=0, state="filled")
        say(DECISIONS, DECISION.make(order_id=ORDER + 1, action=Action.NEW, origin=Origin.HOST,
                                     reasons=1 << Reason.COLLAR))
        for used in (900, 100):
            one = Utilisation("firm.gross_usd", used, 1_000)
            say(SAMPLES, one, key=one.path)
        say(MEASURES, {"venue": self.venue, "orders": 1, "slippage": 5}, key=self.venue)

    def close(self):
        for node in (*self.nodes, self.others):
            node.close()


@pytest.fixture
def rig(tmp_path):
    rig = Rig(tmp_path)
    yield rig
    rig.close()


def check(state, venue):
    """The picture of `Rig.trade`."""
    assert state["orders"]["trigger"] == {"decided": 1, "sent": 1, "fills": 1, "shares": 100}
    assert state["rejects"] == [["COLLAR", 0, 1]]
    assert (state["live"], state["refused"], state["faults"], state["killed"]) == (0, 0, 0, [])
    assert state["limits"] == [["firm.gross_usd", 100, 1_000, 100, 0, 900]], "use now, and the day's peak"
    assert state["latency"]["trigger"]["stages"][-1] == ["total", 900, 900, 900, 900]
    assert [one["state"] for one in state["blotter"]] == ["filled"]
    assert state["venues"] == [{"name": venue, "orders": 1, "slippage": 5}]
    assert state["pnl"]["stocks"][0][:2] == ["AAPL", 100]
    assert dict((name, net) for name, net, _ in state["pnl"]["strategies"])["taker"] == state["pnl"]["net"] != 0
    assert state["topics"]["oms.orders"] == 2
    assert state["books"][0]["bids"] == [[BID, 100, 0]]


def test_it_sees_what_happens(rig):
    bus, view = rig.look()
    assert snapshot(view)["time"] == 0, "before anything happened it is the session's start"
    rig.trade()
    bus.poll()
    check(snapshot(view), rig.venue)


def test_one_that_is_started_late_sees_the_same(rig):
    rig.look()
    rig.trade()
    rig.nodes[0].close()
    bus, view = rig.look()
    bus.poll()
    check(snapshot(view), rig.venue)


def test_a_report_waits_for_its_order(rig):
    """Over zenoh nothing orders messages of different topics."""
    bus, view = rig.look()
    rig.fill()
    bus.poll()
    assert snapshot(view)["orders"]["trigger"] == {}
    rig.order(filled=100, leaves=0)
    bus.poll()
    assert snapshot(view)["orders"]["trigger"] == {"fills": 1, "shares": 100}
    assert snapshot(view)["pnl"]["stocks"][0][1] == 100


def test_a_report_that_is_none_disturbs_nobody(rig):
    bus, view = rig.look()
    rig.others.publish(REPORTS, b"8=FIX.4.4\x01rubbish")
    rig.trade()
    bus.poll()
    assert snapshot(view)["orders"]["trigger"]["fills"] == 1


def test_kills_and_limits_are_those_of_the_session(rig):
    bus, view = rig.look()
    control = Control()
    control.kill("anna", "no", 5)
    rig.others.publish(CONTROL, control.history[-1])
    text = DEFAULT_FILE.read_text().replace("serial = 1", "serial = 7")
    rig.others.publish(LIMITS_HELD, {"text": text, "problem": "", "serial": 7, "values": {}})
    bus.poll()
    assert snapshot(view)["killed"] == ["everything"]
    assert view.desk.risk.limits.serial == 7
    rig.others.publish(LIMITS_HELD, {"text": "", "problem": "it does not hold them", "serial": 7, "values": {}})
    bus.poll()
    assert view.desk.risk.limits.serial == 7


def test_a_kill_from_before_is_shown(tmp_path):
    rig = Rig(tmp_path)
    rig.setting = Setting(str(tmp_path), kills=(("anna", "yesterday", 1, 0),))
    _, view = rig.look()
    assert snapshot(view)["killed"] == [rig.venue]
    rig.close()


def test_looking_says_nothing(rig):
    """Whatever it is told, a page is a listener."""
    said = []
    for topic in TOPICS.values():
        rig.others.subscribe(topic, said.append, on_gap=lambda *gap: None)
    bus, _ = rig.look()
    rig.trade()
    said.clear()
    bus.poll()
    rig.others.poll()
    assert said == []


def test_a_page_started_again_has_its_address_and_token(rig, monkeypatch):
    token = Token().reveal()

    def start():
        monkeypatch.setattr("sys.stdin", io.StringIO(token + "\n"))
        bus = rig.setting.join("dashboard")
        rig.nodes.append(bus)
        return bus, Page(rig.setting, bus)

    bus, page = start()
    rig.trade()
    rig.others.publish(SERVICES, {"service": "ems", "pid": 7, "start": 2, "handled": 9, "state": "running"}, key="ems")
    bus.poll()
    page.page.poll({}, force=True)
    address = page.page.address
    told = json.loads((rig.setting.folder / DASHBOARD).read_text())
    assert told["address"] == address
    assert token not in json.dumps(told)
    page.close()
    bus.close()

    bus, page = start()
    assert page.page.address == address
    page.turn()
    time.sleep(0.25)
    page.turn()
    state = json.loads(urllib.request.urlopen(f"{address}state", timeout=10).read())
    check(state, rig.venue)
    assert [one["name"] for one in state["processes"]] in ([], ["ems"]), "beats may be missed, and come again"
    assert asked(address, token) == 409, "it is believed, and there is no session to kill"
    assert asked(address, "another") == 401
    page.close()


def asked(address, token):
    request = urllib.request.Request(f"{address}kill", b"{}", method="POST", headers={
        "Content-Type": "application/json", "Authorization": f"Bearer {token}", "Origin": address.rstrip("/")})
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request, timeout=10)
    return refused.value.code
