"""Risk's commands to the EMS: take a position down, or trade a hedge. Each is answered when it is done."""

from collections.abc import Callable
from dataclasses import dataclass

from hdl.layouts import Side
from host.bus import Bus, Message
from host.bus.topics import COMMANDS, CONTROL, PARENTS, TOPS
from host.ems.algos import PassiveThenAggressive, Sweep
from host.ems.ids import NoSlot, OrderIds
from host.ems.router import Router
from host.ems.working import WorkingAdapter
from host.messages import NewOrder, direction
from host.oms.oms import Oms
from host.risk.response import ABANDONED, HEDGE, HEDGED, REDUCE, REDUCED, Command
from host.universe import Universe

#: How far beyond the touch such an order may trade, in ticks.
REACH = 5
#: A hedge rests so long (ns) before it takes: what it is for has been carried for a while already.
PATIENCE = 1_000_000


@dataclass
class _Hedge:
    """`qty` is what is still to be traded, signed; `parent` works on it, 0 before the first."""
    command: Command
    qty: int
    parent: int = 0


class Unwind:
    """Reduces and hedges.

    "reduce" (`stock`, `to`, `strategy`): the EMS stops its own orders of the stock, waits until nothing of it is live
    (strategies withdraw theirs on the same command), and takes what is beyond `to` shares away with a sweep, again and
    again until it is there. "hedge" (`stock`, `qty` signed, `strategy`): trades so many shares, resting first.
    A global kill abandons both: a killed NIC sends nothing.

    Parameters
    ----------
    working : works the parent orders. ids : slots of the EMS's own orders.
    position : shares held of a stock, over all venues.
    tick : price step of a stock, 1e-4 USD.
    """

    def __init__(self, bus: Bus, universe: Universe, router: Router, oms: Oms, working: WorkingAdapter, ids: OrderIds,
                 position: Callable[[str], int], tick: Callable[[str], int]):
        self.bus, self.universe, self.router, self.oms, self.working = bus, universe, router, oms, working
        self.ids, self.position, self.tick = ids, position, tick
        self._reducing: dict[str, Command] = {}
        self._hedges: dict[str, _Hedge] = {}
        for topic, handler in ((TOPS, self._on_tops), (PARENTS, self._on_parent), (CONTROL, self._on_control),
                               (COMMANDS, self._on_command)):
            bus.subscribe(topic, handler, name="unwind")

    @property
    def under_way(self) -> bool:
        return bool(self._reducing or self._hedges)

    def wind_down(self) -> None:
        """Begin nothing more."""
        self._reducing.clear()
        self._hedges.clear()

    def _on_command(self, message: Message) -> None:
        command = message.payload
        if command["command"] == REDUCE:
            self._reducing[command["stock"]] = command
            self.working.stop(command["stock"], message)
        elif command["command"] == HEDGE:
            self._hedges[command["stock"]] = _Hedge(command, command["qty"])
            self._hedge(command["stock"], message)

    def _on_control(self, message: Message) -> None:
        if message.payload.kill and message.payload.all:
            commands = [*self._reducing.values(), *(one.command for one in self._hedges.values())]
            self._reducing.clear()
            self._hedges.clear()
            for command in commands:
                self._answer(command, ABANDONED, message)

    def _on_tops(self, message: Message) -> None:
        if not self.under_way:
            return
        indices = self.universe.by_index
        stocks = {indices[symbol].stock for symbol in set(message.payload["symbol"].tolist()) if symbol in indices}
        for stock in sorted(stocks & self._reducing.keys()):
            self._reduce(stock, message)
        for stock in sorted(stocks & self._hedges.keys()):
            self._hedge(stock, message)

    def _on_parent(self, message: Message) -> None:
        """What a hedge has traded so far; once its parent is done, the rest is tried again."""
        one = message.payload
        hedge = self._hedges.get(one["stock"])
        if hedge is None or hedge.parent != one["order_id"]:
            return
        hedge.qty -= direction(Side(one["side"])) * one["last_qty"]
        if not one["leaves"]:
            hedge.parent = 0
            if not hedge.qty:
                del self._hedges[one["stock"]]
                self._answer(hedge.command, HEDGED, message)

    def _reduce(self, stock: str, cause: Message) -> None:
        """Where nothing of the stock is live, sweep away what is beyond the target."""
        command, held = self._reducing[stock], self.position(stock)
        if any(order.new.stock == stock for order in self.oms.live) or any(
                one.order.stock == stock for one in self.working.parents.parents.values()):
            return
        beyond = abs(held) - command["to"]
        if beyond <= 0:
            del self._reducing[stock]
            self._answer(command, REDUCED, cause)
        elif order := self._order(stock, Side.SELL if held > 0 else Side.BUY, beyond, command["strategy"], cause):
            self.working.start(order, Sweep(), cause)

    def _hedge(self, stock: str, cause: Message) -> None:
        hedge = self._hedges[stock]
        if hedge.parent:
            return
        side = Side.BUY if hedge.qty > 0 else self._sale(stock, -hedge.qty)
        if order := self._order(stock, side, abs(hedge.qty), hedge.command["strategy"], cause):
            hedge.parent = order.order_id
            self.working.start(order, PassiveThenAggressive(PATIENCE), cause)

    def _sale(self, stock: str, qty: int) -> Side:
        """A sale of more than is held and not yet offered is a short sale, and must say so (Regulation SHO 200(g))."""
        offered = sum(order.leaves for order in self.oms.live if order.new.stock == stock and order.new.side & 1)
        return Side.SELL if self.position(stock) - offered >= qty else Side.SELL_SHORT

    def _order(self, stock: str, side: Side, qty: int, strategy: int, cause: Message) -> NewOrder | None:
        """A parent up to `REACH` ticks beyond the touch; None without a book to trust, or a slot."""
        tops = [top for _, top in self.router.usable(stock)]
        if not tops:
            return None
        touch = min(top.ask for top in tops) if side == Side.BUY else max(top.bid for top in tops)
        limit = max(touch + direction(side) * REACH * self.tick(stock), self.tick(stock))
        try:
            order_id = self.ids.take(cause.time)
        except NoSlot:
            return None
        return NewOrder(order_id, stock, side, qty, limit, strategy, time=cause.time)

    def _answer(self, command: Command, answer: str, cause: Message) -> None:
        """The command again, with what became of it."""
        self.bus.publish(COMMANDS, {**command, "command": answer}, key=command["stock"], cause=cause)
