"""What risk costs each strategy: parts add up to the whole, executions meet the risk of their moment."""

from types import MappingProxyType

from hdl.layouts import Side
from host.messages import TRADE, TRADE_CANCEL, Report
from host.positions.positions import Fees, Positions
from host.risk.analytics.live import MARGINAL, Figures
from host.risk.charge import Charges

HORIZON = 1_000_000
LIMIT = 10_000
MARKS = {"AAPL": 1_000, "MSFT": 2_000}


def figures(time, aapl=0, msft=0):
    marginal = MappingProxyType({"AAPL": aapl * MARGINAL, "MSFT": msft * MARGINAL})
    return Figures(time, 9, 0, 0, 0, 0, 0, "", {}, marginal, {})


def fill(n, qty, stock="AAPL", price=1_000, side=Side.BUY, **more):
    return Report(n, f"E{n}", TRADE, "2", stock, side, 0, qty, price, **more)


def charges(rent=10):
    return Charges(lambda: Positions((Fees(taker=1),)), HORIZON, rent)


def by_strategy(lines):
    return {one.strategy: one for one in lines}


def test_the_parts_of_the_strategies_add_up_and_a_hedger_has_credit():
    accounts = charges()
    accounts.on_figures(figures(100, aapl=5), MARKS, LIMIT)
    accounts.on_report(0, fill(1, 1_000))
    accounts.on_report(1, fill(2, 400, side=Side.SELL))
    found = by_strategy(accounts.on_figures(figures(200, aapl=5), MARKS, LIMIT))
    assert (found[0].var, found[1].var) == (5_000, -2_000)
    assert found[0].var + found[1].var == (1_000 - 400) * 5
    assert (found[0].share, found[1].share) == (500, 0)


def test_each_execution_meets_the_risk_of_its_own_moment():
    accounts = charges()
    accounts.on_figures(figures(100, aapl=5), MARKS, LIMIT)
    accounts.on_report(0, fill(1, 100))
    accounts.on_figures(figures(200, aapl=9), MARKS, LIMIT)
    accounts.on_report(0, fill(2, 100))
    accounts.on_report(0, fill(3, 50, side=Side.SELL))
    line = accounts.on_figures(figures(300, aapl=1), MARKS, LIMIT)[0]
    assert (line.added, line.taken_off) == (500 + 900, 450)
    accounts.on_report(0, Report(2, "X", TRADE_CANCEL, "0", "AAPL", Side.BUY, 0, ref_id="E2"))
    assert accounts.on_figures(figures(400, aapl=1), MARKS, LIMIT)[0].taken_off == 450 + 100


def test_rent_is_for_time_and_is_taken_from_the_result():
    accounts = charges(rent=100)
    accounts.on_report(0, fill(1, 10))
    accounts.on_figures(figures(1_000, aapl=50), MARKS, LIMIT)
    line = accounts.on_figures(figures(1_000 + 2 * HORIZON, aapl=50), {"AAPL": 1_200, "MSFT": 0}, LIMIT)[0]
    assert line.rent == 2 * 500 * 100 // 1000
    assert line.net == 10 * 200 - 10 * 1
    assert line.adjusted == line.net - line.rent


def test_a_restart_brings_positions_and_no_limit_is_all_used():
    accounts = charges()
    accounts.recover([(0, fill(1, 10)), (3, fill(2, 20, side=Side.SELL))])
    assert accounts.held("AAPL") == {0: 10, 3: -20}
    assert accounts.held("MSFT") == {}
    accounts.on_figures(figures(1, aapl=1), MARKS, LIMIT)
    assert by_strategy(accounts.on_figures(figures(2, aapl=1), MARKS, 0))[0].share == 1_000
