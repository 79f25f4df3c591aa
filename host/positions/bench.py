"""How many fills a second positions take."""

import time

from hdl.layouts import Side
from host.messages import TRADE, Report
from host.positions.cost import Average, Basis, Fifo
from host.positions.positions import Fees, Positions

_STOCKS = ("AAPL", "MSFT", "NVDA", "AMZN")
_START_NS = 1_767_623_400 * 10**9


def updates_per_second(count: int = 200_000, basis: type[Basis] = Average) -> float:
    """Execution reports of several stocks on two venues, both sides, mixed; one in 50 is 10 fills late."""
    positions = Positions((Fees(-20, 30), Fees(-24, 29)), basis=basis)
    sides = [Side.SELL if n * 7919 % 1009 % 2 else Side.BUY for n in range(count)]
    reports = [Report(n, f"E{n:09}", TRADE, "1", _STOCKS[n % 4], sides[n], n % 2, 100 + n % 7, 1_850_000 + n % 500,
                      maker=n % 5 == 0, time=_START_NS + 1_000 * (n - 10 * (n % 50 == 0)))
               for n in range(count)]
    start = time.perf_counter_ns()
    for report in reports:
        positions.on_report(report)
    elapsed = time.perf_counter_ns() - start
    if sum(one.bought + one.sold for one in positions.by_stock.values()) != sum(one.last_qty for one in reports):
        raise RuntimeError("positions lost a fill")
    return count * 1e9 / elapsed


def figures() -> dict[str, float]:
    return {"positions.updates_per_second": round(updates_per_second()),
            "positions.fifo_updates_per_second": round(updates_per_second(basis=Fifo))}
