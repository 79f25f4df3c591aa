"""A taker that leaves the firing to the NIC: it arms one trigger a symbol and keeps it current."""

from dataclasses import dataclass, field

from hdl.layouts import Condition, Side
from host.alpha.signals import FULL, imbalance, microprice, round_down, round_up
from host.alpha.strategy import Action, Arm, Context, Disarm
from host.ems.ids import NoSlot
from host.marketdata.books import Top
from host.messages import Rejection, Report, direction


@dataclass(frozen=True)
class TakerParameters:
    """Prices in ticks, quantities in shares, times in ns.

    Parameters
    ----------
    share : arm for a queue imbalance at which the own side holds this share (1/256) of the top.
    edge : a CROSS trigger buys this far below the fair price, or sells as far above it.
    pause : shortest time between arming one symbol and arming it again.
    rest : time without a trigger after one fired.
    max_inventory : beyond this a trigger may only reduce the position.
    """

    qty: int = 100
    share: int = 232
    edge: int = 1
    pause: int = 100_000
    rest: int = 2_000_000
    max_inventory: int = 600


@dataclass
class Armed:
    """What is armed on one symbol."""
    order_id: int = 0
    key: tuple = ()
    quiet_until: int = 0


@dataclass
class ImbalanceTaker:
    """Arms the side that the queue leans to, or the one that reduces what is held.

    Where the queue leans (`share` of half-way) it arms IMBALANCE, to take the thin side before it
    goes; elsewhere CROSS, to take a price that comes to the fair price's wrong side. Where TCA finds
    its size dear at a venue, it arms a smaller one there.
    """

    context: Context
    parameters: TakerParameters = field(default_factory=TakerParameters)
    name: str = "taker"

    def __post_init__(self) -> None:
        self.armed: dict[int, Armed] = {}

    def on_top(self, top: Top, now: int) -> list[Action]:
        armed = self.armed.setdefault(top.symbol, Armed())
        if now < armed.quiet_until:
            return []
        wanted = self._wanted(top) if top.usable else None
        if wanted is None:
            return self._disarm(top.symbol, armed)
        if wanted == armed.key:
            return []
        try:
            order_id = self.context.take_id()
        except NoSlot:
            return []
        if armed.order_id:
            self.context.drop_id(armed.order_id)
        self.armed[top.symbol] = Armed(order_id, wanted, now + self.parameters.pause)
        condition, side, price, threshold = wanted
        return [Arm(order_id, top.symbol, side, self._qty(top.symbol), price, condition, threshold)]

    def on_fired(self, order_id: int, symbol: int, now: int) -> list[Action]:
        armed = self.armed.get(symbol)
        if armed and armed.order_id == order_id:
            self.armed[symbol] = Armed(quiet_until=now + self.parameters.rest)
        return []

    def on_report(self, report: Report, now: int) -> list[Action]:
        return []

    def on_rejection(self, rejection: Rejection, now: int) -> list[Action]:
        return []

    def on_cancel_rejected(self, order_id: int, now: int) -> list[Action]:
        return []

    def _qty(self, symbol: int) -> int:
        """As many shares as do not cost clearly more at this venue than fewer would."""
        venue, qty, context = self.context.universe.by_index[symbol].venue, self.parameters.qty, self.context
        return context.effects.on_size(venue, qty, context.scores.size(venue, True, qty))

    def _disarm(self, symbol: int, armed: Armed) -> list[Action]:
        if not armed.order_id:
            return []
        self.context.drop_id(armed.order_id)
        self.armed[symbol] = Armed()
        return [Disarm(symbol)]

    def _wanted(self, top: Top) -> tuple[Condition, Side, int, int] | None:
        """Condition, side, limit price and threshold to arm; None for nothing."""
        p, stock = self.parameters, self.context.universe.by_index[top.symbol].stock
        tick, held = self.context.tick(stock), self.context.position(stock)
        leaning = imbalance(top)
        side = Side.BUY if leaning * 2 >= FULL else Side.SELL
        if direction(side) * held >= p.max_inventory:
            side = Side.SELL if side == Side.BUY else Side.BUY
        touch = top.ask if side == Side.BUY else top.bid
        if imbalance(top, side) >= (p.share + FULL // 2) // 2:
            return Condition.IMBALANCE, side, touch, p.share
        fair = microprice(top)
        if side == Side.BUY:
            price = round_down(fair - p.edge * tick, tick)
        else:
            price = round_up(fair + p.edge * tick, tick)
        return Condition.CROSS, side, price, price
