"""An options desk, whole: contracts from a file, quotes around theo, fills from a market that follows, hedges, and
risk that values the options anew."""

import pytest

from hdl.config import GBE
from hdl.venue import SIMULATED
from host.alpha.theo import worth
from host.bus.topics import PARENTS, RISK
from host.cli.simulation import START_NS, options_follow
from host.contracts import VARIABLE, configured
from host.desk.desk import Desk
from host.risk.limits import DEFAULT_FILE, check, read
from host.universe import Universe
from sim.exchange import Exchange
from sim.exchange.direct import DirectNic

CONTRACTS = """
[AAPLC185]
underlying = "AAPL"
strike_usd = 185
expiry_days = 30
vol_percent = 28
call = true

[AAPLP185]
underlying = "AAPL"
strike_usd = 185
expiry_days = 30
vol_percent = 28
call = false
"""
NAMES = ("AAPL", "AAPLC185", "AAPLP185")
POLL_NS, THINK_NS, DURATION_NS = 5_000, 4_000, 15_000_000


@pytest.fixture(scope="module")
def limits():
    tree = read(DEFAULT_FILE)
    tree["firm"] |= dict.fromkeys(("var_usd", "stress_usd"), 10**6)
    tree["strategies"] = {"options": tree["strategies"]["maker"]}
    tree["symbols"] = {name: dict(tree["symbols"]["AAPL"]) for name in NAMES}
    return check(tree, "options")


@pytest.fixture(scope="module")
def contracts(tmp_path_factory):
    file = tmp_path_factory.mktemp("options") / "contracts.toml"
    file.write_text(CONTRACTS)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(VARIABLE, str(file))
        return configured()


@pytest.fixture(scope="module")
def session(limits, contracts):
    universe = Universe.grid(NAMES, tuple(venue.target_comp_id for venue in SIMULATED))
    exchange = Exchange(SIMULATED, NAMES, 3, START_NS, follows=options_follow(contracts, limits))
    now, seen = START_NS, []
    desk = Desk(GBE, universe, limits, SIMULATED, lambda writes: None, lambda: now, seed=3, contracts=contracts)
    desk.bus.tap(lambda message: seen.append(message) if message.topic in (PARENTS, RISK) else None)
    nic = DirectNic(exchange, SIMULATED, [(one.index, one.stock, one.venue) for one in universe.listings])
    while now < START_NS + DURATION_NS:
        now += POLL_NS
        desk.nic.on_records(nic.advance(now))
        nic.post(desk.nic.take(), now + THINK_NS)
    return desk, exchange, seen


def test_options_are_quoted_traded_and_counted_with_their_multiplier(session):
    desk, _, _ = session
    assert not desk.failures
    assert not desk.oms.breaks
    traded = [one for name, one in desk.positions.by_stock.items() if name != "AAPL" and one.bought + one.sold]
    assert traded
    for one in traded:
        assert one.instrument.multiplier == 100
        assert one.value == one.qty * one.mark * 100


def test_the_delta_is_hedged_in_the_underlying_by_an_algorithm(session):
    _, _, seen = session
    parents = [message.payload for message in seen if message.topic is PARENTS]
    assert parents
    assert {(one["stock"], one["algo"]) for one in parents} == {("AAPL", "PassiveThenAggressive")}
    assert any(one["filled"] for one in parents)


def test_risk_revalues_the_options(session):
    desk, _, seen = session
    figures = desk.supervisor.figures
    assert figures.marginal["AAPLC185"] * figures.marginal["AAPLP185"] <= 0, "a call gains where a put loses"
    assert max(message.payload["var"] for message in seen if message.topic is RISK) > 0


def test_the_market_in_options_follows_the_underlying(session, contracts):
    _, exchange, _ = session
    for one in contracts:
        assert exchange.value(one.name) == worth(one, 100, 100)(exchange.value("AAPL"))


def test_a_contract_without_limits_is_refused(limits, contracts):
    tree = read(DEFAULT_FILE)
    with pytest.raises(ValueError, match=r"AAPLC185 is not in the limits; give it a table \[symbols.AAPLC185\]"):
        options_follow(contracts, check(tree, "plain"))
    with pytest.raises(ValueError, match="cannot follow"):
        Exchange(SIMULATED, ("AAPL",), 1, START_NS, follows={"AAPLC185": ("AAPL", lambda spot: spot)})
