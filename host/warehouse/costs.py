"""TCA over what is stored: any hours, by venue, size, strategy, hour, stock or origin, with the risk of each moment."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from hdl.layouts import Origin
from host.bus.topics import SAMPLES
from host.tca.sums import HORIZONS, MAIN, per_share
from host.warehouse.adapter import SESSIONS
from host.warehouse.query import Query

#: Order sizes (shares) from which a class begins.
SIZES = (1, 100, 200, 500, 1000, 5000)
_SIZE = "CASE " + " ".join(f"WHEN orders.qty >= {size} THEN {size}" for size in reversed(SIZES)) + " ELSE 0 END"
_KEYS = {"venue": "orders.venue", "size": _SIZE, "strategy": "orders.strategy", "stock": "orders.stock",
         "hour": "orders.time // 3_600_000_000_000", "origin": "orders.origin"}
KEYS = tuple(_KEYS)
#: After how long a markout looks at the mid, ns.
HORIZON_NS = HORIZONS[MAIN]

_TIME = [("time", pa.int64()), ("session", pa.string())]
_POSITIONS = pa.schema([*_TIME, ("stock", pa.string()), ("qty", pa.int64())])
_RISK = pa.schema([*_TIME, ("path", pa.string()), ("permille", pa.int64())])
_SESSIONS = pa.schema([*_TIME, ("venues", pa.string()), ("strategies", pa.string())])


@dataclass(frozen=True, slots=True)
class Costs:
    """One line: costs are 1e-6 USD a share, positive ones cost.

    Parameters
    ----------
    markout : what the mid moved in our favour from the fill price to `horizon` after it (positive is a gain).
    fill_permille, adding_permille : filled of sent; and of filled, what made a position larger.
    gross_permille : the most of the firm's gross limit that was in use as a fill was heard of; None where unknown.
    """

    key: str
    orders: int
    sent_qty: int
    fills: int
    filled_qty: int
    fill_permille: int
    slippage: int
    effective_spread: int
    markout: int
    adding_permille: int
    gross_permille: int | None


def costs(query: Query, by: str, horizon_ns: int = HORIZON_NS) -> list[Costs]:
    """Lines by one of `KEYS`, in its order."""
    query.with_columns("positions", _POSITIONS)
    query.with_columns(SAMPLES.name, _RISK)
    sql = query.text("tca").replace("{key}", _KEYS[by]).replace("{order}", "key")
    name = _namer(query, by)
    return [_line(name(row["key"]), row) for row in query.rows(sql, horizon=horizon_ns)]


def _line(key: str, row: dict[str, Any]) -> Costs:
    sent, filled, measured = row["sent_qty"], row["filled_qty"], row["measured_qty"]
    return Costs(
        key, row["orders"], sent, row["fills"], filled, filled * 1000 // sent if sent else 0,
        per_share(row["slippage2"], measured), 2 * per_share(row["spread2"], measured),
        per_share(row["markout2"], measured), row["adding_qty"] * 1000 // filled if filled else 0,
        row["gross_permille"])


def _namer(query: Query, by: str) -> Any:
    """What a key is called. Numbers stand for names that each session has stored."""
    if by in ("venue", "strategy"):
        query.with_columns(SESSIONS, _SESSIONS)
        names: dict[int, str] = {}
        column = "venues" if by == "venue" else "strategies"
        for row in query.rows(f'SELECT {column} AS names FROM "{SESSIONS}" ORDER BY time'):
            known = json.loads(row["names"])
            names |= dict(enumerate(known)) if isinstance(known, list) else {int(n): one for n, one in known.items()}
        return lambda key: names.get(key, f"{by} {key}")
    if by == "size":
        ends = dict(zip(SIZES, (*(size - 1 for size in SIZES[1:]), None), strict=True))
        return lambda key: f"{key}-{ends[key]}" if ends.get(key) else f"{key}+"
    if by == "hour":
        return _hour
    return (lambda key: Origin(key).name.lower()) if by == "origin" else str


def _hour(hour: int) -> str:
    return f"{datetime.fromtimestamp(hour * 3600, UTC):%Y-%m-%d %H:00}"
