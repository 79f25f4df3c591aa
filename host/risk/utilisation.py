"""How much of each limit is used, and what follows: warn, throttle, halt."""

import enum
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


def utilisation(limits: Limits, positions: Positions, net: int, gross: int,
                open_: dict[str, int] | None = None) -> list[Utilisation]:
    """Firm limits first, then each strategy's and stock's; positions are by venue, as the limits are.

    Parameters
    ----------
    net : P&L of the day after fees. gross : of the firm. open_ : open orders by strategy (1e-4 USD).
    """
    result = [Utilisation("firm.gross_usd", gross, limits.firm.gross_usd),
              Utilisation("firm.loss_usd", -net, limits.firm.loss_usd)]
    for name, notional in (open_ or {}).items():
        result.append(Utilisation(f"strategies.{name}.gross_usd", notional, limits.strategies[name].gross_usd))
    for stock, symbol in limits.symbols.items():
        held = [qty for (name, _), qty in positions.by_symbol.items() if name == stock]
        result.append(Utilisation(f"symbols.{stock}.long", max([0, *held]), symbol.long))
        result.append(Utilisation(f"symbols.{stock}.short", max([0, *(-qty for qty in held)]), symbol.short))
    return result
