"""The host's part of the risk gate: what the NIC cannot see from one symbol on one venue.

Every order that passes here meets the NIC's gate as well, which has the last word. Reasons are the
same bits (`hdl.layouts.Reason`).
"""

from dataclasses import dataclass

from hdl.layouts import Reason
from host.messages import NewOrder
from host.risk.control import Control
from host.risk.limits import Limits


@dataclass(frozen=True, slots=True)
class Book:
    """What the desk has at the moment of a check, in 1e-4 USD.

    Parameters
    ----------
    gross : positions at their marks plus open orders at their prices, absolute, of the firm.
    strategy_gross : open orders of the order's strategy.
    net : P&L of the day after fees.
    """

    gross: int
    strategy_gross: int
    net: int


class PreTrade:
    """Checks an order against kill, firm and strategy limits. Fails closed on what it does not know."""

    def __init__(self, limits: Limits, control: Control):
        self.limits, self.control = limits, control

    def check(self, order: NewOrder, book: Book) -> int:
        """Reason bits; 0 passes."""
        reasons = 0
        names = self.limits.strategy_names
        strategy = self.limits.strategies.get(names.get(order.strategy, ""))
        symbol = self.limits.symbols.get(order.stock)
        if self.control.killed or self.control.strategies >> order.strategy & 1:
            reasons |= 1 << Reason.KILL
        if strategy is None or not strategy.enabled or symbol is None or not symbol.enabled:
            reasons |= 1 << Reason.RESTRICTED
        notional = order.price * order.qty
        over_firm = book.gross + notional > self.limits.firm.gross_usd
        over_strategy = strategy is not None and book.strategy_gross + notional > strategy.gross_usd
        if over_firm or over_strategy:
            reasons |= 1 << Reason.GROSS
        if book.net <= -self.limits.firm.loss_usd:
            reasons |= 1 << Reason.LOSS
        return reasons
