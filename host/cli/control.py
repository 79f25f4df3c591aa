"""The control socket of a running session: a Unix domain socket that only its user can reach.

A request is one JSON object on a line, and so is the answer. The server is polled by the session's own
loop, so a request is served between two moments of simulated time and never in the middle of one.
"""

import contextlib
import json
import os
import pwd
import socket
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from host.cli.errors import UserError
from host.cli.places import SOCKET, folder

Request = dict[str, Any]
Handle = Callable[[Request, str], dict[str, Any]]

_LIMIT = 1 << 20
_TIMEOUT_S = 10.0
_SILENT = "{}: the session does not answer; if it is stuck, end its process"


@contextlib.contextmanager
def _address(run: Path) -> Iterator[str]:
    """A name of the socket that is short enough for sockaddr_un (108 bytes), however deep `run` is."""
    descriptor = os.open(run, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{descriptor}/{SOCKET}"
    finally:
        os.close(descriptor)


class ControlServer:
    """Listens while it is open; `poll` serves what has come, without waiting."""

    def __init__(self, run: Path):
        self.path = folder(run) / SOCKET
        if request(run, {"command": "ping"}) is not None:
            raise UserError(f"a session is running already ({self.path}); stop it first, or give --out another folder")
        self.path.unlink(missing_ok=True)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        mask = os.umask(0o177)  # born with mode 0600
        try:
            with _address(run) as address:
                self._socket.bind(address)
        finally:
            os.umask(mask)
        self._socket.listen(8)
        self._socket.setblocking(False)

    def poll(self, handle: Handle) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except (BlockingIOError, InterruptedError):
                return
            with connection, contextlib.suppress(OSError):
                connection.settimeout(1.0)
                self._serve(connection, handle)

    @staticmethod
    def _serve(connection: socket.socket, handle: Handle) -> None:
        peer = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
        _, uid, _ = struct.unpack("3i", peer)
        if uid != os.getuid():
            return
        try:
            who = pwd.getpwuid(uid).pw_name
        except KeyError:
            who = f"uid {uid}"
        try:
            what = json.loads(_line(connection))
            if not isinstance(what, dict):
                raise UserError("a request is one JSON object on a line")
            answer = handle(what, who)
        except Exception as error:  # whatever is asked, the session goes on
            answer = {"error": str(error) if isinstance(error, UserError) else f"{type(error).__name__}: {error}"}
        connection.sendall(json.dumps(answer, sort_keys=True).encode() + b"\n")

    def close(self) -> None:
        self._socket.close()
        self.path.unlink(missing_ok=True)


class NoAnswer(UserError):
    """A session is there and does not answer: it is still being built, or stuck. It may act on the request later."""


def request(run: Path, what: Request) -> dict[str, Any] | None:
    """Ask the session of the folder `run`; None where none is running there. Raises `NoAnswer`, or `UserError` with
    what it has to say against the request.
    """
    if not (run / SOCKET).exists():
        return None
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(_TIMEOUT_S)
        try:
            with _address(run) as address:
                connection.connect(address)
        except (ConnectionRefusedError, FileNotFoundError):
            return None  # what a session left that did not end well
        except (TimeoutError, BlockingIOError):  # it has as many requests as it can hold
            raise NoAnswer(_SILENT.format(run / SOCKET)) from None
        except OSError as error:
            raise UserError(f"{run / SOCKET}: {error.strerror or error}") from None
        try:
            connection.sendall(json.dumps(what).encode() + b"\n")
            answer = json.loads(_line(connection))
        except (OSError, ValueError):
            raise NoAnswer(_SILENT.format(run / SOCKET)) from None
    if "error" in answer:
        raise UserError(answer["error"])
    return answer


def _line(connection: socket.socket) -> bytes:
    data = b""
    while not data.endswith(b"\n") and len(data) < _LIMIT:
        part = connection.recv(65_536)
        if not part:
            break
        data += part
    return data
