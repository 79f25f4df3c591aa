"""Signals from the book, in integers."""

from hdl.layouts import Side
from host.alpha.quoting import ONE
from host.marketdata.books import Top

#: Imbalance is a share in 1/256, the unit of the NIC's IMBALANCE condition.
FULL = 256


def microprice(top: Top) -> int:
    """Mid-price weighted by the opposite quantities (1e-4 USD, rounded down).

    The heavier side pulls the price towards the other: with more bid than ask it is nearer the ask.
    Needs a usable top.
    """
    total = top.bid_qty + top.ask_qty
    return (top.bid * top.ask_qty + top.ask * top.bid_qty) // total


def imbalance(top: Top, side: Side = Side.BUY) -> int:
    """Share of `side` in the two top quantities, 0 to 256, rounded down as the NIC does."""
    own = top.bid_qty if side == Side.BUY else top.ask_qty
    total = top.bid_qty + top.ask_qty
    return own * FULL // total if total else 0


def round_down(price: int, tick: int) -> int:
    return price // tick * tick


def round_up(price: int, tick: int) -> int:
    return -(-price // tick) * tick


Levels = list[tuple[int, int]]


class OrderFlow:
    """Multi-level order-flow imbalance of one book: how much more was added to bids than to asks, level by level.

    For each level, the contribution of a change is that of R. Cont, A. Kukanov and S. Stoikov, "The price impact of
    order book events", Journal of Financial Econometrics 12(1), 2014, section 2.1 (the e_n of their order flow
    imbalance); taken at several levels by K. Xu, M. Gould and S. Howison, "Multi-level order-flow imbalance in a
    limit order book", Market Microstructure and Liquidity 4(3-4), 2018 (arXiv:1907.06230).

    Parameters
    ----------
    levels : of each side.
    memory : changes after which a contribution has faded to 1/e, about.

    Members
    -------
    flow : by level, shares x `SCALE`, faded.
    """

    SCALE = 256

    def __init__(self, levels: int = 1, memory: int = 32):
        self.levels, self.memory = levels, memory
        self.flow = [0] * levels
        self.depth = [0] * levels
        self._bids: Levels = []
        self._asks: Levels = []

    def update(self, bids: Levels, asks: Levels) -> None:
        """The book after a change, best first. A side with fewer levels counts as empty beyond them."""
        bids, asks = self._padded(bids), self._padded(asks)
        if self._bids:
            for level in range(self.levels):
                change = (_added(self._bids[level], bids[level], 1) - _added(self._asks[level], asks[level], -1))
                self.flow[level] += change * self.SCALE - _faded(self.flow[level], self.memory)
                size = (bids[level][1] + asks[level][1]) * self.SCALE // 2
                self.depth[level] += _faded(size - self.depth[level], self.memory)
        self._bids, self._asks = bids, asks

    @property
    def imbalance(self) -> int:
        """Flow in 1/256 of the usual size of a level, over all levels; the best counts most, each next one half."""
        total = weights = 0
        for level in range(self.levels):
            weight = 1 << (self.levels - 1 - level)
            weights += weight
            if self.depth[level]:
                total += weight * (self.flow[level] * FULL // self.depth[level])
        return total // weights

    def _padded(self, side: Levels) -> Levels:
        return side[:self.levels] + [(0, 0)] * (self.levels - len(side))


def _added(before: tuple[int, int], now: tuple[int, int], better: int) -> int:
    """What came to one level of one side; `better` is the sign of a better price. No price is the worst."""
    (old_price, old_qty), (price, qty) = before, now
    if price == old_price:
        return qty - old_qty
    improved = bool(price) and (not old_price or better * (price - old_price) > 0)
    return qty if improved else -old_qty


def _faded(value: int, memory: int) -> int:
    """One part in `memory`, rounded towards zero, so that everything fades away in the end."""
    return value // memory if value >= 0 else -(-value // memory)


class Variance:
    """Variance of a mid-price, from its changes, in (1/1024 tick)^2 a second.

    The sum of squared changes over the time that they took, both fading with each change (`memory`).
    """

    def __init__(self, tick: int, memory: int = 128):
        self.tick, self.memory = tick, memory
        self._squares = self._time = 0
        self._last: tuple[int, int] | None = None

    def update(self, mid2: int, now: int) -> None:
        """The doubled mid at a time (ns)."""
        if self._last and now > self._last[1]:
            move = (mid2 - self._last[0]) * ONE // (2 * self.tick)
            self._squares += move * move - self._squares // self.memory
            self._time += now - self._last[1] - self._time // self.memory
        if self._last is None or now > self._last[1]:
            self._last = mid2, now

    @property
    def per_second(self) -> int:
        return self._squares * 10**9 // self._time if self._time else 0
