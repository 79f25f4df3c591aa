"""Service "risk": positions and P&L, the gate before the EMS, limits, and requests for quotes."""

from host.alpha.appetite import Appetite
from host.bus import Message
from host.bus.node import Node
from host.bus.topics import CHARGES, CONTROL, ORDERS, REFUSED, REPORTS, UTILISATION
from host.contracts import instruments
from host.desk.desk import FEES
from host.ems.rfq import RfqAdapter
from host.marketdata.adapter import MarketDataAdapter
from host.marketdata.books import Books
from host.positions.adapter import PositionsAdapter
from host.positions.positions import Positions
from host.risk.adapter import RiskAdapter
from host.risk.analytics.live import LiveParameters, LiveRisk
from host.risk.charge import Charges
from host.risk.limits import Limits
from host.risk.supervisor import Supervisor
from host.supervise.auditing import refused
from host.supervise.parts import InForce, Owners, follow, send_writes, warm
from host.supervise.setting import Setting


class RiskDesk:
    """Positions are in the process of risk: what is checked against them must not be older than they are.

    One that is started again takes its positions from every report that the desk was told of, and stays killed if it
    was.
    """

    def __init__(self, setting: Setting, bus: Node):
        universe, limits, measure = setting.universe, setting.limits, LiveParameters()
        books, self.positions = warm(bus, Books()), Positions(FEES, instruments(setting.contracts))
        owners = Owners(bus)
        accounts = Charges(lambda: Positions(FEES, instruments(setting.contracts)), measure.horizon)
        appetite = Appetite()
        bus.subscribe(UTILISATION, lambda message: appetite.on_utilisation(message.payload), name="appetite", last=True)
        bus.subscribe(CHARGES, lambda message: appetite.on_charge(message.payload), name="appetite", last=True)
        MarketDataAdapter(bus, books)
        self.risk = RiskAdapter(bus, limits, self.positions,
                                lambda writes: send_writes(bus, setting.registers, writes))
        in_force = InForce(bus, limits, self._on_limits)
        RfqAdapter(bus, universe, books, lambda stock: self.positions.position(stock).qty, in_force.tick,
                   self.risk.reasons,
                   appetite)
        PositionsAdapter(bus, universe, books, self.positions)
        live = LiveRisk(universe.stocks, setting.contracts, measure, setting.seed)
        _warm_up(LiveRisk(universe.stocks, (), measure), universe.stocks)
        Supervisor(bus, universe, books, self.positions, self.risk, live, accounts, owners,
                   setting.contracts)
        setting.hold(self.risk.control)
        self.risk.on_rejected = lambda *what: bus.publish(REFUSED, refused(*what))
        for message in bus.history(CONTROL):
            follow(self.risk.control, message.payload)
        bus.subscribe(CONTROL, lambda message: self._on_control(bus, message), name="control")
        bus.replay(bus.history(REPORTS))
        bus.replay(_newest(bus.history(ORDERS)))

    def turn(self) -> int:
        return 0

    def facts(self) -> dict[str, int]:
        return {"net": self.positions.net}

    def close(self) -> None:
        """Nothing is held."""

    def _on_limits(self, limits: Limits) -> None:
        self.risk.limits = limits

    def _on_control(self, bus: Node, message: Message) -> None:
        if message.source != bus.source:
            follow(self.risk.control, message.payload)


def _warm_up(live: LiveRisk, stocks: tuple[str, ...]) -> None:
    """The first figures take seconds, as code is compiled for them: before the market is open, not in it."""
    for time in (1, 2):
        live.sample(dict.fromkeys(stocks, 10_000 * time), dict.fromkeys(stocks, 1), time)


def _newest(messages: list[Message]) -> list[Message]:
    """The last message of each key, in order."""
    return list({message.key: message for message in messages}.values())
