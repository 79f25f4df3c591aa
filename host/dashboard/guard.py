"""Who may ask, and who may act.

A page on another site must neither read this one through a name that it points at us (DNS rebinding) nor make a browser
act here (cross-site request forgery). So every request must name us by an address or a name that is ours, and a
request that acts must come from our own page (Origin) and carry the token, which no other page can know or send.
"""

import hmac
import ipaddress
import json
import secrets
import socket

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_SAFE = ("GET", "HEAD")
#: A request that acts is a few words.
_MOST_BYTES = 4096

#: Nothing but our own files, no frame around us, nothing kept, nothing told to others.
HEADERS = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
                               "img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
                               "frame-ancestors 'none'",
    "x-content-type-options": "nosniff", "referrer-policy": "no-referrer", "x-frame-options": "DENY",
    "cross-origin-opener-policy": "same-origin", "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}


class Token:
    """256 random bits that only the terminal has seen.

    Parameters
    ----------
    text : one that was made before: a page that is started again keeps it.
    """

    def __init__(self, text: str = ""):
        self._text = text or secrets.token_urlsafe(32)

    def reveal(self) -> str:
        """For the terminal, once."""
        return self._text

    def fits(self, headers: Headers) -> bool:
        """`Authorization: Bearer TOKEN` (RFC 6750, section 2.1), compared in constant time."""
        scheme, _, given = headers.get("authorization", "").partition(" ")
        same = hmac.compare_digest(given.encode("utf-8", "replace"), self._text.encode())
        return same and scheme.lower() == "bearer"

    def __repr__(self) -> str:
        return "Token(...)"


class Guard:
    """ASGI middleware: refuses what is not asked of us by name, and what acts without the right to.

    Parameters
    ----------
    port : that we listen on.
    names : host names that are ours, besides localhost, addresses, and this machine's name.
    """

    def __init__(self, app: ASGIApp, token: Token, port: int, names: tuple[str, ...] = ()):
        self.app, self.token, self.port = app, token, port
        self.names = {"localhost", socket.gethostname().lower(), *(name.lower() for name in names)}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", []),
                                      *((name.encode(), value.encode()) for name, value in HEADERS.items())]
            await send(message)

        problem = self._problem(scope["method"], Headers(scope=scope))
        if problem:
            status, why = problem
            await JSONResponse({"error": why}, status)(scope, receive, answer)
        else:
            await self.app(scope, receive, answer)

    def _problem(self, method: str, headers: Headers) -> tuple[int, str] | None:
        host = headers.get("host", "")
        if not self.ours(host):
            return 421, "this is not a name of this server"
        if method in _SAFE:
            return None
        origin = headers.get("origin")
        if origin is not None and origin != f"http://{host}":
            return 403, "another site may not act here"
        if headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
            return 403, "another site may not act here"
        if not self.token.fits(headers):
            return 401, "the token is missing or wrong: the session showed it on its terminal as it began"
        if headers.get("content-type", "").partition(";")[0].strip() != "application/json":
            return 415, "say it as application/json"
        size = headers.get("content-length", "")
        if not size.isdigit() or int(size) > _MOST_BYTES:
            return 413, f"say it in at most {_MOST_BYTES} bytes, and how many they are"
        return None

    def ours(self, host: str) -> bool:
        """A Host header that names us: an address or a name of ours, with our port."""
        name, colon, port = host.rpartition(":")
        if not colon or not port.isdigit():
            name, port = host, "80"
        if int(port) != self.port:
            return False
        name = name.strip("[]").lower()
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return name in self.names
        return True


def words(body: bytes) -> dict[str, str]:
    """A JSON object of texts; raises ValueError for anything else."""
    said = json.loads(body or b"{}")
    if not isinstance(said, dict) or not all(isinstance(one, str) for one in said.values()):
        raise ValueError("say it as a JSON object of texts")
    return said
