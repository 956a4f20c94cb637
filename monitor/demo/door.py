"""Ports on 127.0.0.1 that speak TLS and plain HTTP alike and can really refuse, and their certificates."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache

import trustme
from aiohttp import web

from monitor.demo.state import State

_TLS_HANDSHAKE = b"\x16"  # the first byte of every TLS connection (RFC 8446, 5.1)


class Certificates:
    """One certificate authority and a certificate for each host asked for by name.

    ``state_of`` tells which state a host is in, so that a certificate can be acted wrong.
    """

    def __init__(self, state_of: Callable[[str], State | None]) -> None:
        self.ca = trustme.CA()
        self._stranger = trustme.CA()
        self._state_of = state_of
        self._context = lru_cache(maxsize=None)(self._make)
        self.context = self.for_host("127.0.0.1", "localhost")
        self.context.sni_callback = self._choose

    def for_host(self, *names: str) -> ssl.SSLContext:
        """A server's context with a good certificate for ``names``."""
        return _context(self.ca.issue_cert(*names))

    def _choose(self, connection: ssl.SSLObject | ssl.SSLSocket, name: str | None, _: ssl.SSLContext) -> None:
        if name is not None and name != "localhost":
            connection.context = self._context(name, self._state_of(name))

    def _make(self, name: str, state: State | None) -> ssl.SSLContext:
        match state:
            case State.TLS_WRONG_NAME:
                return _context(self.ca.issue_cert("wrong-name.example"))
            case State.TLS_EXPIRED:
                past = (datetime(2020, 1, 1, tzinfo=UTC), datetime(2020, 4, 1, tzinfo=UTC))
                return _context(self.ca.issue_cert(name, not_before=past[0], not_after=past[1]))
            case State.TLS_UNKNOWN_CA:
                return _context(self._stranger.issue_cert(name))
        return _context(self.ca.issue_cert(name))


def _context(certificate: trustme.LeafCert) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    return context


def bound(port: int) -> socket.socket:
    """A socket that holds a port of 127.0.0.1 (0: any free one), so that nobody gets it but those that hold it too."""
    made = socket.socket()
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    made.bind(("127.0.0.1", port))
    return made


class Door:
    """A port that serves HTTP, with TLS or without as the first byte asks. Closed, it refuses connections.

    Needs a running event loop. A second socket holds the port while the door is closed, so that no other
    program can take it and the same port opens again.
    """

    def __init__(self, server: web.Server, context: ssl.SSLContext | None) -> None:
        self._server = server
        self._context = context
        self._holder = bound(0)
        self.port: int = self._holder.getsockname()[1]
        self._listener: socket.socket | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self.open()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def open(self) -> None:
        """Accept connections from now on."""
        if self._listener is None:
            self._listener = bound(self.port)
            self._listener.setblocking(False)
            self._listener.listen(512)
            asyncio.get_running_loop().add_reader(self._listener, self._accept, self._listener)

    def close(self) -> None:
        """Refuse connections from now on, and cut those that stand."""
        if self._listener is None:
            return
        for task in self._tasks:
            task.cancel()
        asyncio.get_running_loop().remove_reader(self._listener)
        self._listener.close()
        self._listener = None
        for connection in self._server.connections:
            if connection.transport is not None:
                connection.transport.abort()

    async def shut(self) -> None:
        """Close for good."""
        self.close()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.shutdown(timeout=1)
        self._holder.close()

    def _accept(self, listener: socket.socket) -> None:
        try:
            connection, _ = listener.accept()
        except OSError:  # the client changed its mind
            return
        connection.setblocking(False)
        task = asyncio.get_running_loop().create_task(self._greet(connection))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _greet(self, connection: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        try:
            first = await _first_byte(connection)
            context = self._context if first == _TLS_HANDSHAKE else None
            if first:
                await loop.connect_accepted_socket(self._server, connection, ssl=context)
            else:
                connection.close()
        except OSError:  # the client went away, or did not like the certificate
            connection.close()
        except asyncio.CancelledError:
            connection.close()
            raise


async def _first_byte(connection: socket.socket) -> bytes:
    """Wait for the client's first byte and leave it in the socket; empty when it hung up."""
    loop = asyncio.get_running_loop()
    readable = asyncio.Event()
    loop.add_reader(connection, readable.set)
    try:
        await readable.wait()
    finally:
        loop.remove_reader(connection)
    return connection.recv(1, socket.MSG_PEEK)
