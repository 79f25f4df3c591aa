"""TCA on the bus: which times count, and what is told."""

import numpy as np
import pytest

from fixparse import orders
from fixparse.enums import ExecType, OrdStatus
from fixparse.fields import FIX44
from fixparse.forms import Header
from hdl.layouts import BOOK_TOP, MARKET_EVENT, Side
from host import fixmap
from host.bus import Hop, InProcess
from host.bus.topics import MARKET_EVENTS, ORDERS, PASSED, REPORTS, ROUTED, TOPS, VENUES
from host.messages import NewOrder
from host.positions.positions import Fees
from host.tca.adapter import TcaAdapter
from host.tca.sums import Column, total
from host.universe import Universe

UNIVERSE = Universe.grid(("AAPL",), ("XTGA", "XTGB"))
ALPHA, VENUE = fixmap.Desk("ALPHA", "RISK"), Header(FIX44.encode(), b"XTGA", b"TICKGATE", places=9)


class Rig:
    def __init__(self):
        self.now, self.told = 10**6, []
        self.bus = InProcess(lambda: self.now)
        self.adapter = TcaAdapter(self.bus, UNIVERSE, (Fees(maker=-20, taker=30),))
        self.bus.subscribe(VENUES, lambda message: self.told.append(message.payload))
        self.top(100, 1_000_000)

    def top(self, time, bid, **more):
        self.bus.publish(TOPS, np.atleast_1d(BOOK_TOP.make(symbol=0, bid_price=bid, bid_qty=1, ask_price=bid + 200,
                                                           ask_qty=1, time=time, **more)))

    def order(self, order_id, decided, left, parent=None, algo=None):
        order = NewOrder(order_id, "AAPL", Side.BUY, 100, 1_000_500, 3, venue=0)
        raw = ALPHA.new_order(order, "XTGA", parent=parent, algo=algo)
        self.bus.publish(PASSED, raw, hops=(Hop("nic.rx", decided),))
        if not algo:
            self.bus.publish(ROUTED, raw, hops=(Hop("nic.rx", decided), Hop("nic.tx", left)))

    def report(self, order_id, exec_id, time, price=1_000_300, qty=100, exec_type=ExecType.TRADE, ref=None):
        extra = ((19, ref),) if ref else ()
        self.bus.publish(REPORTS, orders.execution_report(
            VENUE, 0, order_id=b"1", cl_ord_id=b"%016X" % order_id, exec_id=exec_id, exec_type=exec_type,
            ord_status=OrdStatus.FILLED, symbol=b"AAPL", side=b"1", qty=100, price=1_000_500, last_qty=qty,
            last_price=price, leaves_qty=0, cum_qty=qty, extra=extra), hops=(Hop("nic.rx", time),))

    def end(self, order_id, time):
        self.bus.publish(ORDERS, {"order_id": order_id, "leaves": 0}, hops=(Hop("nic.rx", time),))

    @property
    def sums(self):
        return total(self.adapter.tca.cells)


@pytest.fixture
def rig():
    return Rig()


def test_hardware_times_count(rig):
    rig.top(200, 1_000_100)
    rig.top(400, 1_000_300)
    rig.order(1, decided=150, left=300)
    rig.report(1, b"E1", time=350)
    assert (rig.sums.delay, rig.sums.slippage, rig.sums.fee) == (10_000, 10_000, 3_000)
    assert rig.sums.effective_spread == 20_000
    assert rig.told[0].answer_ns == 50, "from its first byte to the first that was heard of it"
    assert next(iter(rig.adapter.tca.cells)).strategy == 3


def test_a_child_is_decided_when_its_parent_was(rig):
    rig.order(1, decided=150, left=0, algo=(1004, ""))
    rig.top(200, 1_000_100)
    rig.order(2, decided=250, left=300, parent=1)
    rig.report(2, b"E1", time=310)
    assert rig.sums.delay == 10_000
    assert rig.sums[Column.ORDERS] == 1, "the parent itself goes nowhere"


def test_a_book_that_is_not_to_be_trusted_does_not_count(rig):
    rig.top(200, 1_000_900, inexact=1)
    rig.top(201, 1_000_900, crossed=1)
    rig.order(1, decided=300, left=300)
    rig.report(1, b"E1", time=350)
    assert rig.sums.slippage == 20_000


def test_market_trades_are_read_for_the_vwap(rig):
    rig.order(1, decided=100, left=5_000)
    rig.bus.publish(MARKET_EVENTS, np.atleast_1d(MARKET_EVENT.make(symbol=1, type=ord("P"), price=1_000_000, qty=10,
                                                                   time=6_000)))
    rig.report(1, b"E1", time=7_000)
    rig.end(1, time=8_000)
    assert rig.sums.vwap == 30_000


def test_busts_and_corrections_keep_the_time_of_what_they_are_about(rig):
    rig.order(1, decided=100, left=150)
    rig.report(1, b"E1", time=200)
    before = list(rig.sums.values)
    rig.top(300, 1_000_900)
    rig.report(1, b"E2", 400, price=1_000_300, exec_type=ExecType.TRADE_CORRECT, ref=b"E1")
    assert rig.sums.values == before
    rig.report(1, b"E3", 500, exec_type=ExecType.TRADE_CANCEL, ref=b"E2")
    assert rig.sums[Column.FILLED_QTY] == 0
    rig.report(1, b"E3", 500, exec_type=ExecType.TRADE_CANCEL, ref=b"E2")
    assert rig.sums[Column.FILLS] == 0


def test_the_feed_is_told_with_every_fill_and_with_every_finished_order(rig):
    rig.order(1, decided=100, left=150)
    rig.report(1, b"E1", time=200, qty=40)
    assert [(one.venue, one.takes, one.fills, one.orders) for one in rig.told] == [(0, True, 1, 0)]
    rig.end(1, time=300)
    rig.top(10**7, 1_000_000)
    assert [(one.orders, one.fill_ratio) for one in rig.told[1:]] == [(1, 400)]
