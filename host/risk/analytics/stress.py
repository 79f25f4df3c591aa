"""Stress scenarios: what would be lost in moves that no window of returns has."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np

from host.risk.analytics.portfolio import Portfolio


@dataclass(frozen=True)
class Scenario:
    """A move of everything at once.

    Parameters
    ----------
    spot : relative move of every underlying that `moves` does not name.
    vol, rate : added to every volatility and rate.
    """
    name: str
    spot: float = 0.0
    vol: float = 0.0
    rate: float = 0.0
    moves: Mapping[str, float] = field(default_factory=dict)


#: Closing moves of the S&P 500; of 2020 with the VIX's change of that day (57.83 to 82.69), others rounded.
HISTORICAL = (
    Scenario("19 October 1987", spot=-0.2047, vol=0.30),
    Scenario("15 October 2008", spot=-0.0903, vol=0.14),
    Scenario("16 March 2020", spot=-0.1198, vol=0.2486),
)
#: Up and down with and without volatility, and rates alone.
GRID = (*(Scenario(f"spot {spot:+.0%}, volatility {vol:+.0%}", spot, vol)
          for spot in (-0.2, -0.1, -0.05, 0.05, 0.1, 0.2) for vol in (0.0, 0.1)),
        Scenario("volatility -10%", vol=-0.1), Scenario("volatility +10%", vol=0.1), Scenario("rates +1%", rate=0.01))


@dataclass(frozen=True)
class Outcome:
    """P&L in USD, and by underlying."""
    scenario: Scenario
    profit: float
    by_underlying: dict[str, float]


def stress(portfolio: Portfolio, names: tuple[str, ...],
           scenarios: Iterable[Scenario] = (*HISTORICAL, *GRID)) -> list[Outcome]:
    """Every scenario, the worst first. `names` of the underlyings; a scenario that names another is an error."""
    outcomes = []
    for scenario in scenarios:
        if unknown := set(scenario.moves) - set(names):
            raise ValueError(f"scenario {scenario.name!r} moves {', '.join(sorted(unknown))}, which is not held")
        if scenario.spot <= -1 or min(scenario.moves.values(), default=0) <= -1:
            raise ValueError(f"scenario {scenario.name!r}: nothing can lose more than all of its price")
        moves = np.array([scenario.moves.get(name, scenario.spot) for name in names])
        # one underlying at a time: what the others do changes nothing of its own
        each = {name: _part(portfolio, n, moves, scenario) for n, name in enumerate(names)}
        outcomes.append(Outcome(scenario, sum(each.values()), each))
    return sorted(outcomes, key=lambda one: one.profit)


def _part(portfolio: Portfolio, n: int, moves: np.ndarray, scenario: Scenario) -> float:
    own = portfolio.underlying == n
    shares = np.where(np.arange(len(portfolio.spots)) == n, portfolio.shares, 0)
    part = Portfolio(portfolio.spots, shares, portfolio.options[own], portfolio.underlying[own], portfolio.units[own])
    return float(part.profits(moves, scenario.vol, scenario.rate)[0])
