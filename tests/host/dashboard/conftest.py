"""A desk without strategies, with books, an order and its fill; and a served page of it."""

import http.client
import json
import threading
from types import SimpleNamespace

import pytest

from fixparse import orders
from fixparse.forms import Header
from hdl.config import GBE
from hdl.layouts import BOOK_LEVELS, BOOK_TOP, DECISION, FEED_EVENT, MARKET_EVENT, FeedCause, Reason, Side
from hdl.venue import SIMULATED
from host import fixmap
from host.bus import Hop
from host.bus.topics import DECISIONS, FEED_EVENTS, LEVELS, MARKET_EVENTS, ORDERS, REPORTS, ROUTED, TOPS
from host.dashboard.server import Refused
from host.dashboard.service import Dashboard
from host.dashboard.view import View
from host.desk.desk import Desk
from host.desk.statistics import Statistics
from host.messages import NewOrder
from host.risk.limits import load
from host.universe import Universe

VENUES = tuple(venue.target_comp_id for venue in SIMULATED)
UNIVERSE = Universe.grid(("AAPL", "MSFT"), VENUES)
START = 1_767_623_400 * 10**9


class Bench:
    """The desk, its clock, and what happens on it."""

    def __init__(self):
        self.now, self.writes = START, []
        self.desk = Desk(GBE, UNIVERSE, load(), SIMULATED, self.writes.extend, lambda: self.now, strategies={})
        self.statistics = Statistics(self.desk)
        self.view = View(self.desk, self.statistics)

    def market(self, at, symbol=0, bid=1_850_000, ask=1_850_100, inexact=0, seq=1):
        self.now = START + at
        feed, publish = symbol % len(VENUES), self.desk.bus.publish
        publish(MARKET_EVENTS, MARKET_EVENT.make(time=self.now, symbol=symbol, feed=feed, type=ord("A"), seq=seq))
        publish(TOPS, BOOK_TOP.make(time=self.now, symbol=symbol, bid_price=bid, bid_qty=100, ask_price=ask,
                                    ask_qty=200, inexact=inexact, feed=feed, seq=seq))

    def levels(self, symbol, side, prices):
        named = {f"price{n}": price for n, price in enumerate(prices)} | {f"qty{n}": 100 for n in range(len(prices))}
        self.desk.bus.publish(LEVELS, BOOK_LEVELS.make(symbol=symbol, side=int(side), exact=1, **named))

    def order(self, order_id, strategy=0, qty=100, price=1_850_000, side=Side.BUY, venue=0, ways=(100, 900)):
        """An order that left at once, `ways` ns after its cause: through the NIC's trigger."""
        new = NewOrder(order_id, "AAPL", side, qty, price, strategy, venue=venue, time=self.now)
        self.desk.oms.on_new(new)
        needed, out = ways
        self._quietly(ROUTED, fixmap.Desk("TGATE", VENUES[venue]).new_order(new), hops=(
            Hop("nic.rx", self.now), Hop("nic.needed", self.now + needed), Hop("nic.tx", self.now + out)))
        self.state(new, "new", 0)

    def state(self, new, state, filled):
        self._quietly(ORDERS, {
            "order_id": new.order_id, "stock": new.stock, "side": int(new.side), "qty": new.qty, "price": new.price,
            "strategy": new.strategy, "venue": new.venue, "origin": int(new.origin), "state": state, "filled": filled,
            "leaves": new.qty - filled})

    def fill(self, order_id, qty, price, venue=0, exec_id="E1"):
        raw = orders.execution_report(
            Header(b"FIX.4.4", VENUES[venue].encode(), b"TGATE", places=9), self.now, order_id=b"V", exec_type=b"F",
            cl_ord_id=b"%016X" % order_id, exec_id=exec_id.encode(), ord_status=b"2", symbol=b"AAPL", side=b"1",
            qty=qty, price=price, last_qty=qty, last_price=price, cum_qty=qty)
        self._quietly(REPORTS, raw)

    def reject(self, reason):
        self._quietly(DECISIONS, DECISION.make(order_id=1, action=0, origin=1, reasons=1 << reason))

    def gap(self, feed):
        self.desk.bus.publish(FEED_EVENTS, FEED_EVENT.make(time=self.now, feed=feed, cause=int(FeedCause.GAP)))

    def trade(self):
        """A bit of everything."""
        self.market(1_000)
        self.market(2_000, symbol=1)
        self.levels(0, Side.BUY, [1_850_000, 1_849_900, 1_849_800])
        self.now = START + 3_000
        self.order(0x1001)
        self.fill(0x1001, 100, 1_850_000)
        self.reject(Reason.COLLAR)
        self.gap(1)

    def _quietly(self, topic, payload, **more):
        """For the page and the counting alone: nobody on this desk has asked for this order."""
        subscriptions = self.desk.bus._subscriptions[topic.name]
        wanted = ("dashboard", "statistics", "positions", "marketdata")
        kept = [one.active for one in subscriptions]
        for one in subscriptions:
            one.active = one.active and one.name in wanted
        self.desk.bus.publish(topic, payload, **more)
        for one, active in zip(subscriptions, kept, strict=True):
            one.active = active


@pytest.fixture
def bench():
    return Bench()


class Served:
    """A page of a bench: `asked` is what its buttons asked for."""

    def __init__(self, bench, **more):
        self.bench, self.asked, self.refuse = bench, [], ""
        self.lock = threading.Lock()  # a desk is for one thread at a time
        self.page = Dashboard(bench.view, self._act, "127.0.0.1", 0, **more)
        self.page.start()
        self.port = self.page.port

    def _act(self, said):
        if self.refuse:
            raise Refused(self.refuse)
        self.asked.append(said)
        with self.lock:
            self._control(said)
        return "done"

    def _control(self, said):
        command = self.bench.desk.risk.kill if said["command"] == "kill" else self.bench.desk.risk.resume
        command("tester", said.get("why", ""))

    def ask(self, method="GET", path="/state", body=None, token=None, **headers):
        """(status, headers, body) of one request as a browser or anyone else would send it."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if body is not None:
            sent = {"Content-Type": "application/json"} | sent
        if token is not None:
            sent["Authorization"] = f"Bearer {token}"
        try:
            connection.request(method, path, None if body is None else json.dumps(body), sent)
            answer = connection.getresponse()
            return SimpleNamespace(status=answer.status, headers=answer.headers, body=answer.read())
        finally:
            connection.close()


@pytest.fixture(scope="module")
def shared():
    """A served page for tests that leave it as it is."""
    one = Served(Bench())
    yield one
    one.page.close({})


@pytest.fixture
def served(bench):
    one = Served(bench)
    yield one
    one.page.close({"ended": True})
