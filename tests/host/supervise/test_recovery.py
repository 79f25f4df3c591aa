"""An EMS that ends at any moment: the next one knows what became of every order, and tells everything once."""

import pytest

from fixparse import orders
from fixparse.enums import ExecType, OrdStatus
from fixparse.fields import FIX44
from fixparse.forms import Header
from hdl.layouts import BOOK_TOP, DECISION, ORDER_SENT, Origin, Reason, Side
from host import fixmap
from host.bus.shared import Shared
from host.bus.topics import DECISIONS, INTENTS, PASSED, REJECTED, REPORTS, ROUTED, SENT, TOPS, VENUE_REPORTS
from host.messages import NewOrder
from host.oms.states import State
from host.risk.limits import DEFAULT_FILE
from host.supervise.execution import Execution
from host.supervise.setting import BUS, Setting

BID, ASK, NOW = 1_850_000, 1_850_300, 1_767_623_400 * 10**9
ORDER = 0x4FEA000000000100


class Rig:
    """The EMS, and everybody else as one process."""

    def __init__(self, folder):
        self.setting = Setting(str(folder), day=NOW // 86_400 // 10**9)
        self.setting.write(DEFAULT_FILE.read_text())
        self.others = Shared(folder / BUS, "others", clock=lambda: NOW)
        self.seen = {topic: [] for topic in (INTENTS, REJECTED, REPORTS, ROUTED)}
        for topic, messages in self.seen.items():
            self.others.subscribe(topic, messages.append)
        for symbol in (0, 1):
            self.others.publish(TOPS, BOOK_TOP.make(symbol=symbol, bid_price=BID, bid_qty=100, ask_price=ASK,
                                                    ask_qty=100, time=NOW, seq=1), key=symbol)
        self.start()

    def start(self):
        self.bus = self.setting.join("ems")
        self.ems = Execution(self.setting, self.bus)
        self.turn()

    def die(self):
        """Nothing more is done: what was held is gone with the process."""
        self.ems.close()
        self.bus.close()

    def turn(self):
        self.bus.poll()
        self.ems.turn()
        self.others.poll()

    def pass_order(self, order_id=ORDER):
        order = NewOrder(order_id, "AAPL", Side.BUY, 100, BID, 0, venue=0, time=NOW)
        self.others.publish(PASSED, fixmap.Desk("ALPHA", "RISK").new_order(order, self.setting.universe.venues[0]))

    def decide(self, order_id=ORDER, reasons=0):
        self.others.publish(DECISIONS, DECISION.make(symbol=0, order_id=order_id, reasons=reasons, price=BID, qty=100,
                                                     origin=Origin.HOST, time=NOW))
        if not reasons:
            self.others.publish(SENT, ORDER_SENT.make(symbol=0, order_id=order_id, msg_seq=1, time=NOW, venue=0,
                                                      transact_date=20260105, transact_ms=52_200_000))

    def report(self, exec_type, status, last=0, leaves=0, order_id=ORDER):
        header = Header(FIX44.encode(), self.setting.venues[0].target_comp_id.encode(), b"TICKGATE", places=9)
        self.others.publish(VENUE_REPORTS, orders.execution_report(
            header, NOW, order_id=b"1", cl_ord_id=b"%016X" % order_id, exec_id=b"E" + exec_type, exec_type=exec_type,
            ord_status=status, symbol=b"AAPL", side=b"1", qty=100, price=BID, last_qty=last,
            last_price=BID if last else 0, leaves_qty=leaves, cum_qty=last), key=0)

    @property
    def state(self):
        return self.ems.oms.orders[ORDER].state

    def counts(self):
        self.others.poll()
        return {topic.name: len(messages) for topic, messages in self.seen.items()}


@pytest.fixture
def rig(tmp_path):
    rig = Rig(tmp_path)
    yield rig
    rig.die()
    rig.others.close()


def restart(rig):
    rig.die()
    rig.start()
    rig.turn()


def test_an_order_in_the_book_whose_intent_never_left_goes_back_rejected(rig):
    rig.pass_order()
    rig.bus.poll()
    rig.ems.ems.settle()  # on record; the process ends before the intent leaves
    restart(rig)
    assert rig.counts() == {INTENTS.name: 0, REJECTED.name: 1, REPORTS.name: 0, ROUTED.name: 0}
    assert fixmap.read_rejection(rig.seen[REJECTED][0].payload).reasons == 1 << Reason.KILL
    assert rig.state is State.REJECTED


def test_an_order_that_passed_and_never_came_into_the_book_goes_back_rejected_once(rig):
    rig.pass_order()
    restart(rig)
    restart(rig)
    assert rig.counts() == {INTENTS.name: 0, REJECTED.name: 1, REPORTS.name: 0, ROUTED.name: 0}
    assert rig.state is State.REJECTED


def test_what_happened_to_an_order_while_the_ems_was_away_is_taken_and_told_once(rig):
    rig.pass_order()
    rig.turn()
    assert rig.counts()[INTENTS.name] == 1
    rig.die()
    rig.decide()
    rig.report(ExecType.NEW, OrdStatus.NEW, leaves=100)
    rig.report(ExecType.TRADE, OrdStatus.FILLED, last=100)
    rig.start()
    rig.turn()
    once = {INTENTS.name: 1, REJECTED.name: 0, REPORTS.name: 2, ROUTED.name: 1}
    assert rig.counts() == once
    assert rig.state is State.FILLED
    restart(rig)
    assert rig.counts() == once
    assert rig.ems.oms.breaks == []


def test_a_report_that_is_on_record_and_was_not_told_is_told(rig):
    rig.pass_order()
    rig.turn()
    rig.decide()
    rig.turn()
    rig.report(ExecType.NEW, OrdStatus.NEW, leaves=100)
    rig.bus.poll()
    rig.ems.oms.commit()  # durable; the process ends before it tells
    restart(rig)
    assert rig.counts() == {INTENTS.name: 1, REJECTED.name: 0, REPORTS.name: 1, ROUTED.name: 1}
    assert rig.state is State.NEW
    assert rig.ems.oms.duplicates <= 1


def test_a_rejection_by_the_gate_while_the_ems_was_away_ends_the_order(rig):
    rig.pass_order()
    rig.turn()
    rig.die()
    rig.decide(reasons=1 << Reason.COLLAR)
    rig.start()
    rig.turn()
    restart(rig)
    assert rig.counts() == {INTENTS.name: 1, REJECTED.name: 1, REPORTS.name: 0, ROUTED.name: 0}
    assert rig.state is State.REJECTED
    assert rig.ems.oms.breaks == []
