"""Service "nic": the exchange simulator and the NIC, on the bus as a NIC with a port would be."""

import time

import numpy as np

from host.bus import Message
from host.bus.node import Node
from host.bus.topics import LIMITS_HELD, LIMITS_WANTED, REGISTERS, SESSION
from host.cli.simulation import WIND_DOWN_NS, HostModel, Simulation
from host.desk.nicport import NicPort
from host.link import LinkError
from host.link.driver import VerifyError
from host.link.virtual import VirtualLink
from host.risk.control import Control
from host.risk.limits import Limits, LimitsError
from host.risk.registers import in_force
from host.supervise.parts import OVER, STOPPING, Heartbeat, from_text, phases
from host.supervise.setting import Setting
from sim.nic import VirtualNic

#: Steps of the simulation between two looks at the bus.
_STEPS = 20
#: Longest real time for which the market waits at its end for processes that are slow to cancel.
_PATIENCE_S = 5.0
#: The host's own time is real here; what is left to model is the way between it and the NIC.
_HOST = HostModel(think_ns=1_000)


class _Port:
    """What a simulation needs of a desk that is elsewhere."""

    def __init__(self, bus: Node, venues: int):
        self.bus, self._port = bus, NicPort(bus, venues)
        self.nic = self.risk = self
        self.winding_down = False
        self.limits: Limits | None = None

    def on_records(self, raw: np.ndarray) -> None:
        self._port.on_records(raw)

    def take(self) -> np.ndarray:
        self.bus.poll()
        return self._port.take()

    def wind_down(self) -> None:
        self.bus.publish(SESSION, {"phase": STOPPING})


class Market:
    """Runs the market from phase "trading" on, as fast as it can; the desk's time is what passes meanwhile.

    Parameters
    ----------
    bus : its clock becomes the NIC's.
    """

    def __init__(self, setting: Setting, bus: Node):
        nic = VirtualNic(setting.nic)
        self.bus, self.link = bus, VirtualLink(nic)
        self.simulation = Simulation(nic, self.link, setting.limits, seed=setting.seed, duration_ns=setting.duration,
                                     host=_HOST, contracts=setting.contracts)
        self.simulation.host_there = Heartbeat(bus)
        self.link.write_many((one.block, one.register, one.index, one.value) for one in setting.hold(Control()))
        self.simulation.desk = _Port(bus, len(setting.venues))  # type: ignore[assignment]
        bus.clock = lambda: self.simulation.now
        self._running = self._over = False
        self._patient_until = 0.0
        bus.subscribe(REGISTERS, self._on_registers, name="nic")
        bus.subscribe(LIMITS_WANTED, self._on_limits, name="nic")
        self._tell_limits("")
        phases(bus, trading=self._start, stop=self._stop)

    def turn(self) -> int:
        if not self._running or self._over:
            return 0
        for _ in range(_STEPS):
            if not self.simulation.turn():
                if not self._waits():
                    self._end()
                break
        return 1

    def _waits(self) -> bool:
        """Whether the market stays open for its end: cancels of open orders are still on their way to it."""
        driver, listings = self.simulation.driver, self.simulation.universe.listings
        self._patient_until = self._patient_until or time.monotonic() + _PATIENCE_S
        exposures = (driver.exposure(one.index) for one in listings)
        if time.monotonic() > self._patient_until or not any(one.open_buy or one.open_sell for one in exposures):
            return False
        self.simulation.end += WIND_DOWN_NS
        return True

    def facts(self) -> dict[str, int]:
        return {"progress": self.simulation.progress * 1000 // max(1, self.simulation.total)}

    def close(self) -> None:
        self.link.close()

    def _start(self) -> None:
        self._running = True

    def _stop(self) -> None:
        """End early: open orders are still cancelled and answered."""
        simulation = self.simulation
        simulation.stop = min(simulation.stop, simulation.now)
        simulation.end = min(simulation.end, simulation.now + WIND_DOWN_NS)

    def _end(self) -> None:
        self._over = True
        driver, universe = self.simulation.driver, self.simulation.universe
        exposure = {str(one.index): list(driver.exposure(one.index)) for one in universe.listings}
        self.bus.publish(SESSION, {"phase": OVER, "exposure": exposure, "lost": self.link.lost})

    def _on_limits(self, message: Message) -> None:
        """Written and read back here, then everybody may go by them."""
        try:
            self.simulation.set_limits(from_text(message.payload["text"]))
        except (LimitsError, LinkError, VerifyError) as error:
            self._tell_limits("", str(error))
        else:
            self._tell_limits(message.payload["text"])

    def _tell_limits(self, text: str, problem: str = "") -> None:
        """What the NIC holds, with its own word for it. Without a text they are those of before."""
        simulation = self.simulation
        values = {} if problem else in_force(self.link, simulation.limits, simulation.universe)
        self.bus.publish(LIMITS_HELD, {"text": text, "problem": problem, "serial": simulation.limits.serial,
                                       "values": values})

    def _on_registers(self, message: Message) -> None:
        """At once: a kill waits for nothing."""
        self.link.post(message.payload)
