"""Cost bases: what the units held cost, and what the closed ones made. Sans I/O, all integers.

`value` is what one unit costs: price times multiplier. Invariant of every basis: `realised` + `qty` x mark -
`cost` is exactly the cash flow plus the value at the mark, so that no rounding is ever lost.
"""

from collections import deque
from typing import Any, Protocol


class Basis(Protocol):
    """A cost basis.

    Members
    -------
    qty : units held, negative when short.
    cost : what they cost, negative when short.
    realised : from closed units, before fees.
    """

    @property
    def qty(self) -> int: ...

    @property
    def cost(self) -> int: ...

    @property
    def realised(self) -> int: ...

    def trade(self, qty: int, value: int) -> None:
        """Apply a fill: `qty` is negative for a sale. One through zero closes what is held and opens the rest."""

    def snapshot(self) -> Any:
        """Everything, to `restore` it."""

    def restore(self, snapshot: Any) -> None: ...


class Average:
    """Average cost. Closing a part takes its share of the cost, rounded toward zero; what is held keeps the rest."""

    __slots__ = ("cost", "qty", "realised")

    def __init__(self) -> None:
        self.qty = self.cost = self.realised = 0

    def trade(self, qty: int, value: int) -> None:
        held = self.qty
        if held * qty < 0:
            closed = -held if abs(qty) > abs(held) else qty
            share = abs(self.cost) * abs(closed) // abs(held)
            part = share if held > 0 else -share
            self.realised -= closed * value + part
            self.cost -= part
            self.qty += closed
            qty -= closed
        self.qty += qty
        self.cost += qty * value

    def snapshot(self) -> tuple[int, int, int]:
        return self.qty, self.cost, self.realised

    def restore(self, snapshot: tuple[int, int, int]) -> None:
        self.qty, self.cost, self.realised = snapshot


class Fifo:
    """First in, first out: nothing is rounded."""

    __slots__ = ("cost", "lots", "qty", "realised")

    def __init__(self) -> None:
        self.qty = self.cost = self.realised = 0
        self.lots: deque[tuple[int, int]] = deque()  # (qty, value), all of one sign

    def trade(self, qty: int, value: int) -> None:
        while qty and self.qty * qty < 0:
            held, paid = self.lots.popleft()
            closed = -held if abs(qty) >= abs(held) else qty
            if held + closed:
                self.lots.appendleft((held + closed, paid))
            self.realised += closed * (paid - value)
            self.cost += closed * paid
            self.qty += closed
            qty -= closed
        if qty:
            self.lots.append((qty, value))
            self.qty += qty
            self.cost += qty * value

    def snapshot(self) -> tuple[int, int, int, tuple[tuple[int, int], ...]]:
        return self.qty, self.cost, self.realised, tuple(self.lots)

    def restore(self, snapshot: tuple[int, int, int, tuple[tuple[int, int], ...]]) -> None:
        self.qty, self.cost, self.realised, lots = snapshot
        self.lots = deque(lots)
