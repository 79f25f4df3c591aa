"""What the desk trades: stocks, and the symbol index by which the NIC knows each on each venue."""

from dataclasses import dataclass
from functools import cached_property


@dataclass(frozen=True)
class Listing:
    """One stock on one venue: one book and one set of limits in the NIC.

    Parameters
    ----------
    index : the NIC's symbol index.
    stock : name, at most 8 characters, no padding.
    venue : venue index, also the feed index.
    locate : stock locate of the day; 0 where an R message will say it.
    """

    index: int
    stock: str
    venue: int
    locate: int = 0


@dataclass(frozen=True)
class Universe:
    """All listings; `venues` are the venues' names by index."""

    listings: tuple[Listing, ...]
    venues: tuple[str, ...]

    def __post_init__(self):
        indices = [listing.index for listing in self.listings]
        if len(set(indices)) != len(indices):
            raise ValueError("two listings have the same symbol index")
        if len({(listing.stock, listing.venue) for listing in self.listings}) != len(indices):
            raise ValueError("a stock is listed twice on one venue")

    @cached_property
    def stocks(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(listing.stock for listing in self.listings))

    @cached_property
    def by_index(self) -> dict[int, Listing]:
        return {listing.index: listing for listing in self.listings}

    @cached_property
    def by_stock(self) -> dict[str, tuple[Listing, ...]]:
        return {stock: tuple(one for one in self.listings if one.stock == stock) for stock in self.stocks}

    def find(self, stock: str, venue: int) -> Listing | None:
        """The listing of a stock on a venue, or None."""
        return next((one for one in self.by_stock.get(stock, ()) if one.venue == venue), None)

    @classmethod
    def grid(cls, stocks: tuple[str, ...], venues: tuple[str, ...]) -> "Universe":
        """Every stock on every venue, indices stock by stock."""
        return cls(tuple(Listing(n * len(venues) + venue, stock, venue)
                         for n, stock in enumerate(stocks) for venue in range(len(venues))), venues)
