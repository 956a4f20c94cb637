"""The other side: real servers on loopback that do what a test wants, and a client that finds them by name."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trustme
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult

from monitor.config import Network
from monitor.fetch import Fetcher

Stream = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]
FetcherFactory = Callable[..., AbstractAsyncContextManager[Fetcher]]


class Names(AbstractResolver):
    """A name service: each name has addresses, or an error number of ``getaddrinfo``; others do not exist."""

    def __init__(self, names: dict[str, list[str] | int]) -> None:
        self._names = names

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        answer = self._names.get(host, socket.EAI_NONAME)
        if isinstance(answer, int):
            raise socket.gaierror(answer, "said by the name service")
        return [
            ResolveResult(hostname=host, host=address, port=port, family=socket.AF_INET, proto=0, flags=0)
            for address in answer
        ]

    async def close(self) -> None:
        return


class Web:
    """Servers for one test; each method gives the ``address:port`` it listens on."""

    def __init__(self, ca: trustme.CA) -> None:
        self._ca = ca
        self._stack = contextlib.AsyncExitStack()

    async def close(self) -> None:
        await self._stack.aclose()

    def tls(self, *names: str, ca: trustme.CA | None = None, **validity: Any) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        (ca or self._ca).issue_cert(*names, **validity).configure_cert(context)
        return context

    async def serve(self, handler: Handler, *, tls: ssl.SSLContext | None = None) -> str:
        """An HTTP server."""
        runner = web.ServerRunner(web.Server(handler), shutdown_timeout=0.1)
        await runner.setup()
        self._stack.push_async_callback(runner.cleanup)
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls).start()
        return f"127.0.0.1:{runner.addresses[0][1]}"

    async def accept(self, talk: Stream, *, tls: ssl.SSLContext | None = None) -> str:
        """A server that leaves each connection to ``talk``."""
        talks: set[asyncio.Task[None]] = set()

        async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task
            talks.add(task)
            try:
                with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
                    await talk(reader, writer)
            finally:
                writer.close()
                talks.discard(task)

        async def stop() -> None:
            server.close()
            running = list(talks)
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)
            await server.wait_closed()

        server = await asyncio.start_server(connected, "127.0.0.1", 0, ssl=tls)
        self._stack.push_async_callback(stop)
        return f"127.0.0.1:{server.sockets[0].getsockname()[1]}"

    async def stream(self, talk: Stream, *, tls: ssl.SSLContext | None = None) -> str:
        """A server that does what ``talk`` does once the head of a request was read."""

        async def after_the_head(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            await talk(reader, writer)

        return await self.accept(after_the_head, tls=tls)

    async def say(self, answer: bytes) -> str:
        """A server that answers everything with these bytes and hangs up."""

        async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(answer)
            await writer.drain()

        return await self.stream(talk)


@pytest.fixture(scope="session")
def ca() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
async def far(ca: trustme.CA) -> AsyncIterator[Web]:
    servers = Web(ca)
    yield servers
    await servers.close()


@pytest.fixture
def ca_file(ca: trustme.CA, tmp_path: Path) -> Path:
    file = tmp_path / "ca.pem"
    ca.cert_pem.write_to_path(str(file))
    return file


@pytest.fixture
def fetching(ca_file: Path) -> FetcherFactory:
    """``fetching("name" = "address:port", …)`` as a dict, more settings and names by keyword."""

    @asynccontextmanager
    async def fetching(
        hosts: dict[str, str] | None = None,
        *,
        names: dict[str, list[str] | int] | None = None,
        **settings: Any,
    ) -> AsyncIterator[Fetcher]:
        network = Network(hosts=hosts or {}, **{"ca_file": ca_file.name, "timeout_s": 60, **settings})
        async with Fetcher(network, base=ca_file.parent, resolver=Names(names or {})) as fetcher:
            yield fetcher

    return fetching
