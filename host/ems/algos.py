"""Execution algorithms: how much of a parent order should be done or working by now, and at what price.

An algorithm is a pure function of what it sees; `host.ems.parents` sends, cancels and counts. On the wire one is
FIX TargetStrategy (847) with TargetStrategyParameters (848): FIX 4.4 volume 4, NewOrderSingle. Values from 1000
are for the parties to agree.
"""

from dataclasses import dataclass, fields
from typing import ClassVar, NamedTuple, Protocol

from hdl.layouts import Side
from host.messages import DAY, IOC

_PERMILLE = 1000


class View(NamedTuple):
    """What an algorithm may see of its order and the market. Prices in 1e-4 USD, quantities in shares, times in ns.

    Parameters
    ----------
    qty, filled : of the parent.
    limit : its price, never to be passed.
    bid, ask : best over the venues that may be used.
    traded : what the market has traded since `start`, our own trades included.
    """
    now: int
    start: int
    side: Side
    qty: int
    filled: int
    limit: int
    bid: int
    ask: int
    traded: int

    @property
    def passive(self) -> int:
        """Joining our side of the market, within the limit."""
        return min(self.bid, self.limit) if self.side == Side.BUY else max(self.ask, self.limit)

    @property
    def aggressive(self) -> int:
        """Taking the other side, within the limit."""
        return min(self.ask, self.limit) if self.side == Side.BUY else max(self.bid, self.limit)


class Wish(NamedTuple):
    """`total` shares done or working, those that work at this price; working orders elsewhere are withdrawn."""
    total: int
    price: int
    tif: str = DAY


class Algo(Protocol):
    """`code` is TargetStrategy (847)."""

    code: ClassVar[int]

    def wish(self, view: View) -> Wish | None:
        """What should be; None to leave things as they are."""


def _scheduled(view: View, due: int, overdue: int) -> Wish:
    """Rest for what is due now; take what an earlier slice should have had."""
    if view.filled < overdue:
        return Wish(overdue, view.aggressive, IOC)
    return Wish(due, view.passive)


@dataclass(frozen=True)
class Twap:
    """Equal slices in equal times. A slice rests; what is left of it when the next one starts is taken."""
    code: ClassVar[int] = 1001
    duration: int = 20_000_000
    slices: int = 5

    def wish(self, view: View) -> Wish:
        done = (view.now - view.start) * self.slices // self.duration
        due, overdue = (view.qty * min(max(n, 0), self.slices) // self.slices for n in (done + 1, done))
        return _scheduled(view, due, overdue)


@dataclass(frozen=True)
class Vwap:
    """Slices in equal times, as large as the market's volume is expected to be (`curve`, relative)."""
    code: ClassVar[int] = 1
    duration: int = 20_000_000
    curve: tuple[int, ...] = (3, 2, 1, 2, 3)

    def wish(self, view: View) -> Wish:
        slices, whole = len(self.curve), sum(self.curve)
        done = min(max((view.now - view.start) * slices // self.duration, 0), slices)
        due, overdue = (view.qty * sum(self.curve[:n]) // whole for n in (done + 1, done))
        return _scheduled(view, due, overdue)


@dataclass(frozen=True)
class Pov:
    """A share of what the market trades (in 1/1000, our own part counted in), taken as soon as it is behind."""
    code: ClassVar[int] = 2
    rate: int = 100

    def wish(self, view: View) -> Wish:
        return Wish(min(view.qty, view.traded * self.rate // _PERMILLE), view.aggressive, IOC)


@dataclass(frozen=True)
class Iceberg:
    """Rests at the limit and never shows more than `display` shares."""
    code: ClassVar[int] = 1002
    display: int = 100

    def wish(self, view: View) -> Wish:
        return Wish(min(view.qty, view.filled + self.display), view.limit)


@dataclass(frozen=True)
class PassiveThenAggressive:
    """Rests at the touch for `patience` ns, then takes what is left; without patience it takes at once."""
    code: ClassVar[int] = 1003
    patience: int = 2_000_000

    def wish(self, view: View) -> Wish:
        if view.now - view.start < self.patience:
            return Wish(view.qty, view.passive)
        return Wish(view.qty, view.aggressive, IOC)


@dataclass(frozen=True)
class Sweep:
    """Takes up to the limit, on every venue that may be used."""
    code: ClassVar[int] = 1004

    def wish(self, view: View) -> Wish:
        return Wish(view.qty, view.limit, IOC)


ALGOS: dict[int, type] = {algo.code: algo for algo in (Vwap, Pov, Twap, Iceberg, PassiveThenAggressive, Sweep)}


def write(algo: Algo) -> tuple[int, str]:
    """TargetStrategy (847) and its parameters (848): `name=value`, lists with `/`, separated by blanks."""
    parts = []
    for field in fields(algo):  # type: ignore[arg-type]
        value = getattr(algo, field.name)
        text = "/".join(map(str, value)) if isinstance(value, tuple) else str(value)
        parts.append(f"{field.name}={text}")
    return algo.code, " ".join(parts)


def read(code: int, parameters: str) -> Algo:
    """The algorithm of 847 and 848. Raises `ValueError` where there is none, or a parameter is not one of its."""
    if code not in ALGOS:
        raise ValueError(f"TargetStrategy {code} is not one of {sorted(ALGOS)}")
    kind = ALGOS[code]
    names = {field.name: field for field in fields(kind)}
    values: dict[str, int | tuple[int, ...]] = {}
    for part in parameters.split():
        name, _, text = part.partition("=")
        if name not in names:
            raise ValueError(f"{kind.__name__} has no parameter {name!r}, it has {', '.join(names) or 'none'}")
        numbers = tuple(int(one) for one in text.split("/"))
        if min(numbers) < 0 or (not any(numbers) and name != "patience"):
            raise ValueError(f"{kind.__name__}: {part} must be positive")
        values[name] = numbers if isinstance(names[name].default, tuple) else numbers[0]
    return kind(**values)
