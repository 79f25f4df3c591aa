"""How much of each limit is used, and what follows: warn, throttle, halt."""

import enum
from collections.abc import Mapping
from dataclasses import dataclass

from host.positions.positions import Positions
from host.risk.limits import Limits


class Level(enum.IntEnum):
    OK = 0
    WARN = 1
    THROTTLE = 2
    HALT = 3


#: From this share of a limit (1/1000) a level applies.
STEPS = ((1000, Level.HALT), (900, Level.THROTTLE), (750, Level.WARN))


@dataclass(frozen=True, slots=True)
class Utilisation:
    """Use of one limit: `path` is the limit's own in the file; `permille` may pass 1000."""
    path: str
    used: int
    limit: int

    @property
    def permille(self) -> int:
        if self.limit <= 0:
            return 1000 if self.used > 0 else 0
        return max(0, self.used) * 1000 // self.limit

    @property
    def level(self) -> Level:
        return next((level for start, level in STEPS if self.permille >= start), Level.OK)


@dataclass
class Drawdown:
    """How far the day's result is below its best so far, 1e-4 USD; the day begins at 0."""
    best: int = 0
    worst: int = 0

    def update(self, net: int) -> int:
        """The drawdown at a result after fees; `worst` keeps the largest."""
        self.best = max(self.best, net)
        self.worst = max(self.worst, self.best - net)
        return self.best - net


#: Stock, venue, 1 for sells.
OpenShares = tuple[str, int, int]


def utilisation(limits: Limits, positions: Positions, net: int, gross: int,
                open_: Mapping[str, int] | None = None, shares: Mapping[OpenShares, int] | None = None,
                ) -> list[Utilisation]:
    """Firm limits first, then each strategy's and stock's; positions are by venue, as the limits are.

    Parameters
    ----------
    net : P&L of the day after fees. gross : of the firm. open_ : open orders by strategy (1e-4 USD).
    shares : open on each side. With it a position is the worst case, as the NIC has it; without it what is held.
    """
    result = [Utilisation("firm.gross_usd", gross, limits.firm.gross_usd),
              Utilisation("firm.loss_usd", -net, limits.firm.loss_usd)]
    for name, notional in (open_ or {}).items():
        result.append(Utilisation(f"strategies.{name}.gross_usd", notional, limits.strategies[name].gross_usd))
    for stock, symbol in limits.symbols.items():
        for sell, name in enumerate(("long", "short")):
            used = max([0, *_worst(positions, shares or {}, stock, sell)])
            result.append(Utilisation(f"symbols.{stock}.{name}", used, symbol[name]))
    return result


def _worst(positions: Positions, shares: Mapping[OpenShares, int], stock: str, sell: int) -> list[int]:
    """What is held and open on one side, of each venue, counted in that side's direction."""
    held = {venue: qty for (name, venue), qty in positions.by_symbol.items() if name == stock}
    venues = held.keys() | {venue for name, venue, _ in shares if name == stock}
    return [(-1 if sell else 1) * held.get(venue, 0) + shares.get((stock, venue, sell), 0) for venue in venues]
