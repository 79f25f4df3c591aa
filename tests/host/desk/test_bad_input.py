"""What no venue and no clock should do: a clear event, nothing lost, and the desk goes on or orders stop."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fixparse.enums import ExecType, OrdStatus
from hdl.layouts import Side
from host.alpha.strategy import Propose, Replace
from host.bus.topics import FAULTS, REPORTS, RISK
from host.oms.states import State
from tests.host.desk.test_flow import ASK, BID, Rig
from tests.host.desk.test_supervision import Watched


@pytest.fixture
def rig():
    rig = Rig()
    rig.nic.top(0)
    rig.nic.top(1, ask=ASK + 100)
    rig.seen.clear()
    return rig


def whole(raw):
    """The message with its checksum right again, whatever was done to it."""
    at = raw.rindex(b"10=")
    start = raw.index(b"35=")
    body = raw[start:at]
    raw = b"8=FIX.4.4\x019=%d\x01" % len(body) + body
    return raw + b"10=%03d\x01" % (sum(raw) % 256)


@pytest.mark.parametrize("damage", [(b"31=185.0000", b"31=-185.0000"), (b"31=185.0000", b"31=0"),
                                    (b"32=100", b"32=-100"), (b"32=100", b"32=0"), (b"32=100", b"32=101"),
                                    (b"31=185.0000", b"31=1e9"), (b"31=185.0000", b"31=185.00005"),
                                    (b"55=AAPL", b"55=MSFT"), (b"54=1", b"54=2"), (b"14=100", b"14=-3")])
def test_an_impossible_fill_is_one_fault_and_the_real_one_still_counts(rig, damage):
    order_id = rig.buy()
    fill = rig.venue.report(order_id, ExecType.TRADE, OrdStatus.FILLED, last=(100, BID), cum=100, exec_id=b"F1")
    was, becomes = damage
    name = was[:3]
    at = fill.index(b"\x01" + name) + 1
    raw = whole(fill[:at] + becomes + fill[fill.index(b"\x01", at):])
    rig.nic.session(raw)
    told = [message.payload["what"] for message in rig.on(FAULTS)]
    if name != b"14=":  # CumQty is the venue's claim: what it cannot be is told, the trade itself may count
        assert len(told) == 1, told
        assert not rig.on(REPORTS)
        assert rig.desk.positions.position("AAPL").qty == 0
        rig.nic.session(fill)
    assert rig.desk.positions.position("AAPL").qty in (0, 100)
    assert not rig.desk.failures
    assert not rig.desk.risk.control.killed


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_no_garbled_message_brings_the_desk_down(data):
    """Any one byte of a report changed, checksum right or wrong: told or ignored, and the next report counts."""
    rig = Rig()
    rig.nic.top(0)
    order_id = rig.buy()
    fill = rig.venue.report(order_id, ExecType.TRADE, OrdStatus.PARTIALLY_FILLED, last=(40, BID), leaves=60, cum=40,
                            exec_id=b"F1")
    at = data.draw(st.integers(0, len(fill) - 1))
    raw = bytearray(fill)
    raw[at] = data.draw(st.integers(0, 255))
    rig.nic.session(bytes(raw))
    rig.nic.session(fill)
    rig.nic.session(rig.venue.report(order_id, ExecType.TRADE, OrdStatus.FILLED, last=(60, BID), cum=100,
                                     exec_id=b"F2"))
    assert not rig.desk.failures
    held = rig.desk.positions.position("AAPL").qty
    assert held == sum(one.last_qty for one in rig.desk.oms.executed())
    assert held == rig.desk.oms.orders[order_id].filled <= 100
    if held < 100:
        assert rig.on(FAULTS), "what does not count was told"


@pytest.mark.parametrize(("qty", "price", "reason"), [
    (100, 0, "COLLAR"), (100, -BID, "COLLAR"), (100, 1 << 32, "COLLAR"), (0, BID, "QUANTITY"), (-5, BID, "QUANTITY"),
    (1 << 40, BID, "QUANTITY")])
def test_what_no_order_can_be_never_leaves_and_its_strategy_is_told(rig, qty, price, reason):
    order_id = rig.strategy.context.take_id()
    rig.do(Propose(order_id, "AAPL", Side.BUY, qty, price))
    assert not rig.nic.intents
    assert rig.strategy.heard == [("rejection", (reason,))]
    assert f"strategy maker asked for {qty} at {price}" in rig.on(FAULTS)[0].payload["what"]
    assert rig.desk.alpha.ids.in_use == 0
    good = rig.buy()
    rig.do(Replace(good, rig.strategy.context.renumber(good), qty, price))
    assert rig.strategy.heard[-1] == ("rejection", (reason,))
    assert len(rig.nic.intents) == 1
    assert not rig.desk.failures


def test_a_clock_that_goes_back_is_told_and_risk_goes_on_watching():
    rig = Watched()
    rig.hold(100)
    rig.now += 3_600 * 10**9
    rig.nic.top(0, time=rig.now)
    rig.now -= 3_600 * 10**9
    before = len(rig.on(RISK))
    for _ in range(3):
        rig.do()
    assert len(rig.on(RISK)) == before + 3
    assert [message.payload["what"] for message in rig.on(FAULTS)] == ["the clock went back by 3599999999000 ns"]
    assert rig.desk.supervisor.charges[0].rent >= 0
    order_id = rig.buy()
    assert rig.desk.oms.orders[order_id].state is State.PENDING_NEW
