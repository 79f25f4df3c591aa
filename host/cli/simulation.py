"""A whole session in simulated time: exchange, NIC and desk in one deterministic loop.

Time is an integer of ns. The exchange and the NIC meet at the wire, exactly: a frame enters the NIC in
the cycle in which its first byte is on the port, and an order reaches the exchange when its frame is
complete. The host meets the NIC at polls, with the latencies of `HostModel`.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from hdl.registers import GATE
from hdl.venue import SIMULATED, VenueSpec
from host import contracts as options
from host.alpha.theo import worth
from host.contracts import Contract
from host.desk.desk import Desk
from host.link import Link
from host.link.driver import Driver
from host.oms.journal import Journal
from host.risk import registers
from host.risk.fields import MICROSECOND
from host.risk.limits import Limits
from host.universe import Universe
from sim.exchange import Exchange
from sim.nic import VirtualNic

#: 2026-01-05 14:30:00 UTC, a Monday: the simulated session's first moment.
START_NS = 1_767_623_400 * 10**9
FS_PER_NS = 10**6
#: From the end of trading to the end of the session: open orders are cancelled and answered.
WIND_DOWN_NS = 3_000_000
#: Heartbeats in the time that the watchdog gives the host.
BEATS = 4


@dataclass(frozen=True)
class HostModel:
    """How late the host is, in ns.

    Parameters
    ----------
    poll_ns : between two looks at the NIC's ring.
    up_ns : from a record leaving the NIC to the host seeing it.
    think_ns : from seeing records to the answer being in the NIC's ring.
    """
    poll_ns: int = 2_000
    up_ns: int = 1_000
    think_ns: int = 4_000


def options_follow(contracts: tuple[Contract, ...], limits: Limits) -> dict[str, tuple[str, Callable[[int], int]]]:
    """How the simulated options move: with their underlying. Raises `ValueError` for one that nobody may trade."""
    symbols = limits.symbols
    for one in contracts:
        for name in (one.name, one.underlying):
            if name not in symbols:
                raise ValueError(f"contract {one.name}: {name} is not in the limits; give it a table [symbols.{name}]")
    return {one.name: (one.underlying, worth(one, symbols[one.underlying].tick_usd, symbols[one.name].tick_usd))
            for one in contracts}


class Simulation:
    """Construct, then call `turn` until it returns False.

    Parameters
    ----------
    nic, link : the virtual NIC, freshly made, and the link to it.
    duration_ns : of trading; the wind-down comes on top.
    journal : of the desk's book of record.
    contracts : options among the stocks; None: those of the file that the environment names.

    `on_records`, where set, sees every batch of records before the desk does. `host_there`, where set, says whether
    the desk can still be heard: without it the NIC gets no heartbeat, and its watchdog stops orders.
    """

    def __init__(self, nic: VirtualNic, link: Link, limits: Limits, *, seed: int, duration_ns: int,
                 venues: tuple[VenueSpec, ...] = SIMULATED, host: HostModel = HostModel(),
                 journal: Journal | None = None, contracts: tuple[Contract, ...] | None = None):
        self.nic, self.link, self.limits, self.venues, self.host = nic, link, limits, venues, host
        self._clock_fs = nic.config.clock_fs
        self.universe = Universe.grid(tuple(limits.symbols), tuple(venue.target_comp_id for venue in venues))
        if len(self.universe.listings) > nic.config.symbols:
            raise ValueError(f"{len(limits.symbols)} stocks on {len(venues)} venues need "
                             f"{len(self.universe.listings)} books, the NIC has {nic.config.symbols}")
        self.on_records: Callable[[np.ndarray], None] = lambda raw: None
        self.host_there: Callable[[], bool] = lambda: True
        self._base = START_NS - nic.cycle * self._clock_fs // FS_PER_NS
        self.driver = Driver(link)
        self._set_up()
        self._base += link.time_ns - self._time(nic.cycle)  # the desk and the exchange go by the NIC's clock
        self.start = self.now = self._time(nic.cycle)
        self.stop, self.end = self.start + duration_ns, self.start + duration_ns + WIND_DOWN_NS
        contracts = options.configured() if contracts is None else contracts
        self.exchange = Exchange(venues, self.universe.stocks, seed, self.start,
                                 follows=options_follow(contracts, limits))
        self.desk = Desk(nic.config, self.universe, limits, venues, self._write, lambda: self.now, journal=journal,
                         seed=seed, contracts=contracts)
        self._next_poll = self._next_beat = self.start + host.poll_ns
        self._up: deque[tuple[int, np.ndarray]] = deque()
        self._down: deque[tuple[int, np.ndarray]] = deque()
        self._winding_down = False

    def _write(self, writes: list[registers.Write]) -> None:
        """At once: a kill does not wait for the modelled host."""
        self.link.write_many((one.block, one.register, one.index, one.value) for one in writes)

    def _set_up(self) -> None:
        """Clock, sessions, books and feeds, then the limits; the day begins after it."""
        driver = self.driver
        driver.set_clock(START_NS)
        driver.report(events=True, levels=True)
        for index, venue in enumerate(self.venues):
            driver.set_venue(index, venue)
        for listing in self.universe.listings:
            driver.subscribe(listing.index, listing.stock, listing.venue, clear=True)
        for index, venue in enumerate(self.venues):
            driver.set_feed(index, venue, expected=1)
        driver.apply(registers.writes(self.limits, self.universe))

    def turn(self) -> bool:
        """Go to the next moment at which exchange or host has something to do. False at the end."""
        exchange_next = self.exchange.next_time()
        moment = min(self._next_poll, self.end, self.end if exchange_next is None else max(exchange_next, self.now))
        if self.nic.run_until(self._cycle(moment), until="tx") == "tx":
            self._orders()
            return True
        self._orders()
        self.now = moment
        for sent in self.exchange.advance(moment):
            self.nic.send(sent.port, sent.frame, at=self._cycle(sent.time_ns))
        if moment >= self._next_poll:
            self._next_poll += self.host.poll_ns
            self._poll()
        return moment < self.end

    @property
    def progress(self) -> int:
        """Simulated ns done since the start."""
        return self.now - self.start

    @property
    def total(self) -> int:
        return self.end - self.start

    def set_limits(self, limits: Limits) -> None:
        """New limits: the NIC's at once and read back, then the desk's."""
        self.driver.apply(registers.writes(limits, self.universe, before=self.limits))
        self._next_beat = self.now
        self.limits = self.desk.risk.limits = limits

    def _orders(self) -> None:
        for frame in self.nic.frames():
            self.exchange.receive(self._time(frame.start), frame.data, frame.poisoned)

    def _beat(self) -> None:
        """The NIC's watchdog hears from the host several times before it would bark, as long as the host is there."""
        if self.now >= self._next_beat and self.host_there():
            self._next_beat = self.now + self.limits.firm.watchdog_us * MICROSECOND // BEATS
            self.link.write(GATE, "heartbeat", 1)

    def _poll(self) -> None:
        """One look of the host at the ring, and what follows from it."""
        self._beat()
        raw = self.link.poll()
        if len(raw):
            self._up.append((self.now + self.host.up_ns, raw))
        while self._up and self._up[0][0] <= self.now:
            records = self._up.popleft()[1]
            self.on_records(records)
            self.desk.nic.on_records(records)
        if self.now >= self.stop and not self._winding_down:
            self._winding_down = True
            self.desk.wind_down()
        posts = self.desk.nic.take()
        if len(posts):
            self._down.append((self.now + self.host.think_ns, posts))
        while self._down and self._down[0][0] <= self.now:
            self.link.post(self._down.popleft()[1])

    def _cycle(self, time_ns: int) -> int:
        return -(-(time_ns - self._base) * FS_PER_NS // self._clock_fs)

    def _time(self, cycle: int) -> int:
        return self._base + cycle * self._clock_fs // FS_PER_NS
