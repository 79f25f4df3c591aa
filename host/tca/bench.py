"""How many fills a second TCA measures."""

import time

from hdl.layouts import Side
from host.marketdata.books import Top
from host.messages import TRADE, NewOrder, Report
from host.tca.tca import Tca


def fills_per_second(orders: int = 25_000, fills: int = 4) -> float:
    """Orders with several fills each, on two venues."""
    tca = Tca()
    top = Top(0, 1_850_000, 100, 1_850_100, 100, 0, 0, 1, 1)
    for n in range(orders):
        tca.on_order(NewOrder(n, "AAPL", Side.BUY, 100 * fills, 1_850_100, 0, venue=n % 2), top)
    reports = [Report(n, str(part), TRADE, "", "AAPL", Side.BUY, n % 2, 100, 1_850_050 + part)
               for n in range(orders) for part in range(fills)]
    start = time.perf_counter_ns()
    for report in reports:
        tca.on_fill(report, top)
    elapsed = time.perf_counter_ns() - start
    if sum(totals.fills for totals in tca.venues.values()) != len(reports):
        raise RuntimeError("TCA lost a fill")
    return len(reports) * 1e9 / elapsed


def figures() -> dict[str, float]:
    return {"tca.fills_per_second": round(fills_per_second())}
