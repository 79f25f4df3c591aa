"""One `tickgate run`: the simulation with its recorder, control socket and progress display."""

import json
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from hdl.config import GBE, NicConfig
from host.cli import dashboard as pages
from host.cli import places, rfq
from host.cli.control import ControlServer, Request
from host.cli.errors import UserError
from host.cli.lossy import LossyNetwork
from host.cli.oversight import Oversight
from host.cli.simulation import Simulation
from host.dashboard.service import Dashboard
from host.dashboard.view import View
from host.desk.desk import Desk
from host.desk.recorder import Recorder
from host.desk.statistics import Statistics
from host.ems.quoteclient import QuoteClient
from host.link import LinkError
from host.link.virtual import VirtualLink
from host.memory import calm
from host.oms.journal import JournalError
from host.oms.sqlite import SqliteJournal, remove
from host.risk.limits import Limits
from host.warehouse.storage import Storage
from sim.nic import VirtualNic

#: Simulated time between two looks at the display, and wall-clock time between two at the control socket.
_GLANCE_NS = 200_000
_LISTEN_S = 0.02
_PERMILLE = 1000


class Session:
    """A context manager: builds everything on entry, leaves no socket behind on exit.

    Parameters
    ----------
    out : folder of what it leaves behind.
    duration : simulated ns of trading.
    warehouse : folder of its warehouse; without one it has its own, which begins anew. `store` False: none at all.
    state : folder of the limits and the audit log; decisions are kept there.
    own_limits : `limits` are not those of `state`, and do not follow them.
    dashboard : where the live page listens; headless, there is none.
    loss : packets of the feeds that get lost, of 1,000; what recovery does about it is in the summary.
    config : the variant of the NIC.
    """

    def __init__(self, out: Path, limits: Limits, seed: int, duration: int, *, headless: bool = False,
                 waveform: Path | None = None, warehouse: Path | None = None, store: bool = True,
                 state: Path = places.STATE, own_limits: bool = False, dashboard: str = pages.LISTEN, loss: int = 0,
                 config: NicConfig = GBE):
        self.headless, self.where = headless, pages.address(dashboard)
        self.dashboard: Dashboard | None = None
        self.warehouse, self.store, self.loss = warehouse, store, loss
        self.out, self.limits, self.seed, self.duration = places.folder(out), limits, seed, duration
        self.waveform, self.state, self.own_limits, self.config = waveform, state, own_limits, config
        self.console = Console(stderr=True, quiet=headless)

    def __enter__(self) -> "Session":
        calm()
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
        if self.dashboard:
            self.dashboard.close(self._facts() | {"ended": True})
            (self.out / places.DASHBOARD).unlink(missing_ok=True)
        self.server.close()
        self.recorder.close()
        if lost := self.oversight.close():
            print(lost)
        if self.storage and (lost := self.storage.close()):
            print(lost)
        self.link.close()
        self.journal.close()

    def _build(self) -> None:
        (self.out / places.SUMMARY).unlink(missing_ok=True)
        with self.console.status("building the NIC") as status:
            nic = VirtualNic(self.config, trace=self.waveform,
                             progress=lambda text: status.update(f"building the NIC: {text}"))
        try:
            self.link = VirtualLink(nic)
            self.simulation = Simulation(nic, self.link, self.limits, seed=self.seed, duration_ns=self.duration,
                                         journal=self.journal)
            self.network = self._network() if self.loss else None
            self.oversight = Oversight(self.simulation, self.state, own_limits=self.own_limits, seed=self.seed)
        except (LinkError, JournalError, ValueError, UserError) as error:
            nic.close()
            raise UserError(str(error)) from None
        if self.oversight.killed:
            self.console.print(f"killed since an earlier session: {self.oversight.killed}; `tickgate resume` lifts it")
        self.statistics = Statistics(self.simulation.desk)
        self.quotes = QuoteClient(self.simulation.desk.bus)
        self.recorder = Recorder(self.simulation.desk, self.out, places.RECORDS, places.FIX_LOG, places.TRAILS)
        self.storage = self._storage(self.simulation.desk) if self.store else None
        self.simulation.on_records = self._on_records
        if not self.headless:
            self.dashboard = self._page()

    def _on_records(self, raw: np.ndarray) -> None:
        """What came up from the NIC, before the desk sees it."""
        self.recorder.on_records(raw)
        self.oversight.on_records(raw)
        if self.network:
            self.network.on_records(self.simulation.now, raw)
        if self.storage:
            self.storage.on_records(raw)

    def _page(self) -> Dashboard | None:
        """The live page. Where it cannot be, a line says so and trading goes on without."""
        (host, port), (out, state) = self.where, (self.out, self.state)
        view = View(self.simulation.desk, self.statistics)
        try:
            page = Dashboard(view, pages.buttons(out, state), host, port, seed=self.seed)
        except OSError as error:
            self.console.print(f"no dashboard at {host}:{port}: {error.strerror or error}")
            return None
        page.start()
        pages.tell(out, page.address, host)
        pages.announce(self._say, page.address, host, page.token.reveal())
        return page

    def _say(self, line: str) -> None:
        self.console.print(line, soft_wrap=True, highlight=False, markup=False)

    def _facts(self) -> dict[str, Any]:
        """What the page shows besides the desk."""
        return {"progress": self.simulation.progress * _PERMILLE // self.simulation.total}

    def _network(self) -> LossyNetwork:
        simulation = self.simulation
        network = LossyNetwork(simulation.exchange, self.link, simulation.universe.listings, simulation.venues,
                               self.loss, self.seed)
        simulation.exchange = network  # type: ignore[assignment]  # it answers to the same calls
        return network

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
            glance, due = 0, 0.0
            while simulation.turn():
                if simulation.progress >= glance:
                    glance += _GLANCE_NS
                    progress.update(task, completed=simulation.progress, what=self._line())
                if time.monotonic() >= due:
                    due = time.monotonic() + _LISTEN_S
                    self._listen()

    def _listen(self) -> None:
        """What comes from outside, and what goes there."""
        self.server.poll(self._handle)
        self.oversight.poll()
        if self.storage:
            self.storage.poll()
        if self.dashboard:
            self.dashboard.poll(self._facts())

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
            "interventions": self.oversight.interventions, "killed": self.oversight.killed,
            "records_lost": self.link.lost, "late_frames": simulation.exchange.count["late"],
        }
        return summary | ({"recovery": self.network.summary()} if self.network else {})

    def _line(self) -> str:
        orders = self.statistics.orders
        sent, fills = (sum(one[name] for one in orders.values()) for name in ("sent", "fills"))
        killed = self.oversight.killed
        return f"{sent:,} orders, {fills:,} fills" + (f", killed: {killed}" if killed else "")

    # ---- requests from other shells

    def _handle(self, request: Request, who: str) -> dict[str, Any]:
        command, oversight = str(request.get("command")), self.oversight
        handlers: dict[str, Callable[[Request, str], dict[str, Any]]] = {
            "ping": lambda request, who: {}, "status": self._status, "limits": oversight.limits,
            "limits reload": oversight.reload, "kill": oversight.kill, "resume": oversight.resume, "rfq": self._rfq}
        if command not in handlers:
            raise UserError(f"the session does not know {command!r}; it is of another version of Tickgate")
        return handlers[command](request, who)

    def _rfq(self, request: Request, who: str) -> dict[str, Any]:
        return rfq.told(self.quotes.take(self.quotes.ask(*rfq.wanted(request))))

    def _status(self, request: Request, who: str) -> dict[str, Any]:
        permille = self.simulation.progress * _PERMILLE // self.simulation.total
        return {"progress": permille, "killed": self.oversight.killed, "summary": self._summary(),
                "utilisation": self.oversight.utilisation()}
