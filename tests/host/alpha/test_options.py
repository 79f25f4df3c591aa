"""The options market maker: its values against analytics, its quotes, its lean and its hedge."""

import numpy as np
import pytest

from hdl.layouts import Side
from host.alpha.options import OptionsMaker, OptionsParameters
from host.alpha.strategy import Context, Propose, Withdraw
from host.alpha.theo import ONE_DELTA, Contract, TheoTable
from host.ems.algos import PassiveThenAggressive
from host.ems.ids import OrderIds
from host.marketdata.books import Books, Top
from host.messages import CANCELED, TRADE, Rejection, Report
from host.risk.analytics.options import OPTIONS, black_scholes
from host.risk.utilisation import Utilisation
from host.universe import Universe

CALL = Contract("AAPLC185", "AAPL", 185_0000, 0.25, 0.3, call=True)
PUT = Contract("AAPLP185", "AAPL", 185_0000, 0.25, 0.3, call=False)
UNIVERSE = Universe.grid(("AAPL", "AAPLC185", "AAPLP185"), ("XTGA",))


def exact(contract, spot):
    row = np.zeros(1, OPTIONS)
    row["spot"], row["strike"] = spot / 1e4, contract.strike / 1e4
    row["years"], row["vol"], row["call"] = contract.years, contract.vol, contract.call
    return black_scholes(row)[0]


class World:
    def __init__(self, **parameters):
        self.books, self.ids, self.held, self.now = Books(), OrderIds(64), {}, 0
        self.context = Context(0, UNIVERSE, self.books, lambda: self.ids.take(self.now), lambda order_id: None,
                               lambda stock: self.held.get(stock, 0))
        self.maker = OptionsMaker(self.context, (CALL, PUT), OptionsParameters(**parameters))

    def see(self, spot=185_0000, symbol=0, width=200, inexact=0):
        self.now += 10_000_000
        top = self.books.tops[symbol] = Top(symbol, spot - width // 2, 100, spot + width // 2, 100, inexact, 0, 1, 1)
        return self.maker.on_top(top, self.now)


def quotes(actions):
    return {(action.stock, action.side): action.price for action in actions
            if isinstance(action, Propose) and not action.algo}


@pytest.mark.parametrize("contract", [CALL, PUT])
@pytest.mark.parametrize("spot", [160_0000, 185_0000, 186_1234, 240_0000])
def test_the_table_brackets_what_analytics_say(contract, spot):
    table = TheoTable((CALL, PUT), 100)
    found, value = table.at(contract.name, spot), exact(contract, spot // 100 * 100)
    assert found.low <= value["price"] * 1e4 <= found.high <= found.low + 1
    assert found.delta == int(value["delta"] * ONE_DELTA)
    assert 0 <= found.vega - value["vega"] * 100 < 1


def test_a_table_is_of_one_underlying():
    with pytest.raises(ValueError, match="one underlying"):
        TheoTable((CALL, Contract("X", "MSFT", 1, 1, 0.1, True)), 100)


def test_both_options_are_quoted_around_their_values():
    found = quotes(World().see())
    for contract in (CALL, PUT):
        value, vega = exact(contract, 185_0000)["price"] * 1e4, exact(contract, 185_0000)["vega"] * 100
        bid, ask = found[contract.name, Side.BUY], found[contract.name, Side.SELL]
        assert bid % 100 == ask % 100 == 0
        assert value - bid == pytest.approx(200 + vega, abs=101)
        assert ask - value == pytest.approx(200 + vega, abs=101)


def test_a_long_delta_lowers_calls_and_raises_puts():
    flat, long = World(band=10**6), World(band=10**6)
    long.held = {"AAPL": 2_000}
    before, after = quotes(flat.see()), quotes(long.see())
    for side in (Side.BUY, Side.SELL):
        assert after["AAPLC185", side] < before["AAPLC185", side]
        assert after["AAPLP185", side] > before["AAPLP185", side]


def test_delta_counts_contracts_shares_and_multiplier():
    world = World()
    world.see()
    world.held = {"AAPL": 10, "AAPLC185": 4, "AAPLP185": -2}
    spot = 185_0000
    expected = 10 + 400 * exact(CALL, spot)["delta"] - 200 * exact(PUT, spot)["delta"]
    assert world.maker.delta("AAPL", spot) == pytest.approx(expected, abs=2)


def test_beyond_the_band_it_hedges_once_and_again_when_that_is_done():
    world = World(band=300)
    world.held = {"AAPLC185": 10}
    (hedge,) = [action for action in world.see() if isinstance(action, Propose) and action.algo]
    assert (hedge.stock, hedge.side, hedge.algo) == ("AAPL", Side.SELL, PassiveThenAggressive(5_000_000))
    assert hedge.qty == world.maker.delta("AAPL", 185_0000)
    assert hedge.price < 185_0000
    assert not [action for action in world.see() if getattr(action, "algo", None)], "one at a time"
    world.maker.on_report(Report(hedge.order_id, "", CANCELED, "", "AAPL", Side.SELL, 0), world.now)
    assert [action for action in world.see() if getattr(action, "algo", None)]
    world.held["AAPL"] = -hedge.qty
    assert abs(world.maker.delta("AAPL", 185_0000)) <= 1


def test_quotes_move_with_the_underlying_and_are_pulled_without_it():
    world = World()
    first = world.see()
    assert len(quotes(first)) == 4
    assert world.see(185_0000) == []
    pulled = world.see(187_0000)
    assert sum(isinstance(action, Withdraw) for action in pulled) == 4
    for action in pulled:
        world.maker.on_report(Report(action.order_id, "", CANCELED, "", "", Side.BUY, 0), world.now)
    again = quotes(world.see(187_0000))
    assert again["AAPLC185", Side.BUY] > quotes(first)["AAPLC185", Side.BUY]
    assert all(isinstance(action, Withdraw) for action in world.see(187_0000, inexact=1))


def test_it_never_crosses_the_option_s_own_market():
    world = World()
    value = int(exact(CALL, 185_0000)["price"] * 1e4)
    world.see(value // 100 * 100 - 5_000, symbol=1)
    found = quotes(world.see())
    assert found["AAPLC185", Side.BUY] < world.books.tops[1].ask
    assert found["AAPLC185", Side.SELL] > world.books.tops[1].bid


def test_limits_hold():
    world = World(most=10, band=10**6)
    world.held = {"AAPLC185": 10, "AAPLP185": -10}
    found = quotes(world.see())
    assert ("AAPLC185", Side.BUY) not in found
    assert ("AAPLP185", Side.SELL) not in found
    careful = World(band=10**6)
    careful.held = {"AAPLC185": 5}
    careful.context.appetite.on_utilisation(Utilisation("firm.loss_usd", 95, 100))
    assert set(quotes(careful.see())) == {("AAPLC185", Side.SELL)}


def test_rejections_wait_and_fills_free_the_quote():
    world = World()
    order = next(action for action in world.see() if isinstance(action, Propose))
    world.maker.on_rejection(Rejection(order.order_id, order.stock, order.side, 1, order.price, 0, 1), world.now)
    assert (order.stock, order.side) in quotes(world.see())
    now = world.maker.quotes[order.stock, order.side]
    world.maker.on_report(Report(now.order_id, "", TRADE, "", order.stock, order.side, 0, 1, now.price), world.now)
    assert (order.stock, order.side) not in world.maker.quotes


def test_an_option_that_is_not_listed_is_left_out():
    world = World()
    other = OptionsMaker(world.context, (CALL, Contract("TSLAC100", "TSLA", 100_0000, 1, 0.5, True)))
    assert set(other.contracts) == {"AAPLC185"}
