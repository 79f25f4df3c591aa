"""Market data on the bus: keeps `Books` from what the NIC says. Subscribe it before those who read the books."""

from host.bus import Bus
from host.bus.topics import LEVELS, TOPS
from host.marketdata.books import Books


class MarketDataAdapter:
    def __init__(self, bus: Bus, books: Books):
        self.books = books
        bus.subscribe(TOPS, lambda message: books.on_tops(message.payload), name="marketdata")
        bus.subscribe(LEVELS, lambda message: books.on_levels(message.payload), name="marketdata")
