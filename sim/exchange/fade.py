"""A venue that turns bad: displayed liquidity steps back from large client orders, so that they pay more."""

from dataclasses import dataclass

from hdl.layouts import Side
from sim.exchange.clients import ClientOrder, Listing
from sim.exchange.matching import Event, opposite


@dataclass(frozen=True)
class Fade:
    """From `from_ns` on, a client order of more than `above` shares that would trade finds the flow's own orders at
    the best `levels` prices gone, and trades with what is behind them, as far as its limit allows.

    `from_ns` is ns since the epoch.
    """
    above: int
    levels: int = 2
    from_ns: int = 0

    def before(self, listing: Listing, order: ClientOrder, now: int) -> list[Event]:
        """What happens to the book just before `order` trades."""
        if now < self.from_ns or order.qty <= self.above:
            return []
        events: list[Event] = []
        side, book = opposite(order.book_side), listing.book
        for _ in range(self.levels):
            best = book.best(side)
            if best is None or (best > order.price if order.book_side is Side.BUY else best < order.price):
                break
            own = [resting.ref for resting in book.queue(side, best) if resting.owner is None]
            if not own:
                break
            for ref in own:
                events += book.cancel(ref)
        return events
