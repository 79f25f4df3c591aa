"""Limits: a typed TOML file of firm, strategies and symbols.

Prices are written in USD and must be whole multiples of 1e-4; times carry their unit in the name.
Loading reports every error of a file at once, each with its path. `host.risk.registers` turns the
result into what the NIC holds.
"""

import tomllib
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from hdl.registers import LIMITS, Reg

DEFAULT_FILE = Path(__file__).with_name("limits.toml")
#: Price units in one USD.
UNIT = 10_000


class LimitsError(Exception):
    """A limits file that cannot be used; `problems` has one line for each error, path first."""

    def __init__(self, source: str, problems: list[str]):
        self.problems = problems
        super().__init__("\n".join([f"{source}: {len(problems)} problem{'s' * (len(problems) != 1)}", *problems]))


def units(value: object) -> int:
    """USD as written (integer, decimal or text) to 1e-4 USD; what does not fit exactly is an error."""
    if isinstance(value, (bool, float)) or not isinstance(value, (int, str, Decimal)):
        raise ValueError("write an amount in USD, such as 0.01")
    try:
        scaled = Decimal(value) * UNIT
    except ArithmeticError:
        raise ValueError(f"{value!r} is not an amount in USD") from None
    if not scaled.is_finite() or scaled != scaled.to_integral_value():
        raise ValueError(f"{value} is not a whole multiple of 0.0001 USD")
    return int(scaled)


def _top(reg: Reg, name: str = "") -> int:
    """Largest value that a register (or its field) holds."""
    return (1 << next((bits.width for bits in reg.bits if bits.name == name), 64)) - 1


Usd = Annotated[int, BeforeValidator(units), Field(ge=0)]
Count = Annotated[int, Field(ge=0, lt=2**32, strict=True)]
#: Intervals and bursts fit the rate limiter's registers.
Microseconds = Annotated[int, Field(ge=1, le=1_000_000_000, strict=True)]


class Section(BaseModel):
    """A table of the file: nothing unknown, nothing changed after reading."""
    model_config = ConfigDict(extra="forbid", frozen=True)


class Rate(Section):
    """Token bucket: `burst` orders at once, then one every `interval_us`."""
    burst: Annotated[int, Field(ge=1, lt=2**16, strict=True)]
    interval_us: Microseconds


class Firm(Section):
    """Limits of the firm. Notional and loss are watched by the host, rate by the NIC."""
    rate: Rate
    gross_usd: Usd
    loss_usd: Usd


class Strategy(Section):
    """Limits of one strategy; `index` is the number under which the NIC knows it."""
    index: Annotated[int, Field(ge=0, lt=16, strict=True)]
    rate: Rate
    gross_usd: Usd
    enabled: bool = True


class Symbol(Section):
    """Limits of one stock, the same on every venue (each venue's book has its own copy in the NIC).

    `long` and `short` bound the worst case of one venue's position: what is held there plus all that
    is open on that side.
    """
    enabled: bool = True
    lot: Annotated[int, Field(ge=1, le=_top(LIMITS["control"], "lot"), strict=True)]
    tick_usd: Annotated[Usd, Field(ge=1, le=_top(LIMITS["control"], "tick"))]
    min_qty: Count
    max_qty: Count
    notional_usd: Usd
    collar_usd: Annotated[Usd, Field(le=_top(LIMITS["collar"], "band"))]
    long: Annotated[int, Field(ge=0, lt=2**31, strict=True)]
    short: Annotated[int, Field(ge=0, lt=2**31, strict=True)]
    max_age_us: Microseconds

    @model_validator(mode="after")
    def _consistent(self) -> "Symbol":
        if self.min_qty > self.max_qty:
            raise ValueError(f"min_qty ({self.min_qty}) is above max_qty ({self.max_qty})")
        if self.max_qty % self.lot:
            raise ValueError(f"max_qty ({self.max_qty}) is not a multiple of lot ({self.lot})")
        return self


class Limits(Section):
    """A whole limits file. `serial` counts its versions; every decision carries its low byte."""
    serial: Annotated[int, Field(ge=1, lt=2**32, strict=True)] = 1
    firm: Firm
    strategies: dict[str, Strategy]
    symbols: dict[Annotated[str, Field(pattern=r"^[A-Z0-9.+=^*#-]{1,8}$")], Symbol]

    @model_validator(mode="after")
    def _indices(self) -> "Limits":
        seen: dict[int, str] = {}
        for name, strategy in self.strategies.items():
            if other := seen.get(strategy.index):
                raise ValueError(f"strategies.{name} and strategies.{other} have the same index")
            seen[strategy.index] = name
        return self

    @property
    def strategy_names(self) -> dict[int, str]:
        return {strategy.index: name for name, strategy in self.strategies.items()}


def check(tree: dict[str, Any], source: str) -> Limits:
    """Validate a parsed file; raises `LimitsError` with everything that is wrong."""
    try:
        return Limits.model_validate(tree)
    except ValidationError as errors:
        problems = []
        for error in errors.errors(include_url=False):
            path = ".".join(str(part) for part in error["loc"]) or "(file)"
            problems.append(f"{path}: {error['msg'].removeprefix('Value error, ')}")
        raise LimitsError(source, problems) from None


def read(path: Path) -> dict[str, Any]:
    """The file as a tree, decimals exact; raises `LimitsError` where it is not TOML."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)
    except OSError as error:
        raise LimitsError(str(path), [f"(file): {error.strerror or error}"]) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise LimitsError(str(path), [f"(file): {error}"]) from None


def load(path: Path = DEFAULT_FILE) -> Limits:
    return check(read(path), str(path))
