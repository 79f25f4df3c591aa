"""What follows from a limit that is used up: the smallest trade that brings its use back. Integers, no I/O.

A loss cannot be traded away: at `firm.loss_usd` and `firm.drawdown_usd` the desk is killed (`host.risk.adapter`). Risk
can: at `firm.var_usd` and `firm.stress_usd` the EMS reduces the position that contributes most; where that one cannot
be traded, or is an option, it hedges with what can. A position beyond its own limit is brought back within it.

Contributions are linear, VaR is convex, so that a cut helps at least as much as it is taken to, and a hedge of no
more than the stock's own neutral quantity never makes matters worse.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from host.risk.analytics.live import MARGINAL, Figures
from host.risk.utilisation import Level, Utilisation

VAR, STRESS = "firm.var_usd", "firm.stress_usd"
#: Commands of risk to the EMS (topic `risk.commands`), and its answers.
REDUCE, HEDGE = "reduce", "hedge"
REDUCED, HEDGED, ABANDONED = "reduced", "hedged", "abandoned"
ANSWERS = frozenset((REDUCED, HEDGED, ABANDONED))
#: Use is brought back to this share of the limit (1/1000): below every level.
KEEP = 700

Command = dict[str, Any]


@dataclass(frozen=True)
class Holdings:
    """What a response may work with.

    Parameters
    ----------
    held : by stock or contract, negative when short.
    tradable : those with a book that may be trusted.
    underlying : of each contract.
    holder : the strategy that holds most of a stock, in whose name it is traded.
    """
    held: Mapping[str, int]
    tradable: Collection[str]
    underlying: Mapping[str, str]
    holder: Callable[[str], int]


def respond(used: list[Utilisation], figures: Figures, holdings: Holdings) -> Command | None:
    """The one command that helps most; None where no limit that can be traded away is used up.

    Where one is and nothing can be done, the command is empty of stock and says why: somebody must know.
    """
    for one in used:
        if one.level is not Level.HALT:
            continue
        need = one.used - one.limit * KEEP // 1000
        if one.path == VAR:
            parts = {stock: qty * figures.marginal.get(stock, 0) // MARGINAL for stock, qty in holdings.held.items()}
            return _cut(one, parts, need, holdings) or _hedge(one, parts, need, figures, holdings) or _stuck(one)
        if one.path == STRESS:
            return _cut(one, figures.stressed, need, holdings) or _stuck(one)
        if one.path.startswith("symbols.") and one.used > one.limit:
            return _within(one, need, holdings)
    return None


def _cut(one: Utilisation, parts: Mapping[str, int], need: int, holdings: Holdings) -> Command | None:
    """Reduce the largest contributor; None where it is an option or cannot be traded."""
    stock = max(parts, key=lambda name: (parts[name], name), default="")
    held = abs(holdings.held.get(stock, 0))
    if not held or parts[stock] <= 0 or stock not in holdings.tradable or stock in holdings.underlying:
        return None
    to = max(0, held - -(-held * need // parts[stock]))
    return {"command": REDUCE, "stock": stock, "to": to, "strategy": holdings.holder(stock), "why": _why(one)}


def _hedge(one: Utilisation, parts: Mapping[str, int], need: int, figures: Figures,
           holdings: Holdings) -> Command | None:
    """Trade the underlying of the largest contributor, or else what helps most a share of its price risk."""
    largest = max(parts, key=lambda name: (parts[name], name), default="")
    able = [stock for stock in sorted(holdings.tradable) if stock not in holdings.underlying
            and figures.marginal.get(stock) and figures.neutral.get(stock)]
    if not able:
        return None
    first = holdings.underlying.get(largest)
    stock = first if first in able else max(able, key=lambda name: abs(figures.marginal[name] * figures.neutral[name]))
    neutral = figures.neutral[stock]
    qty = min(abs(neutral), -(-need * MARGINAL // abs(figures.marginal[stock])))
    return {"command": HEDGE, "stock": stock, "qty": qty if neutral > 0 else -qty,
            "strategy": holdings.holder(largest), "why": _why(one)}


def _within(one: Utilisation, need: int, holdings: Holdings) -> Command:
    """A position beyond its limit, after a correction or a tighter limit."""
    stock = one.path.split(".")[1]
    return {"command": REDUCE, "stock": stock, "to": max(0, abs(holdings.held.get(stock, 0)) - need),
            "strategy": holdings.holder(stock), "why": _why(one)}


def _stuck(one: Utilisation) -> Command:
    return {"command": "", "stock": "", "why": f"{_why(one)}; nothing that could be traded against it has a book"}


def _why(one: Utilisation) -> str:
    return f"{one.path}: {one.used} used of {one.limit}"
