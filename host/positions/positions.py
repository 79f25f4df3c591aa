"""Positions and P&L: the one source for both, in integers.

Money is in 1e-4 USD times shares, which is 1e-4 USD: a price in 1e-4 USD times a quantity.
"""

from dataclasses import dataclass

from hdl.layouts import Side
from host.messages import direction


@dataclass(frozen=True)
class Fees:
    """What a venue charges a share, in 1e-4 USD; a rebate is negative."""
    maker: int = 0
    taker: int = 0


@dataclass
class Position:
    """One stock at average cost.

    Parameters
    ----------
    qty : shares held, negative when short.
    cost : what the shares held cost (negative when short); `cost / qty` is the average price.
    realised : from closed shares, before fees.
    fees : paid so far, rebates taken off.
    mark : last price for the unrealised part, 0 before the first.

    Invariant: `realised + unrealised` is exactly the cash flow plus the value at the mark, however
    average cost rounds: what a closing trade leaves of the cost stays with the shares still held.
    """

    stock: str
    qty: int = 0
    cost: int = 0
    realised: int = 0
    fees: int = 0
    bought: int = 0
    sold: int = 0
    mark: int = 0

    @property
    def unrealised(self) -> int:
        return self.qty * self.mark - self.cost

    @property
    def net(self) -> int:
        """P&L after fees."""
        return self.realised + self.unrealised - self.fees

    def trade(self, side: Side, qty: int, price: int, fee: int) -> None:
        """Apply one fill; a fill through zero closes what is held and opens the rest."""
        signed = direction(side) * qty
        closing = min(qty, abs(self.qty)) if self.qty * signed < 0 else 0
        if closing:
            part = self.cost * closing // abs(self.qty)
            self.realised += direction(side) * -1 * closing * price - part
            self.cost -= part
            self.qty += direction(side) * closing
        opening = qty - closing
        self.qty += direction(side) * opening
        self.cost += direction(side) * opening * price
        self.fees += fee
        if signed > 0:
            self.bought += qty
        else:
            self.sold += qty
        self.mark = self.mark or price


class Positions:
    """Every stock's position, across venues.

    Parameters
    ----------
    fees : by venue index.
    """

    def __init__(self, fees: tuple[Fees, ...] = ()):
        self.fees = fees
        self.by_stock: dict[str, Position] = {}
        self.by_symbol: dict[tuple[str, int], int] = {}

    def position(self, stock: str) -> Position:
        return self.by_stock.setdefault(stock, Position(stock))

    def on_fill(self, stock: str, venue: int, side: Side, qty: int, price: int, maker: bool = False) -> Position:
        """Apply a fill, with that venue's fee. The caller applies each execution once (`host.oms`)."""
        if qty <= 0 or price <= 0:
            raise ValueError(f"{stock}: a fill of {qty} at {price} cannot be")
        fees = self.fees[venue] if venue < len(self.fees) else Fees()
        position = self.position(stock)
        position.trade(side, qty, price, qty * (fees.maker if maker else fees.taker))
        key = stock, venue
        self.by_symbol[key] = self.by_symbol.get(key, 0) + direction(side) * qty
        return position

    def on_mark(self, stock: str, price: int) -> Position:
        """A new price for the unrealised part (1e-4 USD)."""
        position = self.position(stock)
        position.mark = price
        return position

    @property
    def net(self) -> int:
        return sum(position.net for position in self.by_stock.values())

    @property
    def gross_notional(self) -> int:
        """Sum of the absolute values of the positions at their marks (1e-4 USD)."""
        return sum(abs(position.qty) * position.mark for position in self.by_stock.values())
