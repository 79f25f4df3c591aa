"""`tickgate tca`: what trading cost, from a warehouse."""

from pathlib import Path
from typing import Annotated

import typer

from host.cli.errors import UserError
from host.cli.places import RUN, WAREHOUSE
from host.cli.stored import ALL_DAY, Date, Hour, SessionName, opened

_US = 1_000


def tca(by: Annotated[str, typer.Option(help="venue, size, strategy, hour, stock or origin.")] = "venue",
        warehouse: Annotated[Path, typer.Option(help="Folder of the warehouse.")] = RUN / WAREHOUSE,
        date: Date = "", hour: Hour = ALL_DAY, session: SessionName = "",
        horizon_us: Annotated[int, typer.Option(min=1, help="After how long a markout looks at the mid.")] = 1_000,
        ) -> None:
    """Slippage from arrival, effective spread, markout and the risk of the moment, over what is stored.

    Costs are in cents a share; positive ones cost, but a positive markout is a gain. `adding` is the part of the
    filled quantity that made a position larger, `gross` the most of the firm's gross limit in use at a fill.
    """
    from host.cli.tables import micro_usd, show, table
    from host.warehouse.costs import KEYS, costs

    if by not in KEYS:
        raise UserError(f"--by {by}: give {', '.join(KEYS[:-1])} or {KEYS[-1]}")
    with opened(warehouse, date, hour, session) as query:
        lines = costs(query, by, horizon_us * _US)
    if not lines:
        raise UserError(f"{warehouse} has no order that was sent" + (f" on {date}" if date else ""))
    show(table(f"Execution quality by {by} (cents a share; markout after {horizon_us:,} us)",
               (by, "orders", "filled", "slippage", "spread", "markout", "adding", "gross"),
               ((one.key, one.orders, _percent(one.fill_permille), micro_usd(one.slippage),
                 micro_usd(one.effective_spread), micro_usd(one.markout), _percent(one.adding_permille),
                 _percent(one.gross_permille)) for one in lines)))


def _percent(permille: int | None) -> str:
    return "" if permille is None else f"{permille // 10}.{permille % 10} %"
