"""How much risk strategies may take: what the feeds of risk and TCA say, as numbers that quoting can use."""

from dataclasses import dataclass, field

from host.risk.charge import Charge
from host.risk.utilisation import Level, Utilisation
from host.tca.scores import ScoreParameters, Scores

#: Multiplies risk aversion, by the worst level of any limit.
_CHARGE = {Level.OK: 1, Level.WARN: 2, Level.THROTTLE: 4, Level.HALT: 4}
#: Most that risk aversion is multiplied with.
_MOST = 4
#: A strategy pays double from this share of the firm's VaR limit on (1/1000), and where its rent is not earned.
_LARGE = 500
#: Orders of a venue before what it costs is believed.
_ENOUGH = ScoreParameters.enough
#: 1e-6 USD in 1e-4 USD.
_MICRO = 100


@dataclass
class Appetite:
    """Follows topics `risk.utilisation` and `risk.charges`: each message replaces what was known.

    Parameters
    ----------
    levels : by limit. charges : by strategy.
    strategy : whose appetite it is; None: anybody's, whom no charge is about.
    """
    levels: dict[str, Level] = field(default_factory=dict)
    charges: dict[int, Charge] = field(default_factory=dict)
    strategy: int | None = None

    def of(self, strategy: int) -> "Appetite":
        """The same feeds, for one strategy."""
        return Appetite(self.levels, self.charges, strategy)

    def on_utilisation(self, one: Utilisation) -> None:
        self.levels[one.path] = one.level

    def on_charge(self, one: Charge) -> None:
        self.charges[one.strategy] = one

    @property
    def level(self) -> Level:
        """The worst of all limits."""
        return max(self.levels.values(), default=Level.OK)

    @property
    def charge(self) -> int:
        """What to multiply risk aversion with: by the worst limit, and by the strategy's own risk."""
        return min(_MOST, _CHARGE[self.level] * self._own)

    @property
    def _own(self) -> int:
        """2 for a strategy that takes much of the firm's VaR, or whose P&L after fees does not pay its rent."""
        one = None if self.strategy is None else self.charges.get(self.strategy)
        if one is None or one.var <= 0:
            return 1
        return 2 if one.share >= _LARGE or one.adjusted < 0 else 1

    @property
    def reduce_only(self) -> bool:
        """No order that makes a position larger."""
        return self.level >= Level.THROTTLE


def adverse(scores: Scores, venues: range, qty: int) -> int:
    """What resting orders have lost a share to those who knew better, after fees, where it was least (1e-4 USD);
    0 where they gained, or nothing is known."""
    costs = [known.cost for venue in venues if (known := scores.resting(venue, qty)) and known.orders >= _ENOUGH]
    return max(0, min(costs, default=0) // _MICRO)
