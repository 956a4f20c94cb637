"""Looks through a proxy: what it gets to see, and what it must not."""

from __future__ import annotations

import asyncio
import base64
import contextlib

import pytest
from aiohttp import web

from monitor.model import FailureKind, Page

from .conftest import FetcherFactory, Web

CREDENTIALS = "Basic " + base64.b64encode(b"user:secret").decode()


class Proxy:
    """An HTTP proxy that knows one target for every name and keeps the heads it was sent."""

    def __init__(self, target: str = "", refusal: bytes = b"") -> None:
        self.heads: list[str] = []
        self._target = target
        self._refusal = refusal

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        self.heads.append(head.decode())
        if self._refusal:
            writer.write(self._refusal)
            return
        host, _, port = self._target.rpartition(":")
        far_reader, far_writer = await asyncio.open_connection(host, int(port))
        if head.startswith(b"CONNECT "):
            writer.write(b"HTTP/1.1 200 Connected\r\n\r\n")
        else:
            far_writer.write(head)
        await asyncio.gather(self._pump(reader, far_writer), self._pump(far_reader, writer))

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        writer.close()


async def hello(request: web.BaseRequest) -> web.Response:
    # what an origin must never see comes back in the body
    return web.Response(text=f"{request.host} {request.headers.get('Proxy-Authorization')}")


def kind(page: Page) -> FailureKind:
    assert page.failure, page
    assert "secret" not in page.failure.detail
    return page.failure.kind


async def test_an_encrypted_page_comes_through_a_tunnel_with_its_own_certificate(
    far: Web, fetching: FetcherFactory
) -> None:
    proxy = Proxy(await far.serve(hello, tls=far.tls("site.test")))
    address = await far.accept(proxy.talk)
    async with fetching(proxy=f"http://user:secret@{address}") as fetcher:
        page = await fetcher.fetch("https://site.test/")
        bad = await fetcher.fetch("https://other.test/")
    assert page.body == b"site.test None"
    assert kind(bad) is FailureKind.TLS
    assert proxy.heads[0].startswith("CONNECT site.test:443 HTTP/1.1\r\n")
    assert f"Proxy-Authorization: {CREDENTIALS}" in proxy.heads[0]


async def test_a_plain_page_is_asked_of_the_proxy_by_its_whole_address(
    far: Web, fetching: FetcherFactory
) -> None:
    proxy = Proxy(await far.serve(hello))
    address = await far.accept(proxy.talk)
    async with fetching(proxy=f"http://{address}") as fetcher:
        page = await fetcher.fetch("http://site.test/a?b")
    assert page.body == b"site.test None"
    assert proxy.heads[0].startswith("GET http://site.test/a?b HTTP/1.1\r\n")


async def test_a_pinned_host_is_reached_past_the_proxy(far: Web, fetching: FetcherFactory) -> None:
    proxy = Proxy()
    address = await far.accept(proxy.talk)
    async with fetching({"site.test": await far.serve(hello)}, proxy=f"http://{address}") as fetcher:
        page = await fetcher.fetch("http://site.test/")
    assert page.body == b"site.test None"
    assert proxy.heads == []


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/",
        "http://2130706433/",
        "http://[::1]/",
        "http://169.254.169.254/latest/meta-data/",
        "http://localhost/",
        "http://intranet/",
        "https://metadata.google.internal/",
    ],
)
async def test_the_proxy_is_never_asked_for_what_can_only_be_private(
    far: Web, fetching: FetcherFactory, url: str
) -> None:
    proxy = Proxy()
    address = await far.accept(proxy.talk)
    async with fetching(proxy=f"http://{address}") as fetcher:
        page = await fetcher.fetch(url)
    assert kind(page) is FailureKind.GUARD
    assert proxy.heads == []


@pytest.mark.parametrize("url", ["http://site.test/", "https://site.test/"])
async def test_a_proxy_that_wants_other_credentials_is_the_proxys_fault(
    far: Web, fetching: FetcherFactory, url: str
) -> None:
    refusal = b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    address = await far.accept(Proxy(refusal=refusal).talk)
    async with fetching(proxy=f"http://user:secret@{address}") as fetcher:
        page = await fetcher.fetch(url)
    assert kind(page) is FailureKind.PROXY


async def test_a_refused_tunnel_is_the_proxys_fault(far: Web, fetching: FetcherFactory) -> None:
    refusal = b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    address = await far.accept(Proxy(refusal=refusal).talk)
    async with fetching(proxy=f"http://{address}") as fetcher:
        page = await fetcher.fetch("https://site.test/")
    assert kind(page) is FailureKind.PROXY
    assert page.failure
    assert "502" in page.failure.detail


@pytest.mark.parametrize("host", ["127.0.0.1", "proxy.test"])
async def test_a_proxy_that_is_down_is_the_proxys_fault(fetching: FetcherFactory, host: str) -> None:
    async with fetching(proxy=f"http://user:secret@{host}:1") as fetcher:
        page = await fetcher.fetch("https://site.test/")
    assert kind(page) is FailureKind.PROXY
