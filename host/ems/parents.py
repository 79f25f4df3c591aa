"""Parent orders: an algorithm's wishes become child orders, and never more than the parent has.

A child counts until its venue (or the gate) has said that it is dead, also while its cancel is under way: a
replace is a cancel, and a new order for what is left once the cancel is confirmed. So a fill that races a cancel
can only make the next child smaller. The NIC sends no 35=G, which would save the round trip but not the race.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from host.ems.algos import Algo, View, Wish
from host.ems.ids import NoSlot
from host.ems.router import Router
from host.marketdata.books import Top
from host.messages import IOC, NewOrder, marketable


@dataclass(slots=True)
class Child:
    """One order of a parent. `leaves` is what can still trade, as far as anyone has said."""
    order: NewOrder
    leaves: int
    filled: int = 0
    pulling: bool = False


@dataclass(slots=True)
class Parent:
    """An order that an algorithm works. `traded` is the market's volume when it came."""
    order: NewOrder
    algo: Algo
    traded: int
    filled: int = 0
    stopped: bool = False
    quiet_until: int = 0
    children: dict[int, Child] = field(default_factory=dict)

    @property
    def working(self) -> int:
        return sum(child.leaves for child in self.children.values())

    @property
    def live(self) -> list[Child]:
        return [child for child in self.children.values() if child.leaves]

    @property
    def done(self) -> bool:
        return not self.live and (self.stopped or self.filled >= self.order.qty)

    @property
    def leaves(self) -> int:
        """What can still trade or be sent."""
        return self.working if self.stopped else max(self.order.qty - self.filled, self.working)


@dataclass(frozen=True, slots=True)
class Send:
    """Offer a child to the risk gate, for its venue."""
    child: NewOrder
    parent: int


@dataclass(frozen=True, slots=True)
class Pull:
    """Cancel a child."""
    child: NewOrder


@dataclass(frozen=True, slots=True)
class Tell:
    """The parent has changed."""
    parent: Parent


Step = Send | Pull | Tell


class Parents:
    """Works every parent order. No I/O: what is to be done is returned, in order.

    Parameters
    ----------
    take_id, drop_id : a ClOrdID for a child at a time, and giving it back when the child is dead.
    traded : what the market has traded of a stock so far, in shares.
    pause, retry : how long a parent waits after the gate stopped a child of it, and after one that should have
        traded at once did not, ns.
    """

    def __init__(self, router: Router, take_id: Callable[[int], int], drop_id: Callable[[int, int], None],
                 traded: Callable[[str], int], pause: int = 1_000_000,
                 retry: int = 100_000):
        self.router, self.take_id, self.drop_id, self.traded = router, take_id, drop_id, traded
        self.pause, self.retry = pause, retry
        self.parents: dict[int, Parent] = {}
        self._parent_of: dict[int, int] = {}

    def start(self, order: NewOrder, algo: Algo, now: int) -> list[Step]:
        parent = self.parents[order.order_id] = Parent(replace(order, time=now), algo, self.traded(order.stock))
        return [Tell(parent), *self._work(parent, now)]

    def stop(self, order_id: int, now: int) -> list[Step]:
        """Send nothing more, and withdraw what works."""
        parent = self.parents.get(order_id)
        if parent is None:
            return []
        parent.stopped = True
        return [*self._work(parent, now), *self._finish(parent)]

    def stop_all(self, now: int) -> list[Step]:
        return [step for order_id in list(self.parents) for step in self.stop(order_id, now)]

    def on_market(self, stocks: set[str], now: int) -> list[Step]:
        """A book of these stocks has changed."""
        return [step for parent in list(self.parents.values()) if parent.order.stock in stocks
                for step in self._work(parent, now)]

    def on_change(self, change: Mapping[str, Any], now: int) -> list[Step]:
        """A state of the OMS (topic `oms.orders`), of a child or anyone's."""
        parent = self._parent(change["order_id"])
        if parent is None:
            return []
        child = parent.children[change["order_id"]]
        traded = change["filled"] - child.filled
        child.filled, was, child.leaves = change["filled"], child.leaves, change["leaves"]
        parent.filled += traded
        if not child.leaves:
            self.drop_id(child.order.order_id, now)
            if change["state"] == "rejected":
                parent.quiet_until = now + self.pause
            elif child.order.tif == IOC and not child.filled:
                parent.quiet_until = now + self.retry
        told: list[Step] = [Tell(parent)] if traded and not parent.done else []
        if (was and not child.leaves) or traded:
            told += self._work(parent, now)
        return told + self._finish(parent)

    def on_rejected(self, order_id: int, now: int) -> list[Step]:
        """The host's gate stopped a child: nothing of it is anywhere."""
        parent = self._parent(order_id)
        if parent is None or order_id not in parent.children:
            return []
        parent.children[order_id].leaves = 0
        parent.quiet_until = now + self.pause
        self.drop_id(order_id, now)
        return self._finish(parent)

    def on_pull_rejected(self, order_id: int) -> None:
        """A cancel of a child was refused: it may be asked again."""
        if (parent := self._parent(order_id)) and (child := parent.children.get(order_id)):
            child.pulling = False

    def owns(self, order_id: int) -> bool:
        """The order is a child."""
        return order_id in self._parent_of

    # ---- how

    def _parent(self, order_id: int) -> Parent | None:
        return self.parents.get(self._parent_of.get(order_id, -1))

    def _work(self, parent: Parent, now: int) -> list[Step]:
        wish = None if parent.stopped else self._wish(parent, now)
        if wish is None and not parent.stopped:
            return []
        steps: list[Step] = []
        for child in parent.live:
            if not child.pulling and (wish is None or _elsewhere(child.order, wish)):
                child.pulling = True
                steps.append(Pull(child.order))
        if wish is not None and now >= parent.quiet_until:
            steps += self._send(parent, wish, now)
        return steps

    def _wish(self, parent: Parent, now: int) -> Wish | None:
        order, tops = parent.order, self._tops(parent.order.stock)
        if not tops:
            return None
        return parent.algo.wish(View(
            now, order.time, order.side, order.qty, parent.filled, order.price, max(top.bid for top in tops),
            min(top.ask for top in tops), self.traded(order.stock) - parent.traded))

    def _tops(self, stock: str) -> list[Top]:
        return [top for _, top in self.router.usable(stock)]

    def _send(self, parent: Parent, wish: Wish, now: int) -> list[Step]:
        """Children for what is missing: the best venue first, each as large as its score allows."""
        steps: list[Step] = []
        room = min(wish.total, parent.order.qty) - parent.filled - parent.working
        used = {venue for venue, top in self.router.usable(parent.order.stock)
                if wish.tif == IOC and not marketable(replace(parent.order, price=wish.price), top.bid, top.ask)}
        while room > 0:
            asked = replace(parent.order, qty=room, price=wish.price, tif=wish.tif, time=now)
            venue = self.router.choose(asked, used)
            if venue is None:
                break
            used.add(venue)
            qty = self.router.size(asked, venue)
            try:
                order_id = self.take_id(now)
            except NoSlot:
                break
            child = replace(asked, order_id=order_id, qty=qty, venue=venue)
            parent.children[order_id] = Child(child, qty)
            self._parent_of[order_id] = parent.order.order_id
            steps.append(Send(child, parent.order.order_id))
            room -= qty
            if wish.tif != IOC:
                break  # what rests stands in one queue at a time
        return steps

    def _finish(self, parent: Parent) -> list[Step]:
        if not parent.done or parent.order.order_id not in self.parents:
            return []
        del self.parents[parent.order.order_id]
        return [Tell(parent)]


def _elsewhere(order: NewOrder, wish: Wish) -> bool:
    """A resting child stands where nothing is wished any more."""
    return order.tif != IOC and (order.price != wish.price or wish.tif == IOC)
