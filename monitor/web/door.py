"""Who may come in and what every answer carries: host check, token, methods, headers, and refusals as sentences."""

from __future__ import annotations

import asyncio
import base64
import binascii
import hmac
import ipaddress
import json
import logging
from collections.abc import Awaitable, Callable, Collection
from typing import Any

from aiohttp import web

from monitor.report.clean import clean
from monitor.store import StoreError
from monitor.web.window import Busy

log = logging.getLogger(__name__)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
OPEN = "/healthz"  # says nothing but "it works": for load balancers and supervisors that hold no secret
TOKEN_IN_QUERY = ("/feed.xml", "/badge.svg")  # feed readers and <img> cannot send a header
CHALLENGE = 'Basic realm="rotwatch", charset="UTF-8"'
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src {style}; img-src 'self'; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "Server": "rotwatch",
}


class Refusal(Exception):  # noqa: N818 -- an answer, not a fault
    """An answer that is no success: the HTTP status and one sentence that says what to do."""

    def __init__(self, status: int, sentence: str, **headers: str) -> None:
        super().__init__(sentence)
        self.status, self.sentence = status, sentence
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


class Door:
    """Checks every request before any route sees it.

    :param host: the address that is listened on, without brackets.
    :param token: what visitors must show; empty where none is asked for.
    :param style: the CSP source of the one style sheet.
    """

    def __init__(self, host: str, token: str, style: str) -> None:
        self._token = token.encode()
        self._names = frozenset({"localhost", "127.0.0.1", "::1", host}) if is_loopback(host) else None
        self._headers = {name: value.format(style=style) for name, value in HEADERS.items()}
        self._inside: set[asyncio.Task[Any]] = set()

    @web.middleware
    async def guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Refuse, or call the route; whatever goes wrong there becomes one sentence."""
        visit = asyncio.current_task()
        assert visit is not None  # noqa: S101 -- a coroutine that runs
        self._inside.add(visit)
        try:
            return await self._served(request, handler)
        finally:
            self._inside.discard(visit)

    async def emptied(self, within_s: float) -> None:
        """Wait until the last has left: aiohttp cancels what takes too long, but does not wait for its end."""
        if self._inside:
            await asyncio.wait(self._inside, timeout=within_s)

    async def _served(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            self._admit(request)
            return await handler(request)
        except Refusal as refusal:
            return _answer(request, refusal)
        except web.HTTPNotFound:
            return _answer(request, Refusal(404, "There is nothing here: the status page is at /."))
        except StoreError as problem:
            log.error("%s", problem, extra={"action": "web"})
            return _answer(
                request, Refusal(503, "The database does not answer: the log of rotwatch says why.")
            )
        except Busy as problem:
            return _answer(request, Refusal(503, str(problem), Retry_After="10"))
        except Exception:
            # never the query: it may hold the token
            log.exception("%s failed", clean(request.path), extra={"action": "web"})
            return _answer(request, Refusal(500, "rotwatch could not answer: its log says why."))

    async def dress(self, _request: web.Request, response: web.StreamResponse) -> None:
        """The headers that every answer carries."""
        response.headers.update(self._headers)

    def _admit(self, request: web.Request) -> None:
        if self._names is not None and _name(request.headers.get("Host", "")) not in self._names:
            # a page of a stranger whose name was made to point at this machine (DNS rebinding)
            raise Refusal(
                403,
                "This host name is not served: open http://localhost, or let the proxy send Host: localhost.",
            )
        if request.method not in {"GET", "HEAD"}:
            raise Refusal(405, "This is a window, not a door: use GET or HEAD.", Allow="GET, HEAD")
        if self._token and request.path != OPEN and not self._shown(request):
            where = " (or ?token=…)" if request.path in TOKEN_IN_QUERY else ""
            raise Refusal(
                401,
                f"Show the token of [web] token: Authorization: Bearer …{where}, or as the password in a browser.",
                WWW_Authenticate=CHALLENGE,
            )

    def _shown(self, request: web.Request) -> bool:
        given = [_credential(request.headers.get("Authorization", ""))]
        if request.path in TOKEN_IN_QUERY:
            given.append(request.query.get("token", "").encode("utf-8", "replace"))
        return any([hmac.compare_digest(one, self._token) for one in given])  # noqa: C419 -- always both


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach a listener at ``host``; a name that is not ``localhost`` is doubted."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _name(host: str) -> str:
    """The name in a Host header, lower-case, without port and brackets."""
    name = host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0]
    return name.lower().removesuffix(".")


def _credential(header: str) -> bytes:
    """The token in an Authorization header: that of Bearer, or the password of Basic, which browsers can send."""
    scheme, _, value = header.strip().partition(" ")
    if scheme.lower() == "bearer":
        return value.strip().encode("utf-8", "surrogateescape")
    if scheme.lower() != "basic":
        return b""
    try:
        return base64.b64decode(value.strip(), validate=True).partition(b":")[2]
    except (binascii.Error, ValueError):
        return b""


def only(request: web.Request, names: Collection[str]) -> None:
    """:raises Refusal: the query has another parameter than these; a misspelt filter must not mean "all"."""
    for name in request.query:
        if name not in names:
            raise Refusal(400, f"Unknown parameter {clean(name, 40)!r}; known here: {', '.join(names)}.")


def _answer(request: web.Request, refusal: Refusal) -> web.Response:
    if request.path.startswith("/api/"):
        body, kind = json.dumps({"error": refusal.sentence}, ensure_ascii=False), "application/json"
    else:
        body, kind = refusal.sentence, "text/plain"
    return web.Response(
        status=refusal.status, text=f"{body}\n", content_type=kind, charset="utf-8", headers=refusal.headers
    )
