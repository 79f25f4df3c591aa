"""A real browser without a window, for tests and screenshots: Chromium by the WebDriver protocol, over plain HTTP.

Source: W3C WebDriver (recommendation of 5 June 2018); commands of the DevTools protocol go through chromedriver's own
`goog/cdp/execute`. Needs `chromium` and `chromedriver` on the machine (Debian: chromium, chromium-driver).
"""

import base64
import contextlib
import functools
import json
import os
import re
import select
import shutil
import signal
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

#: Patience is long because it is only for what hangs: a machine may be as loaded as it likes.
_START_S, _ANSWER_S, _END_S = 120.0, 120.0, 10.0
_NAMES = ("chromium", "chromium-browser")
_STARTED = re.compile(rb"started successfully on port (\d+)")


@functools.cache
def missing() -> str:
    """What must be installed first; empty where nothing is missing. A program that only says that it is missing
    (Ubuntu's packages are stubs that ask for a snap) counts as none."""
    found = {"chromium": chromium(), "chromedriver": _works("chromedriver")}
    programs = [name for name, path in found.items() if not path]
    return f"no {' and no '.join(programs)} here (Debian: chromium, chromium-driver)" if programs else ""


@functools.cache
def chromium() -> str:
    """Where it is; empty where there is none that starts."""
    return next((found for found in map(_works, _NAMES) if found), "")


def _works(name: str) -> str:
    path = shutil.which(name)
    try:
        asked = subprocess.run([path or name, "--version"], capture_output=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return path if path and not asked.returncode else ""


class BrowserError(Exception):
    """The browser does not do what it was asked."""


class Browser:
    """A context manager. `show` sets size, pixel density and colour scheme, `run` runs JavaScript in the page.

    It has a home folder of its own for its time, and takes every process that it started with it when it closes.
    """

    def __init__(self, width: int = 1280, height: int = 720):
        self._home = tempfile.TemporaryDirectory(prefix="browser-", ignore_cleanup_errors=True)
        home = {name: self._home.name for name in ("HOME", "TMPDIR", "XDG_CONFIG_HOME", "XDG_CACHE_HOME")}
        self.process = subprocess.Popen(["chromedriver", "--port=0"], stdout=subprocess.PIPE, env=os.environ | home,
                                        stderr=subprocess.DEVNULL, start_new_session=True)
        self._session = ""
        try:
            self._at = f"http://127.0.0.1:{self._port()}"
            # shared memory is 64 MB in many containers; Chromium's own sandbox does not start for root, so only there
            sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
            arguments = ["--headless=new", "--disable-gpu", "--disable-dev-shm-usage", *sandbox,
                         f"--window-size={width},{height}"]
            asked = {"browserName": "chrome", "goog:loggingPrefs": {"browser": "ALL"},
                     "goog:chromeOptions": {"args": arguments, "binary": chromium()}}
            self._session = self._ask("POST", "/session", {"capabilities": {"alwaysMatch": asked}})["sessionId"]
        except BaseException:
            self.close()
            raise

    def open(self, address: str) -> None:
        self._do("POST", "/url", {"url": address})

    def run(self, script: str, *arguments: Any) -> Any:
        """The value that the script returns."""
        return self._do("POST", "/execute/sync", {"script": script, "args": list(arguments)})

    def until(self, script: str, seconds: float = 120.0, while_: Callable[[], None] = lambda: None) -> Any:
        """The script's value once it is true. Raises `BrowserError` where it never is."""
        end = time.monotonic() + seconds
        while not (value := self.run(script)):
            if time.monotonic() > end:
                raise BrowserError(f"still not true after {seconds} s: {script}")
            while_()
            time.sleep(0.05)
        return value

    def show(self, width: int, height: int, *, dark: bool = False, phone: bool = False) -> None:
        self._cdp("Emulation.setDeviceMetricsOverride", width=width, height=height, mobile=phone,
                  deviceScaleFactor=2 if phone else 1)
        self._cdp("Emulation.setEmulatedMedia", media="screen", features=[
            {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])

    def picture(self, path: Path) -> None:
        path.write_bytes(base64.b64decode(self._cdp("Page.captureScreenshot", format="png")["data"]))

    def complaints(self) -> list[str]:
        """What the page wrote to its console as an error, since last asked."""
        return [one["message"] for one in self._do("POST", "/se/log", {"type": "browser"}) if one["level"] == "SEVERE"]

    def requests(self) -> list[str]:
        """Every address that the page has asked for."""
        names = "return performance.getEntriesByType('resource').map((one) => one.name)"
        return [*self.run(names), self.run("return location.href")]

    def close(self) -> None:
        if self._session:
            with contextlib.suppress(BrowserError, OSError):
                self._do("DELETE", "", None)
        with contextlib.suppress(ProcessLookupError):  # its own group: chromedriver, and Chromium where it stayed
            os.killpg(self.process.pid, signal.SIGTERM)
        try:
            self.process.wait(_END_S)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        if self.process.stdout:
            self.process.stdout.close()
        self._home.cleanup()

    def __enter__(self) -> "Browser":
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    def _port(self) -> int:
        """The free one that chromedriver found and says."""
        said, end = b"", time.monotonic() + _START_S
        assert self.process.stdout
        while not (found := _STARTED.search(said)):
            ready, _, _ = select.select([self.process.stdout], [], [], max(0.0, end - time.monotonic()))
            more = os.read(self.process.stdout.fileno(), 1 << 16) if ready else b""
            if not more:
                raise BrowserError(f"chromedriver does not start: {said.decode(errors='replace').strip()}")
            said += more
        return int(found[1])

    def _cdp(self, command: str, **parameters: Any) -> Any:
        return self._do("POST", "/goog/cdp/execute", {"cmd": command, "params": parameters})

    def _do(self, method: str, path: str, body: dict[str, Any] | None) -> Any:
        return self._ask(method, f"/session/{self._session}{path}", body)

    def _ask(self, method: str, path: str, body: dict[str, Any] | None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self._at + path, data, {"Content-Type": "application/json"}, method=method)
        try:
            with urllib.request.urlopen(request, timeout=_ANSWER_S) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as error:
            raise BrowserError(error.read().decode(errors="replace")[:500]) from None
