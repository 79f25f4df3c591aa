"""TCA's sums as a flat report of integers: for the summary of a session, and for any past day."""

from host.tca.sums import HORIZONS, SIZES, Column, Key, Sums, by, total


def measures(sums: Sums) -> dict[str, int]:
    """Counts, fill ratio in 1/1000, and costs in 1e-6 USD a share; one figure a markout horizon, named in us."""
    figures = {"orders": sums[Column.ORDERS], "sent_qty": sums[Column.SENT_QTY], "fills": sums[Column.FILLS],
               "filled_qty": sums[Column.FILLED_QTY], "fill_ratio": sums.fill_ratio, "slippage": sums.slippage,
               "delay": sums.delay, "shortfall": sums.shortfall, "fee": sums.fee, "vwap": sums.vwap,
               "twap": sums.twap, "effective_spread": sums.effective_spread,
               "realised_spread": sums.realised_spread(), "impact": sums.impact()}
    return figures | {f"markout_{horizon // 1000}us": sums.markout(n) for n, horizon in enumerate(HORIZONS)}


def size_name(bucket: int) -> str:
    return f"to {SIZES[bucket]}" if bucket < len(SIZES) else f"over {SIZES[-1]}"


def by_venue(cells: dict[Key, Sums], venues: tuple[str, ...]) -> dict[str, dict[str, int]]:
    """The measures of each venue, by its name."""
    return {name: measures(total(cells, venue=index)) for index, name in enumerate(venues)}


def by_size(cells: dict[Key, Sums], venues: tuple[str, ...]) -> list[dict[str, int | str]]:
    """One row for each venue, manner and size."""
    return [{"venue": venues[venue], "manner": "takes" if takes else "rests", "size": size_name(size),
             **measures(sums)} for (venue, takes, size), sums in by(cells, "venue", "takes", "size").items()]
