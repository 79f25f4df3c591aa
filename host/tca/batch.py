"""The sums of `host.tca.sums` over a past day, from arrays: what `host.tca.tca.Tca` adds up as it comes, to the
last unit, at tens of millions of fills.

Arrays come in the order in which the day told them. Amounts fit 64 bits or it is said: `OverflowError`.
"""

import math
from itertools import pairwise

import numpy as np
from numba import njit

from host.tca.market import AREA_NS
from host.tca.sums import COLUMNS, HORIZONS, PER_HORIZON, SIZES, SLOT_NS, Column, Key, Sums

#: One row an order. `ended` is 0 for one that can still trade.
ORDERS = np.dtype([("symbol", "u2"), ("stock", "u2"), ("venue", "u1"), ("strategy", "u1"), ("side", "u1"),
                   ("qty", "i8"), ("price", "i8"), ("decided", "i8"), ("left", "i8"), ("ended", "i8")])
#: One row a trade of ours that counts. `order` is the row of its order.
FILLS = np.dtype([("order", "u4"), ("time", "i8"), ("qty", "i8"), ("price", "i8"), ("fee", "i8")])
#: One row a usable top of book.
QUOTES = np.dtype([("symbol", "u2"), ("time", "i8"), ("bid", "i8"), ("ask", "i8")])
#: One row a trade of the market.
TRADES = np.dtype([("stock", "u2"), ("time", "i8"), ("price", "i8"), ("qty", "i8")])

#: What is worked out of each order before its fills. `cell` is -1 where there was no book at its arrival.
_WORKED = np.dtype([("cell", "i8"), ("sign", "i8"), ("decided2", "i8"), ("arrived2", "i8"), ("end2", "i8"),
                    ("vwap2", "i8"), ("twap2", "i8"), ("takes", "?"), ("filled", "i8"), ("notional", "i8")])
_HORIZONS = np.array(HORIZONS, np.int64)
_FIRST_MARK = int(Column.MARKED_QTY)
#: Steps that a cursor walks before it searches.
_WALK = 32
(_C_ORDERS, _C_SENT, _C_ENDED, _C_MISSED, _C_FILLS, _C_FILLED, _C_NOTIONAL, _C_FEES, _C_SLIPPAGE, _C_SHORTFALL,
 _C_OPPORTUNITY, _C_SPREAD, _C_VWAP_QTY, _C_VWAP, _C_TWAP_QTY, _C_TWAP) = (
    int(column) for column in Column if column < Column.MARKED_QTY)


def measure(orders: np.ndarray, fills: np.ndarray, quotes: np.ndarray, trades: np.ndarray,
            until: int) -> dict[Key, Sums]:
    """Every cell of the day. Horizons that lie after `until` are not marked."""
    _check(orders, fills, quotes, trades)
    quotes, bounds = _series(quotes, "symbol", orders, keep_late=False)
    trades, trade_bounds = _series(trades, "stock", orders, keep_late=True)
    mid2 = quotes["bid"] + quotes["ask"]
    times, micros = np.ascontiguousarray(quotes["time"]), quotes["time"] // AREA_NS
    area = np.concatenate([[0], np.cumsum(np.diff(micros) * mid2[:-1])]) if len(quotes) else np.zeros(0, np.int64)
    volume, notional = np.cumsum(trades["qty"]), np.cumsum(trades["qty"] * trades["price"])
    work = np.zeros(len(orders), _WORKED)
    work["sign"] = 1 - 2 * (orders["side"] & 1).astype(np.int64)
    _arrivals(orders, work, times, quotes["bid"], quotes["ask"], area, bounds,
              np.ascontiguousarray(trades["time"]), volume, notional, trade_bounds)
    keys = _cells(orders, work)
    table = np.zeros((len(keys), COLUMNS), np.int64)
    cursors = np.repeat(bounds[:-1, None], len(HORIZONS) + 1, axis=1)
    _add_fills(table, orders, work, fills, times, mid2, bounds, cursors, until)
    _add_orders(table, orders, work)
    return {key: Sums(row) for key, row in zip(keys, table.tolist(), strict=True)}


def _check(orders: np.ndarray, fills: np.ndarray, quotes: np.ndarray, trades: np.ndarray) -> None:
    """No column can be larger than all quantity at twice the highest price."""
    if len(fills) and int(fills["order"].max()) >= len(orders):
        raise ValueError(f"a fill names order {int(fills['order'].max())}, there are {len(orders)}")
    for array, names in ((orders, ("qty",)), (fills, ("qty", "price")), (quotes, ("bid", "ask")),
                         (trades, ("price", "qty"))):
        for name in names:
            if len(array) and int(array[name].min()) <= 0:
                raise ValueError(f"{name} must be positive, row {int(array[name].argmin())} is not")
    price = max((int(array[name].max()) for array, name in ((fills, "price"), (quotes, "ask"), (trades, "price"))
                 if len(array)), default=0)
    qty = sum(sum(part.tolist()) if len(part) < 1000 else int(part.astype(np.float64).sum() * 1.001)
              for part in (orders["qty"], fills["qty"], trades["qty"]))
    if 2 * price * qty >= 1 << 63:
        raise OverflowError(f"{qty} shares at up to {price / 1e4} USD do not fit 64 bits: measure fewer at a time")


def _series(array: np.ndarray, by: str, orders: np.ndarray, keep_late: bool) -> tuple[np.ndarray, np.ndarray]:
    """Rows by `by`, then as told, and where each begins. One that is older than the one before it in its series is
    dropped, or counts as of that one's time (`keep_late`)."""
    count = 1 + max((int(one[by].max()) for one in (array, orders) if len(one)), default=0)
    array = array[np.argsort(array[by], kind="stable")]
    bounds = np.searchsorted(array[by], np.arange(count + 1))
    newest = array["time"].copy()
    for start, end in pairwise(bounds.tolist()):
        np.maximum.accumulate(newest[start:end], out=newest[start:end])
    if keep_late:
        array["time"] = newest
    elif (late := array["time"] < newest).any():
        array = array[~late]
        bounds = np.searchsorted(array[by], np.arange(count + 1))
    return array, bounds


def _cells(orders: np.ndarray, work: np.ndarray) -> list[Key]:
    """Number the cells of the orders that are measured, into `work`."""
    known = work["cell"] >= 0
    if not known.any():
        return []
    slots = orders["left"] // SLOT_NS
    earliest = int(slots[known].min())
    fields = (orders["venue"], work["takes"], np.searchsorted(np.array(SIZES), orders["qty"]), orders["strategy"],
              np.where(known, slots - earliest, 0))
    radices = [int(field.max()) + 1 for field in fields]
    code = np.zeros(len(orders), np.int64)
    for field, radix in zip(fields, radices, strict=True):
        code = code * radix + field
    used = np.zeros(math.prod(radices), np.bool_)
    used[code[known]] = True
    number = np.cumsum(used) - 1
    work["cell"][known] = number[code[known]]
    found = np.unravel_index(np.flatnonzero(used), radices)
    return [Key(venue, bool(takes), size, strategy, slot + earliest)
            for venue, takes, size, strategy, slot in zip(*(one.tolist() for one in found), strict=True)]


@njit(cache=True)
def _last(times, start, end, time):
    """The last of `times[start:end]` not after `time`; `start - 1` where there is none."""
    low, high = start, end
    while low < high:
        middle = (low + high) // 2
        if times[middle] <= time:
            low = middle + 1
        else:
            high = middle
    return low - 1


@njit(cache=True)
def _walk(times, at, start, end, time):
    """`_last` from where the last search ended: fills nearly always come in order."""
    for _ in range(_WALK):
        if at >= start and times[at] > time:
            at -= 1
        elif at + 1 < end and times[at + 1] <= time:
            at += 1
        else:
            return at
    return _last(times, start, end, time)


@njit(cache=True)
def _arrivals(orders, work, times, bids, asks, area, bounds, trade_times, volume, notional, trade_bounds):
    for n in range(len(orders)):
        start, end, left = bounds[orders[n].symbol], bounds[orders[n].symbol + 1], orders[n].left
        at = _last(times, start, end, left)
        if at < start:
            work[n].cell = -1
            continue
        work[n].takes = bids[at] >= orders[n].price if orders[n].side & 1 else asks[at] <= orders[n].price
        arrived2 = bids[at] + asks[at]
        decided = _last(times, start, end, orders[n].decided)
        work[n].arrived2 = arrived2
        work[n].decided2 = bids[decided] + asks[decided] if decided >= start else arrived2
        if not orders[n].ended:
            continue
        ended = max(orders[n].ended, left)
        last = _last(times, start, end, ended)
        work[n].end2 = bids[last] + asks[last]
        life = ended // AREA_NS - left // AREA_NS
        work[n].twap2 = arrived2
        if life:
            until = area[last] + (ended // AREA_NS - times[last] // AREA_NS) * work[n].end2
            before = area[at] + (left // AREA_NS - times[at] // AREA_NS) * arrived2
            work[n].twap2 += (until - before - arrived2 * life) // life
        first, beyond = trade_bounds[orders[n].stock], trade_bounds[orders[n].stock + 1]
        a, b = _last(trade_times, first, beyond, left), _last(trade_times, first, beyond, ended)
        if b > a:
            qty = volume[b] - (volume[a] if a >= first else (volume[first - 1] if first else 0))
            traded = notional[b] - (notional[a] if a >= first else (notional[first - 1] if first else 0))
            work[n].vwap2 = 2 * traded // qty


@njit(cache=True)
def _add_fills(table, orders, work, fills, times, mid2, bounds, cursors, until):
    for n in range(len(fills)):
        order = fills[n].order
        if work[order].cell < 0:
            continue
        symbol, sign, row = orders[order].symbol, work[order].sign, table[work[order].cell]
        start, end, cursor = bounds[symbol], bounds[symbol + 1], cursors[symbol]
        qty, paid2 = fills[n].qty, 2 * fills[n].price
        work[order].filled += qty
        work[order].notional += qty * fills[n].price
        time = max(fills[n].time, orders[order].left)
        cursor[0] = _walk(times, cursor[0], start, end, time)
        now2 = mid2[cursor[0]]
        row[_C_FILLS] += 1
        row[_C_FILLED] += qty
        row[_C_NOTIONAL] += qty * fills[n].price
        row[_C_FEES] += fills[n].fee
        row[_C_SLIPPAGE] += sign * (paid2 - work[order].arrived2) * qty
        row[_C_SHORTFALL] += sign * (paid2 - work[order].decided2) * qty
        row[_C_SPREAD] += sign * (paid2 - now2) * qty
        for horizon in range(len(_HORIZONS)):
            due = time + _HORIZONS[horizon]
            if due <= until:
                cursor[1 + horizon] = _walk(times, cursor[1 + horizon], start, end, due)
                later2, column = mid2[cursor[1 + horizon]], _FIRST_MARK + PER_HORIZON * horizon
                row[column] += qty
                row[column + 1] += sign * (later2 - paid2) * qty
                row[column + 2] += sign * (later2 - now2) * qty


@njit(cache=True)
def _add_orders(table, orders, work):
    for n in range(len(orders)):
        if work[n].cell < 0:
            continue
        row, sign, filled = table[work[n].cell], work[n].sign, work[n].filled
        row[_C_ORDERS] += 1
        row[_C_SENT] += orders[n].qty
        if orders[n].ended:
            missed = orders[n].qty - filled
            row[_C_ENDED] += orders[n].qty
            row[_C_MISSED] += missed
            row[_C_OPPORTUNITY] += sign * (work[n].end2 - work[n].decided2) * missed
            row[_C_TWAP_QTY] += filled
            row[_C_TWAP] += sign * (2 * work[n].notional - work[n].twap2 * filled)
            if work[n].vwap2:
                row[_C_VWAP_QTY] += filled
                row[_C_VWAP] += sign * (2 * work[n].notional - work[n].vwap2 * filled)
