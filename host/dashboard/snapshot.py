"""One moment of a session, as the page gets it: integers and text alone, units as everywhere (ns, 1e-4 USD, shares)."""

from typing import Any

from hdl.layouts import Inexact, Origin, Side
from host.dashboard.view import TOTAL, View
from host.desk.counts import ORIGINS
from host.messages import direction

#: Percentiles of latencies on the page, in 1/1000; the largest value comes after them.
PERMILLES = (500, 990, 999)
#: Levels of a book that are shown a side.
LADDER = 8
_LOG, _ORDERS = 12, 40


def snapshot(view: View) -> dict[str, Any]:
    """What changes from moment to moment, whole: the page keeps nothing but series."""
    desk, statistics = view.desk, view.statistics
    now = desk.bus.clock()
    strategies = desk.risk.limits.strategy_names
    control = desk.risk.control
    killed = ["everything"] if control.killed else []
    killed += [name for n, name in enumerate(desk.universe.venues) if control.venues >> n & 1]
    killed += [name for n, name in sorted(strategies.items()) if control.strategies >> n & 1]
    return {
        "now": now, "time": now - view.start, "killed": killed, "faults": view.faults,
        "orders": {name: dict(counts) for name, counts in statistics.orders.items()},
        "refused": statistics.refused, "live": len(desk.oms.live), "tops": statistics.tops,
        "topics": dict(desk.bus.counts),
        "pnl": _pnl(view), "feeds": _feeds(view, now), "limits": _limits(view), "latency": _latency(view),
        "rejects": [[name, counts["host"], counts["nic"]] for name, counts in statistics.rejects.items()],
        "blotter": _blotter(view), "venues": _venues(view), "books": _books(view, now),
        "log": [[event.time - view.start, event.level, event.text] for event in list(view.log)[-_LOG:]],
    }


def about(view: View) -> dict[str, Any]:
    """What stays: names."""
    return {"venues": list(view.desk.universe.venues), "stocks": list(view.desk.universe.stocks),
            "strategies": [name for _, name in sorted(view.desk.risk.limits.strategy_names.items())],
            "permilles": list(PERMILLES), "origins": list(view.latencies)}


def series(view: View) -> dict[str, int | None]:
    """The numbers that are drawn over time."""
    strategies = sorted(view.desk.risk.limits.strategy_names.items())
    row: dict[str, int | None] = {"time": view.desk.bus.clock() - view.start}
    row |= {f"messages.{name}": view.feeds[n].messages for n, name in enumerate(view.desk.universe.venues)}
    row["bus"] = sum(view.desk.bus.counts.values())
    for origin in view.latencies:
        cuts = view.percentiles(origin, TOTAL, (500, 990))
        row |= {f"latency.{origin}.p50": cuts[0] if cuts else None, f"latency.{origin}.p99": cuts[1] if cuts else None}
    row |= {f"pnl.{name}": view.net(index) for index, name in strategies}
    row["pnl.all"] = view.desk.positions.net
    return row


def _pnl(view: View) -> dict[str, Any]:
    positions = view.desk.positions
    return {
        "strategies": [[name, view.net(index), view.pnl[index].gross_notional if index in view.pnl else 0]
                       for index, name in sorted(view.desk.risk.limits.strategy_names.items())],
        "stocks": [[one.stock, one.qty, one.mark, one.realised, one.unrealised, one.fees, one.net]
                   for one in map(positions.position, view.desk.universe.stocks)],
        "net": positions.net}


def _feeds(view: View, now: int) -> list[dict[str, Any]]:
    desk, rows = view.desk, []
    for index, name in enumerate(desk.universe.venues):
        feed = view.feeds[index]
        books = [desk.books.tops.get(one.index) for one in desk.universe.listings if one.venue == index]
        doubts = sorted({Inexact(n).name.lower().replace("_", " ") for top in books if top
                         for n in range(len(Inexact)) if top.inexact >> n & 1})
        exact = sum(1 for top in books if top and not top.inexact)
        rows.append({"name": name, "messages": feed.messages, "seq": feed.seq,
                     "age": now - feed.time if feed.time else None, "faults": dict(feed.faults), "books": len(books),
                     "exact": exact, "doubts": doubts})
    return rows


def _limits(view: View) -> list[list[Any]]:
    peaks = view.desk.risk.peaks
    return [[one.path, one.used, one.limit, one.permille, int(one.level),
             max(one.permille, peaks[one.path].permille if one.path in peaks else 0)]
            for one in view.desk.risk.utilisation()]


def _latency(view: View) -> dict[str, Any]:
    """Stages in the order of the way, with `PERMILLES` and the largest of the last orders."""
    return {origin: {"orders": view.measured[origin],
                     "stages": [[stage, *(view.percentiles(origin, stage, PERMILLES) or [])]
                                for stage in sorted(stages, key=lambda name: name == TOTAL)]}
            for origin, stages in view.latencies.items()}


def _blotter(view: View) -> list[dict[str, Any]]:
    """The orders that changed last, newest first."""
    names, venues = view.desk.risk.limits.strategy_names, view.desk.universe.venues
    rows = []
    for order in list(view.orders.values())[:-_ORDERS - 1:-1]:
        venue = order["venue"]
        rows.append({
            "id": f"{order['order_id']:016X}", "time": order["time"] - view.start, "stock": order["stock"],
            "side": Side(order["side"]).name, "qty": order["qty"], "price": order["price"], "filled": order["filled"],
            "venue": venues[venue] if 0 <= venue < len(venues) else "", "state": order["state"],
            "strategy": names.get(order["strategy"], str(order["strategy"])),
            "origin": ORIGINS[Origin(order["origin"])]})
    return rows


def _venues(view: View) -> list[dict[str, Any]]:
    return [{"name": name, **measures} for name, measures in view.desk.by_venue().items()]


def _books(view: View, now: int) -> list[dict[str, Any]]:
    """Every book, best levels first; own resting quantity beside each price."""
    desk, rows = view.desk, []
    own: dict[tuple[str, int, int, int], int] = {}
    for order in desk.oms.live:
        key = order.new.stock, order.new.venue, direction(order.new.side), order.price
        own[key] = own.get(key, 0) + order.leaves
    for listing in desk.universe.listings:
        top = desk.books.tops.get(listing.index)
        if top is None:
            continue
        sides = []
        for side, best in ((Side.BUY, (top.bid, top.bid_qty)), (Side.SELL, (top.ask, top.ask_qty))):
            levels = desk.books.depth(listing.index, side)[:LADDER] or ([best] if best[0] else [])
            sides.append([[price, qty, own.get((listing.stock, listing.venue, direction(side), price), 0)]
                          for price, qty in levels])
        rows.append({"stock": listing.stock, "venue": desk.universe.venues[listing.venue], "bids": sides[0],
                     "asks": sides[1], "usable": top.usable, "age": now - top.time})
    return rows
