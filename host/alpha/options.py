"""An options market maker: quotes around theoretical values, leans against its delta, hedges in the underlying."""

from dataclasses import dataclass

from hdl.layouts import Side
from host.alpha.signals import microprice, round_down, round_up
from host.alpha.strategy import Action, Context, Propose, Withdraw
from host.alpha.theo import ONE_DELTA, Contract, Theo, TheoTable
from host.ems.algos import PassiveThenAggressive
from host.ems.ids import NoSlot
from host.marketdata.books import Top
from host.messages import NEW, TRADE, Rejection, Report, direction


@dataclass(frozen=True)
class OptionsParameters:
    """Quantities in contracts, prices in 1e-4 USD, times in ns.

    Parameters
    ----------
    edge : kept on each side of the theoretical value, and `vega_edge` points of volatility on top.
    lean : the value of a whole delta moves this much against each 100 shares of delta held.
    band : shares of delta beyond which the underlying is traded, back to none.
    reach : how far beyond the touch a hedge may pay.
    most : contracts of one option, long or short.
    """
    qty: int = 1
    edge: int = 200
    vega_edge: int = 1
    lean: int = 100
    band: int = 300
    reach: int = 500
    most: int = 50
    hysteresis: int = 100
    pause: int = 500_000
    patience: int = 5_000_000


@dataclass
class _Quote:
    order_id: int = 0
    price: int = 0
    pulling: bool = False


class OptionsMaker:
    """Quotes every contract that the universe lists; positions are in contracts.

    Everything it decides with is an integer (`host.alpha.theo`). One order a side at a time, as the stock maker's;
    one hedge at a time, as a parent that rests before it takes.
    """

    name = "options"

    def __init__(self, context: Context, contracts: tuple[Contract, ...],
                 parameters: OptionsParameters = OptionsParameters()):
        self.context, self.parameters = context, parameters
        listed = tuple(contract for contract in contracts if contract.name in context.universe.by_stock)
        self.contracts = {contract.name: contract for contract in listed}
        self.by_underlying: dict[str, tuple[Contract, ...]] = {}
        for contract in listed:
            self.by_underlying[contract.underlying] = (*self.by_underlying.get(contract.underlying, ()), contract)
        self.tables = {stock: TheoTable(chain, context.tick(stock)) for stock, chain in self.by_underlying.items()}
        self.quotes: dict[tuple[str, Side], _Quote] = {}
        self._by_id: dict[int, tuple[str, Side]] = {}
        self._hedges: dict[int, str] = {}
        self._quiet_until: dict[object, int] = {}

    def on_top(self, top: Top, now: int) -> list[Action]:
        stock = self.context.universe.by_index[top.symbol].stock
        underlying = self.contracts[stock].underlying if stock in self.contracts else stock
        if underlying not in self.by_underlying:
            return []
        spot = self._spot(underlying)
        chain = self.by_underlying[underlying] if stock == underlying else (self.contracts[stock],)
        actions: list[Action] = []
        delta = self.delta(underlying, spot) if spot else 0
        for contract in chain:
            actions += self._requote(contract, spot, delta, now)
        return actions + (self._hedge(underlying, delta, now) if spot else [])

    def delta(self, underlying: str, spot: int) -> int:
        """Shares of the underlying that everything held moves like, towards zero."""
        total = self.context.position(underlying) * ONE_DELTA
        for contract in self.by_underlying[underlying]:
            held = self.context.position(contract.name)
            if held:
                total += held * contract.multiplier * self.tables[underlying].at(contract.name, spot).delta
        return int(total / ONE_DELTA) if abs(total) < 1 << 52 else total // ONE_DELTA

    def on_report(self, report: Report, now: int) -> list[Action]:
        if report.exec_type != NEW and not report.leaves_qty:
            self._gone(report.order_id)
        elif report.exec_type == TRADE and (key := self._by_id.get(report.order_id)):
            self._quiet_until[key] = now + self.parameters.pause
        return []

    def on_rejection(self, rejection: Rejection, now: int) -> list[Action]:
        what: object = self._by_id.get(rejection.order_id) or self._hedges.get(rejection.order_id)
        self._gone(rejection.order_id)
        self._quiet_until[what] = now + 10 * self.parameters.pause
        return []

    def on_cancel_rejected(self, order_id: int, now: int) -> list[Action]:
        if key := self._by_id.get(order_id):
            self.quotes[key].pulling = False
            self._quiet_until[key] = now + 10 * self.parameters.pause
        return []

    def on_fired(self, order_id: int, symbol: int, now: int) -> list[Action]:
        return []

    def _gone(self, order_id: int) -> None:
        self._hedges.pop(order_id, None)
        if key := self._by_id.pop(order_id, None):
            self.quotes.pop(key, None)

    def _tops(self, stock: str) -> list[Top]:
        return [top for listing in self.context.universe.by_stock[stock]
                if (top := self.context.books.tops.get(listing.index)) and top.usable]

    def _spot(self, underlying: str) -> int:
        """0 where no book of the underlying may be trusted."""
        tops = self._tops(underlying)
        return sum(microprice(top) for top in tops) // len(tops) if tops else 0

    def _requote(self, contract: Contract, spot: int, delta: int, now: int) -> list[Action]:
        theo = self.tables[contract.underlying].at(contract.name, spot) if spot else None
        actions: list[Action] = []
        for side in (Side.BUY, Side.SELL):
            price = self._target(contract, side, theo, delta) if theo else 0
            actions += self._move(contract.name, side, price, now)
        return actions

    def _target(self, contract: Contract, side: Side, theo: Theo, delta: int) -> int:
        """Where the quote belongs; 0 where it should not be. It never crosses the market."""
        p, tick = self.parameters, self.context.tick(contract.name)
        larger = direction(side) * self.context.position(contract.name) + p.qty
        if larger > p.most or (self.context.appetite.reduce_only and larger > 0):
            return 0
        leaning = delta * theo.delta * p.lean * self.context.appetite.charge // (100 * ONE_DELTA)
        away, tops = p.edge + p.vega_edge * theo.vega, self._tops(contract.name)
        if side == Side.BUY:
            price = round_down(theo.low - leaning - away, tick)
            return max(0, min([price, *(top.ask - tick for top in tops)]))
        return max([round_up(theo.high - leaning + away, tick), tick, *(top.bid + tick for top in tops)])

    def _move(self, name: str, side: Side, price: int, now: int) -> list[Action]:
        key, p = (name, side), self.parameters
        quote = self.quotes.get(key)
        if now < self._quiet_until.get(key, 0) or (quote and quote.pulling):
            return []
        if quote:
            if price and abs(price - quote.price) <= p.hysteresis:
                return []
            quote.pulling = True
            self._quiet_until[key] = now + p.pause
            return [Withdraw(quote.order_id)]
        return self._propose(key, Propose(0, name, side, p.qty, price), now) if price else []

    def _propose(self, key: tuple[str, Side], order: Propose, now: int) -> list[Action]:
        try:
            order_id = self.context.take_id()
        except NoSlot:
            return []
        self.quotes[key] = _Quote(order_id, order.price)
        self._by_id[order_id] = key
        self._quiet_until[key] = now + self.parameters.pause
        return [Propose(order_id, order.stock, order.side, order.qty, order.price)]

    def _hedge(self, underlying: str, delta: int, now: int) -> list[Action]:
        p = self.parameters
        if abs(delta) <= p.band or underlying in self._hedges.values() or now < self._quiet_until.get(underlying, 0):
            return []
        side, tops = Side.SELL if delta > 0 else Side.BUY, self._tops(underlying)
        touch = min(top.bid for top in tops) if side == Side.SELL else max(top.ask for top in tops)
        tick = self.context.tick(underlying)
        try:
            order_id = self.context.take_id()
        except NoSlot:
            return []
        self._hedges[order_id] = underlying
        price = max(tick, round_down(touch + direction(side) * p.reach, tick))
        return [Propose(order_id, underlying, side, abs(delta), price, algo=PassiveThenAggressive(p.patience))]
