"""A forward proxy into the acted world, for clients that can only be led there by a proxy (waybackpy, browsers).

It knows the acted hosts alone: CONNECT for https, absolute addresses for http.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from urllib.parse import urlsplit


class Proxy:
    """Listens on 127.0.0.1; ``hosts`` maps a host to its ``address:port``, ``requests`` lists what was asked."""

    def __init__(self, hosts: Callable[[], Mapping[str, str]]) -> None:
        self._hosts = hosts
        self._server: asyncio.Server | None = None
        self._running: set[asyncio.Task[None]] = set()
        self.requests: list[str] = []
        self.port = 0

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Close, and cut what is being passed on."""
        if self._server is not None:
            self._server.close()
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            self._running.add(task)
            task.add_done_callback(self._running.discard)
        try:
            with suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
                await self._pass_on(reader, writer)
        finally:
            writer.close()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line, _, rest = (await reader.readuntil(b"\r\n\r\n")).partition(b"\r\n")
        method, target, version = line.decode("latin-1").split(" ")
        self.requests.append(f"{method} {target}")
        is_tunnel = method == "CONNECT"
        parts = urlsplit(f"//{target}" if is_tunnel else target)
        address = self._hosts().get(parts.hostname or "")
        if address is None:
            writer.write(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            await writer.drain()
            return
        host, _, port = address.rpartition(":")
        back, forth = await asyncio.open_connection(host, int(port))
        try:
            if is_tunnel:
                writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            else:
                path = target.partition("://")[2].partition("/")[2]
                forth.write(f"{method} /{path} {version}\r\n".encode("latin-1") + rest)
            await asyncio.gather(_copy(reader, forth), _copy(back, writer))
        finally:
            forth.close()


async def _copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    while data := await source.read(64 * 1024):
        target.write(data)
        await target.drain()
    if target.can_write_eof():
        target.write_eof()
