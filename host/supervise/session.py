"""A session of `tickgate up`: its folder, its bus, its supervisor, and the requests of other shells."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.table import Table

from host import contracts as options
from host.bus import shared
from host.bus.kept import SUFFIX
from host.bus.node import BusError, Node
from host.bus.router import LISTEN
from host.cli import audit, places
from host.cli import dashboard as pages
from host.cli.control import ControlServer, Request
from host.cli.errors import UserError
from host.cli.limits import load_file
from host.cli.simulation import START_NS, options_follow
from host.dashboard.guard import Token
from host.ems.ids import DAY_NS
from host.oms.journal import JournalError
from host.oms.sqlite import remove
from host.risk.limits import DEFAULT_FILE, check, parse
from host.risk.tree import dump
from host.supervise.parts import RECONCILED
from host.supervise.requests import Requests
from host.supervise.service import KINDS
from host.supervise.setting import BUS, LOGS, SUMMARY, Setting
from host.supervise.supervisor import COUNTS, SessionFailed, Supervisor

#: Between two turns of the supervisor, and two tables.
_REST_S, _TABLE_S = 0.002, 0.5


class UpSession:
    """A context manager: on exit no process, no shared memory and no socket of it is left.

    Parameters
    ----------
    out : its folder. state : of the limits and the audit log. limits : a file instead of those in force.
    bus : transport. connect, config : of zenoh; without either a router is started.
    market : the compiled NIC, or none (`host.supervise.direct`).
    duration : simulated ns of trading.
    page : HOST:PORT of the live page; headless, there is none.
    """

    def __init__(self, out: Path, state: Path, bus: str, seed: int, duration: int, *, limits: Path | None = None,
                 connect: str | None = None, config: Path | None = None, market: str = "compiled",
                 page: str = pages.LISTEN, headless: bool = False):
        self._where = pages.address(page)
        self.out, self.state, self.headless = places.folder(out), state, headless
        self.console = Console(stderr=True)
        self._limits, self._router = limits, None if bus != "zenoh" or connect or config else _free_endpoint()
        self.setting = Setting(str(out.resolve()), bus, connect or self._router or LISTEN,
                               str(config.resolve()) if config else "", market, seed, duration, START_NS // DAY_NS,
                               str(state.resolve()), "" if headless else page)
        self._token, self._announced = Token(), headless
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> "UpSession":
        self.server = ControlServer(self.out)
        try:
            self._clear()
            self._write_setting()
            self._start_router()
            self.bus: Node = self.setting.join("supervisor")
        except (BusError, JournalError, ValueError, OSError) as error:
            self._end()
            raise UserError(str(error)) from None
        except BaseException:
            self._end()
            raise
        without = {"dashboard": not self.setting.page, "audit": self.setting.market == "direct"}
        names = [name for name in KINDS if not without.get(name)]
        self.supervisor = Supervisor(self.setting, self.bus, self._say, names, {"dashboard": self._token.reveal()})
        self.requests = Requests(self.setting, self.bus, self.supervisor, own_limits=self._limits is not None)
        self._handlers = self.requests.handlers() | {"status": self._status}
        if killed := self.requests.killed():
            self._say(f"killed since an earlier session: {killed}; `tickgate resume` lifts it")
        self._old = signal.signal(signal.SIGINT, self._interrupted)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        signal.signal(signal.SIGINT, self._old)
        self.supervisor.close()
        self.bus.close()
        self._end()
        if self.setting.bus == "shared":
            shared.sweep(self.out / BUS)

    def trade(self) -> dict[str, Any]:
        """Run to the end; the summary, also written to the folder. Raises `UserError` where it ends in failure."""
        try:
            with Live(self._table(), console=self.console, refresh_per_second=4, transient=True,
                      auto_refresh=not self.headless) as live:
                due = 0.0
                while self.supervisor.turn():
                    self.server.poll(self._handle)
                    self.requests.poll()
                    self._announce()
                    if not self.headless and time.monotonic() >= due:
                        due = time.monotonic() + _TABLE_S
                        live.update(self._table())
                    time.sleep(_REST_S)
        except SessionFailed as error:
            raise UserError(f"{error}; logs are in {self.out / LOGS}") from None
        summary = self._summary()
        places.write_text(self.out / SUMMARY, json.dumps(summary, indent=1, sort_keys=True) + "\n")
        return summary

    def _handle(self, request: Request, who: str) -> dict[str, Any]:
        """A request from another shell."""
        command = str(request.get("command"))
        if command not in self._handlers:
            raise UserError(f"a session of `tickgate up` does not take {command!r}; stop it first")
        return self._handlers[command](request, who)

    def _status(self, request: Request, who: str) -> dict[str, Any]:
        return {"progress": self.supervisor.progress, "killed": self.requests.killed(),
                "utilisation": self.requests.utilisation(), **self._summary()}

    # ---- what is shown

    def _summary(self) -> dict[str, Any]:
        supervisor = self.supervisor
        counts = {name: supervisor.counts[name] for name in COUNTS}
        return counts | {
            "phase": supervisor.phase, "reconciled": supervisor.phase == RECONCILED,
            "breaks": supervisor.outcome.get("breaks", 0), "doubts": supervisor.outcome.get("doubts", []),
            "order_states": supervisor.outcome.get("states", {}),
            "positions": supervisor.outcome.get("positions", supervisor.positions),
            "told_positions": supervisor.positions,
            "processes": {name: {"state": one.state, "pid": one.pid, "starts": one.starts, "handled": one.handled,
                                 "needed": one.needed, "reason": one.reason}
                          for name, one in supervisor.processes.items()},
            "kills": [{"who": one.who, "why": one.why, "kill": one.kill} for one in supervisor.control.history],
            "events": supervisor.events, "faults": supervisor.faults, "seed": self.setting.seed,
            "bus": self.setting.bus}

    def _table(self) -> Table:
        supervisor = self.supervisor
        counts, killed = supervisor.counts, self.requests.killed()
        title = (f"{supervisor.phase or 'starting'}, {supervisor.progress / 10:.0f} %: {counts['orders']:,} orders, "
                 f"{counts['fills']:,} fills" + (f", killed: {killed}" if killed else ""))
        return process_table(title, {name: {"state": one.state, "pid": one.pid, "starts": one.starts,
                                            "handled": one.handled, "reason": one.reason}
                                     for name, one in supervisor.processes.items()})

    def _say(self, line: str) -> None:
        self.console.print(line, markup=False, highlight=False, soft_wrap=True)

    def _interrupted(self, number: int, frame: FrameType | None) -> None:
        self.supervisor.stop()

    # ---- how

    def _clear(self) -> None:
        """The simulated day begins anew each time."""
        remove(self.out / places.OMS)
        folder = self.out / BUS
        folder.mkdir(parents=True, exist_ok=True)
        shared.clear(folder)
        for path in (*folder.glob(f"*{SUFFIX}"), *(self.out / LOGS).glob("*.log")):
            path.unlink()
        shutil.rmtree(self.out / places.WAREHOUSE, ignore_errors=True)
        (self.out / places.DASHBOARD).unlink(missing_ok=True)

    def _limits_text(self) -> str:
        if self._limits:
            load_file(self._limits)
            return self._limits.read_text()
        _, ledger = audit.in_force(self.state)
        if ledger and ledger.stack:
            return dump(ledger.stack.tree(time.time_ns()))
        own = self.state / places.LIMITS
        return (own if own.exists() else DEFAULT_FILE).read_text()

    def _kills(self) -> tuple[tuple[str, str, int, int], ...]:
        """Kills of earlier sessions that nobody has lifted, each once."""
        if not (self.state / places.AUDIT).exists():
            return ()
        entries = {entry["number"]: entry for entry in audit.read(self.state).kills.values()}
        return tuple((entry["who"], entry["reason"], *self._masks(entry["what"])) for entry in entries.values())

    def _masks(self, scope: dict[str, Any]) -> tuple[int, int]:
        """Of venues and of strategies; nothing named is everything. A name that is gone stops everything, too."""
        indices = {"venue": {one.target_comp_id: n for n, one in enumerate(self.setting.venues)},
                   "strategy": {name: n for n, name in self.setting.limits.strategy_names.items()}}
        venue, strategy = (1 << indices[kind][scope[kind]] if scope.get(kind) in indices[kind] else 0
                           for kind in ("venue", "strategy"))
        return venue, strategy

    def _write_setting(self) -> None:
        """Limits and contracts first: kills name strategies and venues by their place in them."""
        limits_text = self._limits_text()
        options_follow(options.configured(), check(parse(limits_text, "limits"), "limits"))
        source = os.environ.get(options.VARIABLE)
        self.setting.write(limits_text, Path(source).read_text(encoding="utf-8") if source else "")
        self.setting = replace(self.setting, kills=self._kills())
        self.setting.write_self()

    def _announce(self) -> None:
        """Where the page is, as soon as it is there."""
        if self._announced or not self.supervisor.processes["dashboard"].running:
            return
        self._announced = True
        told = json.loads((self.out / places.DASHBOARD).read_text(encoding="utf-8"))
        pages.announce(self._say, told["address"], self._where[0], self._token.reveal())

    def _start_router(self) -> None:
        if self._router is None:
            return
        self._process = subprocess.Popen([sys.executable, "-m", "host.bus.router", "--listen", self._router],
                                         stdout=subprocess.PIPE, text=True, start_new_session=True)
        assert self._process.stdout
        if self._process.stdout.readline() != "ready\n":
            raise BusError(f"{self._router}: no router can be started there")

    def _end(self) -> None:
        if self._process:
            self._process.terminate()
            self._process.wait(10)
        self.server.close()


def process_table(title: str, processes: dict[str, dict[str, Any]]) -> Table:
    """The processes of a session, for people."""
    table = Table(title=title, title_justify="left", title_style="bold", header_style="dim")
    for column, side in (("process", "left"), ("state", "left"), ("pid", "right"), ("starts", "right"),
                         ("messages", "right"), ("last end", "left")):
        table.add_column(column, justify=side)  # type: ignore[arg-type]
    for name, one in processes.items():
        table.add_row(name, one["state"], str(one["pid"] or ""), str(one["starts"]), f"{one['handled']:,}",
                      one["reason"])
    return table


def _free_endpoint() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"tcp/127.0.0.1:{probe.getsockname()[1]}"
