"""Service "ems": routing, orders that are worked, and the book of record, which is taken up where it ends."""

import time
from pathlib import Path

from fixparse.templates import SessionText
from host.bus import Message
from host.bus.node import Node
from host.bus.topics import BREAKS, CONTROL, FAULTS, INTENTS, SESSION, VENUES
from host.cli.places import OMS
from host.desk.desk import CHILD_SLOTS, EXPLORE_PERMILLE, FEES, SLOT_GRACE_NS
from host.ems.adapter import EmsAdapter
from host.ems.ems import Ems
from host.ems.ids import OrderIds
from host.ems.replacing import Replacing
from host.ems.router import Router
from host.ems.unwind import Unwind
from host.ems.working import WorkingAdapter
from host.link.driver import Exposure
from host.marketdata.adapter import MarketDataAdapter
from host.marketdata.books import Books
from host.oms.journal import JournalError
from host.oms.oms import Oms
from host.oms.sqlite import SqliteJournal
from host.positions.positions import Positions
from host.positions.reconcile import compare
from host.risk.control import Control
from host.supervise.parts import RECONCILED, Held, InForce, Orphans, Outbox, phases, send_writes, warm
from host.supervise.recovery import recover
from host.supervise.setting import Setting
from host.tca.scores import Scores

#: Everything that the NIC had to say has come when nothing has for so long, at the session's end.
_QUIET_S = 0.5


class Execution:
    """The EMS and OMS. An intent leaves once the book of record is durable; where it cannot be written, orders stop."""

    def __init__(self, setting: Setting, bus: Node):
        self.setting, self.bus, universe = setting, bus, setting.universe
        self.oms = Oms(SqliteJournal(Path(setting.run) / OMS))
        self.outbox = Outbox(bus, [INTENTS])
        books, scores, held = warm(bus, Books()), Scores(), Held(bus)
        bus.subscribe(VENUES, lambda message: scores.on_score(message.payload), name="scores", last=True)
        router = Router(universe, books, scores, explore=EXPLORE_PERMILLE, seed=setting.seed)
        sessions = tuple(SessionText(one.sender_comp_id, one.target_comp_id) for one in setting.venues)
        MarketDataAdapter(bus, books)
        self.ems = EmsAdapter(self.outbox, Ems(universe, self.oms, router), sessions)
        ids, slots = self._ids()
        Replacing(bus, universe, self.oms)
        self.working = WorkingAdapter(bus, universe, router, ids)
        self.unwind = Unwind(bus, universe, router, self.oms, self.working, ids, held,
                             InForce(bus, setting.limits).tick)
        self._fault = ""
        self._over = False
        self._exposure: dict[str, list[int]] | None = None
        self._heard = time.monotonic()
        if bus.incarnation > 1:
            told = recover(bus, self.ems, self.oms)
            Orphans(bus, ids, slots, "EMS").cancel()
            bus.publish(FAULTS, {"service": "ems", "what": f"started again: {self.oms.durable} events of the book of "
                                                           f"record, {told} of the session caught up with"})
        phases(bus, stop=self._wind_down, stopping=self._wind_down)
        bus.subscribe(SESSION, self._on_session, name="ems", last=True)

    def turn(self) -> int:
        """After everything that has come: make it durable, tell it, and let intents go."""
        try:
            self.ems.settle()
        except JournalError as error:
            self._stop(str(error))
            return 0
        if self._fault:
            self.bus.publish(FAULTS, {"service": "oms", "what": "the book of record is written again; resume to trade"})
            self._fault = ""
        self.outbox.release()
        if self._over and time.monotonic() - self._heard > _QUIET_S:
            self._over = False
            self._reconcile()
        return 0

    def facts(self) -> dict[str, int]:
        return {"live": len(self.oms.live), "events": self.oms.durable}

    def close(self) -> None:
        self.oms.journal.close()

    def _ids(self) -> tuple[OrderIds, range]:
        orders = self.setting.nic.open_orders
        slots = range(orders - orders // CHILD_SLOTS, orders)
        ids = OrderIds(orders, slots=slots, day=self.setting.day, grace=SLOT_GRACE_NS)
        live = (order.order_id for order in self.oms.live)
        ids.resume(self.oms.ids(), (order_id for order_id in live if order_id % orders in slots))
        return ids, slots

    def _wind_down(self) -> None:
        self.unwind.wind_down()
        self.working.wind_down()

    def _stop(self, why: str) -> None:
        if self._fault:
            return
        self._fault = why
        control = Control()
        send_writes(self.bus, self.setting.registers, control.kill("oms", why, self.bus.clock()))
        self.bus.publish(CONTROL, control.history[-1])
        self.bus.publish(FAULTS, {"service": "oms", "what": why})

    def _on_session(self, message: Message) -> None:
        self._heard = time.monotonic()
        if message.payload["phase"] == "over":
            self._over, self._exposure = True, message.payload["exposure"]

    def _reconcile(self) -> None:
        """Positions and open orders by the book of record, against the NIC's registers where there are any."""
        positions = Positions(FEES)
        positions.recover(self.oms.executed())
        exposures = {int(index): Exposure(*one) for index, one in (self._exposure or {}).items()}
        breaks = compare(self.setting.universe, positions, self.oms.live, exposures) if exposures else []
        for one in breaks:
            self.bus.publish(BREAKS, one, key=(one.stock, one.venue, one.what))
            self.bus.publish(FAULTS, {"service": "positions", "what": str(one)})
        self.bus.publish(SESSION, {"phase": RECONCILED, "breaks": len(breaks), "states": dict(self.oms.states()),
                                   "doubts": [str(one) for one in self.oms.doubts()],
                                   "positions": {stock: one.qty for stock, one in positions.by_stock.items()}})
