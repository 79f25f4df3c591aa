"""What a session amounts to: counted on the bus while it runs, and put together at its end.

Everything is an integer or a string, and nothing comes from a wall clock: the same session gives the
same summary, bit for bit.
"""

from collections import deque
from dataclasses import asdict
from typing import Any

from hdl.layouts import Reason
from host import fixmap
from host.bus import Hop, Message
from host.bus.topics import FAULTS, ROUTED, UTILISATION
from host.desk.counts import COLUMNS, ORIGINS, Counts
from host.desk.desk import Desk
from host.desk.latency import stages
from host.positions.adapter import state
from host.risk.supervisor import KEPT
from host.risk.utilisation import Utilisation
from host.tca.report import by_size, by_venue, measures
from host.tca.sums import by


class Statistics(Counts):
    """Subscribes to what the summary needs; `summary()` may be asked for at any time."""

    def __init__(self, desk: Desk):
        super().__init__(desk.bus, desk.universe, desk.oms.find)
        self.desk = desk
        self.trails: dict[str, list[tuple[Hop, ...]]] = {name: [] for name in ORIGINS.values()}
        self.faults: list[str] = []
        self.started = desk.bus.clock()
        self.levels: deque[tuple[int, Utilisation]] = deque(maxlen=KEPT)
        for topic, handler in ((ROUTED, self._on_routed), (FAULTS, self._on_fault), (UTILISATION, self._on_level)):
            desk.bus.subscribe(topic, handler, name="statistics")

    def summary(self) -> dict[str, Any]:
        desk = self.desk
        names, cells = desk.universe.venues, desk.tca.cells
        positions = {stock: state(desk.positions.position(stock)) for stock in desk.universe.stocks}
        return {
            "feeds": {names[feed]: {chr(kind): count for kind, count in sorted(counts.items())}
                      for feed, counts in sorted(self.feeds.items())},
            "tops": self.tops,
            "orders": {name: {column: counts[column] for column in COLUMNS} for name, counts in self.orders.items()},
            "order_states": dict(sorted(desk.oms.states().items())),
            "rejects": {reason.name: {by: self.rejects[reason.name][by] for by in ("host", "nic")}
                        for reason in Reason if reason.name in self.rejects},
            "positions": positions,
            "pnl": {name: sum(one[name] for one in positions.values())
                    for name in ("realised", "unrealised", "fees", "net")},
            "venues": {name: one | {"answer_ns": desk.scorer.answer(venue)}
                       for venue, (name, one) in enumerate(by_venue(cells, names).items())},
            "strategies": {desk.risk.limits.strategy_names.get(index, str(index)): measures(sums)
                           for (index,), sums in by(cells, "strategy").items()},
            "tca": by_size(cells, names),
            "scores": [asdict(one) | {"venue": names[one.venue]} for _, one in sorted(desk.scores.known.items())],
            "feedback": desk.effects.summary(names, desk.risk.limits.strategy_names),
            "risk": self._risk(),
            "limits_peak_permille": {path: one.permille for path, one in sorted(desk.risk.peaks.items())},
            "latency_ns": {name: {stage: asdict(one) for stage, one in stages(trails).items()}
                           for name, trails in self.trails.items()},
            "bus_messages": dict(sorted(desk.bus.counts.items())),
            "breaks": [asdict(one) for one in desk.oms.breaks],
            "faults": self.faults,
        }

    def _risk(self) -> dict[str, Any]:
        """What risk measured at last and at most, what each strategy is charged, and what it commanded."""
        supervisor, names = self.desk.supervisor, self.desk.risk.limits.strategy_names
        start = self.started
        return {
            "figures": asdict(supervisor.figures) if supervisor.figures else {}, "last": supervisor.last,
            "most": supervisor.most,
            "charges": {names.get(index, str(index)): asdict(one) for index, one in sorted(supervisor.charges.items())},
            "levels": [{"time": time - start, "path": one.path, "level": one.level.name, "permille": one.permille}
                       for time, one in self.levels],
            "commands": [one | {"time": one["time"] - start} for one in supervisor.commands],
            "kills": [{"time": one.time - start, "why": one.why} for one in self.desk.risk.control.history
                      if one.kill and one.who == "risk"]}

    def _on_level(self, message: Message) -> None:
        self.levels.append((message.time, message.payload))

    def _on_routed(self, message: Message) -> None:
        places = {hop.place for hop in message.hops}
        cancel = not isinstance(fixmap.read_order(message.payload), fixmap.NewOrder)
        if not cancel:
            self.trails["trigger" if "nic.needed" in places else "host"].append(message.hops)

    def _on_fault(self, message: Message) -> None:
        self.faults.append(f"{message.payload['service']}: {message.payload['what']}")
