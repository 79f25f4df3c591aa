"""Service "alpha": books and strategies."""

from hdl.layouts import ARM, Condition
from host.alpha.adapter import AlphaAdapter
from host.alpha.appetite import Appetite
from host.alpha.strategy import Context
from host.bus.node import Node
from host.bus.topics import ARMS, CHARGES, UTILISATION, VENUES
from host.desk.desk import CHILD_SLOTS, SLOT_GRACE_NS, configured
from host.ems.ids import OrderIds
from host.marketdata.adapter import MarketDataAdapter
from host.marketdata.books import Books
from host.supervise.parts import Held, InForce, Orphans, phases, warm
from host.supervise.setting import Setting
from host.tca.effects import Effects
from host.tca.scores import Scores

#: Numbers of one start of this process: the next one's begin beyond them, whatever it had come to.
_NUMBERS = 1 << 32


class Trading:
    """Strategies, each under its index in the gate.

    One that is started again knows nothing of its earlier orders and triggers: it takes all of them back before it
    trades, and uses no number of theirs.
    """

    def __init__(self, setting: Setting, bus: Node):
        universe, limits = setting.universe, setting.limits
        books = warm(bus, Books())
        MarketDataAdapter(bus, books)
        scores, appetite, effects, held = Scores(), Appetite(), Effects(), Held(bus)
        bus.subscribe(VENUES, lambda message: scores.on_score(message.payload), name="scores", last=True)
        bus.subscribe(UTILISATION, lambda message: appetite.on_utilisation(message.payload), name="risk", last=True)
        bus.subscribe(CHARGES, lambda message: appetite.on_charge(message.payload), name="charges", last=True)
        orders = setting.nic.open_orders
        slots = range(orders - orders // CHILD_SLOTS)
        self.ids = OrderIds(orders, slots=slots, day=setting.day, grace=SLOT_GRACE_NS)
        self.ids.resume([self.ids.renumber(0) + bus.incarnation * _NUMBERS * orders], ())
        in_force = InForce(bus, limits)
        self.orphans = Orphans(bus, self.ids, slots, "ALPHA")
        self.alpha = AlphaAdapter(bus, universe, books, self.ids, held)
        for name, make in configured(setting.contracts).items():
            if name in limits.strategies:
                index = limits.strategies[name].index
                self.alpha.strategies[index] = make(Context(
                    index, universe, books, take_id=lambda index=index: self.alpha.take_id(index),  # type: ignore[misc]
                    drop_id=self.alpha.drop_id, position=held, scores=scores, effects=effects,
                    appetite=appetite.of(index), tick=in_force.tick,
                    renumber=self.ids.renumber))
        if bus.incarnation > 1:
            for listing in universe.listings:
                bus.publish(ARMS, ARM.make(symbol=listing.index, condition=Condition.NONE), key=listing.index)
            self.orphans.cancel()
        phases(bus, stop=self.alpha.wind_down, stopping=self.alpha.wind_down, over=self.alpha.wind_down)

    def turn(self) -> int:
        return 0

    def facts(self) -> dict[str, int]:
        return {}

    def close(self) -> None:
        """Nothing is held."""
