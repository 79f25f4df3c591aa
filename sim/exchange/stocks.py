"""What the simulated venues list."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Stock:
    """One stock, the same on every venue but for its stock locate.

    Parameters
    ----------
    name : at most 8 characters.
    price : where its latent value starts, in 1e-4 USD.
    tick : smallest price step of limit orders, in 1e-4 USD (Reg NMS rule 612: one cent from 1 USD up).
    lot : round lot, in shares.
    """
    name: str
    price: int
    tick: int = 100
    lot: int = 100

    def __post_init__(self):
        if not 1 <= len(self.name) <= 8 or not self.name.isascii():
            raise ValueError(f"stock {self.name!r}: a name has 1 to 8 ASCII characters")
        if self.tick < 1 or self.lot < 1 or self.price % self.tick or not 0 < self.price < 2**31:
            raise ValueError(f"stock {self.name}: price {self.price} must be a positive multiple of tick {self.tick}, "
                             f"and lot {self.lot} positive")


#: Prices are made up, of the order of the real ones.
STOCKS = {stock.name: stock for stock in (
    Stock("AAPL", 185_0000), Stock("MSFT", 392_0000), Stock("NVDA", 121_0000), Stock("AMZN", 178_0000),
    Stock("INTC", 24_0000), Stock("QQQ", 481_0000), Stock("SPY", 556_0000), Stock("CSCO", 51_0000),
)}


def stock(symbol: "str | Stock") -> Stock:
    """The stock of that name; one that is not in `STOCKS` starts at 100 USD."""
    if isinstance(symbol, Stock):
        return symbol
    return STOCKS.get(symbol) or Stock(symbol, 100_0000)
