"""Use of limits, as bars."""

from typing import Any

from rich.table import Table
from rich.text import Text

from host.cli.tables import usd
from host.risk.fields import USD
from host.risk.utilisation import STEPS, Level

_CELLS = 30
_FULL = 1000
_COLOURS = {Level.OK: "green", Level.WARN: "yellow", Level.THROTTLE: "dark_orange", Level.HALT: "red"}


def bars(title: str, used: list[dict[str, Any]]) -> Table:
    """A row a limit: `path`, `permille`, and where known `used` and `limit` (amounts in 1e-4 USD, or shares)."""
    table = Table(title=title, title_justify="left", title_style="bold", header_style="dim")
    for column, justify in (("limit", "left"), ("", "left"), ("used", "right"), ("of", "right")):
        table.add_column(column, justify=justify)  # type: ignore[arg-type]
    for one in used:
        level = next((level for start, level in STEPS if one["permille"] >= start), Level.OK)
        bar = Text(bar_text(one["permille"]), style=_COLOURS[level])
        share = f"{one['permille'] / 10:.1f} %{'' if level is Level.OK else ' ' + level.name}"
        limit = f"{_amount(one['path'], one['used'])} of {_amount(one['path'], one['limit'])}" if "limit" in one else ""
        table.add_row(one["path"], bar, share, limit)
    return table


def bar_text(permille: int) -> str:
    """At least one cell as soon as anything is used, all of them only when all of it is."""
    cells = min(_CELLS, permille * _CELLS // _FULL or bool(permille > 0))
    return "█" * cells + "░" * (_CELLS - cells)


def _amount(path: str, value: int) -> str:
    return usd(value) if path.endswith("_usd") else f"{value:,}"


assert USD == 10_000, "`usd` takes 1e-4 USD"
