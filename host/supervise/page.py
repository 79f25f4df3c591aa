"""Service "dashboard": the live page of a desk whose services are processes. It listens, and cannot act by itself.

Its two buttons ask the session as `tickgate kill` and `tickgate resume` do, so that a page that fails, or is made to do
what it should not, can no more than a person at the terminal: nothing here writes to the NIC or to the bus.
"""

import json
import sys
import time
from pathlib import Path
from typing import Any

from host.bus import Message
from host.bus.node import BusError, Node
from host.bus.topics import SERVICES, SESSION
from host.cli import dashboard as pages
from host.cli.places import DASHBOARD
from host.dashboard.guard import Token
from host.dashboard.service import Dashboard
from host.dashboard.view import View
from host.desk.counts import Counts
from host.supervise.mirror import Mirror
from host.supervise.parts import OVER, RECONCILED
from host.supervise.service import KINDS
from host.supervise.setting import Setting


class Page:
    """Started again it has the address and the token of before, so that browsers go on; the token comes through
    standard input, from who started it.
    """

    def __init__(self, setting: Setting, bus: Node):
        self.setting, self.progress, self.phase = setting, 0, ""
        self.heard: dict[str, dict[str, Any]] = {}
        mirror = Mirror(setting, bus)
        view = View(mirror, Counts(mirror.bus, setting.universe, mirror.oms.find))
        bus.subscribe(SESSION, self._on_session, name="page", last=True)
        bus.subscribe(SERVICES, self._on_service, name="page", last=True, on_gap=lambda topic, first, end: None)
        mirror.catch_up()
        host, port = self._before() or pages.address(setting.page)
        try:
            self.page = Dashboard(view, pages.buttons(setting.folder, Path(setting.state)), host, port,
                                  token=Token(sys.stdin.readline().strip()), seed=setting.seed)
        except OSError as error:
            raise BusError(f"no dashboard at {host}:{port}: {error.strerror or error}") from None
        self.page.start()
        pages.tell(setting.folder, self.page.address, host)

    def turn(self) -> int:
        self.page.poll(self._facts())
        return 0

    def facts(self) -> dict[str, int]:
        return {"browsers": self.page.hub.streams}

    def close(self) -> None:
        self.page.close(self._facts() | {"ended": True})
        if self.phase in (OVER, RECONCILED):
            (self.setting.folder / DASHBOARD).unlink(missing_ok=True)

    def _facts(self) -> dict[str, Any]:
        """What the page shows besides the desk."""
        now = time.monotonic()
        return {"progress": self.progress, "processes": [
            {"name": name, "pid": one["pid"], "start": one["start"], "handled": one["handled"],
             "silent_ms": int((now - one["heard"]) * 1000)} for name in KINDS if (one := self.heard.get(name))]}

    def _before(self) -> tuple[str, int] | None:
        """Where an earlier start of this page was."""
        try:
            told = json.loads((self.setting.folder / DASHBOARD).read_text(encoding="utf-8"))
            return pages.address(told["listen"])
        except (OSError, ValueError, KeyError):
            return None

    def _on_session(self, message: Message) -> None:
        self.phase = message.payload["phase"]

    def _on_service(self, message: Message) -> None:
        one = message.payload
        self.heard[one["service"]] = one | {"heard": time.monotonic()}
        self.progress = one.get("progress", self.progress)
