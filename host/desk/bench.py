"""How long the desk takes from one step of an order to the next, and what its live page costs it.

A desk in one process trades on the exchange without a NIC, as fast as it can; every step is stamped as its message is
handed over, with the time that the desk's thread has had of its core: what else the machine does is not the desk's.
Percentiles are times that occurred.
"""

import itertools
import time
from typing import NamedTuple

from fixparse.errors import FixError
from hdl.config import GBE
from hdl.layouts import Action
from hdl.venue import SIMULATED
from host import fixmap
from host.bus import Message
from host.bus.topics import INTENTS, PASSED, PROPOSED
from host.cli.simulation import START_NS, WIND_DOWN_NS
from host.dashboard.hub import Hub
from host.dashboard.service import PERIOD_S
from host.dashboard.snapshot import series, snapshot
from host.dashboard.view import View
from host.desk.desk import Desk
from host.desk.latency import percentile
from host.desk.statistics import Statistics
from host.risk.limits import load
from host.universe import Universe
from sim.exchange import Exchange
from sim.exchange.direct import DirectNic

#: Simulated ns of trading, a poll, and the way of an order down to the NIC.
DURATION_NS, _POLL_NS, _THINK_NS = 300_000_000, 5_000, 1_000
#: Orders that are not counted: code is compiled and caches are filled.
_WARM = 50
STATES = 300
PERMILLES = (("p50", 500), ("p99", 990), ("p999", 999))
#: The steps, by name: from records in hand to the order proposed, to passed by risk, to the EMS's intent.
STEPS = ("tick_to_proposed", "proposed_to_passed", "passed_to_intent", "total")


class Played(NamedTuple):
    """A desk after its session, and the ns of each step of each order."""
    desk: Desk
    view: View
    statistics: Statistics
    steps: dict[str, list[int]]


class _Stamps:
    """When each message of an order's way was handed over. It reads nothing of them while the desk works."""

    def __init__(self, desk: Desk):
        self.polled = 0
        self._seen: list[tuple[Message, int, int]] = []
        desk.bus.tap(self._on_message, name="bench")

    def _on_message(self, message: Message) -> None:
        if message.topic in (PROPOSED, PASSED, INTENTS):
            self._seen.append((message, time.thread_time_ns(), self.polled))

    def steps(self) -> dict[str, list[int]]:
        """Of new orders that took all of them, in the order of their intents."""
        at: dict[int, dict[str, int]] = {}
        found: dict[str, list[int]] = {name: [] for name in STEPS}
        for message, now, polled in self._seen:
            if message.topic is not INTENTS:
                try:
                    order = fixmap.read_order(message.payload)
                except FixError:
                    continue
                at.setdefault(order.order_id, {"polled": polled})[message.topic.name] = now
                continue
            for record in message.payload[message.payload["action"] == Action.NEW]:
                way = at.pop(int(record["order_id"]), {})
                if len(way) == len(STEPS) - 1:
                    times = [*way.values(), now]
                    for name, (before, after) in zip(STEPS[:-1], itertools.pairwise(times), strict=True):
                        found[name].append(after - before)
                    found[STEPS[-1]].append(now - way["polled"])
        return {name: sorted(times[_WARM:]) for name, times in found.items()}


def play(duration_ns: int = DURATION_NS, seed: int = 1) -> Played:
    """A session of the desk with its strategies."""
    limits = load()
    universe = Universe.grid(tuple(limits.symbols), tuple(venue.target_comp_id for venue in SIMULATED))
    now = START_NS
    desk = Desk(GBE, universe, limits, SIMULATED, lambda writes: None, lambda: now, seed=seed)
    statistics = Statistics(desk)
    view, stamps = View(desk, statistics), _Stamps(desk)
    nic = DirectNic(Exchange(SIMULATED, universe.stocks, seed, START_NS), SIMULATED,
                    [(one.index, one.stock, one.venue) for one in universe.listings])
    while now < START_NS + duration_ns + WIND_DOWN_NS:
        now += _POLL_NS
        records = nic.advance(now)
        stamps.polled = time.thread_time_ns()
        desk.nic.on_records(records)
        nic.post(desk.nic.take(), now + _THINK_NS)
        if now == START_NS + duration_ns:
            desk.wind_down()
    if desk.failures:
        raise RuntimeError(f"the desk failed: {desk.failures[0]}")
    return Played(desk, view, statistics, stamps.steps())


def page_cost(view: View, states: int = STATES) -> dict[str, float]:
    """What the live page takes of the session's thread, at its own rate, and how large a state is."""
    hub = Hub()
    start = time.thread_time_ns()
    for _ in range(states):
        hub.publish(snapshot(view) | {"series": list(series(view).values())})
    each = (time.thread_time_ns() - start) / states
    return {"dashboard.state_us": each / 1000, "dashboard.session_thread_percent": each / PERIOD_S / 1e7,
            "dashboard.state_bytes": len(hub.newest()[1])}


def figures() -> dict[str, float]:
    played = play()
    orders = len(played.steps["total"])
    if not orders:
        raise RuntimeError("the desk sent no orders")
    found: dict[str, float] = {f"hop.{name}_{cut}_us": percentile(times, permille) / 1000
                               for name, times in played.steps.items() for cut, permille in PERMILLES}
    return found | {"hop.orders": orders} | page_cost(played.view)
