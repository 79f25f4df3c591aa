"""One `tickgate run`: the simulation with its recorder, control socket and progress display."""

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from hdl.config import GBE
from host.cli import places
from host.cli.control import ControlServer, Request
from host.cli.errors import UserError
from host.cli.simulation import Simulation
from host.desk.desk import Desk
from host.desk.recorder import Recorder
from host.desk.statistics import Statistics
from host.link import LinkError
from host.link.virtual import VirtualLink
from host.oms.journal import JournalError
from host.oms.sqlite import SqliteJournal, remove
from host.risk.limits import Limits, LimitsError, check
from host.warehouse.storage import Storage
from sim.nic import VirtualNic

#: Simulated time between two looks at the control socket and the display.
_GLANCE_NS = 200_000
_PERMILLE = 1000


class Session:
    """A context manager: builds everything on entry, leaves no socket behind on exit.

    Parameters
    ----------
    out : folder of what it leaves behind.
    duration : simulated ns of trading.
    warehouse : folder of its warehouse; without one it has its own, which begins anew. `store` False: none at all.
    """

    def __init__(self, out: Path, limits: Limits, seed: int, duration: int, *, headless: bool = False,
                 waveform: Path | None = None, warehouse: Path | None = None, store: bool = True):
        self.warehouse, self.store = warehouse, store
        self.out, self.limits, self.seed, self.duration = places.folder(out), limits, seed, duration
        self.waveform = waveform
        self.console = Console(stderr=True, quiet=headless)
        self._interventions: list[dict[str, Any]] = []

    def __enter__(self) -> "Session":
        self.server = ControlServer(self.out)
        try:
            self.journal = self._journal()
            try:
                self._build()
            except BaseException:
                self.journal.close()
                raise
        except BaseException:
            self.server.close()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self.server.close()
        self.recorder.close()
        if self.storage and (lost := self.storage.close()):
            print(lost)
        self.link.close()
        self.journal.close()

    def _build(self) -> None:
        (self.out / places.SUMMARY).unlink(missing_ok=True)
        with self.console.status("building the NIC") as status:
            nic = VirtualNic(GBE, trace=self.waveform, progress=lambda text: status.update(f"building the NIC: {text}"))
        try:
            self.link = VirtualLink(nic)
            self.simulation = Simulation(nic, self.link, self.limits, seed=self.seed, duration_ns=self.duration,
                                         journal=self.journal)
        except (LinkError, JournalError, ValueError) as error:
            nic.close()
            raise UserError(str(error)) from None
        self.statistics = Statistics(self.simulation.desk)
        self.recorder = Recorder(self.simulation.desk, self.out, places.RECORDS, places.FIX_LOG, places.TRAILS)
        self.storage = self._storage(self.simulation.desk) if self.store else None
        self.simulation.on_records = self._on_records

    def _on_records(self, raw: np.ndarray) -> None:
        """What came up from the NIC, before the desk sees it."""
        self.recorder.on_records(raw)
        if self.storage:
            self.storage.on_records(raw)

    def _storage(self, desk: Desk) -> Storage:
        folder = self.warehouse or self.out / places.WAREHOUSE
        return Storage(desk, folder, fresh=self.warehouse is None, seed=self.seed)

    def _journal(self) -> SqliteJournal:
        """The book of record of this session alone: the simulated day begins anew each time."""
        path = self.out / places.OMS
        try:
            remove(path)
            return SqliteJournal(path)
        except JournalError as error:
            raise UserError(str(error)) from None

    def trade(self) -> None:
        """Run to the end."""
        simulation = self.simulation
        columns = (TextColumn("trading"), BarColumn(), TaskProgressColumn(), TextColumn("{task.fields[what]}"),
                   TimeElapsedColumn())
        with Progress(*columns, console=self.console, transient=True) as progress:
            task = progress.add_task("trading", total=simulation.total, what="")
            glance = 0
            while simulation.turn():
                if simulation.progress >= glance:
                    glance += _GLANCE_NS
                    progress.update(task, completed=simulation.progress, what=self._line())
                    self.server.poll(self._handle)
                    if self.storage:
                        self.storage.poll()

    def finish(self) -> dict[str, Any]:
        """The summary, also written to the folder; the NIC's exposure is read back and compared."""
        simulation = self.simulation
        desk = simulation.desk
        breaks = desk.reconcile(lambda: {listing.index: simulation.driver.exposure(listing.index)
                                         for listing in simulation.universe.listings})
        summary = self._summary()
        summary["reconciled"] = breaks is not None
        summary["reconciliation"] = [asdict(one) for one in breaks or ()]
        summary["doubts"] = [asdict(one) for one in desk.oms.doubts()]
        summary["oms_events"] = desk.oms.durable
        text = json.dumps(summary, indent=1, sort_keys=True) + "\n"
        places.write_text(self.out / places.SUMMARY, text)
        for failure in simulation.desk.failures[:1]:
            places.crash(failure)
        if self.recorder.problem:
            self.console.print(self.recorder.problem)
        return summary

    def _summary(self) -> dict[str, Any]:
        simulation = self.simulation
        summary = self.statistics.summary()
        summary |= {
            "seed": self.seed, "simulated_ns": simulation.progress, "limits_serial": simulation.limits.serial,
            "interventions": self._interventions, "killed": self._killed(),
            "records_lost": self.link.lost, "late_frames": simulation.exchange.count["late"],
        }
        return summary

    def _line(self) -> str:
        orders = self.statistics.orders
        sent, fills = (sum(one[name] for one in orders.values()) for name in ("sent", "fills"))
        killed = self._killed()
        return f"{sent:,} orders, {fills:,} fills" + (f", killed: {killed}" if killed else "")

    def _killed(self) -> str:
        """What is stopped, by name; empty where nothing is."""
        control, simulation = self.simulation.desk.risk.control, self.simulation
        names = ["everything"] if control.killed else []
        names += [name for n, name in enumerate(simulation.universe.venues) if control.venues >> n & 1]
        names += [name for n, name in sorted(simulation.limits.strategy_names.items()) if control.strategies >> n & 1]
        return ", ".join(names)

    # ---- requests from other shells

    def _handle(self, request: Request, who: str) -> dict[str, Any]:
        command = str(request.get("command"))
        handlers: dict[str, Callable[[Request, str], dict[str, Any]]] = {
            "ping": lambda request, who: {}, "status": self._status, "limits": self._limits,
            "limits set": self._set_limits, "kill": self._kill, "resume": self._kill}
        if command not in handlers:
            raise UserError(f"the session does not know {command!r}; it is of another version of Tickgate")
        return handlers[command](request, who)

    def _status(self, request: Request, who: str) -> dict[str, Any]:
        permille = self.simulation.progress * _PERMILLE // self.simulation.total
        return {"progress": permille, "killed": self._killed(), "summary": self._summary()}

    def _kill(self, request: Request, who: str) -> dict[str, Any]:
        risk, command = self.simulation.desk.risk, request["command"]
        masks = self._masks(request)
        (risk.kill if command == "kill" else risk.resume)(who, str(request.get("why", "")), **masks)
        self._intervened(command, who)
        text, resting = f"killed now: {self._killed() or 'nothing'}", len(self.simulation.desk.oms.live)
        if self._killed() and resting:
            text += (f"\n{resting} orders still rest at the venues: a killed NIC sends no cancels either. "
                     f"Resume to have them managed, or ask the venues to cancel them")
        return {"text": text}

    def _masks(self, request: Request) -> dict[str, int]:
        """Bits of the venue and strategy that a request names."""
        simulation = self.simulation
        indices = {"venue": {name: n for n, name in enumerate(simulation.universe.venues)},
                   "strategy": {name: one.index for name, one in simulation.limits.strategies.items()}}
        masks = {}
        for scope, plural in (("venue", "venues"), ("strategy", "strategies")):
            if name := request.get(scope):
                if name not in indices[scope]:
                    raise UserError(f"there is no {scope} {name!r}; there is {', '.join(indices[scope])}")
                masks[plural] = 1 << indices[scope][name]
        return masks

    def _limits(self, request: Request, who: str) -> dict[str, Any]:
        """What is in force, read back from the NIC."""
        from host.risk.registers import in_force

        return {"values": in_force(self.link, self.simulation.limits, self.simulation.universe)}

    def _set_limits(self, request: Request, who: str) -> dict[str, Any]:
        import tomllib
        from decimal import Decimal

        try:
            limits = check(tomllib.loads(request["text"], parse_float=Decimal), "limits set")
        except (LimitsError, tomllib.TOMLDecodeError) as error:
            raise UserError(str(error)) from None
        if set(limits.symbols) != set(self.simulation.limits.symbols):
            raise UserError("the stocks of a running session cannot change; stop it first")
        self.simulation.set_limits(limits)
        self._intervened("limits set", who)
        return {"text": f"in force in the running session: version {limits.serial}, read back from the NIC"}

    def _intervened(self, command: str, who: str) -> None:
        self._interventions.append({"command": command, "who": who, "time_ns": self.simulation.progress})
