"""Processes of services: started, watched, started again with patience, and ended in order."""

import contextlib
import subprocess
import sys
import time
from dataclasses import dataclass, field
from typing import IO

from host.supervise.parts import SILENCE_S
from host.supervise.service import KINDS, RUNNING
from host.supervise.setting import LOGS, Setting

#: How long a start may take: the NIC is compiled first.
START_S = 900.0
#: Between two starts: doubled each time up to the longest, and forgotten after so long a life.
FIRST_S, LONGEST_S, HEALTHY_S = 0.1, 5.0, 20.0
#: Starts in a row that may fail before it is given up.
TRIES = 6
_END_S = 90.0
STARTING, ENDED, WAITING, GIVEN_UP = "starting", "ended", "waiting", "given up"


@dataclass
class Process:
    """One service. `state` is what it said last, or what became of it; `secret` is told to each start of it through a
    pipe, where nobody else can read it."""

    setting: Setting
    name: str
    secret: str = field(default="", repr=False)
    state: str = WAITING
    starts: int = 0
    handled: int = 0
    failures: int = 0
    reason: str = ""
    popen: subprocess.Popen[bytes] | None = None
    due: float = 0.0
    heard: float = 0.0
    started: float = 0.0

    @property
    def needed(self) -> bool:
        return KINDS[self.name].needed

    @property
    def pid(self) -> int:
        return self.popen.pid if self.popen else 0

    @property
    def running(self) -> bool:
        """It is there, and serves."""
        return self.state == RUNNING

    def start(self) -> None:
        self.starts += 1
        self.state, self.started = STARTING, time.monotonic()
        self.heard = self.started + START_S - SILENCE_S
        with self._log("ab") as log:
            self.popen = subprocess.Popen(
                [sys.executable, "-m", "host.supervise.service", self.name, self.setting.run],
                stdin=subprocess.PIPE if self.secret else subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True)
        if self.popen.stdin:
            with contextlib.suppress(BrokenPipeError), self.popen.stdin as pipe:
                pipe.write(f"{self.secret}\n".encode())

    def on_beat(self, pid: int, handled: int) -> None:
        """It has said that it lives."""
        if pid == self.pid:
            self.heard, self.state, self.handled = time.monotonic(), RUNNING, handled

    def poll(self) -> str:
        """What has just happened to it, in words; empty where nothing has."""
        now = time.monotonic()
        if self.state == WAITING and now >= self.due:
            self.start()
        if self.popen is None:
            return ""
        code = self.popen.poll()
        if code is None and now - self.heard > SILENCE_S:
            self.kill()
            return self._down(f"hung for {SILENCE_S:.0f} s and was killed")
        if code is None:
            if self.failures and self.running and now - self.started > HEALTHY_S:
                self.failures = 0
            return ""
        why = f"was killed (signal {-code})" if code < 0 else f"ended (exit code {code})"
        return self._down(f"{why}{self._last_words() if code > 0 else ''}")

    def stop(self) -> None:
        """Ask it to end."""
        if self.popen and self.popen.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                self.popen.terminate()

    def join(self) -> None:
        """Wait until it has ended; kill it where it does not."""
        if self.popen:
            try:
                self.popen.wait(_END_S)
            except subprocess.TimeoutExpired:
                self.kill()
        self.state, self.popen = ENDED, None

    def kill(self) -> None:
        if self.popen:
            self.popen.kill()
            self.popen.wait()

    def _down(self, reason: str) -> str:
        self.failures += 1
        self.reason, self.popen = reason, None
        self.state = WAITING if self.failures <= TRIES else GIVEN_UP
        self.due = time.monotonic() + min(LONGEST_S, FIRST_S * 2**(self.failures - 1))
        return reason

    def _last_words(self) -> str:
        """The last line of what it wrote."""
        with contextlib.suppress(OSError), self._log("rb") as log:
            lines = log.read().decode("utf-8", "replace").strip().splitlines()
            return f": {lines[-1]}" if lines else ""
        return ""

    def _log(self, mode: str) -> IO[bytes]:
        folder = self.setting.folder / LOGS
        folder.mkdir(parents=True, exist_ok=True)
        return (folder / f"{self.name}.log").open(mode)
