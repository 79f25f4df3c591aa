"""Replaces on the desk, message by message, and every race that users of other systems report of them."""

import pytest

from fixparse import orders
from fixparse.codec import parse
from fixparse.enums import CxlRejReason, CxlRejResponseTo, ExecType, OrdStatus
from hdl.config import GBE
from hdl.layouts import Action, Reason
from host.alpha.strategy import Propose, Replace, Withdraw
from host.bus.topics import FAULTS, PASSED, PROPOSED, REJECTED, ROUTED
from host.ems.ids import OrderIds
from host.messages import CANCELED, REPLACED, TRADE
from host.oms.states import State
from tests.host.desk.test_flow import BID, Rig, Side


class Replacing(Rig):
    """One acknowledged bid of 100 shares, and a replace of it on its way."""

    def __init__(self):
        super().__init__()
        self.nic.top(0)
        self.order_id = self.buy()
        self.nic.session(self.venue.report(self.order_id, ExecType.NEW, OrdStatus.NEW, leaves=100))
        self.nic.top(1)
        self.strategy.heard.clear()
        self.seen.clear()

    def replace(self, qty=100, price=BID + 100):
        self.new_id = self.strategy.context.renumber(self.order_id)
        self.do(Replace(self.order_id, self.new_id, qty, price))
        return self.new_id

    @property
    def last(self):
        return self.nic.intents[-1]

    def fill(self, order_id, qty, leaves, cum=None, **more):
        status = OrdStatus.PARTIALLY_FILLED if leaves else OrdStatus.FILLED
        self.nic.session(self.venue.report(order_id, ExecType.TRADE, status, last=(qty, BID), leaves=leaves,
                                           cum=qty if cum is None else cum, **more))

    def confirm(self, cum=0):
        """The venue confirms the cancel."""
        self.nic.session(self.venue.report(self.cancel_id, ExecType.CANCELED, OrdStatus.CANCELED, cum=cum,
                                           orig=self.order_id))
        self.nic.serve()

    @property
    def cancel_id(self):
        return next(int(one["order_id"]) for one in reversed(self.nic.intents) if one["action"] == Action.CANCEL)

    def refuse(self, status=OrdStatus.NEW):
        """35=9: too late to cancel."""
        self.nic.session(orders.cancel_reject(
            self.venue.header, 6_000, order_id=b"1", cl_ord_id=b"%016X" % self.cancel_id,
            orig_cl_ord_id=b"%016X" % self.order_id, ord_status=status,
            response_to=CxlRejResponseTo.ORDER_CANCEL_REQUEST, reason=CxlRejReason.TOO_LATE_TO_CANCEL,
            text=b"too late"))
        self.nic.serve()

    @property
    def orders(self):
        return [one for one in self.nic.intents if one["action"] == Action.NEW]


@pytest.fixture
def rig():
    return Replacing()


def test_a_replace_appears_step_by_step_and_takes_the_slot_over(rig):
    new_id = rig.replace(qty=150)
    assert [(message.topic, parse(message.payload).text(35)) for message in rig.on(PROPOSED, PASSED, ROUTED)] == [
        (PROPOSED, "G"), (PASSED, "G"), (PROPOSED, "F"), (PASSED, "F"), (ROUTED, "F")]
    asked = parse(rig.on(PROPOSED)[0].payload)
    assert (asked.text(11), asked.text(41), asked.qty(38), asked.price(44)) == (
        f"{new_id:016X}", f"{rig.order_id:016X}", 150, BID + 100)
    assert len(rig.orders) == 1, "nothing new before the old one has gone"
    rig.confirm()
    assert (int(rig.last["order_id"]), int(rig.last["qty"]), int(rig.last["price"])) == (new_id, 150, BID + 100)
    assert new_id % GBE.open_orders == rig.order_id % GBE.open_orders
    assert rig.strategy.heard == [("report", REPLACED)]
    assert rig.desk.oms.orders[rig.order_id].state is State.CANCELED
    rig.fill(new_id, 150, 0)
    assert rig.strategy.heard[-1] == ("report", TRADE)
    assert rig.desk.positions.position("AAPL").qty == 150
    assert rig.desk.alpha.ids.in_use == 0
    assert not rig.on(FAULTS)


def test_a_fill_during_an_in_flight_replace_makes_the_new_order_smaller(rig):
    rig.replace()
    rig.fill(rig.order_id, 40, 60)
    rig.confirm(cum=40)
    assert int(rig.last["qty"]) == 60
    rig.fill(rig.new_id, 60, 0)
    assert rig.desk.positions.position("AAPL").qty == 100, "never more than the total"


def test_a_full_fill_during_an_in_flight_replace_leaves_nothing_to_send(rig):
    rig.replace()
    rig.fill(rig.order_id, 100, 0)
    rig.refuse(OrdStatus.FILLED)
    assert len(rig.orders) == 1
    assert rig.strategy.heard == [("report", TRADE), ("rejection", ())]
    assert rig.desk.alpha.ids.in_use == 0
    assert rig.desk.positions.position("AAPL").qty == 100


def test_a_replace_to_less_than_has_filled_only_cancels(rig):
    rig.replace(qty=50)
    rig.fill(rig.order_id, 60, 40)
    rig.confirm(cum=60)
    assert len(rig.orders) == 1
    assert rig.strategy.heard[-2:] == [("report", CANCELED), ("rejection", ())]
    assert rig.desk.alpha.ids.in_use == 0


def test_too_late_to_cancel_and_the_order_stands(rig):
    rig.replace()
    rig.refuse()
    assert rig.strategy.heard == [("rejection", ())]
    assert rig.desk.oms.orders[rig.order_id].state is State.NEW
    assert len(rig.orders) == 1
    assert rig.desk.alpha.ids.in_use == 1, "the old order has its slot again"
    rig.replace(price=BID + 200)
    rig.confirm()
    assert int(rig.last["price"]) == BID + 200, "and may be replaced again"
    rig.fill(rig.new_id, 100, 0)
    assert rig.desk.alpha.ids.in_use == 0


def test_a_fill_after_the_cancel_counts(rig):
    rig.replace()
    rig.confirm()
    rig.fill(rig.order_id, 30, 0, exec_id=b"LATE")
    assert rig.desk.positions.position("AAPL").qty == 30
    assert rig.desk.oms.orders[rig.order_id].filled == 30
    assert not rig.on(FAULTS)


def test_a_cancel_that_the_gate_stops_rejects_the_replace(rig):
    rig.nic.reasons = 1 << Reason.RATE
    rig.replace()
    assert rig.strategy.heard == [("rejection", ())]
    assert rig.desk.oms.orders[rig.order_id].state is State.NEW
    rig.nic.reasons = 0
    rig.replace()
    rig.confirm()
    assert rig.strategy.heard[-1] == ("report", REPLACED)


def test_the_gate_judges_the_new_terms_before_the_old_ones_go(rig):
    rig.desk.risk.kill("officer", "enough")
    rig.replace()
    assert rig.strategy.heard == [("rejection", ("KILL",))]
    assert parse(rig.on(REJECTED)[0].payload).text(11) == f"{rig.new_id:016X}"
    assert len(rig.nic.intents) == 1, "the old order was not touched"
    rig.desk.risk.resume("officer", "go on")
    rig.fill(rig.order_id, 100, 0)
    assert rig.desk.alpha.ids.in_use == 0


def test_a_kill_between_cancel_and_new_order_rejects_the_new_one(rig):
    rig.replace()
    rig.desk.risk.kill("officer", "enough")
    rig.confirm()
    assert len(rig.orders) == 1
    assert rig.strategy.heard == [("report", REPLACED), ("rejection", ("KILL",))]
    assert rig.desk.alpha.ids.in_use == 0


def test_who_withdraws_while_a_replace_is_under_way_gets_no_new_order(rig):
    rig.replace()
    rig.do(Withdraw(rig.order_id))
    assert rig.strategy.heard == [("rejection", ())]
    rig.confirm()
    assert len(rig.orders) == 1
    assert rig.strategy.heard[-1] == ("report", CANCELED)
    assert rig.desk.alpha.ids.in_use == 0


def test_a_second_replace_while_one_is_under_way_is_rejected(rig):
    first = rig.replace()
    second = rig.strategy.context.renumber(rig.order_id)
    rig.do(Replace(rig.order_id, second, 100, BID + 300))
    assert rig.strategy.heard == [("rejection", ())]
    rig.confirm()
    assert int(rig.last["order_id"]) == first


def test_a_replace_of_an_order_that_has_ended_is_rejected(rig):
    rig.fill(rig.order_id, 100, 0)
    rig.replace()
    assert rig.strategy.heard[-1] == ("rejection", ())
    assert len(rig.nic.intents) == 1
    assert rig.desk.alpha.ids.in_use == 0


def test_other_orders_are_not_concerned(rig):
    other = rig.buy()
    rig.replace()
    rig.nic.session(rig.venue.report(other, ExecType.TRADE, OrdStatus.FILLED, last=(100, BID), cum=100))
    rig.confirm()
    assert int(rig.last["order_id"]) == rig.new_id
    order_id = rig.strategy.context.take_id()
    rig.do(Propose(order_id, "AAPL", Side.BUY, 100, BID))
    assert order_id % GBE.open_orders != rig.new_id % GBE.open_orders


def test_a_slot_moves_only_from_its_holder():
    ids = OrderIds(4)
    first = ids.take(0)
    second = ids.renumber(first)
    ids.move(first + 8, second)
    ids.give_back(second, 0)
    assert ids.in_use == 1
    ids.move(first, second + 1)
    ids.move(first, second)
    ids.give_back(first, 0)
    assert ids.in_use == 1
    ids.give_back(second, 0)
    assert ids.in_use == 0
