"""Service "nic" without gateware: the exchange itself behind a port, with a kill. For looking at processes."""

import time

import numpy as np

from hdl.layouts import DECISION, Origin, Reason
from hdl.registers import GATE, RESUME_KEY
from host.bus import Message
from host.bus.node import Node
from host.bus.topics import LIMITS_HELD, LIMITS_WANTED, REGISTERS, SESSION
from host.cli.simulation import START_NS, WIND_DOWN_NS, options_follow
from host.desk.nicport import NicPort
from host.supervise.parts import OVER, STOPPING, Heartbeat, phases
from host.supervise.setting import Setting
from sim.exchange import Exchange
from sim.exchange.direct import DirectNic

#: Simulated ns that pass in a second, at most: the pace that the compiled NIC has on one core.
PACE = 5_000_000
#: Between two looks at the ring, and from there to the wire.
_POLL_NS, _THINK_NS = 5_000, 1_000


class _Gated(DirectNic):
    """Rejects every intent while it is killed; it knows no other check."""

    killed = False

    def _send(self, intent: np.void, now: int) -> None:
        if not self.killed:
            super()._send(intent, now)
            return
        same = {name: intent[name] for name in ("symbol", "order_id", "price", "qty", "side", "strategy", "action",
                                                "venue")}
        self._waiting.append(DECISION.make(reasons=1 << Reason.KILL, origin=Origin.HOST, time=now, **same))


class Direct:
    """As `host.supervise.market.Market`. Registers that it does not have are ignored; nothing is reconciled."""

    def __init__(self, setting: Setting, bus: Node):
        universe = setting.universe
        self.bus = bus
        follows = options_follow(setting.contracts, setting.limits)
        self.nic = _Gated(Exchange(setting.venues, universe.stocks, setting.seed, START_NS, follows=follows),
                          setting.venues, [(one.index, one.stock, one.venue) for one in universe.listings])
        self.nic.killed = bool(setting.kills)
        self._host_there = Heartbeat(bus)
        self.port = NicPort(bus, len(setting.venues))
        self.now, self.stop = START_NS, START_NS + setting.duration
        self.end = self.stop + WIND_DOWN_NS
        self._started = 0.0
        self._stopping = self._over = False
        self._kill = setting.registers.address(GATE, "kill", 0), setting.registers.address(GATE, "resume", 0)
        bus.clock = lambda: self.now
        bus.subscribe(REGISTERS, self._on_registers, name="nic")
        bus.subscribe(LIMITS_WANTED, self._on_limits, name="nic")
        phases(bus, trading=self._start, stop=self._stop)

    def turn(self) -> int:
        if not self._started or self._over or self.now - START_NS > (time.monotonic() - self._started) * PACE:
            return 0
        self.now += _POLL_NS
        if not self.nic.killed and not self._host_there():  # as a NIC's watchdog
            self.nic.killed = True
        self.port.on_records(self.nic.advance(self.now))
        self.nic.post(self.port.take(), self.now + _THINK_NS)
        if self.now >= self.stop and not self._stopping:
            self._stopping = True
            self.bus.publish(SESSION, {"phase": STOPPING})
        if self.now >= self.end:
            self._over = True
            self.bus.publish(SESSION, {"phase": OVER, "exposure": None, "lost": 0})
        return 1

    def facts(self) -> dict[str, int]:
        return {"progress": (self.now - START_NS) * 1000 // max(1, self.end - START_NS)}

    def close(self) -> None:
        """Nothing is held."""

    def _start(self) -> None:
        self._started = time.monotonic()

    def _stop(self) -> None:
        self.stop = min(self.stop, self.now)
        self.end = min(self.end, self.now + WIND_DOWN_NS)

    def _on_limits(self, message: Message) -> None:
        """Nothing here holds limits: risk's own gate is all there is."""
        self.bus.publish(LIMITS_HELD, {"text": message.payload["text"], "problem": "", "values": {},
                                       "serial": message.payload["serial"]})

    def _on_registers(self, message: Message) -> None:
        kill, resume = self._kill
        for address, data in zip(message.payload["addr"].tolist(), message.payload["data"].tolist(), strict=True):
            if address == kill and data:
                self.nic.killed = True
            elif address == resume:
                word = GATE["resume"].unpack(data)
                if word["key"] == RESUME_KEY and word["all"]:
                    self.nic.killed = False
