"""Positions on the bus: fills, busts, corrections and prices in, positions and P&L out."""

from typing import Any

from host import fixmap
from host.bus import Bus, Message
from host.bus.topics import POSITIONS, REPORTS, TOPS
from host.marketdata.books import Books
from host.positions.positions import Position, Positions
from host.universe import Universe


class PositionsAdapter:
    """Step 5 of the flow. Marks follow the mid-price (rounded down); only what a
    report changed is published."""

    def __init__(self, bus: Bus, universe: Universe, books: Books, positions: Positions):
        self.bus, self.universe, self.books, self.positions = bus, universe, books, positions
        bus.subscribe(REPORTS, self._on_report, name="positions")
        bus.subscribe(TOPS, self._on_tops, name="positions")

    def _on_report(self, message: Message) -> None:
        report = fixmap.read_report(message.payload, self.universe.venues)
        position = self.positions.on_report(report) if report else None
        if position:
            self.bus.publish(POSITIONS, state(position), key=position.stock, cause=message)

    def _on_tops(self, message: Message) -> None:
        for symbol in dict.fromkeys(message.payload["symbol"].tolist()):
            listing, top = self.universe.by_index.get(symbol), self.books.tops.get(symbol)
            if listing and top and top.usable:
                self.positions.on_mark(listing.stock, top.twice_mid // 2)


def state(position: Position) -> dict[str, Any]:
    """A position as it goes on the bus; money in 1e-4 of its currency."""
    return {"stock": position.stock, "qty": position.qty, "cost": position.cost, "mark": position.mark,
            "realised": position.realised, "unrealised": position.unrealised, "fees": position.fees,
            "net": position.net}
