"""Risk that watches the session as it goes: measures what is held, charges strategies for it, and acts at a limit."""

from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

from host import fixmap
from host.bus import Bus, Message
from host.bus.topics import CHARGES, COMMANDS, FAULTS, REPORTS, RISK, TOPS
from host.contracts import Contract
from host.marketdata.books import Books
from host.positions.positions import Positions
from host.risk.adapter import RiskAdapter
from host.risk.analytics.live import Figures, LiveRisk
from host.risk.charge import Charge, Charges
from host.risk.response import ANSWERS, STRESS, VAR, Command, Holdings, respond
from host.risk.utilisation import Drawdown, Utilisation
from host.universe import Universe

DRAWDOWN = "firm.drawdown_usd"
#: Figures that are told on `risk.figures`, with the drawdown.
MEASURES = ("var", "historical", "parametric", "monte_carlo", "shortfall", "stress")
#: Commands that are kept for the summary.
KEPT = 1_000


class Supervisor:
    """Samples on market data, by its time: everything here is a function of what came over the bus.

    One command is under way at a time: the next sample after its answer says whether more is needed.

    Parameters
    ----------
    strategy_of : the strategy of an order by its ClOrdID; None for an order that is not ours.

    Members
    -------
    figures, charges : the newest; None and empty before the first sample.
    last, most : the figures that are told, newest and largest, by name (1e-4 USD).
    commands : the last commands and their answers, with their times.
    """

    def __init__(self, bus: Bus, universe: Universe, books: Books, positions: Positions, risk: RiskAdapter,
                 live: LiveRisk, charges: Charges, strategy_of: Callable[[int], int | None],
                 contracts: tuple[Contract, ...] = ()):
        self.bus, self.universe, self.books, self.positions, self.risk = bus, universe, books, positions, risk
        self.live, self.accounts, self.strategy_of = live, charges, strategy_of
        self.figures: Figures | None = None
        self.last: dict[str, int] = {}
        self.most: dict[str, int] = {}
        self.charges: dict[int, Charge] = {}
        self.commands: deque[dict[str, Any]] = deque(maxlen=KEPT)
        self.drawdown = Drawdown()
        self._underlying = {one.name: one.underlying for one in contracts}
        self._under_way = False
        self._stuck = ""
        self._due = 0
        risk.watched = self._watched
        bus.subscribe(REPORTS, self._on_report, name="supervisor")
        bus.subscribe(TOPS, self._on_tops, name="supervisor")
        bus.subscribe(COMMANDS, self._on_command, name="supervisor")

    def _watched(self) -> list[Utilisation]:
        """Use of the limits that it measures; what was not measured yet is not used."""
        firm, figures = self.risk.limits.firm, self.figures
        return [Utilisation(DRAWDOWN, self.drawdown.update(self.positions.net), firm.drawdown_usd),
                Utilisation(VAR, figures.var if figures else 0, firm.var_usd),
                Utilisation(STRESS, figures.stress if figures else 0, firm.stress_usd)]

    def _on_report(self, message: Message) -> None:
        report = fixmap.read_report(message.payload, self.universe.venues)
        strategy = self.strategy_of(report.order_id) if report else None
        if report and strategy is not None:
            self.accounts.on_report(strategy, report)

    def _on_tops(self, message: Message) -> None:
        every, time = self.live.parameters.every, message.time
        if self._due - every <= time < self._due:
            return
        if time < self._due:  # waiting for the time that was would leave risk unwatched
            back = self._due - every - time
            self.bus.publish(FAULTS, {"service": "risk", "what": f"the clock went back by {back} ns"})
        self._due = time + every
        self._sample(message)
        used = self.risk.judge(message)
        if not self._under_way and not self.risk.control.killed and self.figures:
            self._act(respond(used, self.figures, self._holdings()), message)

    def _sample(self, message: Message) -> None:
        """New figures, told with the charges that follow from them."""
        marks = {stock: one.mark for stock, one in self.positions.by_stock.items() if one.mark}
        figures = self.figures = self.live.sample(marks, self._held(), message.time)
        net = self.positions.net
        self.last = {name: getattr(figures, name) for name in MEASURES} | {"drawdown": self.drawdown.update(net)}
        self.most = {name: max(value, self.most.get(name, 0)) for name, value in self.last.items()}
        more = {"samples": figures.samples, "scenario": figures.scenario, "net": net}
        self.bus.publish(RISK, self.last | more, cause=message)
        for charge in self.accounts.on_figures(figures, marks, self.risk.limits.firm.var_usd):
            self.charges[charge.strategy] = charge
            self.bus.publish(CHARGES, charge, key=charge.strategy, cause=message)

    def _held(self) -> Mapping[str, int]:
        return {stock: one.qty for stock, one in self.positions.by_stock.items() if one.qty}

    def _holdings(self) -> Holdings:
        tradable = {listing.stock for listing in self.universe.listings
                    if (top := self.books.tops.get(listing.index)) and top.usable}
        return Holdings(self._held(), tradable, self._underlying, self._holder)

    def _holder(self, stock: str) -> int:
        """Who has most of it, the way it is held; the first strategy where nobody has any."""
        sign = 1 if self.positions.position(stock).qty >= 0 else -1
        held = self.accounts.held(stock)
        known = sorted(one.index for one in self.risk.limits.strategies.values())
        return max(held, key=lambda index: (sign * held[index], -index), default=known[0] if known else 0)

    def _act(self, command: Command | None, cause: Message) -> None:
        if command is None:
            self._stuck = ""
        elif command["command"]:
            self._under_way = True
            self.bus.publish(COMMANDS, command, key=command["stock"], cause=cause)
        elif not self._stuck:  # told once, until something can be done or need not be any more
            self._stuck = command["why"]
            self.bus.publish(FAULTS, {"service": "risk", "what": command["why"]})

    def _on_command(self, message: Message) -> None:
        command = message.payload
        self.commands.append(dict(command) | {"time": message.time})
        if command["command"] in ANSWERS:
            self._under_way = False
