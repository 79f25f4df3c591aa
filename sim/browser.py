"""A real browser without a window, for tests and screenshots: Chromium by the WebDriver protocol, over plain HTTP.

Source: W3C WebDriver (recommendation of 5 June 2018); commands of the DevTools protocol go through chromedriver's own
`goog/cdp/execute`. Needs `chromium` and `chromedriver` on the machine (Debian: chromium, chromium-driver).
"""

import base64
import contextlib
import json
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

_START_S, _ANSWER_S = 20.0, 60.0


def missing() -> str:
    """What must be installed first; empty where nothing is missing."""
    programs = [name for name in ("chromium", "chromedriver") if shutil.which(name) is None]
    return f"no {' and no '.join(programs)} here (Debian: chromium, chromium-driver)" if programs else ""


class BrowserError(Exception):
    """The browser does not do what it was asked."""


class Browser:
    """A context manager. `show` sets size, pixel density and colour scheme, `run` runs JavaScript in the page."""

    def __init__(self, width: int = 1280, height: int = 720):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._at = f"http://127.0.0.1:{free.getsockname()[1]}"
        self.process = subprocess.Popen(["chromedriver", f"--port={self._at.rpartition(':')[2]}"],
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self._session = ""
        try:
            self._await_driver()
            options = {"args": ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
                                f"--window-size={width},{height}"], "binary": shutil.which("chromium")}
            asked = {"browserName": "chrome", "goog:loggingPrefs": {"browser": "ALL"}, "goog:chromeOptions": options}
            self._session = self._ask("POST", "/session", {"capabilities": {"alwaysMatch": asked}})["sessionId"]
        except BaseException:
            self.close()
            raise

    def open(self, address: str) -> None:
        self._do("POST", "/url", {"url": address})

    def run(self, script: str, *arguments: Any) -> Any:
        """The value that the script returns."""
        return self._do("POST", "/execute/sync", {"script": script, "args": list(arguments)})

    def until(self, script: str, seconds: float = 30.0, while_: Callable[[], None] = lambda: None) -> Any:
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
        self.process.terminate()
        self.process.wait()

    def __enter__(self) -> "Browser":
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    def _await_driver(self) -> None:
        end = time.monotonic() + _START_S
        while True:
            try:
                self._ask("GET", "/status", None)
                return
            except OSError:
                if time.monotonic() > end:
                    raise BrowserError("chromedriver does not start") from None
                time.sleep(0.05)

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
