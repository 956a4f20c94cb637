"""Whatever the network or the other side does, a page says so: each kind of failure provoked for real."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import itertools
import os
import resource
import socket
import struct
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import trustme
from aiohttp import web

from monitor.fetch import OutOfResourcesError
from monitor.model import FailureKind, Page, Redirect

from .conftest import FetcherFactory, Web


def kind(page: Page) -> FailureKind:
    assert page.failure, page
    return page.failure.kind


def detail(page: Page) -> str:
    assert page.failure, page
    return page.failure.detail


# Names and connections


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (socket.EAI_NONAME, FailureKind.NO_SUCH_HOST),
        (socket.EAI_NODATA, FailureKind.DNS),
        (socket.EAI_AGAIN, FailureKind.DNS),
        ([], FailureKind.DNS),
    ],
)
async def test_only_a_name_that_does_not_exist_is_no_such_host(
    fetching: FetcherFactory, answer: list[str] | int, expected: FailureKind
) -> None:
    async with fetching(names={"site.test": answer}) as fetcher:
        page = await fetcher.fetch("https://site.test/")
    assert kind(page) is expected
    assert (page.http_status, page.body, page.complete, page.bytes_read) == (None, b"", False, 0)


async def test_a_closed_port_is_refused(fetching: FetcherFactory) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        async with fetching({"site.test": f"127.0.0.1:{closed.getsockname()[1]}"}) as fetcher:
            page = await fetcher.fetch("https://site.test/")
    assert kind(page) is FailureKind.REFUSED


async def reset(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await writer.drain()
    sock = writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # close with RST
    writer.transport.abort()


async def test_a_reset_before_the_answer_has_no_status(far: Web, fetching: FetcherFactory) -> None:
    address = await far.stream(reset)
    async with fetching({"site.test": address}) as fetcher:
        page = await fetcher.fetch("http://site.test/")
    assert (kind(page), page.http_status) == (FailureKind.RESET, None)


async def test_a_connection_that_died_while_it_waited_for_the_next_look_is_no_failure(
    far: Web, fetching: FetcherFactory
) -> None:
    """The other side forgets an idle connection without a word, and resets it when it is used again."""
    answered = asyncio.Event()
    connections = 0

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        await writer.drain()
        if connections == 1:
            answered.set()
            await reader.readuntil(b"\r\n\r\n")
            await reset(reader, writer)

    address = await far.stream(talk)
    async with fetching({"site.test": address}) as fetcher:
        assert (await fetcher.fetch("http://site.test/1")).failure is None
        await answered.wait()
        page = await fetcher.fetch("http://site.test/2")
    assert (page.failure, page.body, connections) == (None, b"ok", 2)


async def test_who_takes_his_leave_keeps_no_connection_open(far: Web, fetching: FetcherFactory) -> None:
    """The next one comes over a new connection; until then neither side holds one."""
    ended = asyncio.Queue[int]()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        answered = 0
        with contextlib.suppress(asyncio.IncompleteReadError):
            while await reader.readuntil(b"\r\n\r\n"):
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
                answered += 1
        ended.put_nowait(answered)

    address = await far.accept(talk)
    async with fetching({"site.test": address}) as fetcher:
        for leave in (False, False, True):
            assert (await fetcher.fetch("http://site.test/", leave=leave)).body == b"ok"
        assert await asyncio.wait_for(ended.get(), 30) == 3  # all over one connection, and we have hung up
        assert (await fetcher.fetch("http://site.test/", leave=True)).body == b"ok"
        assert await asyncio.wait_for(ended.get(), 30) == 1


async def test_a_reset_amid_the_body_keeps_status_and_what_came(far: Web, fetching: FetcherFactory) -> None:
    seen = asyncio.Event()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + b"x" * 20_000)
        await seen.wait()
        await reset(reader, writer)

    def enough(_: Page) -> bool:
        seen.set()
        return False

    address = await far.stream(talk)
    async with fetching({"site.test": address}) as fetcher:
        page = await fetcher.fetch("http://site.test/", enough=enough)
    assert (kind(page), page.http_status, page.complete) == (FailureKind.RESET, 200, False)
    assert page.body == b"x" * 20_000


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (b"", FailureKind.RESET),
        (b"HTTP/1.1 200 OK\r\nContent-Le", FailureKind.RESET),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort", FailureKind.RESET),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nshort\r\n", FailureKind.RESET),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\nno chunk", FailureKind.PROTOCOL),
        (b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n", FailureKind.PROTOCOL),
        (b"HTTP/1.1 200 OK\r\nX: \x00\r\n\r\n", FailureKind.PROTOCOL),
        (b"SSH-2.0-OpenSSH_9.2\r\n", FailureKind.PROTOCOL),
        (b"<html>no head at all</html>", FailureKind.PROTOCOL),
        (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 1000 + b"\r\n", FailureKind.PROTOCOL),
        (b"HTTP/1.1 200 OK\r\nX: " + b"y" * 100_000 + b"\r\n\r\n", FailureKind.PROTOCOL),
        (b"HTTP/1.1 200 OK\r\nContent-Encoding: br\r\nContent-Length: 1\r\n\r\nx", FailureKind.PROTOCOL),
    ],
)
async def test_an_answer_that_is_no_proper_http_is_told_apart(
    far: Web, fetching: FetcherFactory, answer: bytes, expected: FailureKind
) -> None:
    address = await far.say(answer)
    async with fetching({"site.test": address}) as fetcher:
        page = await fetcher.fetch("http://site.test/")
    assert kind(page) is expected
    assert not page.complete
    assert "\n" not in detail(page)


async def test_headers_without_end_are_given_up(far: Web, fetching: FetcherFactory) -> None:
    sent = 0

    async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        writer.write(b"HTTP/1.1 200 OK\r\n")
        while True:
            line = b"X-%d: " % sent + b"y" * 1000 + b"\r\n"
            writer.write(line)
            sent += len(line)
            await writer.drain()

    address = await far.stream(talk)
    async with fetching({"site.test": address}) as fetcher:
        page = await fetcher.fetch("http://site.test/")
    assert kind(page) is FailureKind.PROTOCOL


# Time


async def hang(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    await reader.read()


async def drip(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    while True:
        writer.write(b"x")
        await writer.drain()
        await asyncio.sleep(0.01)


_numbers = itertools.count()


async def redirect_forever(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(0.1)
    head = b"HTTP/1.1 302 Found\r\nLocation: /%d\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    writer.write(head % next(_numbers))


@pytest.mark.parametrize(("talk", "status"), [(hang, None), (drip, 200), (redirect_forever, None)])
async def test_one_time_limit_holds_for_silence_drips_and_chains(
    far: Web,
    fetching: FetcherFactory,
    talk: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
    status: int | None,
) -> None:
    address = await far.stream(talk)
    async with fetching({"site.test": address}, timeout_s=1) as fetcher:
        page = await fetcher.fetch("http://site.test/")
    assert (kind(page), page.http_status, page.complete) == (FailureKind.TIMEOUT, status, False)
    assert page.elapsed_ms is not None
    assert 950 <= page.elapsed_ms < 60_000
    assert (page.body.strip(b"x"), len(page.body) > 0) == (b"", talk is drip)


async def test_a_handshake_that_never_answers_times_out(far: Web, fetching: FetcherFactory) -> None:
    address = await far.accept(hang)
    async with fetching({"site.test": address}) as fetcher:
        page = await fetcher.fetch("https://site.test/", timeout_s=0.2)
    assert kind(page) is FailureKind.TIMEOUT


async def test_being_cancelled_is_no_failure_of_the_page(far: Web, fetching: FetcherFactory) -> None:
    asked = asyncio.Event()

    async def talk(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        asked.set()
        await reader.read()

    address = await far.stream(talk)
    async with fetching({"site.test": address}) as fetcher:
        look = asyncio.create_task(fetcher.fetch("http://site.test/"))
        await asked.wait()
        look.cancel()
        with pytest.raises(asyncio.CancelledError):
            await look


# Encryption

NOW = datetime.now(UTC)


@pytest.mark.parametrize(
    ("name", "validity", "says"),
    [
        ("other.test", {}, "site.test"),
        (
            "site.test",
            {"not_before": NOW - timedelta(days=9), "not_after": NOW - timedelta(days=2)},
            "expired",
        ),
        ("site.test", {"not_before": NOW + timedelta(days=2)}, "not yet valid"),
    ],
)
async def test_a_bad_certificate_says_what_is_wrong_with_it(
    far: Web, fetching: FetcherFactory, name: str, validity: dict[str, Any], says: str
) -> None:
    async def handler(_: web.BaseRequest) -> web.Response:
        raise AssertionError("asked in spite of the certificate")

    address = await far.serve(handler, tls=far.tls(name, **validity))
    async with fetching({"site.test": address}) as fetcher:
        page = await fetcher.fetch("https://site.test/")
    expected = FailureKind.EXPIRED if says == "expired" else FailureKind.TLS
    assert (kind(page), page.http_status) == (expected, None)
    assert says in detail(page)


async def test_the_ca_file_is_what_makes_an_unknown_authority_good(
    far: Web, fetching: FetcherFactory
) -> None:
    async def handler(_: web.BaseRequest) -> web.Response:
        return web.Response()

    good = await far.serve(handler, tls=far.tls("site.test"))
    bad = await far.serve(handler, tls=far.tls("bad.test", ca=trustme.CA()))
    hosts = {"site.test": good, "bad.test": bad}
    async with fetching(hosts) as fetcher:
        assert (await fetcher.fetch("https://site.test/")).failure is None
        assert "unable to get local issuer" in detail(await fetcher.fetch("https://bad.test/"))
    async with fetching(hosts, ca_file="") as fetcher:
        assert kind(await fetcher.fetch("https://site.test/")) is FailureKind.TLS


async def test_a_server_without_encryption_on_the_encrypted_port_is_a_fault_of_tls(
    far: Web, fetching: FetcherFactory
) -> None:
    async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    address = await far.accept(talk)
    async with fetching({"site.test": address}) as fetcher:
        page = await fetcher.fetch("https://site.test/")
    assert kind(page) is FailureKind.TLS


# Redirects


async def test_redirects_in_a_circle_are_found(far: Web, fetching: FetcherFactory) -> None:
    async def handler(request: web.BaseRequest) -> web.Response:
        return web.Response(status=302, headers={"Location": "/b" if request.path == "/a" else "/a"})

    address = await far.serve(handler)
    async with fetching({"site.test": address}) as fetcher:
        page = await fetcher.fetch("http://site.test/a")
    assert (kind(page), page.http_status) == (FailureKind.REDIRECTS, 302)
    assert page.redirects == (Redirect("http://site.test/a", 302),)
    assert page.final_url == "http://site.test/b"


async def test_redirects_without_end_stop_after_ten(far: Web, fetching: FetcherFactory) -> None:
    hits = 0

    async def handler(_: web.BaseRequest) -> web.Response:
        nonlocal hits
        hits += 1
        return web.Response(status=301, headers={"Location": f"/{hits}", "Set-Cookie": f"c={hits}"})

    address = await far.serve(handler)
    async with fetching({"site.test": address}) as fetcher:
        page = await fetcher.fetch("http://site.test/")
    assert kind(page) is FailureKind.REDIRECTS
    assert (len(page.redirects), hits) == (10, 11)


@pytest.mark.parametrize(
    "location",
    [
        "http://127.0.0.1:{port}/inside",
        "http://localhost.test:{port}/inside",
        "http://2130706433:{port}/inside",
        "http://0x7f.1:{port}/inside",
        "http://017700000001:{port}/inside",
        "http://[::ffff:127.0.0.1]:{port}/inside",
        "http://127.0.0.1.:{port}/inside",
        "http://a@127.0.0.1:{port}/inside",
        "http://127。0。0。1:{port}/inside",
        "file:///etc/passwd",
        "weixin://dl/business",
    ],
)
async def test_no_redirect_leads_inside(far: Web, fetching: FetcherFactory, location: str) -> None:
    paths = []

    async def handler(request: web.BaseRequest) -> web.Response:
        paths.append(request.path)
        return web.Response(
            status=302, headers={"Location": location.format(port=address.rpartition(":")[2])}
        )

    address = await far.serve(handler)
    async with fetching({"site.test": address}, names={"localhost.test": ["127.0.0.1"]}) as fetcher:
        page = await fetcher.fetch("http://site.test/outside")
    assert kind(page) is FailureKind.GUARD
    assert paths == ["/outside"]


async def test_a_private_address_is_asked_only_when_the_setting_allows_it(
    far: Web, fetching: FetcherFactory
) -> None:
    hits = []

    async def handler(request: web.BaseRequest) -> web.Response:
        hits.append(request.host)
        return web.Response()

    address = await far.serve(handler)
    urls = [f"http://{address}/", f"http://inside.test:{address.rpartition(':')[2]}/"]
    names: dict[str, list[str] | int] = {"inside.test": ["127.0.0.1"]}
    async with fetching(names=names) as fetcher:
        assert [kind(await fetcher.fetch(url)) for url in urls] == [FailureKind.GUARD] * 2
    assert hits == []
    async with fetching(names=names, allow_private_addresses=True) as fetcher:
        assert [(await fetcher.fetch(url)).http_status for url in urls] == [200, 200]
    assert len(hits) == 2


# Size


async def endless(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        writer.write(b"x" * 10_000)
        await writer.drain()


async def test_a_body_without_end_is_cut_at_the_limit_and_is_no_failure(
    far: Web, fetching: FetcherFactory
) -> None:
    address = await far.stream(endless)
    async with fetching({"site.test": address}, max_body_mb=0.5) as fetcher:
        page = await fetcher.fetch("http://site.test/")
        small = await fetcher.fetch("http://site.test/", max_bytes=1000)
    assert (page.http_status, page.failure, page.complete, len(page.body)) == (200, None, False, 500_000)
    assert page.bytes_read is not None
    assert 500_000 <= page.bytes_read < 1_000_000
    assert (small.complete, small.body) == (False, b"x" * 1000)


async def test_a_bomb_does_not_go_off(far: Web, fetching: FetcherFactory) -> None:
    bomb = gzip.compress(bytes(30_000_000))
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(bomb)
    address = await far.say(head + bomb)
    async with fetching({"site.test": address}, max_body_mb=1) as fetcher:
        page = await fetcher.fetch("http://site.test/")
    assert (page.http_status, page.failure, page.complete, len(page.body)) == (200, None, False, 1_000_000)


async def test_a_damaged_body_keeps_its_status(far: Web, fetching: FetcherFactory) -> None:
    body = gzip.compress(b"gone")[:-8] + b"bad check sum"
    head = b"HTTP/1.1 410 Gone\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(body)
    address = await far.say(head + body)
    async with fetching({"site.test": address}) as fetcher:
        page = await fetcher.fetch("http://site.test/")
    assert (kind(page), page.http_status, page.complete) == (FailureKind.PROTOCOL, 410, False)


# Ourselves


async def test_a_machine_without_file_descriptors_blames_no_page(far: Web, fetching: FetcherFactory) -> None:
    address = await far.stream(hang)
    async with fetching({"site.test": address}) as fetcher:
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (_lowest_free_descriptor(), hard))
        try:
            with pytest.raises(OutOfResourcesError, match="open files"):
                await fetcher.fetch("http://site.test/")
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def _lowest_free_descriptor() -> int:
    descriptor = os.dup(0)
    os.close(descriptor)
    return descriptor


async def test_a_mistake_in_a_judge_is_not_hidden_as_a_failure(far: Web, fetching: FetcherFactory) -> None:
    def broken(_: Page) -> bool:
        raise ZeroDivisionError

    address = await far.stream(endless)
    async with fetching({"site.test": address}) as fetcher:
        with pytest.raises(ZeroDivisionError):
            await fetcher.fetch("http://site.test/", enough=broken)
