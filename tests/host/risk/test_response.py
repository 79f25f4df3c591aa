"""What follows from a limit that is used up: pure decisions."""

import pytest

from host.risk.analytics.live import MARGINAL, Figures
from host.risk.response import HEDGE, KEEP, REDUCE, STRESS, VAR, Holdings, respond
from host.risk.utilisation import Utilisation


def figures(stressed=None, marginal=None, neutral=None):
    return Figures(0, 9, 0, 0, 0, 0, 0, "", stressed or {}, {name: one * MARGINAL for name, one in (
        marginal or {}).items()}, neutral or {})


def holdings(held, tradable=("AAPL", "MSFT"), underlying=None):
    return Holdings(held, set(tradable), underlying or {}, lambda stock: 4)


def test_below_the_limit_nothing_is_done():
    for used in (0, 750, 999):
        assert respond([Utilisation(VAR, used, 1_000)], figures(), holdings({"AAPL": 5})) is None
    assert respond([Utilisation("firm.loss_usd", 5_000, 1_000)], figures(), holdings({"AAPL": 5})) is None, "a kill"


@pytest.mark.parametrize("held", [1_000, -1_000])
def test_the_largest_contributor_is_reduced_by_what_is_needed(held):
    sign = 1 if held > 0 else -1
    command = respond([Utilisation(VAR, 5_200, 5_000)], figures(marginal={"AAPL": 5 * sign, "MSFT": 1}),
                      holdings({"AAPL": held, "MSFT": 200}))
    need = 5_200 - 5_000 * KEEP // 1000
    assert (command["command"], command["stock"], command["strategy"]) == (REDUCE, "AAPL", 4)
    assert command["to"] == 1_000 - -(-1_000 * need // 5_000)
    assert "firm.var_usd" in command["why"]


def test_more_than_all_of_it_is_flat():
    command = respond([Utilisation(VAR, 90_000, 5_000)], figures(marginal={"AAPL": 5}), holdings({"AAPL": 100}))
    assert command["to"] == 0


def test_what_cannot_be_traded_is_hedged_with_what_can():
    command = respond([Utilisation(VAR, 5_200, 5_000)], figures(
        marginal={"AAPL": 5, "MSFT": 3}, neutral={"AAPL": -900, "MSFT": -300}),
        holdings({"AAPL": 1_000, "MSFT": 67}, tradable=("MSFT",)))
    assert (command["command"], command["stock"]) == (HEDGE, "MSFT")
    assert command["qty"] == -300, "no further than where it helps"


def test_an_option_is_hedged_in_its_underlying():
    command = respond([Utilisation(VAR, 5_200, 5_000)], figures(
        marginal={"AAPLC185": 260, "AAPL": 5, "MSFT": 9}, neutral={"AAPL": -1_040, "MSFT": -900}),
        holdings({"AAPLC185": 20}, tradable=("AAPL", "MSFT", "AAPLC185"), underlying={"AAPLC185": "AAPL"}))
    assert (command["command"], command["stock"], command["qty"]) == (HEDGE, "AAPL", -340)


def test_stress_cuts_what_loses_most_in_the_worst_scenario():
    command = respond([Utilisation(STRESS, 1_000, 1_000)], figures(stressed={"AAPL": -100, "MSFT": 1_100}),
                      holdings({"AAPL": 500, "MSFT": 110}))
    assert (command["stock"], command["to"]) == ("MSFT", 80)


def test_where_nothing_can_be_traded_somebody_is_told():
    for used in (VAR, STRESS):
        command = respond([Utilisation(used, 9, 1)], figures(marginal={"AAPL": 5}, neutral={"AAPL": -4}),
                          holdings({"AAPL": 10}, tradable=()))
        assert command["command"] == ""
        assert "nothing that could be traded" in command["why"]


def test_a_position_beyond_its_limit_comes_back_within_and_one_at_it_stays():
    assert respond([Utilisation("symbols.AAPL.long", 2_000, 2_000)], figures(), holdings({"AAPL": 2_000})) is None
    command = respond([Utilisation("symbols.AAPL.long", 2_100, 2_000)], figures(), holdings({"AAPL": 2_100}))
    assert (command["command"], command["to"]) == (REDUCE, 2_000 * KEEP // 1000)
