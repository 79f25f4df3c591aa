"""Listed options: what each is, and the file that tells it.

A contract is listed on the venues like a stock, under a name of its own, and its prices are of one unit of the
underlying. The file is TOML, one table a contract:

    [AAPLC185]
    underlying = "AAPL"
    strike_usd = 185
    expiry_days = 30
    vol_percent = 28
    call = true
"""

import os
import tomllib
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from host.positions.money import Instrument

#: The environment variable that names the file of a session.
VARIABLE = "TICKGATE_CONTRACTS"
_UNIT, _YEAR_DAYS = 10_000, 365


@dataclass(frozen=True)
class Contract:
    """One listed option. Strike in 1e-4 USD, `years` to expiry, `vol` and `rate` a year, relative."""
    name: str
    underlying: str
    strike: int
    years: float
    vol: float
    call: bool
    rate: float = 0.0
    multiplier: int = 100


class ContractsError(ValueError):
    """A contracts file that cannot be used: which, and every problem of it with its path."""


class _Written(BaseModel):
    """A table of the file: nothing unknown."""
    model_config = ConfigDict(extra="forbid")
    underlying: Annotated[str, Field(pattern=r"^[A-Z0-9.+=^*#-]{1,8}$")]
    strike_usd: Annotated[Decimal, Field(gt=0, lt=1_000_000, decimal_places=4)]
    expiry_days: Annotated[Decimal, Field(gt=0, le=10_000)]
    vol_percent: Annotated[Decimal, Field(gt=0, le=1_000)]
    call: Annotated[bool, Field(strict=True)]
    rate_percent: Annotated[Decimal, Field(gt=-100, lt=100)] = Decimal(0)
    multiplier: Annotated[int, Field(gt=0, le=100_000, strict=True)] = 100


_FILE = TypeAdapter(dict[Annotated[str, Field(pattern=r"^[A-Z0-9.+=^*#-]{1,8}$")], _Written])


def load(path: Path) -> tuple[Contract, ...]:
    """Every contract of a file. Raises `ContractsError`."""
    try:
        return check(tomllib.loads(path.read_text(encoding="utf-8"), parse_float=Decimal), str(path))
    except OSError as error:
        raise ContractsError(f"{path}: {error.strerror or error}") from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ContractsError(f"{path}: {error}") from None


def instruments(contracts: tuple[Contract, ...]) -> dict[str, Instrument]:
    """What a unit of each is worth, for positions."""
    return {one.name: Instrument(multiplier=one.multiplier) for one in contracts}


def configured() -> tuple[Contract, ...]:
    """Those of the file that `TICKGATE_CONTRACTS` names; none without it. Raises `ContractsError`."""
    path = os.environ.get(VARIABLE)
    return load(Path(path)) if path else ()


def check(tree: dict[str, Any], source: str) -> tuple[Contract, ...]:
    """The contracts of a file's tree."""
    try:
        written = _FILE.validate_python(tree)
    except ValidationError as errors:
        problems = [f"{'.'.join(str(part) for part in error['loc'] if part != '[key]')}: {error['msg']}"
                    for error in errors.errors(include_url=False)]
        raise ContractsError("\n".join([f"{source}: {len(problems)} problem{'s' * (len(problems) != 1)}", *problems]
                                       )) from None
    chained = [name for name, one in written.items() if one.underlying in written]
    if chained:
        raise ContractsError(f"{source}: the underlying of {', '.join(chained)} is an option itself")
    return tuple(Contract(name, one.underlying, int(one.strike_usd * _UNIT), float(one.expiry_days / _YEAR_DAYS),
                          float(one.vol_percent / 100), one.call, float(one.rate_percent / 100), one.multiplier)
                 for name, one in written.items())
