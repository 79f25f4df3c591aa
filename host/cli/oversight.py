"""A person's hand on a running session: its limits, kills and resumes, its utilisation, and every decision kept."""

import time
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from hdl.layouts import DECISION, Reason
from hdl.registers import GATE
from host.bus.topics import CONTROL
from host.cli import audit, places
from host.cli.control import Request
from host.cli.errors import UserError
from host.cli.simulation import Simulation
from host.risk.journal import Journal
from host.risk.ledger import Entry, Ledger
from host.risk.registers import in_force
from host.risk.utilisation import OpenShares


class Oversight:
    """Made when the session is, before it trades: what was killed in an earlier one is killed from the start.

    Parameters
    ----------
    state : folder of the limits and the audit log; decisions are kept there.
    own_limits : the session's limits are not those of `state`, and do not follow them.
    seed : of the session, for the record.

    `interventions` is what was done, by whom, at which moment of the session.
    """

    def __init__(self, simulation: Simulation, state: Path, *, own_limits: bool = False, seed: int = 0):
        self.simulation, self.state, self.own_limits = simulation, state, own_limits
        self.risk = simulation.desk.risk
        self.interventions: list[dict[str, Any]] = []
        self.started_ns = time.time_ns()
        self._resumed: set[int] = set()
        self._tripped = False
        ledger = audit.read(state)
        self._next_end = self._end_of(ledger)
        self._folder = f"{places.DECISIONS}/{self.started_ns}"
        try:
            self.journal = Journal(state / self._folder, simulation.nic.config, simulation.universe, seed=seed,
                                   started_ns=self.started_ns)
        except OSError as error:
            raise UserError(f"{state / self._folder}: decisions cannot be kept ({error.strerror})") from None
        self.journal.on_limits(simulation.now, simulation.limits)
        simulation.desk.bus.subscribe(CONTROL, lambda message: self.journal.on_control(message.payload), name="audit")
        self.risk.on_rejected = self.journal.on_rejected
        for entry in {entry["number"]: entry for entry in ledger.kills.values()}.values():
            self._control("kill", entry["who"], entry["reason"], entry["what"])

    def on_records(self, raw: np.ndarray) -> None:
        """What came up from the NIC: (n, 64) bytes."""
        self.journal.on_records(raw)
        decisions = raw[raw[:, 0] == DECISION.kind].view(DECISION.dtype).reshape(-1)
        self._tripped |= not self.killed and bool((decisions["reasons"] >> Reason.KILL & 1).any())

    def poll(self) -> None:
        """Overrides expire by the wall clock. A NIC that has killed by itself is asked why, and the desk stops too."""
        if self._tripped:
            self._tripped = False
            cause = GATE["cause"].unpack(self.simulation.link.read(GATE, "cause"))
            why = ", ".join(bits.doc for bits in GATE["cause"].bits if cause[bits.name]) or "lifted by now"
            self.risk.kill("NIC", why)
            self._intervened("kill", "NIC")
        if self._next_end and time.time_ns() >= self._next_end:
            self._reload("limits expired", "time")

    def close(self) -> str:
        """Tell the audit log what was kept. What could not be, in one line; empty where all was."""
        hashes = self.journal.close()
        audit.note(self.state, "session", "", {
            "folder": self._folder, "files": hashes, "decisions": self.journal.decisions,
            "rejected": self.journal.rejected,
            "kills": [asdict(event) for event in self.risk.control.history if event.kill]})
        return self.journal.problem

    @property
    def killed(self) -> str:
        """What is stopped, by name; empty where nothing is."""
        control, simulation = self.risk.control, self.simulation
        names = ["everything"] if control.killed else []
        names += [name for n, name in enumerate(simulation.universe.venues) if control.venues >> n & 1]
        names += [name for n, name in sorted(simulation.limits.strategy_names.items()) if control.strategies >> n & 1]
        return ", ".join(names)

    def utilisation(self) -> list[dict[str, Any]]:
        """Use of every limit, positions with all that is open on their side."""
        shares: Counter[OpenShares] = Counter()
        for order in self.simulation.desk.oms.live:
            shares[order.new.stock, order.new.venue, order.new.side & 1] += order.leaves
        return [{"path": one.path, "used": one.used, "limit": one.limit, "permille": one.permille,
                 "level": one.level.name} for one in self.risk.utilisation(shares)]

    # ---- requests from other shells

    def kill(self, request: Request, who: str) -> dict[str, Any]:
        return self._control("kill", who, str(request.get("why", "")), request)

    def resume(self, request: Request, who: str) -> dict[str, Any]:
        """Only what a person has signed in the audit log since this session began, and once."""
        entry = self._entry(request.get("number"))
        self._resumed.add(entry["number"])
        return self._control("resume", entry["who"], entry["reason"], entry["what"])

    def limits(self, request: Request, who: str) -> dict[str, Any]:
        """What is in force, read back from the NIC."""
        return {"values": in_force(self.simulation.link, self.simulation.limits, self.simulation.universe)}

    def reload(self, request: Request, who: str) -> dict[str, Any]:
        """Take up what is in force by the audit log: nothing that a request says is believed."""
        return {"text": self._reload("limits", who)}

    def _entry(self, number: object) -> Entry:
        audit.read(self.state)  # chain, signatures and authority
        entry = next((one for one in audit.entries(self.state) if one["number"] == number), None)
        if entry is None or entry["command"] != "resume" or entry["time_ns"] < self.started_ns:
            raise UserError(f"the audit log of this session ({self.state}) has no resume {number} since it began")
        if number in self._resumed:
            raise UserError(f"resume {number} was acted on before")
        return entry

    def _control(self, command: str, who: str, why: str, scope: dict[str, Any]) -> dict[str, Any]:
        masks = self._masks(scope)
        (self.risk.kill if command == "kill" else self.risk.resume)(who, why, **masks)
        self._intervened(command, who)
        text, resting = f"killed now: {self.killed or 'nothing'}", len(self.simulation.desk.oms.live)
        if self.killed and resting:
            text += (f"\n{resting} orders still rest at the venues: a killed NIC sends no cancels either. "
                     f"Resume to have them managed, or ask the venues to cancel them")
        return {"text": text}

    def _masks(self, scope: dict[str, Any]) -> dict[str, int]:
        """Bits of the venue and strategy that are named."""
        simulation = self.simulation
        indices = {"venue": {name: n for n, name in enumerate(simulation.universe.venues)},
                   "strategy": {name: one.index for name, one in simulation.limits.strategies.items()}}
        masks = {}
        for kind, plural in (("venue", "venues"), ("strategy", "strategies")):
            if name := scope.get(kind):
                if name not in indices[kind]:
                    raise UserError(f"there is no {kind} {name!r}; there is {', '.join(indices[kind])}")
                masks[plural] = 1 << indices[kind][name]
        return masks

    def _reload(self, command: str, who: str) -> str:
        if self.own_limits:
            raise UserError("it runs with a limits file of its own (--limits); stop it first")
        limits, ledger = audit.in_force(self.state)
        new = set(limits.symbols) - set(self.simulation.universe.stocks)
        if new:
            raise UserError(f"a running session takes no new stock ({', '.join(sorted(new))}); stop it first")
        self.simulation.set_limits(limits)
        self._next_end = self._end_of(ledger)
        self.journal.on_limits(self.simulation.now, limits)
        self._intervened(command, who)
        return f"in force in the running session: version {limits.serial}, read back from the NIC"

    @staticmethod
    def _end_of(ledger: Ledger | None) -> int | None:
        return ledger.stack.next_end(time.time_ns()) if ledger and ledger.stack else None

    def _intervened(self, command: str, who: str) -> None:
        self.interventions.append({"command": command, "who": who, "time_ns": self.simulation.progress})
