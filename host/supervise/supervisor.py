"""The supervisor: keeps the processes of a session running, and stops orders when one that must be there is not."""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from fixparse.errors import FixError
from hdl.layouts import Action, Reason
from host import fixmap
from host.bus import Message
from host.bus.node import Node
from host.bus.topics import CONTROL, DECISIONS, FAULTS, POSITIONS, REPORTS, SENT, SERVICES, SESSION
from host.risk.control import Control
from host.supervise.parts import OVER, RECONCILED, TRADING, follow, send_writes
from host.supervise.processes import GIVEN_UP, Process
from host.supervise.service import KINDS
from host.supervise.setting import Setting

#: After the market is over, the book of record is reconciled within so long.
_RECONCILE_S = 30.0
#: What is counted.
COUNTS = ("orders", "cancels", "rejected", "fills", "shares")


class SessionFailed(Exception):
    """The session cannot go on: says why."""


class Supervisor:
    """Call `turn` until it returns False, then `close`.

    A process that ends is started again, later each time. If the desk may not trade without it, everything is killed
    first, in the NIC, past all other processes; a person lifts that (`resume`) once all are back. The market itself
    cannot be taken up again: without it the session is over.

    Parameters
    ----------
    say : told of what happens, a line at a time.
    names : of the processes. secrets : what some of them are told as they start.

    Members
    -------
    counts : orders sent, cancels, fills and shares so far. positions : shares held by stock.
    events : what happened to processes. phase : of the session.
    """

    def __init__(self, setting: Setting, bus: Node, say: Callable[[str], None], names: Iterable[str] = KINDS,
                 secrets: Mapping[str, str] = {}):
        self.setting, self.bus, self.say = setting, bus, say
        self.processes = {name: Process(setting, name, secrets.get(name, "")) for name in names}
        self.control = Control()
        setting.hold(self.control)
        self.phase = ""
        self.progress = 0
        self.counts: Counter[str] = Counter()
        self.positions: dict[str, int] = {}
        self.faults: list[str] = []
        self.events: list[str] = []
        self.outcome: dict[str, Any] = {}
        self._over = 0.0
        self._stopping = False
        handlers = {SERVICES: self._on_service, SESSION: self._on_session, CONTROL: self._on_control,
                    FAULTS: self._on_fault, SENT: self._on_sent, REPORTS: self._on_report,
                    POSITIONS: self._on_position, DECISIONS: self._on_decisions}
        for topic, handler in handlers.items():
            bus.subscribe(topic, handler, name="supervisor")

    def turn(self) -> bool:
        """Look after everything once. False when the session is over. Raises `SessionFailed`."""
        self.bus.poll()
        for process in self.processes.values():
            if why := process.poll():
                self._lost(process, why)
        if not self.phase and all(process.running for process in self.processes.values() if process.needed):
            self._phase(TRADING)
        if self.phase == OVER and time.monotonic() - self._over > _RECONCILE_S:
            raise SessionFailed("the market is over, and the EMS did not reconcile its book with the NIC")
        return self.phase != RECONCILED

    def stop(self) -> None:
        """End early and in order: open orders are cancelled, the book is reconciled. Twice: at once."""
        if self._stopping or self.phase in ("", RECONCILED):
            raise SessionFailed("stopped")
        self._stopping = True
        self.bus.publish(SESSION, {"phase": "stop"})

    def kill(self, who: str, why: str, **masks: int) -> None:
        """Stop orders in the NIC, then tell everyone."""
        self._send(self.control.kill(who, why, self.bus.clock(), **masks))

    def resume(self, who: str, why: str, **masks: int) -> None:
        """Raises `ValueError` while a process is missing that must be there."""
        missing = [name for name, one in self.processes.items() if one.needed and not one.running]
        if missing:
            raise ValueError(f"{', '.join(missing)} is not running; orders stay stopped until it is")
        self._send(self.control.resume(who, why, self.bus.clock(), **masks))

    def close(self) -> None:
        """End every process: who writes last."""
        for process in self.processes.values():
            process.stop()
        for process in self.processes.values():
            process.join()

    # ---- what is told

    def _on_service(self, message: Message) -> None:
        one = message.payload
        if process := self.processes.get(one["service"]):
            again = not process.running and process.starts > 1
            process.on_beat(one["pid"], one["handled"])
            self.progress = one.get("progress", self.progress)
            if again and process.running:
                self._event(f"{process.name} is back (start {process.starts})")

    def _on_session(self, message: Message) -> None:
        self.phase = message.payload["phase"] if message.payload["phase"] != "stop" else self.phase
        if self.phase == OVER:
            self._over = time.monotonic()
        elif self.phase == RECONCILED:
            self.outcome = message.payload

    def _on_control(self, message: Message) -> None:
        if message.source != self.bus.source:
            follow(self.control, message.payload)
        event = message.payload
        self._event(f"{'kill' if event.kill else 'resume'} by {event.who}: {event.why}")

    def _on_fault(self, message: Message) -> None:
        self.faults.append(f"{message.payload['service']}: {message.payload['what']}")
        self.say(self.faults[-1])

    def _on_sent(self, message: Message) -> None:
        for action in message.payload["action"].tolist():
            self.counts["orders" if action == Action.NEW else "cancels"] += 1

    def _on_report(self, message: Message) -> None:
        try:
            report = fixmap.read_report(message.payload, self.setting.universe.venues)
        except FixError:
            return
        if report and report.is_trade:
            self.counts["fills"] += 1
            self.counts["shares"] += report.last_qty

    def _on_position(self, message: Message) -> None:
        self.positions[message.payload["stock"]] = message.payload["qty"]

    def _on_decisions(self, message: Message) -> None:
        """A NIC that has killed by itself: the desk stops too."""
        reasons = message.payload["reasons"]
        self.counts["rejected"] += int((reasons != 0).sum())
        if not self.control.history and bool((reasons >> Reason.KILL & 1).any()):
            self.kill("NIC", "it rejects orders as killed, and nobody here has killed")

    # ---- what is done

    def _lost(self, process: Process, why: str) -> None:
        self._event(f"{process.name} {why}")
        if process.name == "nic" and self.phase:
            raise SessionFailed(f"the market and the NIC are gone: nic {why}")
        if process.needed and self.phase:
            if not self.control.killed:
                self.kill("supervisor", f"{process.name} {why}")
            if process.state == GIVEN_UP:
                raise SessionFailed(f"{process.name} cannot be kept running: {why}")
        elif process.state == GIVEN_UP and process.needed:
            raise SessionFailed(f"{process.name} does not start: {why}")

    def _phase(self, phase: str) -> None:
        self.phase = phase
        self.bus.publish(SESSION, {"phase": phase})
        self._event(phase)

    def _send(self, writes: Any) -> None:
        send_writes(self.bus, self.setting.registers, writes)
        self.bus.publish(CONTROL, self.control.history[-1])

    def _event(self, text: str) -> None:
        self.events.append(text)
        self.say(text)
