"""How many fills a second positions take."""

import time

from hdl.layouts import Side
from host.positions.positions import Fees, Positions

_STOCKS = ("AAPL", "MSFT", "NVDA", "AMZN")


def updates_per_second(count: int = 200_000) -> float:
    """Fills of several stocks on two venues, both sides, mixed."""
    positions = Positions((Fees(-20, 30), Fees(-24, 29)))
    fills = [(_STOCKS[n % 4], n % 2, Side.SELL if n % 3 else Side.BUY, 100 + n % 7, 1_850_000 + n % 500, n % 5 == 0)
             for n in range(count)]
    start = time.perf_counter_ns()
    for fill in fills:
        positions.on_fill(*fill)
    elapsed = time.perf_counter_ns() - start
    if sum(one.bought + one.sold for one in positions.by_stock.values()) != sum(fill[3] for fill in fills):
        raise RuntimeError("positions lost a fill")
    return count * 1e9 / elapsed


def figures() -> dict[str, float]:
    return {"positions.updates_per_second": round(updates_per_second())}
