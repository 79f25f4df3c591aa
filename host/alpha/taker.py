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
    its size dear at a venue, it arms a smaller one there. Risk's charge multiplies the edge; from the throttle level
    on it arms what reduces alone.
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
        if condition == Condition.CROSS:
            stock = self.context.universe.by_index[top.symbol].stock
            self.context.effects.on_price(self.context.index, stock, price, without_scores=price,
                                          without_charge=self._crossing(top, side, 1))
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
        context, listing, qty = self.context, self.context.universe.by_index[symbol], self.parameters.qty
        if context.appetite.reduce_only:
            qty = min(qty, abs(context.position(listing.stock)))
        venue = listing.venue
        return context.effects.on_size(venue, qty, context.scores.size(venue, True, qty))

    def _disarm(self, symbol: int, armed: Armed) -> list[Action]:
        if not armed.order_id:
            return []
        self.context.drop_id(armed.order_id)
        if self.context.appetite.reduce_only:
            self.context.effects.withheld[self.context.index, self.context.universe.by_index[symbol].stock] += 1
        self.armed[symbol] = Armed()
        return [Disarm(symbol)]

    def _wanted(self, top: Top) -> tuple[Condition, Side, int, int] | None:
        """Condition, side, limit price and threshold to arm; None for nothing."""
        p, stock = self.parameters, self.context.universe.by_index[top.symbol].stock
        held = self.context.position(stock)
        leaning = imbalance(top)
        side = Side.BUY if leaning * 2 >= FULL else Side.SELL
        if direction(side) * held >= p.max_inventory:
            side = Side.SELL if side == Side.BUY else Side.BUY
        if self.context.appetite.reduce_only and direction(side) * held >= 0:
            if not held:
                return None
            side = Side.SELL if held > 0 else Side.BUY
        touch = top.ask if side == Side.BUY else top.bid
        if imbalance(top, side) >= (p.share + FULL // 2) // 2:
            return Condition.IMBALANCE, side, touch, p.share
        price = self._crossing(top, side, self.context.appetite.charge)
        return Condition.CROSS, side, price, price

    def _crossing(self, top: Top, side: Side, charge: int) -> int:
        """The price that is worth taking: `charge` times the edge to the better side of the fair one."""
        tick = self.context.tick(self.context.universe.by_index[top.symbol].stock)
        edge, fair = self.parameters.edge * charge * tick, microprice(top)
        return round_down(fair - edge, tick) if side == Side.BUY else round_up(fair + edge, tick)
