"""A market maker: one bid and one ask a stock around the microprice, moved by what is held."""

from dataclasses import dataclass, field

from hdl.layouts import Side
from host.alpha.appetite import adverse
from host.alpha.quoting import ONE, Fixed, QuoteModel
from host.alpha.signals import FULL, OrderFlow, Variance, microprice, round_down, round_up
from host.alpha.strategy import Action, Context, Propose, Replace, Withdraw
from host.ems.ids import NoSlot
from host.marketdata.books import Top
from host.messages import NEW, REPLACED, TRADE, Rejection, Report, direction

#: After a rejection a side waits so many pauses: what was rejected once would be again.
_PATIENCE = 10


@dataclass(frozen=True)
class MakerParameters:
    """Prices in ticks, quantities in shares, times in ns.

    Parameters
    ----------
    model : how far from the fair price to quote (`host.alpha.quoting`).
    flow : the fair price moves this many 1/256 ticks with an order-flow imbalance of one level's usual size.
    levels : of the book, for the imbalance; what the NIC does not report counts as empty.
    hysteresis : a quote stays while it is no further than this from where it should be.
    pause : shortest time between two actions on one side of a stock.
    max_inventory : no quote that would take the position beyond this.
    replace : move a quote with one replace (35=G), instead of a cancel and, on the next tick, a new order.
    max_widening : quotes step back by what resting orders lose by TCA's markouts, at most this.
    """

    qty: int = 100
    model: QuoteModel = field(default_factory=Fixed)
    flow: int = 0
    levels: int = 1
    hysteresis: int = 1
    pause: int = 200_000
    max_inventory: int = 1_000
    max_widening: int = 3
    replace: bool = False


@dataclass
class Quote:
    """One side of one stock: the order that works, and what is under way."""
    order_id: int = 0
    price: int = 0
    leaves: int = 0
    pulling: bool = False
    quiet_until: int = 0
    next_price: int = 0


@dataclass
class Maker:
    """Quotes every stock on one venue at a time, the one whose book moved.

    It never crosses: a bid stays a tick below the best ask of every venue, and an ask above the best
    bid. A quote is moved by cancelling it and, when the cancel is confirmed, sending a new one, by itself or with
    a replace, so that at most one order a side is ever at risk.

    Risk and TCA move it: as a limit fills up, risk aversion doubles, and doubles again; from the throttle level on
    it only reduces; where its fills are followed by losses, both quotes step back.
    """

    context: Context
    parameters: MakerParameters = field(default_factory=MakerParameters)
    name: str = "maker"

    def __post_init__(self) -> None:
        self.quotes: dict[tuple[str, Side], Quote] = {}
        self._by_id: dict[int, tuple[str, Side]] = {}
        self._flows: dict[int, OrderFlow] = {}
        self._variances: dict[str, Variance] = {}

    def on_top(self, top: Top, now: int) -> list[Action]:
        stock = self.context.universe.by_index[top.symbol].stock
        if top.usable:
            self._learn(stock, top)
        return self._requote(stock, now)

    def on_report(self, report: Report, now: int) -> list[Action]:
        quote = self._quote_of(report.order_id)
        if quote is None:
            return []
        if report.exec_type == TRADE:
            quote.leaves = report.leaves_qty
        if report.exec_type == REPLACED:
            key = self._by_id.pop(report.order_id)
            self.quotes[key] = Quote(report.request_id, quote.next_price, self.parameters.qty - report.cum_qty,
                                     quiet_until=quote.quiet_until)
            return []
        if report.exec_type != NEW and not report.leaves_qty:
            return self._gone(report.order_id, now)
        return []

    def on_rejection(self, rejection: Rejection, now: int) -> list[Action]:
        if key := self._by_id.pop(rejection.order_id, None):
            quiet, quote = now + _PATIENCE * self.parameters.pause, self.quotes[key]
            if quote.order_id in (0, rejection.order_id):
                self.quotes[key] = Quote(quiet_until=quiet)
            else:  # a replace came to nothing: the quote stands where it stood
                quote.pulling, quote.quiet_until = False, quiet
        return []

    def on_cancel_rejected(self, order_id: int, now: int) -> list[Action]:
        if quote := self._quote_of(order_id):
            quote.pulling = False
            quote.quiet_until = now + _PATIENCE * self.parameters.pause
        return []

    def on_fired(self, order_id: int, symbol: int, now: int) -> list[Action]:
        return []

    def _quote_of(self, order_id: int) -> Quote | None:
        key = self._by_id.get(order_id)
        return self.quotes[key] if key else None

    def _gone(self, order_id: int, now: int) -> list[Action]:
        key = self._by_id.pop(order_id)
        self.quotes[key] = Quote(quiet_until=self.quotes[key].quiet_until)
        return self._requote(key[0], now)

    def _requote(self, stock: str, now: int) -> list[Action]:
        tops = [top for listing in self.context.universe.by_stock[stock]
                if (top := self.context.books.tops.get(listing.index)) and top.usable]
        actions: list[Action] = []
        for side in (Side.BUY, Side.SELL):
            price = self._target(stock, side, tops) if tops else 0
            moved = self._move(stock, side, price, now)
            self._count(stock, side, tops, moved)
            actions += moved
        return actions

    def _count(self, stock: str, side: Side, tops: list[Top], moved: list[Action]) -> None:
        """What the feeds of TCA and risk made of this action."""
        context = self.context
        for action in moved:
            if isinstance(action, Propose):
                charge, lost = context.appetite.charge, self._lost(stock)
                context.effects.on_price(context.index, stock, action.price,
                                         without_scores=self._price(stock, side, tops, charge, 0),
                                         without_charge=self._price(stock, side, tops, 1, lost))
            elif self._withheld(direction(side) * context.position(stock) + self.parameters.qty):
                context.effects.withheld[context.index, stock] += 1

    def _learn(self, stock: str, top: Top) -> None:
        variance = self._variances.setdefault(stock, Variance(self.context.tick(stock)))
        if top.symbol == self.context.universe.by_stock[stock][0].index:  # one venue: their noise is not added up
            variance.update(top.twice_mid, top.time)
        if self.parameters.flow:
            flow = self._flows.setdefault(top.symbol, OrderFlow(self.parameters.levels))
            depth = self.context.books.depth
            flow.update([(top.bid, top.bid_qty), *depth(top.symbol, Side.BUY)[1:]],
                        [(top.ask, top.ask_qty), *depth(top.symbol, Side.SELL)[1:]])

    def _target(self, stock: str, side: Side, tops: list[Top]) -> int:
        """Where the quote of one side belongs; 0 where it should not be."""
        p = self.parameters
        larger = direction(side) * self.context.position(stock) + p.qty
        if larger > p.max_inventory or self._withheld(larger):
            return 0
        return self._price(stock, side, tops, self.context.appetite.charge, self._lost(stock))

    def _withheld(self, larger: int) -> bool:
        return self.context.appetite.reduce_only and larger > 0

    def _price(self, stock: str, side: Side, tops: list[Top], charge: int, lost: int) -> int:
        """Of a quote: `charge` multiplies risk aversion, `lost` (1/1024 ticks) steps back from what fills lose."""
        tick = self.context.tick(stock)
        distance = (self._distance(stock, side, charge) + lost) * tick // ONE
        fair = self._fair(tops, tick)
        best_bid, best_ask = max(top.bid for top in tops), min(top.ask for top in tops)
        if side == Side.BUY:
            return min(round_down(fair - distance, tick), best_ask - tick)
        return max(round_up(fair + distance, tick), best_bid + tick)

    def _fair(self, tops: list[Top], tick: int) -> int:
        fair = sum(microprice(top) for top in tops) // len(tops)
        if self.parameters.flow:
            imbalance = sum(self._flows[top.symbol].imbalance for top in tops if top.symbol in self._flows)
            fair += imbalance * self.parameters.flow * tick // (len(tops) * FULL * FULL)
        return fair

    def _distance(self, stock: str, side: Side, charge: int) -> int:
        """From the fair price by the model, in 1/1024 ticks."""
        p, held = self.parameters, self.context.position(stock)
        variance = self._variances[stock].per_second if stock in self._variances else 0
        bid, ask = p.model.distances((2 * held + p.qty) // (2 * p.qty), variance, charge)
        return bid if side == Side.BUY else ask

    def _lost(self, stock: str) -> int:
        """How far to step back from what resting orders lose, in 1/1024 ticks."""
        p, context = self.parameters, self.context
        lost = adverse(context.scores, range(len(context.universe.venues)), p.qty) * ONE // context.tick(stock)
        return min(lost, p.max_widening * ONE)

    def _move(self, stock: str, side: Side, price: int, now: int) -> list[Action]:
        p = self.parameters
        quote = self.quotes.setdefault((stock, side), Quote())
        if now < quote.quiet_until or quote.pulling:
            return []
        if quote.order_id:
            near = price and abs(price - quote.price) <= p.hysteresis * self.context.tick(stock)
            if near:
                return []
            quote.pulling, quote.quiet_until = True, now + p.pause
            if p.replace and price:
                new_id, quote.next_price = self.context.renumber(quote.order_id), price
                self._by_id[new_id] = (stock, side)
                return [Replace(quote.order_id, new_id, p.qty, price)]
            return [Withdraw(quote.order_id)]
        if not price:
            return []
        try:
            order_id = self.context.take_id()
        except NoSlot:
            return []
        self.quotes[stock, side] = Quote(order_id, price, p.qty, quiet_until=now + p.pause)
        self._by_id[order_id] = (stock, side)
        return [Propose(order_id, stock, side, p.qty, price)]
