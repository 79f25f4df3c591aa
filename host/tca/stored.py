"""TCA over a past day: the arrays of `host.tca.batch`, read from a warehouse."""

from typing import Any

import numpy as np

from hdl.layouts import MARKET_EVENT
from host import fixmap
from host.executions import Executions
from host.messages import TRADE, TRADE_CANCEL, TRADE_CORRECT, Report, direction
from host.positions.positions import Fees
from host.tca import batch
from host.tca.prints import EVENT_FIELDS, Prints
from host.tca.sums import Key, Sums
from host.universe import Universe
from host.warehouse.query import Query

_QUOTES = """SELECT symbol, time, bid_price AS bid, ask_price AS ask FROM "market.tops"
             WHERE inexact = 0 AND crossed = 0 AND bid_price > 0 AND bid_price < ask_price ORDER BY session, serial"""
_ROUTED = """SELECT order_id, stock, side, qty, price, venue, time, hops FROM "orders.routed"
             WHERE what = 'NewOrder' ORDER BY session, seq"""
_PASSED = """SELECT order_id, strategy, time, hops, raw FROM "orders.passed"
             WHERE what = 'NewOrder' ORDER BY session, seq"""
_REPORTS = 'SELECT raw, time, hops FROM "executions.desk" ORDER BY session, seq'


def cells(query: Query, universe: Universe, fees: tuple[Fees, ...], until: int) -> dict[Key, Sums]:
    """Every cell of what the query covers: what `host.tca.adapter` added up while it happened, where the NIC's records
    came in the order of their times. One session, or several that follow each other."""
    orders, rows = _orders(query, universe)
    fills = _fills(query, universe, fees, orders, rows)
    return batch.measure(orders, fills, _array(query, _QUOTES, batch.QUOTES), _trades(query, universe), until)


def _orders(query: Query, universe: Universe) -> tuple[np.ndarray, dict[int, int]]:
    """Orders that left, and the row of each."""
    strategies, decided = _decisions(query)
    stocks = {stock: n for n, stock in enumerate(universe.stocks)}
    rows: dict[int, int] = {}
    found: list[tuple[int, ...]] = []
    for one in query.rows(_ROUTED):
        listing = universe.find(one["stock"], one["venue"])
        if listing is None:
            continue
        left = next((hop["time"] for hop in one["hops"] if hop["place"] == "nic.tx"), one["time"])
        first = decided.get(one["order_id"], one["hops"][0]["time"])
        rows[one["order_id"]] = len(found)
        found.append((listing.index, stocks[one["stock"]], one["venue"], strategies.get(one["order_id"], 0),
                      one["side"], one["qty"], one["price"], min(first, left), left, 0))
    return np.array(found, batch.ORDERS), rows


def _decisions(query: Query) -> tuple[dict[int, int], dict[int, int]]:
    """Strategy of each order, and when parents and their children were decided."""
    strategies: dict[int, int] = {}
    decided: dict[int, int] = {}
    for one in query.rows(_PASSED):
        order_id, raw = one["order_id"], bytes(one["raw"])
        strategies[order_id] = one["strategy"]
        parent = fixmap.read_parent(raw)
        if parent in decided:
            decided[order_id] = decided[parent]
        elif fixmap.read_algo(raw):
            decided[order_id] = one["hops"][0]["time"]
    return strategies, decided


def _fills(query: Query, universe: Universe, fees: tuple[Fees, ...], orders: np.ndarray,
           rows: dict[int, int]) -> np.ndarray:
    """Trades that count, at the time of the execution that they correct; and the orders' ends, into `orders`."""
    executions, times = Executions(), dict[tuple[int, str], int]()
    for one in query.rows(_REPORTS):
        report = fixmap.read_report(bytes(one["raw"]), universe.venues)
        if report is None or report.order_id not in rows:
            continue
        came = _came(one)
        if report.exec_type in (TRADE, TRADE_CORRECT, TRADE_CANCEL):
            key = report.venue, report.exec_id
            removed, added = executions.record(report, key)
            before = times.pop((removed.venue, removed.exec_id), came) if removed else came
            if added:
                times[key] = before
        order = orders[rows[report.order_id]]
        if not report.leaves_qty and report.exec_id and not order["ended"] and report.exec_type != TRADE_CANCEL:
            order["ended"] = came
    found = [(rows[report.order_id], times[key], report.last_qty, report.last_price, _fee(report, fees))
             for key, report in executions.trades.items() if executions.counts(key)]
    return np.array(found, batch.FILLS)


def _fee(report: Report, fees: tuple[Fees, ...]) -> int:
    charged = fees[report.venue] if report.venue < len(fees) else Fees()
    return charged.of(report.last_qty, report.last_qty * report.last_price, sale=direction(report.side) < 0,
                      maker=report.maker)


def _trades(query: Query, universe: Universe) -> np.ndarray:
    events = _array(query, f'SELECT {", ".join(EVENT_FIELDS)} FROM "market.events" ORDER BY session, serial',
                    np.dtype([(name, MARKET_EVENT.dtype[name]) for name in EVENT_FIELDS]))
    stocks = {stock: n for n, stock in enumerate(universe.stocks)}
    found = [(stocks[listing.stock], one.time, one.price, one.qty) for one in Prints().read(events)
             if (listing := universe.by_index.get(one.symbol))]
    return np.array(found, batch.TRADES)


def _array(query: Query, sql: str, dtype: np.dtype) -> np.ndarray:
    columns = query.columns(sql)
    made = np.zeros(len(next(iter(columns.values()))), dtype)
    for name in dtype.names or ():
        made[name] = columns[name]
    return made


def _came(row: dict[str, Any]) -> int:
    """When the frame came that told it, by the NIC's clock."""
    first = row["hops"][0] if row["hops"] else None
    return first["time"] if first and first["place"] == "nic.rx" else row["time"]
