"""What a page of an ordinary, honest site looks like."""

from __future__ import annotations

import asyncio
import gzip
from itertools import pairwise
from pathlib import Path

import pytest
from aiohttp import web

from monitor.config import Network
from monitor.config_file import ConfigError
from monitor.fetch import Fetcher
from monitor.model import Page, Redirect

from .conftest import FetcherFactory, Web

GBK = "<meta charset=gbk><p>文章正文</p>".encode("gbk")


async def test_an_encrypted_page_comes_back_whole(far: Web, fetching: FetcherFactory) -> None:
    async def handler(request: web.BaseRequest) -> web.Response:
        assert request.headers["Host"] == "site.test"
        headers = {"X-Twice": "a", "Content-Type": "text/html; charset=gbk", "Set-Cookie": "id=1"}
        answer = web.Response(body=GBK, headers=headers)
        answer.headers.add("X-Twice", "b")
        return answer

    address = await far.serve(handler, tls=far.tls("site.test"))
    async with fetching({"site.test": address}) as fetcher:
        page = await fetcher.fetch("https://site.test/文章?a=1#top")
    assert page.failure is None
    assert (page.url, page.final_url) == ("https://site.test/文章?a=1#top",) * 2
    assert (page.http_status, page.body, page.complete) == (200, GBK, True)
    assert (page.redirects, page.bytes_read) == ((), len(GBK))
    assert page.headers["content-type"] == "text/html; charset=gbk"
    assert page.headers["x-twice"] == "a, b"
    assert "set-cookie" not in page.headers
    assert page.elapsed_ms is not None
    assert 0 <= page.elapsed_ms < 60_000


async def test_plain_and_encrypted_requests_both_go_to_the_pinned_address(
    far: Web, fetching: FetcherFactory
) -> None:
    async def handler(request: web.BaseRequest) -> web.Response:
        return web.Response(text=f"{request.url}")

    plain = await far.serve(handler)
    async with fetching({"site.test": plain}) as fetcher:
        page = await fetcher.fetch("http://site.test:81/x")
    assert page.body == b"http://site.test:81/x"
    encrypted = await far.serve(handler, tls=far.tls("site.test"))
    async with fetching({"site.test": encrypted}) as fetcher:
        page = await fetcher.fetch("https://SITE.test./x")
    assert page.body == b"https://site.test/x"


async def test_a_request_looks_like_a_browsers_and_carries_nothing_of_an_earlier_look(
    far: Web, fetching: FetcherFactory
) -> None:
    seen = []

    async def handler(request: web.BaseRequest) -> web.Response:
        seen.append(request.headers)
        return web.Response(headers={"Set-Cookie": "id=1"})

    address = await far.serve(handler)
    async with fetching({"site.test": address}, user_agent="rotwatch-test") as fetcher:
        await fetcher.fetch("http://site.test/a")
        await fetcher.fetch("http://site.test/b")
    for headers in seen:
        assert headers["User-Agent"] == "rotwatch-test"
        assert headers["Accept"].startswith("text/html,")
        assert headers["Accept-Language"] == "zh-CN,zh;q=0.9,en;q=0.8"
        assert headers["Accept-Encoding"] == "gzip, deflate"
        assert not {"Cookie", "Referer", "Authorization"} & set(headers)
    assert len(seen) == 2


async def test_looks_at_one_host_share_a_connection(far: Web, fetching: FetcherFactory) -> None:
    ports = set()

    async def handler(request: web.BaseRequest) -> web.Response:
        assert request.transport
        ports.add(request.transport.get_extra_info("peername")[1])
        return web.Response(text="x")

    address = await far.serve(handler, tls=far.tls("site.test"))
    async with fetching({"site.test": address}) as fetcher:
        for _ in range(3):
            assert (await fetcher.fetch("https://site.test/")).http_status == 200
    assert len(ports) == 1


async def test_a_form_is_posted_with_the_callers_headers(far: Web, fetching: FetcherFactory) -> None:
    async def handler(request: web.BaseRequest) -> web.Response:
        body = (await request.read()).decode()
        return web.Response(
            text=f"{request.method} {body} {request.headers['Accept']} {request.headers['X-Key']}"
        )

    address = await far.serve(handler)
    async with fetching({"site.test": address}) as fetcher:
        page = await fetcher.fetch(
            "http://site.test/",
            method="POST",
            form={"url": "https://a.test/?b=c&d"},
            headers={"Accept": "application/json", "X-Key": "k"},
        )
    assert page.body == b"POST url=https%3A%2F%2Fa.test%2F%3Fb%3Dc%26d application/json k"


async def test_a_head_request_has_no_body_and_is_complete(far: Web, fetching: FetcherFactory) -> None:
    address = await far.say(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\nContent-Encoding: gzip\r\n\r\n")
    async with fetching({"site.test": address}) as fetcher:
        page = await fetcher.fetch("http://site.test/", method="HEAD")
    assert (page.http_status, page.body, page.complete, page.failure) == (200, b"", True, None)


async def test_a_compressed_page_is_unpacked_and_its_bytes_counted_as_they_came(
    far: Web, fetching: FetcherFactory
) -> None:
    packed = gzip.compress(GBK * 1000)

    async def handler(_: web.BaseRequest) -> web.Response:
        return web.Response(body=packed, headers={"Content-Encoding": "gzip"})

    address = await far.serve(handler)
    async with fetching({"site.test": address}) as fetcher:
        page = await fetcher.fetch("http://site.test/")
    assert (page.body, page.bytes_read, page.complete) == (GBK * 1000, len(packed), True)


@pytest.mark.parametrize("packed", [False, True])
async def test_reading_stops_when_a_prefix_is_enough(
    far: Web, fetching: FetcherFactory, packed: bool
) -> None:
    async def handler(request: web.BaseRequest) -> web.StreamResponse:
        answer = web.StreamResponse()
        if packed:
            answer.enable_compression(web.ContentCoding.gzip)
        await answer.prepare(request)
        for n in range(1000):
            await answer.write(b"".join(b"%d " % (n * m * 2654435761) for m in range(100)))
        return answer

    asked: list[int] = []

    def enough(page: Page) -> bool:
        assert (page.http_status, page.complete) == (200, False)
        asked.append(len(page.body))
        return len(page.body) >= 64 * 1024

    address = await far.serve(handler)
    async with fetching({"site.test": address}) as fetcher:
        page = await fetcher.fetch("http://site.test/", enough=enough)
    assert (page.http_status, page.complete, page.failure) == (200, False, None)
    assert page.bytes_read is not None
    assert 16 * 1024 <= page.bytes_read <= 160 * 1024
    assert len(page.body) == asked[-1] >= 64 * 1024
    assert all(2 * before <= after for before, after in pairwise(asked))


async def test_a_short_rest_is_read_to_the_end_without_asking(far: Web, fetching: FetcherFactory) -> None:
    async def handler(_: web.BaseRequest) -> web.Response:
        return web.Response(body=b"x" * 20_000)

    def enough(_: Page) -> bool:
        raise AssertionError("asked for the last few bytes")

    address = await far.serve(handler)
    async with fetching({"site.test": address}) as fetcher:
        page = await fetcher.fetch("http://site.test/", enough=enough)
    assert (len(page.body), page.complete) == (20_000, True)


async def test_cookies_of_a_redirect_chain_are_brought_back_and_then_forgotten(
    far: Web, fetching: FetcherFactory
) -> None:
    seen: list[tuple[str, str | None]] = []

    async def handler(request: web.BaseRequest) -> web.Response:
        seen.append((str(request.url), request.headers.get("Cookie")))
        if request.host == "other.test":
            return web.Response(text="there")
        if "Cookie" not in request.headers:  # round in a circle for who brings no cookie
            return web.Response(status=302, headers={"Location": "/a", "Set-Cookie": "pass=1; Path=/"})
        return web.Response(status=301, headers={"Location": "http://other.test/b"})

    address = await far.serve(handler)
    async with fetching({"site.test": address, "other.test": address}) as fetcher:
        first = await fetcher.fetch("http://site.test/a")
        second = await fetcher.fetch("http://site.test/a")
    expected = [("http://site.test/a", None), ("http://site.test/a", "pass=1"), ("http://other.test/b", None)]
    assert seen == expected * 2
    assert first.body == second.body == b"there"
    assert first.final_url == "http://other.test/b"
    assert first.redirects == (Redirect("http://site.test/a", 302), Redirect("http://site.test/a", 301))


async def test_the_callers_headers_stay_with_the_host_they_were_meant_for(
    far: Web, fetching: FetcherFactory
) -> None:
    seen = []

    async def handler(request: web.BaseRequest) -> web.Response:
        seen.append((request.path, request.headers.get("Authorization"), request.headers.get("Referer")))
        target = {"/a": "/b", "/b": "http://other.test/c"}.get(request.path)
        return web.Response(status=302, headers={"Location": target}) if target else web.Response()

    address = await far.serve(handler)
    async with fetching({"site.test": address, "other.test": address}) as fetcher:
        await fetcher.fetch("http://site.test/a", headers={"Authorization": "LOW key:secret"})
    assert seen == [("/a", "LOW key:secret", None), ("/b", "LOW key:secret", None), ("/c", None, None)]


@pytest.mark.parametrize(
    ("status", "methods"), [(303, ["POST", "GET"]), (302, ["POST", "GET"]), (307, ["POST"])]
)
async def test_a_form_is_never_posted_twice(
    far: Web, fetching: FetcherFactory, status: int, methods: list[str]
) -> None:
    seen = []

    async def handler(request: web.BaseRequest) -> web.Response:
        seen.append(request.method)
        if request.path == "/a":
            return web.Response(status=status, headers={"Location": "/b"})
        return web.Response(body=await request.read())

    address = await far.serve(handler)
    async with fetching({"site.test": address}) as fetcher:
        page = await fetcher.fetch("http://site.test/a", method="POST", form={"a": "b"})
    assert seen == methods
    assert page.http_status == (status if methods == ["POST"] else 200)
    assert page.body == b""


async def test_a_redirect_is_the_page_when_it_is_not_to_be_followed(
    far: Web, fetching: FetcherFactory
) -> None:
    address = await far.say(b"HTTP/1.1 302 Found\r\nLocation: /b\r\nContent-Length: 2\r\n\r\nhi")
    async with fetching({"site.test": address}) as fetcher:
        page = await fetcher.fetch("http://site.test/a", follow=False)
    assert (page.http_status, page.headers["location"], page.body) == (302, "/b", b"hi")
    assert (page.redirects, page.final_url, page.failure) == ((), "http://site.test/a", None)


async def test_a_redirect_without_a_target_is_a_page(far: Web, fetching: FetcherFactory) -> None:
    address = await far.say(b"HTTP/1.1 302 Found\r\nContent-Length: 2\r\n\r\nhi")
    async with fetching({"site.test": address}) as fetcher:
        page = await fetcher.fetch("http://site.test/a")
    assert (page.http_status, page.body, page.failure) == (302, b"hi", None)


async def test_a_location_in_gbk_leads_to_the_very_same_bytes(far: Web, fetching: FetcherFactory) -> None:
    paths = []

    async def handler(request: web.BaseRequest) -> web.Response:
        paths.append(request.raw_path)
        return web.Response()

    target = await far.serve(handler)
    head = b"HTTP/1.1 302 Found\r\nLocation: http://other.test/\xd6\xd0\xce\xc4\r\nX-Odd: \xd6\xd0\r\n"
    origin = await far.say(head + b"Content-Length: 0\r\n\r\n")
    async with fetching({"site.test": origin, "other.test": target}) as fetcher:
        page = await fetcher.fetch("http://site.test/")
        stay = await fetcher.fetch("http://site.test/", follow=False)
    assert paths == ["/%D6%D0%CE%C4"]
    assert page.final_url == "http://other.test/%D6%D0%CE%C4"
    assert str(stay.headers).encode()  # no surrogates, which nothing can store


async def test_waiting_for_a_free_slot_takes_nothing_from_a_looks_own_time(
    far: Web, fetching: FetcherFactory
) -> None:
    gate, arrived = asyncio.Event(), asyncio.Event()

    async def handler(request: web.BaseRequest) -> web.Response:
        if request.path == "/slow":
            arrived.set()
            await gate.wait()
        return web.Response()

    address = await far.serve(handler)
    async with fetching({"site.test": address}, concurrency=1) as fetcher:
        slow = asyncio.create_task(fetcher.fetch("http://site.test/slow"))
        await arrived.wait()
        quick = asyncio.create_task(fetcher.fetch("http://site.test/quick", timeout_s=2))
        done, _ = await asyncio.wait([quick], timeout=2.1)
        assert not done
        gate.set()
        assert (await quick).failure is None
        assert (await slow).failure is None


async def test_a_fetcher_that_was_not_entered_says_so() -> None:
    with pytest.raises(RuntimeError, match="enter the Fetcher"):
        await Fetcher(Network(), base=Path()).fetch("https://example.com/")


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"ca_file": "none.pem"}, "ca_file"),
        ({"proxy": "socks5://user:secret@proxy.test:1080"}, "http://proxy.example:3128"),
        ({"proxy": "proxy.test:3128"}, "http://proxy.example:3128"),
        ({"proxy": "http://[::"}, "http://proxy.example:3128"),
        ({"hosts": {"127.0.0.1": "127.0.0.1:8443"}}, "network.hosts"),
    ],
)
def test_a_setting_that_cannot_work_is_refused_in_one_sentence(
    settings: dict[str, object], says: str, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match=says) as raised:
        Fetcher(Network.model_validate(settings), base=tmp_path)
    assert "secret" not in str(raised.value)


def test_a_ca_file_without_certificates_is_refused(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("no certificate")
    with pytest.raises(ConfigError, match="PEM"):
        Fetcher(Network(ca_file="ca.pem"), base=tmp_path)
