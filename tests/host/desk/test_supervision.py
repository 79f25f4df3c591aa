"""Risk on a running desk: it measures, warns, reduces and hedges through the EMS, or kills, and says so."""

import json

import pytest

from fixparse.enums import ExecType, OrdStatus
from hdl.config import GBE
from hdl.layouts import Action, Side
from hdl.venue import SIMULATED
from host.alpha.strategy import Propose
from host.bus.topics import CHARGES, COMMANDS, CONTROL, FAULTS, RISK, UTILISATION
from host.desk.desk import Desk
from host.desk.statistics import Statistics
from host.risk.analytics.live import LiveParameters
from host.risk.limits import DEFAULT_FILE, check, read
from tests.host.desk.test_flow import ASK, BID, UNIVERSE, Nic, Rig, Scripted, Venue

EVERY = 1_000


class Watched(Rig):
    """The rig of the flow with limits of its own, and a sample at every top."""

    def __init__(self, **firm):
        self.now, self.seen, self.written = 1_000, [], []
        tree = read(DEFAULT_FILE)
        tree["firm"] |= {"var_usd": 10**6} | firm
        self.desk = Desk(GBE, UNIVERSE, check(tree, "test"), SIMULATED, self.written.extend, lambda: self.now,
                         strategies={"maker": Scripted}, risk=LiveParameters(every=EVERY, paths=100))
        self.statistics = Statistics(self.desk)
        self.strategy = self.desk.alpha.strategies[0]
        self.nic, self.venue = Nic(self.desk), Venue()
        self.desk.bus.tap(lambda message: self.seen.append(message))
        self.nic.top(0)
        self.nic.top(1, ask=ASK + 100)

    def hold(self, qty):
        """A position that came in the ordinary way."""
        order_id = self.strategy.context.take_id()
        self.do(Propose(order_id, "AAPL", Side.BUY, qty, BID))
        self.answer(order_id, qty, b"1")
        self.nic.serve()
        return order_id

    def see(self, up):
        """The market so much higher than it was, at the next sample."""
        self.now += EVERY
        self.nic.top(bid=BID + up, ask=ASK + up, time=self.now)

    def answer(self, order_id, qty, side):
        self.nic.session(self.venue.report(order_id, ExecType.TRADE, OrdStatus.FILLED, side=side, last=(qty, BID),
                                           cum=qty))

    def commands(self):
        return [message.payload for message in self.on(COMMANDS)]


def var_of(qty, stock="AAPL"):
    """What `qty` are worth in VaR on a desk without limits, 1e-4 USD."""
    rig = Watched()
    rig.hold(qty)
    rig.do()
    return rig.desk.supervisor.figures.var


def usd(amount):
    return -(-amount // 10_000)


def test_figures_and_charges_are_told_with_every_sample():
    rig = Watched()
    rig.hold(400)
    rig.do()
    told = rig.on(RISK)[-1].payload
    assert told["var"] == max(told["historical"], told["parametric"], told["monte_carlo"]) > 0
    assert told["scenario"].startswith("19 October 1987")
    charge = rig.on(CHARGES)[-1].payload
    assert charge.strategy == 0
    assert charge.var == pytest.approx(told["parametric"], abs=10)
    assert charge.net == told["net"]
    assert not rig.on(COMMANDS)
    assert not rig.on(FAULTS)


def test_var_beyond_its_limit_reduces_the_position_and_strategies_wait_and_go_on():
    limit = usd(var_of(700))
    rig = Watched(var_usd=limit)
    rig.hold(600)
    rig.do()
    assert [message.payload.level.name for message in rig.on(UTILISATION) if message.payload.path == "firm.var_usd"
            ] == ["WARN"]
    assert rig.strategy.context.appetite.charge == 4, "a limit that fills up, and most of it is this strategy's"
    rig.hold(200)
    rig.do()
    (command,) = rig.commands()
    assert (command["command"], command["stock"], command["strategy"]) == ("reduce", "AAPL", 0)
    assert 400 < command["to"] < 560
    rig.buy()
    assert rig.strategy.heard[-1] == ("rejection", ("RESTRICTED",)), "while risk sells, no strategy buys"
    rig.do()
    sweep = [intent for intent in rig.nic.intents if intent["action"] == Action.NEW][-1]
    assert (sweep["side"], sweep["qty"]) == (Side.SELL, 800 - command["to"])
    rig.answer(int(sweep["order_id"]), int(sweep["qty"]), b"2")
    rig.do()
    rig.do()
    assert [one["command"] for one in rig.commands()] == ["reduce", "reduced"]
    assert rig.desk.supervisor.figures.var < limit * 10_000 * 75 // 100
    before = len(rig.nic.intents)
    rig.buy()
    assert len(rig.nic.intents) == before + 1
    assert not rig.desk.risk.control.killed


def test_where_the_position_has_no_book_it_is_hedged_with_what_has():
    limit = usd(var_of(700))
    rig = Watched(var_usd=limit)
    rig.nic.top(2)
    for step in range(30):  # two stocks that move together
        for symbol in (2, 1, 0):
            rig.now += EVERY if symbol == 0 else 0
            rig.nic.top(symbol, bid=BID + 300 * (step % 3), ask=ASK + 300 * (step % 3), time=rig.now)
    for symbol in (0, 1):
        rig.nic.top(symbol, bid=ASK, ask=BID, time=rig.now)  # crossed: not to be traded on
    rig.desk.positions.on_fill("AAPL", 0, Side.BUY, 1_500, BID)
    rig.now += EVERY
    rig.nic.top(2, time=rig.now)
    rig.nic.serve()
    command = rig.commands()[0]
    assert (command["command"], command["stock"]) == ("hedge", "MSFT")
    assert -1_500 <= command["qty"] < 0
    sent = rig.nic.intents[-1]
    assert sent["side"] == Side.SELL_SHORT, "nothing of it is held, and the order says so"
    assert sent["qty"] <= -command["qty"]


def test_a_drawdown_kills_though_the_day_is_not_lost():
    rig = Watched(drawdown_usd=3_000)
    rig.hold(100)
    for up in (500_000, 210_000):  # 5,000 USD up, and 2,900 USD down from there
        rig.see(up)
        assert not rig.desk.risk.control.killed
    rig.see(190_000)
    assert rig.desk.positions.net > 0
    assert rig.desk.risk.control.killed
    assert rig.on(CONTROL)[-1].payload.why.startswith("firm.drawdown_usd")
    assert rig.statistics.summary()["risk"]["kills"][0]["why"].startswith("firm.drawdown_usd")


def test_a_kill_abandons_what_is_under_way():
    limit = usd(var_of(700))
    rig = Watched(var_usd=limit)
    rig.hold(800)
    rig.do()
    rig.desk.risk.kill("officer", "enough")
    rig.do()
    rig.do()
    assert [one["command"] for one in rig.commands()] == ["reduce", "abandoned"]
    assert not rig.desk.unwind.under_way
    rig.desk.risk.resume("officer", "go on")
    rig.do()
    assert rig.commands()[-1]["command"] == "reduce", "still beyond the limit: asked again"


def test_with_nothing_to_trade_on_somebody_is_told_once():
    rig = Watched(var_usd=1)
    rig.hold(100)
    for _ in range(3):
        rig.nic.top(1, bid=ASK, ask=BID, time=rig.now)
        rig.now += EVERY
        rig.nic.top(0, bid=ASK, ask=BID, time=rig.now)
    (fault,) = rig.on(FAULTS)
    assert "nothing that could be traded against it has a book" in fault.payload["what"]


def test_the_summary_says_what_was_measured_and_commanded():
    rig = Watched(var_usd=usd(var_of(700)))
    rig.hold(800)
    rig.do()
    found = json.loads(json.dumps(rig.statistics.summary()["risk"]))
    assert found["figures"]["parametric"] > 0
    assert found["most"]["var"] >= found["figures"]["parametric"]
    assert found["charges"]["maker"]["share"] > 1_000
    assert {one["level"] for one in found["levels"] if one["path"] == "firm.var_usd"} == {"HALT"}
    assert [(one["command"], one["stock"]) for one in found["commands"]] == [("reduce", "AAPL")]
