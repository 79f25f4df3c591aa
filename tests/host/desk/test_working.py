"""Parent orders on the desk: children go the way of every order; kill and reduce."""

import pytest

from fixparse.codec import build, encode, parse
from fixparse.enums import ExecType, OrdStatus
from hdl.layouts import Action, Side
from host.alpha.strategy import Propose, Withdraw
from host.bus.topics import COMMANDS, FAULTS, PARENTS, PASSED, PROPOSED, QUOTE_REQUESTS, QUOTES, ROUTED
from host.ems.algos import Iceberg, Sweep
from host.messages import TRADE
from tests.host.desk.test_flow import ASK, BID, Rig


@pytest.fixture
def rig():
    rig = Rig()
    rig.nic.top(0)
    rig.nic.top(1, ask=ASK + 100)
    rig.seen.clear()
    return rig


def parent(rig, algo, qty=100, side=Side.BUY, price=BID):
    order_id = rig.strategy.context.take_id()
    rig.do(Propose(order_id, "AAPL", side, qty, price, algo=algo))
    rig.nic.serve()
    return order_id


def children(rig):
    return [intent for intent in rig.nic.intents if intent["action"] == Action.NEW]


def fill(rig, order_id, qty, leaves=0, side=b"1"):
    status = OrdStatus.PARTIALLY_FILLED if leaves else OrdStatus.FILLED
    rig.nic.session(rig.venue.report(order_id, ExecType.TRADE, status, side=side, last=(qty, BID), leaves=leaves,
                                     cum=qty))


def test_a_child_takes_every_step_and_the_strategy_hears_of_the_parent(rig):
    order_id = parent(rig, Iceberg(40))
    child = int(children(rig)[0]["order_id"])
    assert child != order_id
    assert [parse(message.payload).text(11) for message in rig.on(PROPOSED)] == [f"{order_id:016X}", f"{child:016X}"]
    proposed = parse(rig.on(PROPOSED)[1].payload)
    assert (proposed.text(49), proposed.text(526), proposed.qty(38)) == ("EMS", f"{order_id:016X}", 40)
    assert len(rig.on(PASSED)) == 2
    assert [parse(message.payload).text(11) for message in rig.on(ROUTED)] == [f"{child:016X}"]
    fill(rig, child, 40)
    rig.nic.serve()
    assert ("report", TRADE) in rig.strategy.heard
    assert (rig.on(PARENTS)[-1].payload["filled"], rig.on(PARENTS)[-1].payload["leaves"]) == (40, 60)
    assert len(children(rig)) == 2
    assert rig.desk.positions.position("AAPL").qty == 40
    assert not rig.on(FAULTS)


def test_a_withdrawn_parent_withdraws_its_child(rig):
    order_id = parent(rig, Iceberg(40))
    rig.do(Withdraw(order_id))
    cancel = rig.nic.intents[-1]
    assert (cancel["action"], int(cancel["orig_id"])) == (Action.CANCEL, int(children(rig)[0]["order_id"]))
    rig.nic.session(rig.venue.report(int(cancel["order_id"]), ExecType.CANCELED, OrdStatus.CANCELED,
                                     orig=int(cancel["orig_id"])))
    assert rig.on(PARENTS)[-1].payload["leaves"] == 0
    assert rig.desk.alpha.ids.in_use == rig.desk.working.ids.in_use == 0


def test_a_kill_stops_parents(rig):
    parent(rig, Iceberg(40))
    rig.desk.risk.kill("tester", "trying it")
    fill(rig, int(children(rig)[0]["order_id"]), 40)
    rig.do()
    assert len(children(rig)) == 1
    assert not rig.desk.working.parents.parents


def test_a_parent_that_cannot_be_worked_is_a_fault(rig):
    parent(rig, Iceberg(0))
    assert "cannot be worked" in rig.on(FAULTS)[0].payload["what"]
    assert rig.desk.alpha.ids.in_use == 0
    assert not children(rig)


def test_reduce_withdraws_what_is_live_and_sweeps_until_the_position_is_there(rig):
    first = rig.buy()
    fill(rig, first, 100)
    resting = rig.buy()
    assert rig.desk.positions.position("AAPL").qty == 100
    rig.desk.bus.publish(COMMANDS, {"command": "reduce", "stock": "AAPL", "to": 30, "strategy": 0})
    rig.nic.serve()
    cancel = rig.nic.intents[-1]
    assert int(cancel["orig_id"]) == resting
    rig.do()
    assert len(children(rig)) == 2, "not while something is live"
    rig.nic.session(rig.venue.report(int(cancel["order_id"]), ExecType.CANCELED, OrdStatus.CANCELED, orig=resting))
    rig.do()
    sweep = children(rig)[-1]
    assert (sweep["side"], sweep["qty"], chr(sweep["tif"])) == (Side.SELL, 70, "3")
    fill(rig, int(sweep["order_id"]), 50, leaves=20, side=b"2")
    rig.nic.session(rig.venue.report(int(sweep["order_id"]), ExecType.CANCELED, OrdStatus.CANCELED, side=b"2", cum=50))
    rig.do()
    rest = children(rig)[-1]
    assert rest["qty"] == 20
    fill(rig, int(rest["order_id"]), 20, side=b"2")
    rig.do()
    rig.do()
    assert rig.desk.positions.position("AAPL").qty == 30
    assert rig.on(COMMANDS)[-1].payload["command"] == "reduced"
    assert len(children(rig)) == 4


def test_a_request_for_a_quote_is_answered_on_the_bus(rig):
    raw = encode(build(b"FIX.4.4", [(35, b"R"), (34, b"1"), (131, b"R7"), (146, b"1"), (55, b"AAPL"), (38, b"100")]))
    rig.desk.bus.publish(QUOTE_REQUESTS, raw)
    quote = parse(rig.on(QUOTES)[0].payload)
    assert (quote.text(35), quote.text(131)) == ("S", "R7")
    assert quote.price(132) < quote.price(133)
    rig.desk.risk.kill("tester", "trying it")
    rig.desk.bus.publish(QUOTE_REQUESTS, raw)
    assert parse(rig.on(QUOTES)[1].payload).text(35) == "AG"
    rig.desk.bus.publish(QUOTE_REQUESTS, raw[:20])
    assert "cannot be answered" in rig.on(FAULTS)[-1].payload["what"]


def test_a_sweep_is_rejected_like_any_order(rig):
    rig.desk.risk.kill("tester", "trying it")
    parent(rig, Sweep())
    assert not children(rig)
    assert rig.strategy.heard[0][0] == "rejection"
