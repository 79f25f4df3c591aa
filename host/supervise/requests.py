"""What other shells ask of a session of `tickgate up`: kill and resume, limits, quotes. As `host.cli.oversight` for a
session in one process: what loosens anything is believed only if a person has signed it in the audit log."""

import time
from collections.abc import Callable
from typing import Any

from host.bus import Message
from host.bus.node import Node
from host.bus.topics import FAULTS, LIMITS_HELD, LIMITS_WANTED, SAMPLES
from host.cli import audit, rfq
from host.cli.control import Request
from host.cli.errors import UserError
from host.ems.quoteclient import QuoteClient
from host.risk.ledger import Ledger
from host.risk.tree import dump
from host.risk.utilisation import Utilisation
from host.supervise.parts import InForce
from host.supervise.setting import Setting
from host.supervise.supervisor import Supervisor

#: How long the NIC may take to write limits and read them back.
_PATIENCE_S = 10.0
#: How long the desk may take to answer a request for a quote.
_QUOTE_S = 5.0


class Requests:
    """Serves requests between two turns of the supervisor.

    Parameters
    ----------
    own_limits : the session's limits are those of a file, and do not follow the audit log.
    """

    def __init__(self, setting: Setting, bus: Node, supervisor: Supervisor, *, own_limits: bool = False):
        self.setting, self.bus, self.supervisor, self.own_limits = setting, bus, supervisor, own_limits
        self.started_ns = time.time_ns()
        self.held: dict[str, Any] = {}
        self._in_force = InForce(bus, setting.limits)
        self.quotes = QuoteClient(bus)
        self._resumed: set[int] = set()
        ledger = None if own_limits else audit.in_force(setting.state_folder)[1]
        self._next_end = _end_of(ledger)
        self._used: dict[str, Utilisation] = {}
        bus.subscribe(LIMITS_HELD, self._on_held, name="requests", last=True)
        bus.subscribe(SAMPLES, self._on_use, name="requests")

    def handlers(self) -> dict[str, Callable[[Request, str], dict[str, Any]]]:
        """By the command that asks for it; each is told the request and who asks."""
        return {"ping": lambda request, who: {}, "kill": self._kill, "resume": self._resume, "rfq": self._rfq,
                "limits": self._limits, "limits reload": lambda request, who: {"text": self._reload()}}

    def poll(self) -> None:
        """Overrides expire by the wall clock."""
        if self._next_end and time.time_ns() >= self._next_end:
            self._next_end = None
            try:
                self._reload()
            except UserError as error:
                self.bus.publish(FAULTS, {"service": "limits", "what": f"what has ended is still in force: {error}"})

    def utilisation(self) -> list[dict[str, Any]]:
        """Use of every limit, as risk told it last."""
        return [{"path": one.path, "used": one.used, "limit": one.limit, "permille": one.permille,
                 "level": one.level.name} for one in self._used.values()]

    def killed(self) -> str:
        """What is stopped, by name; empty where nothing is."""
        control, setting = self.supervisor.control, self.setting
        names = ["everything"] if control.killed else []
        names += [name for n, name in enumerate(setting.universe.venues) if control.venues >> n & 1]
        strategies = sorted(self._in_force.limits.strategy_names.items())
        return ", ".join(names + [name for n, name in strategies if control.strategies >> n & 1])

    def masks(self, scope: dict[str, Any]) -> dict[str, int]:
        """Bits of the venue and strategy that are named."""
        indices = {"venue": {name: n for n, name in enumerate(self.setting.universe.venues)},
                   "strategy": {name: index for index, name in self._in_force.limits.strategy_names.items()}}
        masks = {}
        for kind, plural in (("venue", "venues"), ("strategy", "strategies")):
            if name := scope.get(kind):
                if name not in indices[kind]:
                    raise UserError(f"there is no {kind} {name!r}; there is {', '.join(indices[kind])}")
                masks[plural] = 1 << indices[kind][name]
        return masks

    # ---- kill and resume

    def _kill(self, request: Request, who: str) -> dict[str, Any]:
        self.supervisor.kill(who, str(request.get("why", "")), **self.masks(request))
        return self._answer()

    def _resume(self, request: Request, who: str) -> dict[str, Any]:
        entry = self._entry(request.get("number"))
        try:
            self.supervisor.resume(entry["who"], entry["reason"], **self.masks(entry["what"]))
        except ValueError as error:
            raise UserError(str(error)) from None
        self._resumed.add(entry["number"])
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        return {"text": f"killed now: {self.killed() or 'nothing'}"}

    def _entry(self, number: object) -> dict[str, Any]:
        """A resume that a person has signed since this session began, and that was not acted on before."""
        state = self.setting.state_folder
        audit.read(state)
        entry = next((one for one in audit.entries(state) if one["number"] == number), None)
        if entry is None or entry["command"] != "resume" or entry["time_ns"] < self.started_ns:
            raise UserError(f"the audit log of this session ({state}) has no resume {number} since it began")
        if number in self._resumed:
            raise UserError(f"resume {number} was acted on before")
        return dict(entry)

    # ---- quotes

    def _rfq(self, request: Request, who: str) -> dict[str, Any]:
        asked, end = self.quotes.ask(*rfq.wanted(request)), time.monotonic() + _QUOTE_S
        while (answer := self.quotes.take(asked)) is None and time.monotonic() < end:
            self.bus.poll()
            time.sleep(0.001)
        return rfq.told(answer)

    # ---- limits

    def _limits(self, request: Request, who: str) -> dict[str, Any]:
        """What is in force, as the NIC had it when it was written last."""
        return {"values": self.held.get("values", {})}

    def _reload(self) -> str:
        """Take up what is in force by the audit log, and wait until the NIC holds it. Where it does not, what it holds
        is not known: everything is killed."""
        if self.own_limits:
            raise UserError("it runs with a limits file of its own (--limits); stop it first")
        limits, ledger = audit.in_force(self.setting.state_folder)
        if new := set(limits.symbols) - set(self.setting.universe.stocks):
            raise UserError(f"a running session takes no new stock ({', '.join(sorted(new))}); stop it first")
        assert ledger, "limits change by the audit log alone"
        assert ledger.stack, "a ledger starts with limits"
        self.held = {}
        self.bus.publish(LIMITS_WANTED, {"text": dump(ledger.stack.tree(time.time_ns())), "serial": limits.serial})
        self._next_end = _end_of(ledger)
        end = time.monotonic() + _PATIENCE_S
        while not self.held and time.monotonic() < end:
            self.bus.poll()
            time.sleep(0.001)
        problem = self.held.get("problem", "") if self.held else "the NIC does not answer"
        if problem:
            self.supervisor.kill("limits", f"version {limits.serial} is not in force: {problem}")
            raise UserError(f"{problem}; everything was killed")
        read = "read back from the NIC" if self.held["values"] else "in the host's gate; there is no NIC"
        return f"in force in the running session: version {limits.serial}, {read}"

    def _on_use(self, message: Message) -> None:
        self._used[message.payload.path] = message.payload

    def _on_held(self, message: Message) -> None:
        self.held = message.payload


def _end_of(ledger: Ledger | None) -> int | None:
    return ledger.stack.next_end(time.time_ns()) if ledger and ledger.stack else None
