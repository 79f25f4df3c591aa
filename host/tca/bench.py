"""How many fills a second TCA measures: the batch form over a day, the streaming form as they come."""

import time

import numpy as np

from hdl.layouts import Side
from host.messages import TRADE, NewOrder, Report
from host.tca import batch
from host.tca.sums import Column, total
from host.tca.tca import Tca

#: A past day.
FILLS, FILLS_PER_ORDER, QUOTES, TRADES, SYMBOLS = 10_000_000, 4, 1_000_000, 200_000, 8
_DAY_NS = 23_400 * 10**9
_START = 1_767_623_400 * 10**9


def day(fills: int, seed: int = 1) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Made-up orders, fills, quotes and trades of a trading day, in the order of their times."""
    rng = np.random.default_rng(seed)
    orders, share = np.zeros(fills // FILLS_PER_ORDER, batch.ORDERS), QUOTES * fills // FILLS + SYMBOLS
    quotes, trades = np.zeros(share, batch.QUOTES), np.zeros(TRADES * fills // FILLS + 1, batch.TRADES)
    orders["left"] = np.sort(rng.integers(_START, _START + _DAY_NS, len(orders)))
    orders["decided"], orders["ended"] = orders["left"] - 5_000, orders["left"] + 50_000_000
    orders["symbol"] = rng.integers(0, SYMBOLS, len(orders))
    orders["stock"], orders["venue"] = orders["symbol"] // 2, orders["symbol"] % 2
    orders["side"] = rng.integers(0, 2, len(orders))
    orders["qty"] = 100 * FILLS_PER_ORDER * rng.integers(1, 5, len(orders))
    quotes["symbol"], quotes["time"] = rng.integers(0, SYMBOLS, share), np.sort(
        rng.integers(_START, _START + _DAY_NS, share))
    quotes["symbol"][:SYMBOLS], quotes["time"][:SYMBOLS] = np.arange(SYMBOLS), _START - 10_000  # the opening quotes
    quotes["bid"] = 1_850_000 + 100 * np.cumsum(rng.integers(-1, 2, share))
    quotes["ask"] = quotes["bid"] + 100 * rng.integers(1, 4, share)
    trades["time"] = np.sort(rng.integers(_START, _START + _DAY_NS, len(trades)))
    trades["stock"], trades["qty"] = rng.integers(0, SYMBOLS // 2, len(trades)), 100
    trades["price"] = 1_850_000
    orders["price"] = 1_850_000 + 100 * rng.integers(-200, 200, len(orders))
    made = np.zeros(fills // FILLS_PER_ORDER * FILLS_PER_ORDER, batch.FILLS)
    made["order"] = np.repeat(np.arange(len(orders)), FILLS_PER_ORDER)
    made["time"] = orders["left"][made["order"]] + rng.integers(1_000, 50_000_000, len(made))
    made["qty"] = orders["qty"][made["order"]] // FILLS_PER_ORDER
    made["price"], made["fee"] = orders["price"][made["order"]], 3_000
    return orders, made[np.argsort(made["time"], kind="stable")], quotes, trades


def batch_fills_per_second(fills: int = FILLS) -> float:
    batch.measure(*day(1_000), until=_START + _DAY_NS)  # compiles
    arrays = day(fills)
    start = time.perf_counter_ns()
    cells = batch.measure(*arrays, until=_START + _DAY_NS)
    elapsed = time.perf_counter_ns() - start
    if total(cells)[Column.FILLS] != len(arrays[1]):
        raise RuntimeError("TCA lost a fill")
    return len(arrays[1]) * 1e9 / elapsed


def streaming_fills_per_second(orders: int = 25_000) -> float:
    """Each fill measured as it comes, marked at every horizon by the quotes that follow."""
    tca, now = Tca(), _START
    tca.on_quote(0, now, 1_850_000, 1_850_100)
    reports = [[Report(n, f"{n}/{part}", TRADE, "", "AAPL", Side.BUY, n % 2, 100, 1_850_050 + part)
                for part in range(FILLS_PER_ORDER)] for n in range(orders)]
    asked = [NewOrder(n, "AAPL", Side.BUY, 100 * FILLS_PER_ORDER, 1_850_100, 0, venue=n % 2) for n in range(orders)]
    start = time.perf_counter_ns()
    for order, fills in zip(asked, reports, strict=True):
        now += 10_000
        tca.on_quote(0, now, 1_850_000, 1_850_100)
        tca.on_order(order, 0, now, now)
        for report in fills:
            tca.on_fill(report, now + 1, 300)
        tca.on_end(order.order_id, now + 1)
    elapsed = time.perf_counter_ns() - start
    if total(tca.cells)[Column.FILLS] != orders * FILLS_PER_ORDER:
        raise RuntimeError("TCA lost a fill")
    return orders * FILLS_PER_ORDER * 1e9 / elapsed


def figures() -> dict[str, float]:
    return {"tca.fills_per_second": round(batch_fills_per_second()),
            "tca.streaming_fills_per_second": round(streaming_fills_per_second())}
