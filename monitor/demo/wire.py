"""The HTTP side of the acted world: reads a request, keeps the log, sends a reply in its manner."""

from __future__ import annotations

import asyncio
import socket
import struct
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime
from itertools import count

from aiohttp import web
from multidict import CIMultiDict

from monitor.demo.reply import Manner, Reply, Visit, filler, gzip_parts
from monitor.demo.text import token
from monitor.model import Clock

_SECRET = frozenset({"authorization", "cookie", "proxy-authorization"})


@dataclass(slots=True, kw_only=True)
class Look:
    """One request that reached the world.

    ``at`` by the world's clock, ``started`` and ``ended`` by the monotonic one (seconds; ``ended`` is None
    while it runs); ``in_flight`` counts this host's requests at its arrival, itself included. Of a secret
    header the value is not kept. ``status`` is None when no answer was sent.
    """

    at: datetime
    started: float
    ended: float | None = None
    method: str
    url: str
    host: str
    headers: dict[str, str]
    in_flight: int
    status: int | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """A request with its body, which only the archive reads."""

    visit: Visit
    body: bytes
    origin: str  # scheme and authority as the client wrote them


Answer = Callable[[Asked], Awaitable[Reply]]


class Http:
    """Answers what ``answer`` says and logs every look."""

    def __init__(self, clock: Clock, answer: Answer, seed: int) -> None:
        self._clock, self._answer, self._seed = clock, answer, seed
        self._numbers = count()
        self._in_flight: Counter[str] = Counter()
        self.log: list[Look] = []

    def server(self) -> web.Server:
        """A protocol factory for one door."""
        return web.Server(self._handle, handler_cancellation=True, access_log=None, max_line_size=65_536)

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        asked = await self._read(request)
        host = asked.visit.url.split("/")[2]
        self._in_flight[host] += 1
        look = Look(
            at=asked.visit.now,
            started=time.monotonic(),
            method=request.method,
            url=asked.visit.url,
            host=host,
            headers={
                name: "***" if name in _SECRET else value for name, value in asked.visit.headers.items()
            },
            in_flight=self._in_flight[host],
        )
        self.log.append(look)
        try:
            reply = await self._answer(asked)
            if reply.manner not in {Manner.HANG, Manner.RESET, Manner.RAW}:
                look.status = reply.status
            return await _send(request, reply, asked.visit.now)
        finally:
            self._in_flight[host] -= 1
            look.ended = time.monotonic()

    async def _read(self, request: web.BaseRequest) -> Asked:
        scheme = "https" if request.secure else "http"
        authority = request.headers.get("Host", "")
        host = authority.rpartition(":")[0] if authority.rpartition(":")[2].isdigit() else authority
        visit = Visit(
            url=f"{scheme}://{host.lower()}{request.raw_path}",
            now=self._clock(),
            headers={name.lower(): value for name, value in request.headers.items()},
            nonce=token(16, "nonce", self._seed, next(self._numbers)),
            method=request.method,
        )
        return Asked(visit, await request.read() if request.can_read_body else b"", f"{scheme}://{authority}")


async def _send(request: web.BaseRequest, reply: Reply, now: datetime) -> web.StreamResponse:
    match reply.manner:
        case Manner.WHOLE:
            return _whole(request, reply, now)
        case Manner.HANG:
            await asyncio.Event().wait()
        case Manner.RESET:
            _reset(request)
        case Manner.RAW if request.transport is not None:
            request.transport.write(reply.body)
            request.transport.close()
        case _:
            return await _in_pieces(request, reply)
    return web.Response()  # never sent: the connection is gone


def _whole(request: web.BaseRequest, reply: Reply, now: datetime) -> web.Response:
    headers = CIMultiDict(reply.headers)
    headers.setdefault("Date", format_datetime(now.replace(microsecond=0), usegmt=True))
    if reply.zipped and "gzip" in request.headers.get("Accept-Encoding", ""):
        headers["Content-Encoding"] = "gzip"
        headers["Vary"] = "Accept-Encoding"
        return web.Response(status=reply.status, headers=headers, body=gzip_parts(reply.parts))
    return web.Response(status=reply.status, headers=headers, body=reply.body)


async def _in_pieces(request: web.BaseRequest, reply: Reply) -> web.StreamResponse:
    response = web.StreamResponse(status=reply.status, headers=CIMultiDict(reply.headers))
    if reply.manner is Manner.RESET_MID_BODY:
        response.content_length = 1_000_000
    await response.prepare(request)
    await response.write(reply.body)
    match reply.manner:
        case Manner.RESET_MID_BODY:
            _reset(request)
        case Manner.HANG_MID_BODY:
            await asyncio.Event().wait()
        case Manner.DRIP:
            while True:
                await asyncio.sleep(0.2)
                await response.write(b".")
        case Manner.ENDLESS:
            block = filler(64 * 1024).raw
            while True:
                await response.write(block)
                await asyncio.sleep(0.001)  # a client in the same loop may never let us wait
    return response


def _reset(request: web.BaseRequest) -> None:
    if request.transport is None:
        return
    connection = request.transport.get_extra_info("socket")
    with suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    request.transport.abort()
