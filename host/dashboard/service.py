"""The dashboard of a session: its server in a thread of its own, fed now and then by the session's."""

import asyncio
import logging
import socket
import threading
import time
from typing import Any

import uvicorn

from host.dashboard.guard import Token
from host.dashboard.history import History
from host.dashboard.hub import Hub
from host.dashboard.server import Act, application
from host.dashboard.snapshot import about, series, snapshot
from host.dashboard.view import View

#: Between two states.
PERIOD_S = 0.2
#: Names that a session's state has on top of a desk's: how far it is (1/1000), what it is.
Extra = dict[str, Any]


class Dashboard:
    """Serves from `start` to `close`. `poll` is for the session's thread, as often as it likes; it never waits.

    Parameters
    ----------
    host, port : where to listen; a port that is taken is replaced by a free one.
    names : further host names by which browsers may ask for it.
    token : without one a new one is made.
    """

    def __init__(self, view: View, act: Act, host: str, port: int, names: tuple[str, ...] = (),
                 token: Token | None = None, **facts: object):
        self.view = view
        self.token, self.hub = token or Token(), Hub(self._greeting)
        self.history = History(tuple(series(view)))
        self._names = about(view) | facts | {"names": list(self.history.names), "most": self.history.most}
        self._socket = _listen(host, port)
        self.host, self.port = host, int(self._socket.getsockname()[1])
        app = application(self.hub, self.token, act, self.port, (host, *names))
        config = uvicorn.Config(app, log_config=None, access_log=False, lifespan="off", timeout_graceful_shutdown=1,
                                server_header=False, date_header=False, limit_concurrency=200)
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._serve, name="dashboard", daemon=True)
        self._due = 0.0
        for name in ("uvicorn.error", "uvicorn.access", "asyncio"):
            logging.getLogger(name).addHandler(logging.NullHandler())

    @property
    def address(self) -> str:
        shown = "127.0.0.1" if self.host in ("0.0.0.0", "::", "") else self.host
        return f"http://{f'[{shown}]' if ':' in shown else shown}:{self.port}/"

    def start(self) -> None:
        self.poll({}, force=True)
        self._thread.start()

    def poll(self, extra: Extra, force: bool = False) -> None:
        """Publish a state if the last one is old enough. `extra` goes with it."""
        now = time.monotonic()
        if now < self._due and not force:
            return
        self._due = now + PERIOD_S
        try:
            self._publish(extra)
        except Exception as error:  # a page that is not drawn must not stop who trades
            self.view.failed(error)

    def _publish(self, extra: Extra) -> None:
        row = series(self.view)
        self.history.add(tuple(row.values()))
        state = snapshot(self.view) | extra | {"series": list(row.values())}
        self.hub.publish(state)

    def _greeting(self) -> dict[str, Any]:
        """For a browser that comes now: names, and the series so far. In the server's thread."""
        return self._names | {"columns": self.history.columns()}

    def close(self, extra: Extra) -> None:
        """A last state, then the end. Browsers keep showing it."""
        self.poll(extra, force=True)
        self.hub.close()
        self._server.should_exit = True
        self._thread.join(3.0)
        self._socket.close()

    def _serve(self) -> None:
        async def serve() -> None:
            self.hub.attach(asyncio.get_running_loop())
            await self._server.serve(sockets=[self._socket])

        asyncio.run(serve())


def _listen(host: str, port: int) -> socket.socket:
    """Raises `OSError` where the address is not ours to listen on."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for wanted in dict.fromkeys((port, 0)):
        listening = socket.socket(family, socket.SOCK_STREAM)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind((host, wanted))
            listening.listen(64)
            return listening
        except OSError:
            listening.close()
            if wanted == 0:
                raise
    raise OSError(f"no free port at {host}")
