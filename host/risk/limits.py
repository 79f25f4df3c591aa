"""Limits: a typed TOML file of firm, strategies and symbols.

The fields are those of `host.risk.fields`. Prices are written in USD and must be whole multiples of 1e-4; times
carry their unit in the name. `[firm.symbols]` and `[firm.strategies]` bound every symbol and strategy: of a limit
that is given there and in the symbol's own table, the tighter one is in force. Loading reports every error of a
file at once, each with its path. `host.risk.registers` turns the result into what the NIC holds.
"""

import tomllib
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, create_model

from hdl.registers import GATE
from host.risk.fields import FIELDS, FIRM, STRATEGY_LEVEL, SYMBOL, USD, LimitField

DEFAULT_FILE = Path(__file__).with_name("limits.toml")
#: Price units in one USD.
UNIT = USD
#: Of rates: a bucket that takes longer to fill gives no token (`hdl.registers`).
LONGEST_FILL_US = (1 << 40) // 1000
#: Where a limit in force came from.
DEFAULT = "default"
SOURCES = (DEFAULT, FIRM, "strategy", "symbol")
#: Where a limit in force came from.
DEFAULT = "default"
SOURCES = (DEFAULT, FIRM, "strategy", "symbol")
_NAME = r"^[A-Z0-9.+=^*#-]{1,8}$"
_STRATEGY_NAME = r"^[a-z][a-z0-9_-]{0,31}$"


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


class Section(BaseModel):
    """A table of the file: nothing unknown, nothing changed after reading."""
    model_config = ConfigDict(extra="forbid", frozen=True)


def _type(one: LimitField) -> Any:
    """What a field of the file may hold; amounts in 1e-4 USD, times as written."""
    if one.is_switch:
        return Annotated[bool, Field(strict=True)]
    if one.scale == USD:
        return Annotated[int, BeforeValidator(units), Field(ge=one.limit.least, le=one.most)]
    return Annotated[int, Field(ge=one.limit.least, le=one.most // one.scale, strict=True)]


def _written(level: str) -> type[Section]:
    """The table of a level as a file may have it: every limit may be missing."""
    tables: dict[str, dict[str, Any]] = {"": {}}
    for one in FIELDS[level].values():
        table, _, name = one.name.rpartition(".")
        tables.setdefault(table, {})[name] = (_type(one) | None, None)
    for table, members in tables.items():
        if table:
            tables[""][table] = (create_model(table.title(), __base__=Section, **members) | None, None)
    return create_model(level.title(), __base__=Section, **tables[""])


class _Firm(_written(FIRM)):  # type: ignore[misc]
    symbols: _written(SYMBOL) | None = None  # type: ignore[valid-type]
    strategies: _written(STRATEGY_LEVEL) | None = None  # type: ignore[valid-type]


class _Strategy(_written(STRATEGY_LEVEL)):  # type: ignore[misc]
    #: The number under which the NIC knows it.
    index: Annotated[int, Field(ge=0, lt=GATE["strategy_kill"].width, strict=True)]


class _File(Section):
    serial: Annotated[int, Field(ge=1, lt=2**32, strict=True)] = 1
    firm: _Firm
    strategies: dict[Annotated[str, Field(pattern=_STRATEGY_NAME)], _Strategy]
    symbols: dict[Annotated[str, Field(pattern=_NAME)], _written(SYMBOL)]  # type: ignore[valid-type]


@dataclass(frozen=True, slots=True)
class Table:
    """The limits in force for the firm, one strategy or one symbol.

    Parameters
    ----------
    values : by name in the file (`max_qty`, `rate.burst`); amounts in 1e-4 USD, times as written, switches 0 or 1.
    sources : where each came from: `firm`, `strategy`, `symbol`, or `default` where nobody gave it.
    index : of a strategy in the NIC.
    """
    values: dict[str, int]
    sources: dict[str, str] = field(default_factory=dict)
    index: int = -1

    def __getitem__(self, name: str) -> int:
        return self.values[name]

    def __getattr__(self, name: str) -> int:
        try:
            return self.values[name]
        except KeyError:
            raise AttributeError(f"no limit {name}") from None


@dataclass(frozen=True, slots=True)
class Limits:
    """A whole limits file, every limit worked out. `serial` counts its versions; every decision carries its low byte.
    """
    firm: Table
    strategies: dict[str, Table]
    symbols: dict[str, Table]
    serial: int = 1

    @property
    def strategy_names(self) -> dict[int, str]:
        return {strategy.index: name for name, strategy in self.strategies.items()}

    def tables(self) -> list[tuple[str, str, Table]]:
        """(level, path, table) of all, firm first."""
        return [(FIRM, FIRM, self.firm),
                *((STRATEGY_LEVEL, f"{STRATEGY_LEVEL}.{name}", one) for name, one in self.strategies.items()),
                *((SYMBOL, f"{SYMBOL}.{name}", one) for name, one in self.symbols.items())]


def check(tree: dict[str, Any], source: str) -> Limits:
    """Validate a parsed file and work out what is in force; raises `LimitsError` with everything that is wrong."""
    problems = []
    try:
        file = _File.model_validate(tree)
    except ValidationError as errors:
        for error in errors.errors(include_url=False):
            path = ".".join(str(part) for part in error["loc"] if part != "[key]") or "(file)"
            problems.append(f"{path}: {error['msg'].removeprefix('Value error, ')}")
    problems += _missing(tree)
    if problems:
        raise LimitsError(source, problems)
    limits = _in_force(file)
    problems = [f"{path}.{name}: {found}" for _, path, table in limits.tables()
                for name, found in table.sources.items() if found not in SOURCES]
    if problems := problems + _contradictions(limits):
        raise LimitsError(source, problems)
    return limits


def read(path: Path) -> dict[str, Any]:
    """The file as a tree, decimals exact; raises `LimitsError` where it is not TOML."""
    try:
        return parse(path.read_text(encoding="utf-8"), str(path))
    except OSError as error:
        raise LimitsError(str(path), [f"(file): {error.strerror or error}"]) from None
    except UnicodeDecodeError as error:
        raise LimitsError(str(path), [f"(file): {error}"]) from None


def parse(text: str, source: str) -> dict[str, Any]:
    """The text of a file as a tree, decimals exact; raises `LimitsError` where it is not TOML."""
    try:
        return tomllib.loads(text, parse_float=Decimal)
    except tomllib.TOMLDecodeError as error:
        raise LimitsError(source, [f"(file): {error}"]) from None


def load(path: Path = DEFAULT_FILE) -> Limits:
    return check(read(path), str(path))


def settable(tree: dict[str, Any]) -> list[tuple[str, ...]]:
    """Paths of every limit that a file with these strategies and symbols may give."""
    paths: list[tuple[str, ...]] = []
    for level, fields in FIELDS.items():
        tables = [(FIRM,)] if level == FIRM else [(FIRM, level), *((level, name) for name in tree.get(level, {}))]
        paths += [(*table, *one.name.split(".")) for table in tables for one in fields.values()]
    return paths


def _get(tree: Any, *path: str) -> Any:
    for name in path:
        tree = tree.get(name) if isinstance(tree, dict) else None
    return tree


def _missing(tree: dict[str, Any]) -> list[str]:
    """Limits without a default that neither a table nor the firm's bound for its level gives."""
    problems = []
    for level, fields in FIELDS.items():
        tables = {FIRM: tree.get(FIRM)} if level == FIRM else tree.get(level)
        for name, table in (tables.items() if isinstance(tables, dict) else ()):
            for one in fields.values():
                path = one.name.split(".")
                given = [_get(table, *path)] + ([_get(tree, FIRM, level, *path)] if level != FIRM else [])
                if isinstance(table, dict) and one.limit.default is None and all(value is None for value in given):
                    where = FIRM if level == FIRM else f"{level}.{name}"
                    more = "" if level == FIRM else f", neither here nor in {FIRM}.{level}"
                    problems.append(f"{where}.{one.name}: Field required{more}")
    return problems


def _in_force(file: _File) -> Limits:
    def tables(level: str, source: str) -> dict[str, Table]:
        bound = getattr(file.firm, level)
        return {name: _resolve(level, ((source, table), (FIRM, bound)), getattr(table, "index", -1))
                for name, table in getattr(file, level).items()}

    return Limits(_resolve(FIRM, ((FIRM, file.firm),)), tables(STRATEGY_LEVEL, "strategy"), tables(SYMBOL, "symbol"),
                  file.serial)


def _resolve(level: str, given: tuple[tuple[str, Section | None], ...], index: int = -1) -> Table:
    """Of each limit the tightest one given."""
    values, sources = {}, {}
    for one in FIELDS[level].values():
        value, source = one.limit.default, DEFAULT
        for where, section in given:
            found: Any = section
            for part in one.name.split("."):
                found = getattr(found, part, None)
            if found is None:
                continue
            tighter = int(found) if value is None or source == DEFAULT else one.tighter(value, int(found))
            if tighter is None:
                assert value is not None
                source = f"{value // one.scale} here and {found // one.scale} for the firm: neither is the tighter"
            elif tighter != value or source == DEFAULT:
                value, source = tighter, where
        assert value is not None, "what is missing was told before"
        values[one.name], sources[one.name] = value, source
    return Table(values, sources, index)


def _contradictions(limits: Limits) -> list[str]:
    problems = []
    seen: dict[int, str] = {}
    for name, strategy in limits.strategies.items():
        if other := seen.get(strategy.index):
            problems.append(f"strategies.{name}: has the same index as strategies.{other}")
        seen[strategy.index] = name
    for _, path, table in limits.tables():
        fill = table.values.get("rate.burst", 1), table.values.get("rate.interval_us", 1)
        if (fill[0] - 1) * fill[1] >= LONGEST_FILL_US:
            problems.append(f"{path}.rate: {fill[0]} tokens at one every {fill[1]} us take longer than "
                            f"{LONGEST_FILL_US} us to fill; the NIC would give none")
    for name, symbol in limits.symbols.items():
        if symbol.min_qty > symbol.max_qty:
            problems.append(f"symbols.{name}: min_qty ({symbol.min_qty}) is above max_qty ({symbol.max_qty})")
        if symbol.max_qty % symbol.lot:
            problems.append(f"symbols.{name}: max_qty ({symbol.max_qty}) is not a multiple of lot ({symbol.lot})")
    return problems
