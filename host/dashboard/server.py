"""The page, its stream and its buttons over HTTP. Reading needs nothing; acting needs the token."""

import asyncio
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from host.dashboard.guard import Guard, Token, words
from host.dashboard.hub import Hub
from host.dashboard.metrics import CONTENT_TYPE, exposition

#: Acts on the session: command ("kill" or "resume"), scope and reason, by name; returns what to say. Raises `Refused`.
Act = Callable[[dict[str, str]], str]

#: Streams at once, and how long a browser may leave its stream unread.
STREAMS, PATIENCE_S = 32, 15.0
#: A comment this often keeps a stream open while nothing happens, and finds out who has gone.
_KEEP_ALIVE_S = 5.0
_HERE = Path(__file__).with_name("static")
_FILES = ("style.css", "app.js", "charts.js", "panels.js", "format.js")
_OWN = {"/": "index.html", **{f"/{name}": name for name in _FILES}}
_TYPES = {".html": "text/html", ".js": "text/javascript", ".css": "text/css"}


class Refused(Exception):
    """The session does not do it: says why."""


def charts() -> dict[str, Path]:
    """uPlot's files, from where pip put them. Its wheel's Python, which we do not need, is not imported."""
    spec = find_spec("uplot")
    if spec is None or not spec.submodule_search_locations:
        raise FileNotFoundError("the wheel `uplot-python` is not installed: run `make setup`")
    static = Path(next(iter(spec.submodule_search_locations))) / "static"
    return {"/uplot.js": static / "uPlot.iife.js", "/uplot.css": static / "uPlot.min.css"}


class Stream:
    """An ASGI response: the greeting, then the newest state whenever this browser is ready for one.

    Sending waits for this browser alone. One that takes nothing for `PATIENCE_S` is let go.
    """

    def __init__(self, hub: Hub, patience_s: float = PATIENCE_S):
        self.hub, self.patience_s = hub, patience_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        news = self.hub.join()
        gone = asyncio.ensure_future(_gone(receive))
        try:
            await send({"type": "http.response.start", "status": 200,
                        "headers": [(b"content-type", b"text/event-stream"), (b"x-accel-buffering", b"no")]})
            await self._send(send, b"retry: 1000\n\n" + self.hub.hello())
            seen = 0
            while not gone.done():
                number, latest = self.hub.newest()
                if number != seen:
                    seen = number
                    await self._send(send, latest)
                elif self.hub.closed:
                    await send({"type": "http.response.body", "body": b""})
                    return
                elif not await _within(news, gone, _KEEP_ALIVE_S):
                    await self._send(send, b": nothing new\n\n")
                news.clear()
        except TimeoutError:
            pass  # uvicorn closes a connection whose answer ends too early
        finally:
            self.hub.leave(news)
            gone.cancel()

    async def _send(self, send: Send, body: bytes) -> None:
        await asyncio.wait_for(send({"type": "http.response.body", "body": body, "more_body": True}), self.patience_s)


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _within(event: asyncio.Event, gone: "asyncio.Future[None]", seconds: float) -> bool:
    """Whether the event is set (or the browser gone) before the time is over."""
    waiting: asyncio.Future[Any] = asyncio.ensure_future(event.wait())
    both: set[asyncio.Future[Any]] = {waiting, gone}
    try:
        done, _ = await asyncio.wait(both, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        waiting.cancel()
    return bool(done)


def application(hub: Hub, token: Token, act: Act, port: int, names: tuple[str, ...] = ()) -> Starlette:
    """The whole site.

    | path | what |
    |---|---|
    | `/` | the page and its files |
    | `/stream` | server-sent events: `hello` once (names, series so far), `tick` with each new state |
    | `/state` | the newest state as JSON |
    | `/metrics` | for Prometheus |
    | `/healthz` | 200 while the server works |
    | `POST /token` | 204 where the token is right |
    | `POST /kill`, `POST /resume` | `{"why": ..., "venue": ..., "strategy": ...}`, all optional; with the token |
    """
    files = {path: _HERE / name for path, name in _OWN.items()} | charts()

    async def file(request: Request) -> Response:
        path = files[request.url.path]
        return FileResponse(path, media_type=_TYPES[path.suffix])

    async def stream(request: Request) -> Response:
        if hub.streams >= STREAMS:
            return JSONResponse({"error": f"{STREAMS} browsers look already"}, 503)
        return Stream(hub)  # type: ignore[return-value]

    async def state(request: Request) -> Response:
        return JSONResponse(hub.state)

    async def metrics(request: Request) -> Response:
        return Response(exposition(hub.state, hub.streams), media_type=CONTENT_TYPE)

    async def healthy(request: Request) -> Response:
        return PlainTextResponse("ok\n")

    async def check(request: Request) -> Response:
        return Response(status_code=204)

    async def command(request: Request) -> Response:
        try:
            said = words(await request.body())
        except ValueError as error:
            return JSONResponse({"error": str(error)}, 400)
        said = {name: said[name] for name in ("why", "venue", "strategy") if said.get(name)}
        try:
            text = await asyncio.to_thread(act, said | {"command": request.url.path[1:]})
        except Refused as error:
            return JSONResponse({"error": str(error)}, 409)
        return JSONResponse({"text": text})

    routes = [*(Route(path, file) for path in files), Route("/stream", stream), Route("/state", state),
              Route("/metrics", metrics), Route("/healthz", healthy), Route("/token", check, methods=["POST"]),
              *(Route(path, command, methods=["POST"]) for path in ("/kill", "/resume"))]
    return Starlette(routes=routes, middleware=[Middleware(Guard, token=token, port=port, names=names)])
