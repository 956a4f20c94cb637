"""The web page as its visitors have it: the served app on a real port, a real client, a real database."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import html
import json
import logging
import re
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote
from xml.etree import ElementTree as Xml

import aiohttp
import pytest
from click.testing import CliRunner
from sqlalchemy import insert, update
from sqlalchemy.ext.asyncio import AsyncConnection
from yarl import URL

from monitor.cli import cli
from monitor.config import Settings
from monitor.store import Store, database_url, service
from monitor.store.tables import archive_job, flip, link, reference, snapshot, source, span
from monitor.web import WebError, api, app, serving, window
from tests.ports import free_port

NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)
TOKEN = "correct horse battery staple"
ATOM = "{http://www.w3.org/2005/Atom}"
DEAD, RISKY, WALLED, HOSTILE = (f"https://e.org/{name}" for name in ("dead", "risky", "walled", "hostile"))
ROUTES = (
    "/",
    f"/link?url={quote(DEAD, safe='')}",
    "/api/status",
    f"/api/link?url={quote(DEAD, safe='')}",
    "/feed.xml",
    "/badge.svg",
    "/metrics",
    "/healthz",
)
NASTY = '"><script>alert(1)</script>\u202e{{ 7*7 }}'

Serve = Callable[..., Awaitable[aiohttp.ClientSession]]


def settings_of(listen: str, *, token: str = "", language: str = "en") -> Settings:
    return Settings.model_validate(
        {"web": {"listen": listen, "token": token}, "report": {"language": language}}
    )


@pytest.fixture
async def serve(store: Store) -> AsyncIterator[Serve]:
    """Serves the store (or another) and gives a client of it."""
    async with AsyncExitStack() as stack:

        async def begin(other: Store | None = None, *, host: str = "127.0.0.1", **values: Any) -> Any:
            settings = settings_of(f"{host}:{free_port()}", **values)
            address = await stack.enter_async_context(serving(other or store, settings, lambda: NOW))
            return await stack.enter_async_context(
                aiohttp.ClientSession(address.replace("0.0.0.0", "127.0.0.1"))
            )

        yield begin


async def add(store: Store, url: str, status: str = "alive", **values: Any) -> int:
    row = {
        "url": url,
        "platform": "generic",
        "host": "e.org",
        "title": f"Title of {url.rpartition('/')[2]}",
        "added_at": NOW - timedelta(days=100),
        "since": NOW - timedelta(days=2),
        "status": status,
        "last_checked_at": NOW - timedelta(minutes=3),
        **values,
    }
    async with store.write() as db:
        return int((await db.execute(insert(link).values(row).returning(link.c.id))).scalar_one())


async def put(store: Store, table: Any, **values: Any) -> int:
    async with store.write() as db:
        return int((await db.execute(insert(table).values(values).returning(table.c.id))).scalar_one())


async def copy_of(store: Store, link_id: int, url: str) -> None:
    made = await put(
        store,
        snapshot,
        link_id=link_id,
        archive="wayback",
        url=url,
        original_url="https://e.org",
        captured_at=NOW - timedelta(days=9),
        origin="made",
        grade="A",
    )
    async with store.write() as db:
        await db.execute(update(link).where(link.c.id == link_id).values(copy_id=made))


@pytest.fixture
async def list_(store: Store) -> Store:
    """A dead link with a copy and all there is to know of it, one in danger, a walled one, and one out of hell."""
    dead = await add(store, DEAD, "dead", reason="deleted", evidence="该内容已被删除", outcome="removed")
    await copy_of(store, dead, "https://web.archive.org/web/2026/https://e.org/dead")
    post = await put(store, source, path="posts/1.md")
    await put(store, reference, source_id=post, link_id=dead, line=17)
    looks = {"reason": "deleted", "rule": "generic.deleted", "evidence": "该内容已被删除", "vantage": "here"}
    then = {"started_at": NOW - timedelta(days=4), "ended_at": NOW - timedelta(days=2)}
    await put(store, span, link_id=dead, outcome="removed", checks=3, **looks, **then)
    at = NOW - timedelta(days=2)
    await put(
        store, flip, link_id=dead, at=NOW - timedelta(days=9), old="pending", new="alive", reason="page"
    )
    await put(store, flip, link_id=dead, at=at, old="suspect", new="dead", reason="deleted", evidence="gone!")
    job = {"state": "verified", "danger": 1, "created_at": at, "not_before": at, "finished_at": at}
    await put(store, archive_job, link_id=dead, archive="wayback", **job)
    await add(store, RISKY, at_risk=True, chance_90d=0.25, risk_reasons=[{"code": "was_away"}])
    await add(store, WALLED, "blind", reason="captcha", evidence="环境异常")
    hell = await add(store, HOSTILE, "dead", title=NASTY, reason=NASTY, evidence=NASTY)
    await copy_of(store, hell, "javascript:alert(1)")
    await put(store, flip, link_id=hell, at=at, old="suspect", new="dead", reason="x", evidence=NASTY)
    return store


async def text_of(client: aiohttp.ClientSession, path: str, **values: Any) -> str:
    async with client.get(path, **values) as answer:
        assert answer.status == 200, await answer.text()
        return await answer.text()


async def status_of(client: aiohttp.ClientSession, path: str, method: str = "GET", **values: Any) -> int:
    async with client.request(method, path, **values) as answer:
        return answer.status


# --- the pages -----------------------------------------------------------------------------------------------------


async def test_the_four_numbers_come_before_what_died_what_is_in_danger_and_what_is_walled(
    serve: Serve, list_: Store
) -> None:
    page = await text_of(await serve(), "/")
    places = [
        page.index(mark) for mark in ('class="tile safe"', "Died in", "In danger", "Walled in the last")
    ]
    assert places == sorted(places)
    numbers = re.findall(r'class="tile (\w+)"><b>(\d+)</b>', page)
    assert numbers == [("safe", "0"), ("exposed", "2"), ("rescued", "2"), ("lost", "0")]
    assert "4 links: 1 alive, 2 dead, 1 walled; 1 at risk." in page
    for url in (DEAD, RISKY, WALLED):
        assert f'href="/link?url={quote(url, safe="")}"' in page
    assert "25% likely to die within 90 days." in page


async def test_the_lists_are_cut_and_say_how_much_is_left_out_the_lost_first(
    serve: Serve, store: Store
) -> None:
    for number in range(20):
        link_id = await add(store, f"https://e.org/{number}", "dead", since=NOW - timedelta(hours=number))
        if number < 18:
            await copy_of(store, link_id, f"https://web.archive.org/{number}")
    page = await text_of(await serve(), "/")
    shown = re.findall(r"/link\?url=https%3A%2F%2Fe.org%2F(\d+)", page)
    assert shown == ["18", "19", *map(str, range(13))]
    assert "and 5 more" in page


async def test_a_death_of_long_ago_is_no_news(serve: Serve, store: Store) -> None:
    await add(store, DEAD, "dead", since=NOW - timedelta(days=31))
    page = await text_of(await serve(), "/")
    assert "1 dead" in page
    assert quote(DEAD, safe="") not in page


async def test_an_empty_store_says_what_to_do(serve: Serve) -> None:
    client = await serve()
    assert "rotwatch add FILE" in await text_of(client, "/")
    assert "none yet" in await text_of(client, "/badge.svg")


async def test_the_page_speaks_chinese(serve: Serve, list_: Store) -> None:
    page = await text_of(await serve(language="zh"), "/")
    assert '<html lang="zh-CN">' in page
    assert "最近 30 天失效" in page
    assert "Died" not in page


async def test_our_own_outage_stands_on_the_page_and_in_the_metrics(serve: Serve, list_: Store) -> None:
    async with list_.write() as db:
        await service.put(db, service.NETWORK, now=NOW, failures=1, note="no anchor answers <b>")
    client = await serve()
    assert "no anchor answers &lt;b&gt;" in await text_of(client, "/")
    assert "rotwatch_offline 1" in await text_of(client, "/metrics")


async def test_a_link_tells_why_its_history_with_evidence_its_copies_and_its_lists(
    serve: Serve, list_: Store
) -> None:
    page = html.unescape(await text_of(await serve(), ROUTES[1]))
    for said in (
        "Dead since",
        "Seen: “该内容已被删除”",
        "removed: deleted, seen 3 times by the rule generic.deleted",
        "suspect → dead: deleted",
        "Wayback Machine (verified)",
        "Wayback Machine: verified",
        "posts/1.md:17",
        "Saved copy: Wayback Machine, 14 Nov 2026",
    ):
        assert said in page, said


async def test_a_link_is_found_however_its_address_is_written(serve: Serve, list_: Store) -> None:
    client = await serve()
    for spelt in (
        "HTTPS://E.org:443/dead",
        "https://e.org/dead?utm_source=mail",
        "  https://e.org/x/../dead ",
    ):
        assert await status_of(client, f"/link?url={quote(spelt, safe='')}") == 200


async def test_a_long_history_is_cut_to_its_newest_part(serve: Serve, list_: Store) -> None:
    link_id = await add(list_, "https://e.org/long")
    rows = [
        {
            "link_id": link_id,
            "at": NOW - timedelta(days=n),
            "old": "alive",
            "new": "suspect",
            "reason": f"r{n}",
        }
        for n in range(60, 0, -1)
    ]
    async with list_.write() as db:
        await db.execute(insert(flip), rows)
    page = await text_of(await serve(), f"/link?url={quote('https://e.org/long', safe='')}")
    assert re.findall(r"suspect: r(\d+)", page) == [str(n) for n in range(1, 51)]
    assert "10 older ones" in page


async def test_words_of_strangers_stay_words(serve: Serve, list_: Store) -> None:
    client = await serve()
    for path in ("/", f"/link?url={quote(HOSTILE, safe='')}"):
        page = await text_of(client, path)
        assert "<script" not in page
        assert "javascript:" not in re.sub(
            r">[^<]*<", "><", page
        )  # as text it may stand there, as a link never
        assert "&lt;script&gt;alert(1)&lt;/script&gt;{{ 7*7 }}" in page
        assert "\u202e" not in page


async def test_a_dead_site_is_not_told_where_the_reader_comes_from(serve: Serve, list_: Store) -> None:
    client = await serve()
    for path in ("/", ROUTES[1]):
        page = await text_of(client, path)
        outward = re.findall(r'<a [^>]*href="https?:[^>]*>', page)
        assert outward
        assert all("noreferrer" in anchor for anchor in outward)


async def test_nothing_comes_from_elsewhere_and_nothing_is_a_script(serve: Serve, list_: Store) -> None:
    client = await serve()
    for path in ("/", ROUTES[1], "/link?url=https%3A%2F%2Fe.org%2Funknown"):
        async with client.get(path) as answer:
            page, policy = await answer.text(), answer.headers["Content-Security-Policy"]
        assert not re.search(r"<(?:script|img|iframe|object|embed)|\bon\w+=|\bsrc=|@import|url\(", page)
        (style,) = re.findall(r"<style>(.*?)</style>", page, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
        assert f"style-src 'sha256-{digest}'" in policy
        assert "style=" not in page


@pytest.mark.parametrize(
    ("query", "status", "said"),
    [
        ("", 400, "percent-encoded"),
        ("?url=", 400, "percent-encoded"),
        ("?url=javascript:alert(1)", 400, "cannot be watched"),
        ("?url=https%3A%2F%2Fe.org%2F<i>", 404, "is not watched"),
        ("?url=http%3A%2F%2F%5B", 400, "malformed"),
        ("?url=%00%ff%ed%a0%80", 400, "address"),
        ("?url=https%3A%2F%2Fe.org%2F" + "a" * 5000, 400, "longer than"),
        ("?uri=https%3A%2F%2Fe.org", 400, "Unknown parameter"),
    ],
)
async def test_a_link_that_is_not_there_is_one_sentence(
    serve: Serve, list_: Store, query: str, status: int, said: str
) -> None:
    client = await serve()
    for path in ("/link", "/api/link"):
        async with client.get(URL(f"{path}{query}", encoded=True)) as answer:
            assert answer.status == status
            body = await answer.text()
        assert said in body
        assert "<i>" not in body
        if path.startswith("/api/"):
            assert list(json.loads(body)) == ["error"]


# --- programs ------------------------------------------------------------------------------------------------------


async def printed(store: Store, *arguments: str) -> Any:
    """What the command prints, in a thread of its own: it has a loop of its own."""
    config = Path(store.name).parent / "config.toml"
    await asyncio.to_thread(config.write_text, "")
    call = ("--config", str(config), "--database", f"sqlite:///{store.name}", *arguments)
    result = await asyncio.to_thread(CliRunner().invoke, cli, call, standalone_mode=False)
    assert result.exception is None, result.exception
    return json.loads(result.stdout)


async def test_the_status_is_the_object_that_the_command_prints(serve: Serve, list_: Store) -> None:
    served = json.loads(await text_of(await serve(), "/api/status"))
    expected = await printed(list_, "status", "--json")
    assert served.pop("generated_at") == "2026-11-23T08:00:00Z"
    assert expected.pop("generated_at")
    assert served == expected
    assert len(served["links"]) == 4


async def test_a_link_is_the_object_that_the_command_prints(serve: Serve, list_: Store) -> None:
    served = json.loads(await text_of(await serve(), ROUTES[3]))
    assert served == await printed(list_, "show", DEAD, "--json")


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("status=dead", {DEAD, HOSTILE}),
        ("status=dead&status=blind", {DEAD, HOSTILE, WALLED}),
        ("status=dead,blind", {DEAD, HOSTILE, WALLED}),
        ("at_risk=1", {RISKY}),
        ("at_risk=0&status=alive", {RISKY}),
        ("platform=wechat", set()),
        ("platform=generic&status=blind", {WALLED}),
        ("since=1d", set()),
        ("since=1w&status=alive", {RISKY}),
    ],
)
async def test_the_status_can_be_filtered(serve: Serve, list_: Store, query: str, found: set[str]) -> None:
    answer = json.loads(await text_of(await serve(), f"/api/status?{query}"))
    assert {one["url"] for one in answer["links"]} == found
    assert answer["totals"]["links"] == 4


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("status=ded", "pending, alive, suspect, dead, blind"),
        ("status=", "pending, alive, suspect, dead, blind"),
        ("platform=weibo", "wechat, zhihu, csdn, generic"),
        ("at_risk=perhaps", "1 or 0"),
        ("since=yesterday", "90m, 24h, 7d or 4w"),
        ("since=99999999w", "90m, 24h, 7d or 4w"),
        ("at-risk=1", "status, platform, at_risk, since"),
    ],
)
async def test_a_filter_that_means_nothing_is_refused_and_not_ignored(
    serve: Serve, query: str, said: str
) -> None:
    async with (await serve()).get(f"/api/status?{query}") as answer:
        assert answer.status == 400
        assert said in (await answer.json())["error"]


async def test_the_feed_has_the_newest_hundred_changes_and_the_same_ids_each_time(
    serve: Serve, list_: Store
) -> None:
    link_id = await add(list_, "https://e.org/busy", title="Busy")
    rows = [
        {
            "link_id": link_id,
            "at": NOW - timedelta(hours=n),
            "old": "alive",
            "new": "suspect",
            "reason": "tls",
        }
        for n in range(120)
    ]
    async with list_.write() as db:
        await db.execute(insert(flip), rows)
    client = await serve()
    bodies = [await text_of(client, "/feed.xml") for _ in range(2)]
    roots = [Xml.fromstring(body) for body in bodies]
    ids = [[one.findtext(f"{ATOM}id") for one in root.iter(f"{ATOM}entry")] for root in roots]
    assert ids[0] == ids[1]
    assert len(set(ids[0])) == 100
    times = [one.findtext(f"{ATOM}updated") or "" for one in roots[0].iter(f"{ATOM}entry")]
    assert times == sorted(times, reverse=True)
    assert roots[0].findtext(f"{ATOM}updated") == times[0] == "2026-11-23T08:00:00Z"


async def test_that_a_link_was_found_alive_at_its_first_look_is_no_news(serve: Serve, list_: Store) -> None:
    root = Xml.fromstring(await text_of(await serve(), "/feed.xml"))
    titles = [one.findtext(f"{ATOM}title") for one in root.iter(f"{ATOM}entry")]
    assert titles == ['dead: "><script>alert(1)</script>{{ 7*7 }}', "dead: Title of dead"]


async def test_what_nobody_watches_any_more_is_in_no_list_and_no_feed(serve: Serve, list_: Store) -> None:
    async with list_.write() as db:
        await db.execute(update(link).where(link.c.url == DEAD).values(watched=False))
        await db.execute(update(link).where(link.c.url == WALLED).values(ignored=True))
    client = await serve()
    for path in ("/", "/feed.xml", "/api/status"):
        body = await text_of(client, path)
        assert "dead: Title of dead" not in body
        assert not {quote(url, safe="") for url in (DEAD, WALLED) if quote(url, safe="") in body}


async def test_the_metrics_are_those_of_the_store(serve: Serve, list_: Store) -> None:
    async with (await serve()).get("/metrics") as answer:
        assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
        lines = (await answer.text()).splitlines()
    assert 'rotwatch_links{status="dead"} 2' in lines
    assert 'rotwatch_archive_jobs{archive="wayback",state="verified"} 1' in lines
    assert "rotwatch_last_look_age_seconds 180.0" in lines
    assert "rotwatch_offline 0" in lines


async def test_the_badge_counts(serve: Serve, list_: Store) -> None:
    async with (await serve()).get("/badge.svg") as answer:
        assert answer.content_type == "image/svg+xml"
        assert "links: 2 dead, 1 at risk" in await answer.text()


# --- the door ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [*ROUTES, "/nothing", "/api/nothing", "/link"])
async def test_every_answer_carries_the_headers_that_keep_strangers_out(
    serve: Serve, list_: Store, path: str
) -> None:
    async with (await serve()).get(path) as answer:
        headers = answer.headers
    assert headers["Content-Security-Policy"].startswith("default-src 'none'; style-src 'sha256-")
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cache-Control"] == "no-store"
    assert headers["Server"] == "rotwatch"


@pytest.mark.parametrize("path", ROUTES)
async def test_head_answers_as_get_does_without_a_body(serve: Serve, list_: Store, path: str) -> None:
    client = await serve()
    async with client.get(path) as got, client.head(path) as answer:
        assert answer.status == got.status == 200
        assert answer.headers["Content-Type"] == got.headers["Content-Type"]
        assert await answer.read() == b""
        assert await got.read()
    assert await status_of(client, "/healthz") == 200  # nothing was left on the wire


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"])
async def test_nothing_can_be_changed_through_it(serve: Serve, method: str) -> None:
    client = await serve()
    for path in ("/", "/api/status", "/nothing"):
        async with client.request(method, path) as answer:
            assert answer.status == 405
            assert answer.headers["Allow"] == "GET, HEAD"


async def test_with_a_token_nothing_but_the_health_is_open(serve: Serve, list_: Store) -> None:
    client = await serve(token=TOKEN)
    for path in (*ROUTES, "/nothing"):
        async with client.get(path) as answer:
            assert answer.status == (200 if path == "/healthz" else 401)
            body = await answer.text()
        assert "Title of" not in body
        assert path == "/healthz" or "Basic" in answer.headers["WWW-Authenticate"]


async def test_the_token_opens_every_route(serve: Serve, list_: Store) -> None:
    client = await serve(token=TOKEN)
    basic = "Basic " + base64.b64encode(f"anybody:{TOKEN}".encode()).decode()
    for path in ROUTES:
        assert await status_of(client, path, headers={"Authorization": f"Bearer {TOKEN}"}) == 200
        assert await status_of(client, path, headers={"Authorization": basic}) == 200


@pytest.mark.parametrize(
    "header",
    [
        "Bearer",
        "Bearer wrong",
        f"Bearer {TOKEN}x",
        f"Bearer {TOKEN[:-1]}",
        f"Digest {TOKEN}",
        TOKEN,
        "Basic !!!",
        "Basic " + base64.b64encode(TOKEN.encode()).decode(),
        "Basic " + base64.b64encode(f"{TOKEN}:".encode()).decode(),
        "Bearer \udcff\udcfe",
    ],
)
async def test_no_other_token_opens_anything(serve: Serve, header: str) -> None:
    client = await serve(token=TOKEN)
    raw = header.encode("utf-8", "surrogateescape")
    answer = await spoken(client, b"GET / HTTP/1.1\r\nHost: localhost\r\nAuthorization: " + raw + b"\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 401 ")


async def test_the_token_may_stand_in_the_address_of_feed_and_badge_only(serve: Serve, list_: Store) -> None:
    client = await serve(token=TOKEN)
    for path in ROUTES:
        joint = "&" if "?" in path else "?"
        opened = await status_of(client, f"{path}{joint}token={quote(TOKEN)}")
        assert opened == (200 if path in {"/feed.xml", "/badge.svg", "/healthz"} else 401), path
    assert await status_of(client, "/feed.xml?token=wrong") == 401


async def test_the_token_is_never_logged_and_never_said(
    serve: Serve, list_: Store, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    client = await serve(token="s3cr3t")
    bodies = [await text_of(client, "/feed.xml?token=s3cr3t")]
    async with list_.write() as db:
        await db.execute(update(flip).values(at=NOW, new="dead"))
    await list_.close()
    Path(list_.name).write_bytes(b"no database")
    for path in ("/feed.xml?token=s3cr3t", "/nothing?token=s3cr3t", "/badge.svg?token=s3cr3t"):
        async with client.get(path) as answer:
            bodies.append(await answer.text())
    await spoken(client, b"GET /feed.xml?token=s3cr3t what is this HTTP\r\nHost: localhost\r\n\r\n")
    await spoken(client, b"GET / HTTP/1.1\r\nAuthorization s3cr3t\r\n\r\n")
    assert "database" in caplog.text
    assert "s3cr3t" not in caplog.text
    assert not [body for body in bodies if "s3cr3t" in body]


async def spoken(client: aiohttp.ClientSession, raw: bytes) -> bytes:
    """What the server answers to these bytes."""
    port = client._base_url.port if client._base_url else None
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(raw)
    answer = await reader.readline()
    writer.close()
    await writer.wait_closed()
    return answer


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST.", "127.0.0.1", "[::1]", "localhost:9000", "127.0.0.1:80", "[::1]:8765"]
)
async def test_this_machine_is_served_by_its_own_names_on_any_forwarded_port(serve: Serve, host: str) -> None:
    assert await status_of(await serve(), "/", headers={"Host": host}) == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8765", "localhost.evil.example", "127.0.0.1.nip.io", "[::2]", ""]
)
async def test_a_name_that_was_made_to_point_here_is_not_served(
    serve: Serve, list_: Store, host: str
) -> None:
    client = await serve()
    for path in ROUTES:
        async with client.get(path, headers={"Host": host}) as answer:
            assert answer.status == 403
            assert "Title of" not in await answer.text()


async def test_a_request_without_a_host_is_not_served(serve: Serve) -> None:
    assert (await spoken(await serve(), b"GET / HTTP/1.0\r\n\r\n")).startswith(b"HTTP/1.0 403 ")


async def test_another_loopback_address_is_served_by_its_own_name(serve: Serve) -> None:
    client = await serve(host="127.0.0.2")
    assert await status_of(client, "/") == 200
    assert await status_of(client, "/", headers={"Host": "127.0.0.3"}) == 403


# --- its life ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("host", ["0.0.0.0", "[::]", "192.0.2.1", "reading.example.org"])
async def test_it_is_not_shown_to_other_machines_without_a_token(store: Store, host: str) -> None:
    settings = settings_of(f"{host}:{free_port()}")
    with pytest.raises(WebError, match=r"Set web\.token"):
        async with serving(store, settings, lambda: NOW):
            pass


async def test_with_a_token_it_is_served_to_other_machines_under_any_name(serve: Serve) -> None:
    client = await serve(host="0.0.0.0", token=TOKEN)
    headers = {"Host": "reading.example.org", "Authorization": f"Bearer {TOKEN}"}
    assert await status_of(client, "/", headers=headers) == 200


async def test_a_port_that_is_taken_is_one_sentence_with_the_mend(store: Store) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        settings = settings_of(f"127.0.0.1:{taken.getsockname()[1]}")
        with pytest.raises(WebError, match=r"in use.*choose another address or port in \[web\] listen"):
            async with serving(store, settings, lambda: NOW):
                pass


@pytest.mark.parametrize("host", ["192.0.2.1", "no-such-name.invalid", "a..b"])
async def test_an_address_that_is_not_ours_is_one_sentence(store: Store, host: str) -> None:
    settings = settings_of(f"{host}:{free_port()}", token=TOKEN)
    with pytest.raises(WebError, match=r"\[web\] listen"):
        async with serving(store, settings, lambda: NOW):
            pass


async def test_port_0_serves_nothing(store: Store) -> None:
    async with serving(store, settings_of("0.0.0.0:0"), lambda: NOW) as address:
        assert address == ""


async def test_it_says_where_it_is_and_is_gone_afterwards(store: Store) -> None:
    port = free_port()
    async with serving(store, settings_of(f"127.0.0.1:{port}"), lambda: NOW) as address:
        assert address == f"http://127.0.0.1:{port}"
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", port)


async def test_a_database_that_fails_is_503_and_a_sentence_and_not_the_end(
    serve: Serve, tmp_path: Path
) -> None:
    broken = Store(database_url("sqlite:///nowhere/rotwatch.db", tmp_path))
    client = await serve(broken)
    for path in ROUTES:
        async with client.get(path) as answer:
            assert answer.status == 503
            assert "The database does not answer" in await answer.text()
    await broken.close()


@pytest.fixture
async def long_list(store: Store) -> Store:
    """More than the sockets of a reader who does not read can hold."""
    rows = [
        {
            "url": f"https://e.org/{number}",
            "platform": "generic",
            "host": "e.org",
            "added_at": NOW,
            "since": NOW,
            "evidence": "x" * 8000,
        }
        for number in range(3000)
    ]
    async with store.write() as db:
        await db.execute(insert(link), rows)
    return store


async def stalled(client: aiohttp.ClientSession) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A visitor who asks for everything, sees it begin, and reads no further."""
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
    connection.setblocking(False)
    port = client._base_url.port if client._base_url else None
    await asyncio.get_running_loop().sock_connect(connection, ("127.0.0.1", port))
    reader, writer = await asyncio.open_connection(sock=connection, limit=4096)
    writer.write(b"GET /api/status HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert await reader.readline() == b"HTTP/1.1 200 OK\r\n"
    return reader, writer


async def test_readers_who_do_not_read_crowd_out_nobody(
    serve: Serve, long_list: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = await serve()
    visitors = [await stalled(client) for _ in range(window.STREAMS)]
    monkeypatch.setattr(window, "WAIT_S", 0.1)
    async with client.get("/api/status") as answer:
        assert answer.status == 503
        assert answer.headers["Retry-After"]
        assert "Too many" in (await answer.json())["error"]
    monkeypatch.undo()
    assert await status_of(client, "/") == 200
    assert await long_list.answers()
    for _, writer in visitors:
        writer.transport.abort()
    assert len(json.loads(await text_of(client, "/api/status"))["links"]) == 3000


async def test_a_reader_who_is_too_slow_is_cut_off_and_notices(
    serve: Serve, long_list: Store, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(window, "STREAMS", 1)
    monkeypatch.setattr(api, "STREAM_S", 0.5)
    client = await serve()
    reader, writer = await stalled(client)
    assert (
        await status_of(client, "/api/status?status=dead") == 200
    )  # its turn comes when the first is cut off
    try:
        body = await reader.read()
    except ConnectionResetError:
        body = b""
    assert not body.endswith(b"0\r\n\r\n")
    writer.transport.abort()
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


class SlowToLeave(Store):
    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        async with super().read() as db:
            try:
                yield db
            finally:
                await asyncio.sleep(0.3)


async def test_it_ends_soon_though_somebody_is_still_reading_and_nobody_is_left_inside(
    long_list: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app, "SHUTDOWN_S", 0.2)
    slow = SlowToLeave(long_list.url)
    settings = settings_of(f"127.0.0.1:{free_port()}")
    before = asyncio.all_tasks()
    async with (
        asyncio.timeout(60),
        serving(slow, settings, lambda: NOW) as address,
        aiohttp.ClientSession(address) as client,
    ):
        _, writer = await stalled(client)
    assert asyncio.all_tasks() == before
    writer.transport.abort()
    assert await slow.answers()
    await slow.close()
