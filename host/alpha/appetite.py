"""How much risk strategies may take: what the feeds of risk and TCA say, as numbers that quoting can use."""

from dataclasses import dataclass, field

from host.risk.utilisation import Level, Utilisation
from host.tca.scores import ScoreParameters, Scores

#: Multiplies risk aversion, by the worst level of any limit.
_CHARGE = {Level.OK: 1, Level.WARN: 2, Level.THROTTLE: 4, Level.HALT: 4}
#: Orders of a venue before what it costs is believed.
_ENOUGH = ScoreParameters.enough
#: 1e-6 USD in 1e-4 USD.
_MICRO = 100


@dataclass
class Appetite:
    """Follows topic `risk.utilisation`: each message replaces what was known of its limit."""
    levels: dict[str, Level] = field(default_factory=dict)

    def on_utilisation(self, one: Utilisation) -> None:
        self.levels[one.path] = one.level

    @property
    def level(self) -> Level:
        """The worst of all limits."""
        return max(self.levels.values(), default=Level.OK)

    @property
    def charge(self) -> int:
        """What to multiply risk aversion with."""
        return _CHARGE[self.level]

    @property
    def reduce_only(self) -> bool:
        """No order that makes a position larger."""
        return self.level >= Level.THROTTLE


def adverse(scores: Scores, venues: range, qty: int) -> int:
    """What resting orders have lost a share to those who knew better, after fees, where it was least (1e-4 USD);
    0 where they gained, or nothing is known."""
    costs = [known.cost for venue in venues if (known := scores.resting(venue, qty)) and known.orders >= _ENOUGH]
    return max(0, min(costs, default=0) // _MICRO)
