"""Trades of the market with their prices, from normalised ITCH messages.

An execution (E) names the resting order alone, so the prices of displayed orders are followed. Source: Nasdaq
TotalView-ITCH 5.0 (2023-08-22), chapters 1.3 to 1.5.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

#: Of MARKET_EVENT, those that are read.
EVENT_FIELDS = ["type", "feed", "symbol", "time", "price", "qty", "ref", "new_ref", "detail"]
_ADDS, _EXECUTED, _EXECUTED_AT, _CANCEL, _DELETE, _REPLACE, _TRADE = (
    frozenset(b"AF"), ord("E"), ord("C"), ord("X"), ord("D"), ord("U"), ord("P"))
_PRINTABLE = ord("Y")


class Print(NamedTuple):
    """A trade: `symbol` is the listing's index."""
    symbol: int
    time: int
    price: int
    qty: int


class Prints:
    """Reads MARKET_EVENT records. An execution of an order that was added before we listened is counted in
    `unpriced`; a non-printable one (C) is part of another print and left out."""

    def __init__(self) -> None:
        self.unpriced = 0
        self._resting: dict[tuple[int, int], list[int]] = {}  # price and quantity by feed and reference

    def read(self, records: np.ndarray) -> Iterator[Print]:
        """The trades among the records, in order."""
        resting = self._resting
        for kind, feed, symbol, time, price, qty, ref, new_ref, detail in records[EVENT_FIELDS].tolist():
            if kind in _ADDS:
                resting[feed, ref] = [price, qty]
            elif kind == _DELETE:
                resting.pop((feed, ref), None)
            elif kind == _REPLACE:
                resting.pop((feed, ref), None)
                resting[feed, new_ref] = [price, qty]
            elif kind == _CANCEL:
                self._take((feed, ref), qty)
            elif kind == _EXECUTED:
                if at := self._take((feed, ref), qty):
                    yield Print(symbol, time, at, qty)
                else:
                    self.unpriced += 1
            elif kind == _EXECUTED_AT:
                self._take((feed, ref), qty)
                if detail == _PRINTABLE:
                    yield Print(symbol, time, price, qty)
            elif kind == _TRADE and price and qty:
                yield Print(symbol, time, price, qty)

    def _take(self, key: tuple[int, int], qty: int) -> int:
        """Take shares off a displayed order; its price, 0 where it is not known."""
        order = self._resting.get(key)
        if order is None:
            return 0
        order[1] -= qty
        if order[1] <= 0:
            del self._resting[key]
        return order[0]
