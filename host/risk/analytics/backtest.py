"""Does a value at risk hold? Exceptions counted and tested."""

from dataclasses import dataclass
from math import comb, erfc, log, sqrt

import numpy as np

#: Basel Committee, "Supervisory framework for the use of backtesting ...", January 1996, table 2: cumulative
#: probability of fewer exceptions at which a zone ends.
_GREEN, _YELLOW = 0.95, 0.9999


@dataclass(frozen=True)
class Backtest:
    """Kupiec's test of the proportion of failures.

    Parameters
    ----------
    days, exceptions : days tested, and days on which more was lost than the value at risk.
    statistic : likelihood ratio, chi-squared with one degree of freedom where the value at risk is right.
    p_value : probability of a statistic as large or larger.
    zone : "green", "yellow" or "red" of the Basel Committee, by the number of exceptions.
    """
    days: int
    exceptions: int
    statistic: float
    p_value: float
    zone: str

    def rejected(self, significance: float = 0.05) -> bool:
        """The value at risk is wrong, too low or too high."""
        return self.p_value < significance


def kupiec(profits: np.ndarray, var: np.ndarray | float, level: float = 0.99) -> Backtest:
    """P. Kupiec, "Techniques for verifying the accuracy of risk measurement models", Journal of Derivatives 3(2),
    1995: likelihood ratio of the observed share of exceptions against 1 - `level`. `var`: of each day, made before it.
    """
    profits = np.asarray(profits, float)
    days, exceptions = len(profits), int((-profits > var).sum())
    if not days or not 0 < level < 1:
        raise ValueError(f"{days} days at a level of {level} cannot be tested")
    expected = 1 - level
    statistic = -2 * (_likelihood(days, exceptions, expected) - _likelihood(days, exceptions, exceptions / days))
    statistic = max(0.0, statistic)
    return Backtest(days, exceptions, statistic, erfc(sqrt(statistic / 2)), _zone(days, exceptions, expected))


def _likelihood(days: int, exceptions: int, share: float) -> float:
    """Logarithm, without the binomial coefficient, which cancels. 0 log 0 is 0."""
    quiet = days - exceptions
    return (quiet * log(1 - share) if quiet else 0.0) + (exceptions * log(share) if exceptions else 0.0)


def _zone(days: int, exceptions: int, share: float) -> str:
    fewer_or_as_many = sum(comb(days, n) * share**n * (1 - share)**(days - n) for n in range(exceptions + 1))
    return "green" if fewer_or_as_many < _GREEN else "yellow" if fewer_or_as_many < _YELLOW else "red"
