"""Whether we are online, told apart from a portal that answers everything itself."""

from __future__ import annotations

import asyncio
import socket
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
import trustme
from aiohttp import web

from monitor.fetch import Connectivity, Reach, connectivity

from .conftest import FetcherFactory, Web

ANCHORS = ("https://www.one.test", "https://www.two.test")


async def reach(far: Web, fetching: FetcherFactory, *answers: web.Response | str) -> Reach:
    """Ask anchors that answer so; a string is the address of a server that does."""
    hosts = {}
    for anchor, answer in zip(ANCHORS, answers, strict=False):
        name = anchor.removeprefix("https://")
        hosts[name] = answer if isinstance(answer, str) else await _serve(far, name, answer)
    async with fetching(hosts) as fetcher:
        return await Connectivity(fetcher, ANCHORS[: len(answers)]).online()


async def _serve(far: Web, name: str, answer: web.Response) -> str:
    async def handler(_: web.BaseRequest) -> web.Response:
        return answer

    return await far.serve(handler, tls=far.tls(name))


def redirect(location: str) -> web.Response:
    return web.Response(status=302, headers={"Location": location})


async def test_one_anchor_that_answers_is_enough(far: Web, fetching: FetcherFactory) -> None:
    found = await reach(far, fetching, web.Response(status=503), web.Response())
    assert found == Reach(online=True, detail="www.two.test answers.")


async def test_an_answer_is_not_waited_for_when_there_is_another(
    far: Web, fetching: FetcherFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connectivity, "ANSWER_S", 600)

    async def hang(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.read()

    silent = await far.stream(hang, tls=far.tls("www.one.test"))
    async with asyncio.timeout(60):
        assert (await reach(far, fetching, silent, web.Response())).online


@pytest.mark.parametrize(
    "answer",
    [
        web.Response(status=200),
        web.Response(status=404),
        web.Response(status=405),
        redirect("/home"),
        redirect("https://www.one.test/zh/"),
        redirect("http://m.one.test/"),
    ],
)
async def test_whatever_an_anchor_itself_answers_proves_the_network(
    far: Web, fetching: FetcherFactory, answer: web.Response
) -> None:
    assert (await reach(far, fetching, answer)).online


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (redirect("http://portal.hotel.test/login"), "portal.hotel.test"),
        (redirect("//10.0.0.1/login"), "10.0.0.1"),
        (web.Response(status=511), "log in"),
        (web.Response(status=502), "502"),
    ],
)
async def test_an_answer_of_somebody_else_is_no_proof(
    far: Web, fetching: FetcherFactory, answer: web.Response, says: str
) -> None:
    found = await reach(far, fetching, answer)
    assert not found.online
    assert says in found.detail


async def test_a_portal_with_a_certificate_of_its_own_counts_as_offline(
    far: Web, fetching: FetcherFactory
) -> None:
    async def portal(_: web.BaseRequest) -> web.Response:
        raise AssertionError("asked in spite of the certificate")

    address = await far.serve(portal, tls=far.tls("portal.test", ca=trustme.CA()))
    found = await reach(far, fetching, address, address)
    assert not found.online
    assert found.detail.startswith("None of 2 anchors answers: www.")
    assert "somebody else answers" in found.detail
    assert found.detail.endswith("log in to the network or mend it.")


async def test_a_portal_that_answers_in_plain_text_counts_as_offline(
    far: Web, fetching: FetcherFactory
) -> None:
    async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nlogin")

    address = await far.accept(talk)
    assert not (await reach(far, fetching, address, address)).online


async def test_a_network_without_names_counts_as_offline(fetching: FetcherFactory) -> None:
    async with fetching(names={"www.one.test": socket.EAI_AGAIN}) as fetcher:
        found = await Connectivity(fetcher, ANCHORS).online()
    assert not found.online
    assert "name" in found.detail


async def test_without_anchors_our_own_network_is_never_doubted(fetching: FetcherFactory) -> None:
    async with fetching() as fetcher:
        found = await Connectivity(fetcher, ()).online()
    assert found.online
    assert "not checked" in found.detail


@pytest.mark.parametrize(
    ("anchor", "location", "online"),
    [
        ("https://example.com.cn", "https://www.example.com.cn/", True),
        ("https://example.com.cn", "https://portal.com.cn/", False),
        ("https://163.test", "https://www.163.test/", True),
    ],
)
async def test_a_site_is_told_from_its_neighbours_under_a_shared_suffix(
    far: Web, fetching: FetcherFactory, anchor: str, location: str, online: bool
) -> None:
    name = anchor.removeprefix("https://")
    async with fetching({name: await _serve(far, name, redirect(location))}) as fetcher:
        assert (await Connectivity(fetcher, [anchor]).online()).online is online


@pytest.mark.parametrize(
    ("off", "says"),
    [
        (timedelta(days=30), "Our own clock is 30 days ahead, says www.one.test: set it"),
        (timedelta(hours=-8), "Our own clock is 8 hours behind, says www.one.test: set it"),
        (timedelta(minutes=40), "www.one.test answers."),
    ],
)
async def test_while_our_clock_is_wrong_nothing_is_believed(
    far: Web, fetching: FetcherFactory, off: timedelta, says: str
) -> None:
    true = datetime(2026, 3, 2, 9, tzinfo=UTC)
    answer = web.Response(headers={"Date": format_datetime(true, usegmt=True)})
    async with fetching({"www.one.test": await _serve(far, "www.one.test", answer)}) as fetcher:
        found = await Connectivity(fetcher, ANCHORS[:1], lambda: true + off).online()
    assert (found.online, says in found.detail) == (abs(off) < timedelta(hours=1), True)


@pytest.mark.parametrize(
    "date", ["", "yesterday", "Mon, 02 Mar 2026 09:00:00", "Mon, 99 Mar 99999 09:00:00 GMT"]
)
async def test_an_anchor_that_tells_no_time_is_no_witness(
    far: Web, fetching: FetcherFactory, date: str
) -> None:
    answer = web.Response(headers={"Date": date})
    async with fetching({"www.one.test": await _serve(far, "www.one.test", answer)}) as fetcher:
        found = await Connectivity(fetcher, ANCHORS[:1], lambda: datetime(2030, 1, 1, tzinfo=UTC)).online()
    assert found.online
