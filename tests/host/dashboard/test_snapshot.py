"""What the page shows is what the desk knows."""

import json

import pytest

from hdl.layouts import Inexact, Reason, Side
from host import fixmap
from host.bus.topics import FAULTS, MARKET_EVENTS, PROPOSED
from host.dashboard.snapshot import about, series, snapshot
from host.dashboard.view import BLOTTER, RECENT
from host.messages import NewOrder

MSFT_B = 3


def test_a_desk_that_has_seen_nothing(bench):
    state = json.loads(json.dumps(snapshot(bench.view)))
    assert (state["time"], state["killed"], state["blotter"], state["books"]) == (0, [], [], [])
    assert [feed["age"] for feed in state["feeds"]] == [None, None]
    assert about(bench.view)["strategies"] == ["maker", "taker"]
    assert series(bench.view)["latency.trigger.p50"] is None


def test_a_bit_of_everything(bench):
    bench.trade()
    bench.now += 500
    state = json.loads(json.dumps(snapshot(bench.view)))
    assert state["time"] == 3_500
    a, b = state["feeds"]
    assert (a["messages"], a["age"], a["books"], a["exact"], a["faults"]) == (1, 2_500, 2, 1, {})
    assert (b["age"], b["faults"]) == (1_500, {"GAP": 1})
    assert state["rejects"] == [["COLLAR", 0, 1]]
    stages = {name: values for name, *values in state["latency"]["trigger"]["stages"]}
    assert stages["nic.rx > nic.needed"] == [100] * 4
    assert stages["total"] == [900] * 4
    assert state["latency"]["trigger"]["orders"] == 1
    order = state["blotter"][0]
    assert (order["id"], order["side"], order["venue"], order["strategy"], order["state"]) == (
        f"{0x1001:016X}", "BUY", "XTGA", "maker", "new")
    book = state["books"][0]
    assert book["bids"] == [[1_850_000, 100, 100], [1_849_900, 100, 0], [1_849_800, 100, 0]]  # our order at the best
    assert book["asks"] == [[1_850_100, 200, 0]]  # no depth known: the top
    assert any("gap" in text for _, _, text in state["log"])


def test_profit_by_strategy_adds_up(bench):
    bench.market(0)
    for n, (strategy, price) in enumerate([(0, 1_850_000), (1, 1_849_000), (0, 1_851_000)]):
        bench.order(n + 1, strategy, price=price)
        bench.fill(n + 1, 100, price, exec_id=f"E{n}")
    bench.market(10, bid=1_852_000, ask=1_852_200)
    pnl = snapshot(bench.view)["pnl"]
    assert sum(net for _, net, _ in pnl["strategies"]) == pnl["net"] == bench.desk.positions.net
    assert pnl["strategies"][1][1] == (1_852_100 - 1_849_000) * 100 - 30 * 100  # the taker's fill, less its fee
    row = series(bench.view)
    assert row["pnl.maker"] + row["pnl.taker"] == row["pnl.all"]


def test_a_book_in_doubt_says_why(bench):
    bench.market(0, symbol=MSFT_B, inexact=1 << Inexact.GAP | 1 << Inexact.TABLE_FULL)
    feed = snapshot(bench.view)["feeds"][1]
    assert (feed["exact"], feed["doubts"]) == (0, ["gap", "table full"])
    assert not snapshot(bench.view)["books"][0]["usable"]


def test_kill_and_resume_show(bench):
    bench.desk.risk.kill("ann", "too fast", strategies=0b10)
    assert snapshot(bench.view)["killed"] == ["taker"]
    bench.desk.risk.kill("risk", "")
    assert snapshot(bench.view)["killed"] == ["everything", "taker"]
    bench.desk.risk.resume("ann", "calm")
    state = snapshot(bench.view)
    assert state["killed"] == ["taker"]
    assert [(level, text) for _, level, text in state["log"]] == [
        ("bad", "kill taker by ann: too fast"), ("bad", "kill everything by risk"),
        ("info", "resume everything by ann: calm")]


def test_it_stays_bounded(bench):
    for n in range(3 * RECENT):
        bench.order(n + 1, ways=(n, n + 1))
        bench.desk.bus.publish(FAULTS, {"service": "x", "what": str(n)})
    assert len(bench.view.orders) == BLOTTER
    assert len(bench.view.latencies["trigger"]["total"]) == RECENT
    state = snapshot(bench.view)
    assert state["blotter"][0]["id"] == f"{3 * RECENT:016X}"
    assert state["latency"]["trigger"]["orders"] == state["faults"] == 3 * RECENT
    assert len(json.dumps(state)) < 20_000
    assert state["latency"]["trigger"]["stages"][-1][-1] == 3 * RECENT  # the last ones, the longest here


def test_an_order_keeps_one_line(bench):
    bench.order(5)
    bench.order(6)
    bench.state(NewOrder(5, "AAPL", Side.BUY, 100, 1, 0, venue=0), "filled", 100)
    assert [(row["id"][-1], row["state"]) for row in snapshot(bench.view)["blotter"]] == [("5", "filled"), ("6", "new")]


def test_what_it_cannot_read_does_not_reach_the_desk(bench):
    bench.desk.bus._subscriptions[MARKET_EVENTS.name] = [
        one for one in bench.desk.bus._subscriptions[MARKET_EVENTS.name] if one.name == "dashboard"]
    for _ in range(3):
        bench.desk.bus.publish(MARKET_EVENTS, None)
    assert not bench.desk.risk.control.killed
    assert len(bench.view.log) == 1
    assert bench.view.log[0].text.startswith("dashboard: TypeError")


@pytest.mark.parametrize("reason", [Reason.KILL, Reason.SELF_MATCH])
def test_reasons_have_their_names(bench, reason):
    bench.reject(reason)
    assert snapshot(bench.view)["rejects"] == [[reason.name, 0, 1]]




def test_who_rejected_is_told_apart(bench):
    """The NIC's rejections by its decisions, the host's own by its answers: none is counted twice, none left out."""
    bench.desk.risk.kill("tester", "enough")
    order = NewOrder(0x3001, "AAPL", Side.BUY, 100, 1_850_000, 0, time=bench.now)
    bench.desk.bus.publish(PROPOSED, fixmap.Desk("ALPHA", "RISK").new_order(order))
    bench.reject(Reason.COLLAR)
    state = snapshot(bench.view)
    assert (state["refused"], sum(one.get("rejected", 0) for one in state["orders"].values())) == (1, 1)
    assert sorted(state["rejects"]) == [["COLLAR", 0, 1], ["KILL", 1, 0]]
