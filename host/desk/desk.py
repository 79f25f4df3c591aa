"""The desk: one bus, every service on it, in the order in which they must see a message."""

from collections.abc import Callable, Iterable, Mapping

from fixparse.templates import SessionText
from hdl.config import NicConfig
from hdl.venue import VenueSpec
from host.alpha import worker
from host.alpha.adapter import AlphaAdapter
from host.alpha.appetite import Appetite
from host.alpha.maker import Maker, MakerParameters
from host.alpha.options import OptionsMaker, OptionsParameters
from host.alpha.plugins import found
from host.alpha.quoting import Glft
from host.alpha.strategy import Context, Strategy
from host.alpha.taker import ImbalanceTaker
from host.bus import InProcess, Subscription
from host.bus.inprocess import FaultHandler
from host.bus.topics import BREAKS, CHARGES, FAULTS, UTILISATION, VENUES
from host.contracts import Contract, instruments
from host.desk.nicport import NicPort
from host.ems.adapter import EmsAdapter
from host.ems.ems import Ems
from host.ems.ids import DAY_NS, OrderIds
from host.ems.replacing import Replacing
from host.ems.rfq import RfqAdapter
from host.ems.router import Router
from host.ems.unwind import Unwind
from host.ems.working import WorkingAdapter
from host.marketdata.adapter import MarketDataAdapter
from host.marketdata.books import Books
from host.oms.journal import Journal, JournalError
from host.oms.oms import Oms
from host.positions.adapter import PositionsAdapter
from host.positions.positions import Fees, Positions
from host.positions.reconcile import Break, Exposure, Reconciler
from host.risk.adapter import Apply, RiskAdapter
from host.risk.analytics.live import LiveParameters, LiveRisk
from host.risk.charge import Charges
from host.risk.limits import Limits
from host.risk.supervisor import Supervisor
from host.tca.adapter import TcaAdapter
from host.tca.effects import Effects
from host.tca.report import by_venue
from host.tca.scores import Scores
from host.universe import Universe

#: What the simulated venues charge a share (1e-4 USD), by venue index.
FEES = (Fees(maker=-20, taker=30), Fees(maker=-24, taker=29))

#: How the maker quotes; docs/strategy.md has how it was chosen.
QUOTING = MakerParameters(model=Glft(), flow=128)
#: How the options maker quotes: the simulated market is a few cents wide in options too.
OPTIONS = OptionsParameters(edge=100, vega_edge=0, band=100)
#: The strategies by their name in the limits file.
STRATEGIES: dict[str, Callable[[Context], Strategy]] = {
    "maker": lambda context: Maker(context, QUOTING), "taker": ImbalanceTaker,
    "worker": worker.configured}
#: A slot of a trigger that was replaced rests so long: longer than any record is under way.
SLOT_GRACE_NS = 1_000_000
#: One open-order slot in so many is for the children of algorithms.
CHILD_SLOTS = 4
#: Orders in 1,000 that go to another venue than the best, to keep its score current.
EXPLORE_PERMILLE = 30


def configured(contracts: tuple[Contract, ...]) -> dict[str, Callable[[Context], Strategy]]:
    """Every strategy that there is, by its name in the limits file: ours, and those of others."""
    options = {"options": lambda context: OptionsMaker(context, contracts, OPTIONS)} if contracts else {}
    return STRATEGIES | options | found()


class Desk:
    """Everything between the NIC's records and the orders it is asked to send.

    Subscription order is delivery order: books first, strategies last, so that a strategy decides on
    books, positions and scores that already know of what it is being told.

    A journal that is not empty is taken up where it ends: orders, positions, and numbers for new orders.

    Parameters
    ----------
    apply : brings register writes to the NIC (kill, resume).
    clock : ns since the epoch.
    on_fault : what to do when a service fails, instead of killing.
    strategies : by name; those of them that the limits know run. None: all that there are (`configured`).
    seed : of what is chosen by chance (exploration of venues, draws of Monte Carlo).
    feedback : let TCA's scores, risk's levels and charges act on routing and strategies; without, nobody listens.
    contracts : options among the stocks: their multipliers, and by what their prices move.
    risk : how risk measures.
    """

    def __init__(self, config: NicConfig, universe: Universe, limits: Limits, venues: Iterable[VenueSpec],
                 apply: Apply, clock: Callable[[], int], *, journal: Journal | None = None,
                 on_fault: FaultHandler | None = None,
                 strategies: dict[str, Callable[[Context], Strategy]] | None = None, seed: int = 0,
                 feedback: bool = True, contracts: tuple[Contract, ...] = (),
                 risk: LiveParameters = LiveParameters()):
        self.universe, self.contracts = universe, contracts
        self.failures: list[Exception] = []
        self._oms_fault = ""
        self.bus = InProcess(clock, on_fault or self._failed)
        self.books = Books()
        self.positions = Positions(FEES, instruments(contracts))
        self.scores, self.effects, self.appetite = Scores(), Effects(), Appetite()
        self.oms = Oms(journal)
        self.positions.recover(self.oms.executed())
        sessions = tuple(SessionText(venue.sender_comp_id, venue.target_comp_id) for venue in venues)
        if feedback:
            self.bus.subscribe(VENUES, lambda message: self.scores.on_score(message.payload), name="scores")
            self.bus.subscribe(UTILISATION, lambda message: self.appetite.on_utilisation(message.payload), name="risk")
            self.bus.subscribe(CHARGES, lambda message: self.appetite.on_charge(message.payload), name="charges")
        router = Router(universe, self.books, self.scores, explore=EXPLORE_PERMILLE if feedback else 0, seed=seed,
                        effects=self.effects)
        children = config.open_orders // CHILD_SLOTS
        ids, child_ids = (self._ids(slots, config.open_orders, clock() // DAY_NS) for slots in (
            range(config.open_orders - children), range(config.open_orders - children, config.open_orders)))

        self.nic = NicPort(self.bus, len(sessions), self.settle)
        self.marketdata = MarketDataAdapter(self.bus, self.books)
        self.risk = RiskAdapter(self.bus, limits, self.positions, apply)
        self.ems = EmsAdapter(self.bus, Ems(universe, self.oms, router), sessions)
        self.replacing = Replacing(self.bus, universe, self.oms)
        self.working = WorkingAdapter(self.bus, universe, router, child_ids)
        self.unwind = Unwind(self.bus, universe, router, self.oms, self.working, child_ids, self._held, self._tick)
        self.rfq = RfqAdapter(self.bus, universe, self.books, self._held, self._tick, self.risk.reasons, self.appetite)
        self._positions = PositionsAdapter(self.bus, universe, self.books, self.positions)
        accounts = Charges(lambda: Positions(FEES, instruments(contracts)), risk.horizon)
        accounts.recover((self._strategy_of(one.order_id) or 0, one) for one in self.oms.executed())
        self.supervisor = Supervisor(
            self.bus, universe, self.books, self.positions, self.risk,
            LiveRisk(universe.stocks, contracts, risk, seed), accounts, self._strategy_of, contracts)
        tca = TcaAdapter(self.bus, universe, FEES)
        self.tca, self.scorer = tca.tca, tca.scorer
        self.alpha = AlphaAdapter(self.bus, universe, self.books, ids, self._held)
        for name, make in (configured(contracts) if strategies is None else strategies).items():
            if name in limits.strategies:
                self._start(make, limits.strategies[name].index, limits)

    def _ids(self, slots: range, open_orders: int, day: int) -> OrderIds:
        """Numbers for one owner of slots, going on where the book of record ends."""
        ids = OrderIds(open_orders, slots=slots, day=day, grace=SLOT_GRACE_NS)
        ids.resume(self.oms.ids(), (order.order_id for order in self.oms.live if order.order_id % open_orders in slots))
        return ids

    def _start(self, make: Callable[[Context], Strategy], index: int, limits: Limits) -> None:
        context = Context(
            index, self.universe, self.books, take_id=lambda: self.alpha.take_id(index), drop_id=self.alpha.drop_id,
            position=self._held, scores=self.scores, effects=self.effects, appetite=self.appetite.of(index),
            tick=self._tick, renumber=self.alpha.ids.renumber)
        self.alpha.strategies[index] = make(context)

    def _failed(self, subscription: Subscription, error: Exception) -> None:
        """A service failed: what it would have done is unknown, so orders stop; everyone else goes on."""
        what = f"{subscription.name} failed on {subscription.topic}: {type(error).__name__}: {error}"
        self.failures.append(error)
        self.risk.kill(subscription.name, what)
        self.bus.publish(FAULTS, {"service": subscription.name, "what": what})

    def _tick(self, stock: str) -> int:
        return self.risk.limits.symbols[stock].tick_usd

    def _strategy_of(self, order_id: int) -> int | None:
        order = self.oms.find(order_id)
        return order.new.strategy if order else None

    def _held(self, stock: str) -> int:
        return self.positions.position(stock).qty

    def settle(self) -> bool:
        """Make the book of record durable and tell what waited for it. Where it cannot be written, kill, and False."""
        try:
            self.ems.settle()
        except JournalError as error:
            if not self.risk.control.killed:  # armed triggers fire without us: they must stop as well
                self.risk.kill("oms", str(error))
            if not self._oms_fault:
                self.bus.publish(FAULTS, {"service": "oms", "what": str(error)})
            self._oms_fault = str(error)
            return False
        if self._oms_fault:
            self.bus.publish(FAULTS, {"service": "oms", "what": f"the book of record is written again, "
                                                                f"{self.oms.durable} events; resume to trade"})
            self._oms_fault = ""
        return True

    def reconcile(self, read: Callable[[], Mapping[int, Exposure]],
                  drain: Callable[[], None] = lambda: None) -> list[Break] | None:
        """Compare positions and open orders with the NIC's registers, and tell every break (`Reconciler.check`)."""
        breaks = Reconciler(self.universe, self.positions, self.oms, read, drain).check()
        for one in breaks or ():
            self.bus.publish(BREAKS, one, key=(one.stock, one.venue, one.what))
            self.bus.publish(FAULTS, {"service": "positions", "what": str(one)})
        return breaks

    def by_venue(self) -> dict[str, dict[str, int]]:
        """TCA's measures of each venue so far."""
        return by_venue(self.tca.cells, self.universe.venues)

    def wind_down(self) -> None:
        """End trading in good order: no strategy acts any more, triggers are disarmed, live orders cancelled."""
        self.alpha.wind_down()
        self.unwind.wind_down()
        self.working.wind_down()
