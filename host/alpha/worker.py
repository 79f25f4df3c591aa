"""Orders of people, worked by algorithms: a file of parent orders, each proposed at its time.

The file is TOML; `TICKGATE_ORDERS` names it, and it needs a table `[strategies.worker]` in the limits, as every
strategy. Times count from the session's first market data; `algo` and its parameters are those of
`host.ems.algos`, quantities in shares, times in ns:

    [[order]]
    after_us = 2_000
    stock = "AAPL"
    side = "buy"
    qty = 2_000
    limit_usd = 186.00
    algo = "Twap"
    duration = 20_000_000
    slices = 5
"""

import os
import tomllib
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from hdl.layouts import Side
from host.alpha.strategy import Action, Base, Context, Propose
from host.ems.algos import ALGOS, Algo, read
from host.ems.ids import NoSlot
from host.marketdata.books import Top

VARIABLE = "TICKGATE_ORDERS"
_UNIT = 10_000
_SIDES = {"buy": Side.BUY, "sell": Side.SELL}
_CODES = {kind.__name__: code for code, kind in ALGOS.items()}


@dataclass(frozen=True, slots=True)
class Wanted:
    """One parent order: `after` in ns, `price` in 1e-4 USD."""
    after: int
    stock: str
    side: Side
    qty: int
    price: int
    algo: Algo


class _Written(BaseModel):
    """A table of the file; what is not named here is a parameter of the algorithm."""
    model_config = ConfigDict(extra="allow")
    after_us: Annotated[int, Field(ge=0, strict=True)] = 0
    stock: str
    side: str
    qty: Annotated[int, Field(gt=0, lt=1 << 31, strict=True)]
    limit_usd: Annotated[Decimal, Field(gt=0, lt=200_000, decimal_places=4)]
    algo: str

    def wanted(self) -> Wanted:
        """Raises `ValueError` for a side, an algorithm or a parameter that there is not."""
        if self.side not in _SIDES or self.algo not in _CODES:
            raise ValueError(f"side is one of {', '.join(_SIDES)}, algo one of {', '.join(_CODES)}")
        extra = self.model_extra or {}
        words = [f"{name}={'/'.join(map(str, value)) if isinstance(value, list) else value}"
                 for name, value in extra.items()]
        return Wanted(self.after_us * 1_000, self.stock, _SIDES[self.side], self.qty, int(self.limit_usd * _UNIT),
                      read(_CODES[self.algo], " ".join(words)))


def load(path: Path) -> list[Wanted]:
    """Every order of a file, by time. Raises `ValueError` with the place of what is wrong."""
    try:
        tree = tomllib.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)
    except OSError as error:
        raise ValueError(f"{path}: {error.strerror or error}") from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ValueError(f"{path}: {error}") from None
    tables: Any = tree.pop("order", [])
    if tree or not isinstance(tables, list):
        raise ValueError(f"{path}: only tables [[order]] belong here, not {', '.join(tree) or 'order'}")
    return sorted((_wanted(path, n, one) for n, one in enumerate(tables, 1)), key=lambda one: one.after)


def _wanted(path: Path, number: int, table: Any) -> Wanted:
    try:
        return _Written.model_validate(table).wanted()
    except ValidationError as errors:
        first = errors.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"])) or "order"
        raise ValueError(f"{path}: order {number}: {where}: {first['msg']}") from None
    except ValueError as error:
        raise ValueError(f"{path}: order {number}: {error}") from None


class Worker(Base):
    """Proposes each order once its time has come, and lets the EMS work it."""

    name = "worker"

    def __init__(self, context: Context, orders: list[Wanted]):
        super().__init__(context)
        unknown = sorted({one.stock for one in orders} - set(context.universe.stocks))
        if unknown:
            raise ValueError(f"orders in {', '.join(unknown)}, which this desk does not trade")
        self.waiting = list(orders)
        self._start: int | None = None

    def on_top(self, top: Top, now: int) -> list[Action]:
        self._start = now if self._start is None else self._start
        actions: list[Action] = []
        while self.waiting and now - self._start >= self.waiting[0].after:
            one = self.waiting[0]
            try:
                order_id = self.context.take_id()
            except NoSlot:
                break  # it goes with the next tick
            self.waiting.pop(0)
            actions.append(Propose(order_id, one.stock, one.side, one.qty, one.price, algo=one.algo))
        return actions


def configured(context: Context) -> Worker:
    """With the orders of the file that `TICKGATE_ORDERS` names; none without it."""
    path = os.environ.get(VARIABLE)
    return Worker(context, load(Path(path)) if path else [])
