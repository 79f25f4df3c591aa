"""Books of columns of messages: every order in a hash table, every level in a sorted list, compiled.

Semantics, causes of inexactness included, are those of `sim.models.book.SymbolBook`.
"""

from typing import NamedTuple

import numpy as np
from numba import njit

from sim.twin.decode import Columns

_ADD_A, _ADD_F, _EXECUTE, _EXECUTE_PRICE, _CANCEL, _DELETE, _REPLACE = (ord(letter) for letter in "AFECXDU")
#: A quantity that a level cannot hold, as in the golden model.
_QTY_LIMIT = 1 << 32
_EMPTY, _LIVE, _GONE = 0, 1, 2
_DONE, _ROWS_FULL, _LEVELS_FULL = 0, 1, 2
#: Rows handed over at once, and levels that a list has room for at first.
ROWS, LEVELS = 100_000, 256


class Rows(NamedTuple):
    """Books after messages: `message` is the place in the columns; `levels` is (rows, depth, 4): bid price and
    quantity, ask price and quantity, 0 where there is none."""
    message: np.ndarray
    symbol: np.ndarray
    exact: np.ndarray
    levels: np.ndarray


class Orders(NamedTuple):
    """Open addressing, linear probing. A place once used is not used again, so it must be twice as large as the
    number of orders that ever were."""
    state: np.ndarray
    ref: np.ndarray
    symbol: np.ndarray
    side: np.ndarray
    price: np.ndarray
    qty: np.ndarray


class Lists(NamedTuple):
    """Levels of each side of each symbol, the best last. `key` grows towards the best: price, or less the price."""
    key: np.ndarray
    qty: np.ndarray
    count: np.ndarray


class Books:
    """Books of some stock locates, from the messages handed to `rows` piece by piece.

    Parameters
    ----------
    locates : stock locate of each symbol.
    """

    def __init__(self, locates: list[int]):
        self._symbol_of = np.full(1 << 16, -1, np.int64)
        for symbol, locate in enumerate(locates):
            self._symbol_of[locate] = symbol
        self._exact = np.ones(len(locates), np.uint8)
        self._orders, self._used = _orders(1 << 10), 0
        self._lists = _lists(2 * len(locates), LEVELS)

    def rows(self, columns: Columns, depth: int):
        """A row for each message of a symbol of ours, in parts of at most `ROWS`."""
        self._make_room(columns)
        at = 0
        while True:
            made = Rows(np.zeros(ROWS, np.int64), np.zeros(ROWS, np.int64), np.zeros(ROWS, np.uint8),
                        np.zeros((ROWS, depth, 4), np.int64))
            count, why = 0, _LEVELS_FULL
            while why == _LEVELS_FULL:
                at, count, why = _apply(columns, at, count, self._symbol_of, self._exact, self._orders, self._lists,
                                        made)
                if why == _LEVELS_FULL:
                    self._lists = _grown(self._lists)
            yield Rows(*(part[:count] for part in made))
            if why == _DONE:
                return

    def _make_room(self, columns: Columns):
        """The table must hold every order that the columns add."""
        types, ours = columns.type, self._symbol_of[columns.locate] >= 0
        adds = int((ours & ((types == _ADD_A) | (types == _ADD_F) | (types == _REPLACE))).sum())
        if 2 * (self._used + adds) > len(self._orders.state):
            live = np.flatnonzero(self._orders.state == _LIVE)
            old, self._used = self._orders, len(live)
            self._orders = _orders(1 << int(4 * (self._used + adds) + 1024).bit_length())
            _rehash(old, live, self._orders)
        self._used += adds


def _orders(size: int) -> Orders:
    return Orders(np.zeros(size, np.uint8), np.zeros(size, np.uint64), np.zeros(size, np.int64),
                  np.zeros(size, np.uint8), np.zeros(size, np.int64), np.zeros(size, np.int64))


def _lists(lists: int, size: int) -> Lists:
    return Lists(np.zeros((lists, size), np.int64), np.zeros((lists, size), np.int64), np.zeros(lists, np.int64))


def _grown(lists: Lists) -> Lists:
    wider = _lists(len(lists.count), 2 * lists.key.shape[1])
    wider.key[:, :lists.key.shape[1]], wider.qty[:, :lists.qty.shape[1]] = lists.key, lists.qty
    wider.count[:] = lists.count
    return wider


@njit(cache=True)
def _place(orders, symbol, ref):
    """Where an order lives, or else the empty place where its search ended, as -1 less the place."""
    mask = len(orders.state) - 1
    mixed = (ref ^ np.uint64(symbol) << np.uint64(56)) * np.uint64(0x9E3779B97F4A7C15)
    at = np.int64(mixed >> np.uint64(20)) & mask
    while orders.state[at] != _EMPTY:
        if orders.state[at] == _LIVE and orders.ref[at] == ref and orders.symbol[at] == symbol:
            return at
        at = (at + 1) & mask
    return -1 - at


@njit(cache=True)
def _rehash(old, live, orders):
    for at in live:
        to = -1 - _place(orders, old.symbol[at], old.ref[at])
        orders.state[to], orders.ref[to], orders.symbol[to] = _LIVE, old.ref[at], old.symbol[at]
        orders.side[to], orders.price[to], orders.qty[to] = old.side[at], old.price[at], old.qty[at]


@njit(cache=True)
def _move(lists, which, side, price, qty):
    """Add to a level, which comes and goes with its quantity; whether it passed what a level can hold."""
    key, count = (-price if side else price), lists.count[which]
    keys, qtys = lists.key[which], lists.qty[which]
    at = count
    while at > 0 and keys[at - 1] > key:
        at -= 1
    if at > 0 and keys[at - 1] == key:
        total = qtys[at - 1] + qty
        if total == 0:
            for n in range(at, count):
                keys[n - 1], qtys[n - 1] = keys[n], qtys[n]
            lists.count[which] = count - 1
        else:
            qtys[at - 1] = total
        return total >= _QTY_LIMIT
    if qty != 0:
        for n in range(count, at, -1):
            keys[n], qtys[n] = keys[n - 1], qtys[n - 1]
        keys[at], qtys[at] = key, qty
        lists.count[which] = count + 1
    return qty >= _QTY_LIMIT


@njit(cache=True)
def _add(orders, lists, symbol, ref, side, price, qty):
    """Whether the book contradicts it."""
    at = _place(orders, symbol, ref)
    if at >= 0:
        return True
    at = -1 - at
    orders.state[at], orders.ref[at], orders.symbol[at] = _LIVE, ref, symbol
    orders.side[at], orders.price[at], orders.qty[at] = side, price, qty
    return _move(lists, 2 * symbol + side, side, price, qty) or qty == 0


@njit(cache=True)
def _take(orders, lists, symbol, ref, qty):
    at = _place(orders, symbol, ref)
    if at < 0:
        return True
    taken = min(qty, orders.qty[at])
    orders.qty[at] -= taken
    wrong = _move(lists, 2 * symbol + orders.side[at], orders.side[at], orders.price[at], -taken)
    if orders.qty[at] == 0:
        orders.state[at] = _GONE
    return wrong or qty > taken


@njit(cache=True)
def _replace(orders, lists, symbol, ref, new_ref, price, qty, adds):
    """D, and U where `adds`."""
    at = _place(orders, symbol, ref)
    if at < 0:
        return True
    side = orders.side[at]
    orders.state[at] = _GONE
    wrong = _move(lists, 2 * symbol + side, side, orders.price[at], -orders.qty[at])
    if adds:
        wrong = _add(orders, lists, symbol, new_ref, side, price, qty) or wrong
    return wrong


@njit(cache=True)
def _message(columns, n, symbol, orders, lists):
    """Whether the book contradicts message `n`."""
    kind, ref = columns.type[n], columns.ref[n]
    price, qty = np.int64(columns.price[n]), np.int64(columns.shares[n])
    if kind in (_ADD_A, _ADD_F):
        return _add(orders, lists, symbol, ref, columns.sell[n], price, qty)
    if kind in (_EXECUTE, _EXECUTE_PRICE, _CANCEL):
        return _take(orders, lists, symbol, ref, qty)
    if kind in (_DELETE, _REPLACE):
        return _replace(orders, lists, symbol, ref, columns.new_ref[n], price, qty, kind == _REPLACE)
    return False


@njit(cache=True)
def _show(lists, symbol, row):
    """The best levels of both sides into a row."""
    depth = len(row)
    for side in range(2):
        which = 2 * symbol + side
        count = lists.count[which]
        for n in range(min(depth, count)):
            key = lists.key[which, count - 1 - n]
            row[n, 2 * side] = -key if side else key
            row[n, 2 * side + 1] = lists.qty[which, count - 1 - n]


@njit(cache=True)
def _apply(columns, at, count, symbol_of, exact, orders, lists, rows):
    """Messages from place `at` on, rows from `count` on; where both ended, and why."""
    room, size = len(rows.message), lists.key.shape[1]
    for n in range(at, len(columns.type)):
        symbol = symbol_of[columns.locate[n]]
        if symbol < 0:
            continue
        if count == room:
            return n, count, _ROWS_FULL
        if lists.count[2 * symbol] + 2 > size or lists.count[2 * symbol + 1] + 2 > size:
            return n, count, _LEVELS_FULL
        if _message(columns, n, symbol, orders, lists):
            exact[symbol] = 0
        rows.message[count], rows.symbol[count], rows.exact[count] = n, symbol, exact[symbol]
        _show(lists, symbol, rows.levels[count])
        count += 1
    return len(columns.type), count, _DONE


__all__ = ["ROWS", "Books", "Rows"]
