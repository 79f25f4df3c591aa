"""Golden model of the armed triggers, cycle by cycle, in plain integers."""

from dataclasses import dataclass, field, replace

from hdl.config import NicConfig
from hdl.layouts import Condition
from hdl.strategy.triggers import LATENCY, PRINTS, SHARE_BITS

MASK64 = (1 << 64) - 1


@dataclass(frozen=True)
class Row:
    condition: Condition = Condition.NONE
    threshold: int = 0
    refills: int = 0
    order_id: int = 0
    price: int = 0
    qty: int = 0
    side: int = 0
    tif: int = 0
    strategy: int = 0
    venue: int = 0


@dataclass(frozen=True)
class Top:
    symbol: int
    bid: tuple[int, int]        # price, quantity
    ask: tuple[int, int]
    event: bool = True
    inexact: int = 0
    rx_time: int = 0


@dataclass(frozen=True)
class Print:
    symbol: int
    type: int
    price: int
    printable: bool = True
    rx_time: int = 0


@dataclass
class TriggersModel:
    """`step` is one clock cycle: what is offered in it, then what happens at its end. An ARM is offered until it is
    taken, which is in the cycle in which `arm_ready` is true.
    """
    config: NicConfig
    rows: list[Row] = field(init=False)
    waiting: tuple[int, int, Row] | None = None         # symbol, rx_time, the row that fired
    weighing: list[tuple[Top, Row] | None] = field(init=False)
    looked: bool = False        # the ARM offered in this cycle was offered in the one before
    moves: bool = False         # what is left of the trigger that was taken in the cycle before is being written
    arming: tuple[int, Row] | None = None       # taken in the cycle before
    seen: int = 0               # symbol on the port for tops in the cycle before

    def __post_init__(self):
        self.rows = [Row() for _ in range(self.config.symbols)]
        self.weighing = [None] * (LATENCY[Condition.IMBALANCE] - 1)     # oldest last

    @property
    def arm_ready(self) -> bool:
        return self.looked and not self.moves

    def offered(self) -> dict | None:
        """The intent on `o` in this cycle."""
        if self.waiting is None:
            return None
        symbol, rx_time, row = self.waiting
        return {"symbol": symbol, "rx_time": rx_time, **{name: getattr(row, name) for name in (
            "order_id", "price", "qty", "side", "tif", "strategy", "venue")}}

    def step(self, ready: bool, top: Top | None = None, trade: Print | None = None, arm: tuple[int, Row] | None = None,
             shown: int = 0):
        """`shown` : the symbol on the port for tops where there is no top."""
        assert arm or not self.looked
        taken = ready and self.waiting is not None
        busy = self.waiting[0] if self.waiting else None
        changing = {arm[0]} if self.looked else set()
        shown = top.symbol if top else shown
        top, self.seen = top if shown == self.seen else None, shown
        if taken:
            changing.add(busy)

        old, hits, misses = self.weighing[-1], [], []
        if trade and self._printed(trade):
            hits.append((trade.symbol, trade.rx_time))
        if top and self.rows[top.symbol].condition == Condition.CROSS:
            if not self._crosses(top):
                misses.append(top.symbol)
            elif top.event:
                hits.append((top.symbol, top.rx_time))
        if old:
            if not self._outweighs(*old):
                misses.append(old[0].symbol)
            elif old[0].event:
                hits.append((old[0].symbol, old[0].rx_time))

        waiting = None if busy in misses or busy in changing else self.waiting
        if self.waiting is None or taken:
            for symbol, rx_time in hits:
                if symbol not in changing:
                    waiting = (symbol, rx_time, self.rows[symbol])
                    break
        self._weigh(top, changing)
        if taken:
            row = self.rows[busy]
            self.rows[busy] = replace(row, order_id=row.order_id + 1 & MASK64, refills=row.refills - 1 & 0xFFFF,
                                      condition=row.condition if row.refills else Condition.NONE)
        if self.arming:
            self.rows[self.arming[0]] = self.arming[1]
        self.arming = arm if self.arm_ready else None
        if self.arming:
            self.rows[self.arming[0]] = Row()
        self.looked, self.moves = (arm is not None and not self.arm_ready,
                                   taken and not (self.arming and self.arming[0] == busy))
        self.waiting = waiting

    def _weigh(self, top: Top | None, changing: set):
        asked = top and self.rows[top.symbol].condition == Condition.IMBALANCE and top.symbol not in changing
        kept = [None if one and one[0].symbol in changing else one for one in self.weighing[:-1]]
        self.weighing = [(top, self.rows[top.symbol]) if asked else None, *kept]

    def _crosses(self, top: Top) -> bool:
        row = self.rows[top.symbol]
        price, qty = top.bid if row.side & 1 else top.ask
        met = price >= row.threshold if row.side & 1 else price <= row.threshold
        return bool(met and qty and usable(top))

    def _printed(self, trade: Print) -> bool:
        row = self.rows[trade.symbol]
        shown = trade.type == PRINTS[0] or (trade.type == PRINTS[1] and trade.printable)
        met = trade.price >= row.threshold if row.side & 1 else trade.price <= row.threshold
        return shown and met and row.condition == Condition.TRADE_THROUGH

    @staticmethod
    def _outweighs(top: Top, row: Row) -> bool:
        own, opposite = (top.ask, top.bid) if row.side & 1 else (top.bid, top.ask)
        within = opposite[0] >= row.price if row.side & 1 else opposite[0] <= row.price
        return bool(within and opposite[1] and usable(top) and row.threshold <= 1 << SHARE_BITS
                    and own[1] << SHARE_BITS >= row.threshold * (own[1] + opposite[1]))


def crossed(top: Top) -> bool:
    return bool(top.bid[1] and top.ask[1] and top.bid[0] >= top.ask[0])


def usable(top: Top) -> bool:
    return not top.inexact and not crossed(top)
