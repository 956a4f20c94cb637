from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
import pytest
from yarl import URL

from monitor.demo import TRUTH, DrivenClock, State, World
from monitor.demo.address import place_of
from monitor.demo.client import session
from monitor.demo.example import act_all, populate
from monitor.demo.pages.pictures import PLACEHOLDER
from monitor.demo.posts import Timeline
from monitor.demo.state import Setting
from monitor.model import Outcome

SHORT = "https://mp.weixin.qq.com/s/rX8L63-jDGJT6lCAj04I3Q"
LONG = "https://mp.weixin.qq.com/s?__biz=MzA3MzI4MjgzMw==&mid=2650771181&idx=1&sn=30b2a5abc7261b4f2ea122e8e96fdabf"
ARTICLE = "https://zhuanlan.zhihu.com/p/294698838"
ANSWER = "https://www.zhihu.com/question/404721763/answer/2259890109"
BLOG = "https://blog.csdn.net/orangerfun/article/details/123887725"
PAGE = "https://blog.example.org/2020/05/post.html"


@pytest.fixture
def clock() -> DrivenClock:
    return DrivenClock()


@pytest.fixture
async def world(clock: DrivenClock) -> AsyncIterator[World]:
    async with World(clock, page_kb=64) as made:
        yield made


@pytest.fixture
async def client(world: World) -> AsyncIterator[aiohttp.ClientSession]:
    async with session(world) as made:
        yield made


async def fetch(client: aiohttp.ClientSession, url: str, **options: object) -> tuple[int, str, str]:
    """Status, final address and text."""
    async with client.get(url, timeout=aiohttp.ClientTimeout(total=10), **options) as answer:  # type: ignore[arg-type]
        return answer.status, str(answer.url), await answer.text()


async def drain(client: aiohttp.ClientSession, url: str, seconds: float = 30) -> None:
    """Read an answer to its end, for so many seconds at most."""
    async with client.get(url, timeout=aiohttp.ClientTimeout(total=seconds)) as answer:
        async for _ in answer.content.iter_chunked(65_536):
            pass


def visible(html: str) -> str:
    """What a reader sees: no head, no scripts, no tags."""
    bare = re.sub(r"(?s)<head.*?</head>|<script.*?</script>|<style.*?</style>|<[^>]+>", "", html)
    return re.sub(r"\s+", "", bare)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://mp.weixin.qq.com/s/AAAAAAAAAAAAAAAAAAAAAA", (200, "参数错误", "/s/AAAAAAAAAAAAAAAAAAAAAA")),
        ("https://mp.weixin.qq.com/s?__biz=x&mid=1&idx=1&sn=2", (200, "", "/mp/wappoc_appmsgcaptcha")),
        ("https://zhuanlan.zhihu.com/p/1", (404, "荒原", "/p/1")),
        ("https://www.zhihu.com/p/294698838", (404, "荒原", "/p/294698838")),
        ("https://m.zhihu.com/article/294698838", (200, "登录", "/")),
        ("https://blog.csdn.net/someone/article/details/1", (404, "找不到", "/someone/article/details/1")),
        ("https://blog.example.org/nothing", (404, "NotFound", "/nothing")),
    ],
)
async def test_an_address_without_an_article_answers_as_the_platform_does(
    client: aiohttp.ClientSession, world: World, url: str, expected: tuple[int, str, str]
) -> None:
    status, text, path = expected
    world.article(ARTICLE)
    world.article(PAGE)
    got, final, html = await fetch(client, url)
    assert (got, URL(final).path) == (status, path)
    assert text in visible(html)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (SHORT, "http://mp.weixin.qq.com/s/rX8L63-jDGJT6lCAj04I3Q?scene=1&from=timeline#rd"),
        (LONG, "https://mp.weixin.qq.com/s?idx=1&mid=2650771181&__biz=MzA3MzI4MjgzMw%3D%3D&sn=other&chksm=0"),
        (ANSWER, "https://www.zhihu.com/answer/2259890109"),
        (ARTICLE, "https://www.zhihu.com/tardis/zm/art/294698838"),
        (BLOG, "https://blog.csdn.net/renamed/article/details/123887725?spm=1"),
    ],
)
async def test_all_addresses_of_a_page_lead_to_it(
    world: World, client: aiohttp.ClientSession, one: str, other: str
) -> None:
    post = world.article(one)
    _, _, html = await fetch(client, other)
    assert post.title in html
    assert place_of(one).key == place_of(other).key


def test_a_timeline_says_what_holds_when() -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    line = Timeline()
    line.set(start + timedelta(days=9), Setting(state=State.GONE))
    line.set(start, Setting(state=State.LIVE))
    assert line.at(start - timedelta(seconds=1)) is None
    assert line.at(start) == Setting(state=State.LIVE)
    assert line.at(start + timedelta(days=9)) == Setting(state=State.GONE)


async def test_a_page_changes_when_its_time_comes(
    world: World, client: aiohttp.ClientSession, clock: DrivenClock
) -> None:
    world.article(SHORT)
    world.at(clock.now + timedelta(days=3), SHORT, State.WECHAT_VIOLATION)
    assert "js_article" in (await fetch(client, SHORT))[2]
    clock.move(days=3)
    assert "此内容因违规无法查看" in visible((await fetch(client, SHORT))[2])
    assert world.state_of(SHORT) is State.WECHAT_VIOLATION
    assert world.state_of(SHORT, clock.now - timedelta(days=1)) is State.LIVE


async def test_a_captcha_wave_covers_a_host_and_changes_no_truth(
    world: World, client: aiohttp.ClientSession
) -> None:
    world.article(SHORT)
    world.host_state("mp.weixin.qq.com", State.WECHAT_CAPTCHA)
    assert "wappoc_appmsgcaptcha" in (await fetch(client, SHORT))[1]
    assert world.state_of(SHORT) is State.LIVE
    assert world.seen_state(SHORT) is State.WECHAT_CAPTCHA
    world.host_state("mp.weixin.qq.com", None)
    assert "js_article" in (await fetch(client, SHORT))[2]


async def test_a_changed_layout_keeps_the_text_and_leaves_the_dead_their_notices(
    world: World, client: aiohttp.ClientSession
) -> None:
    post = world.article(SHORT)
    dead = SHORT[:-1] + "x"
    world.article(dead, state=State.WECHAT_DELETED)
    world.host_state("mp.weixin.qq.com", State.LAYOUT_CHANGED)
    html = (await fetch(client, SHORT))[2]
    assert "js_article" not in html
    assert post.text(Setting())[0] in html
    assert "该内容已被发布者删除" in visible((await fetch(client, dead))[2])


@pytest.mark.parametrize(
    ("state", "error"),
    [
        (State.RESET, aiohttp.ClientOSError),
        (State.RESET_MID_BODY, aiohttp.ClientError),
        (State.NOT_HTTP, aiohttp.ClientResponseError),
        (State.BAD_GZIP, aiohttp.ClientPayloadError),
        (State.HUGE_HEADER, aiohttp.ClientResponseError),
        (State.REDIRECT_LOOP, aiohttp.TooManyRedirects),
    ],
)
async def test_trouble_on_the_wire_is_real(
    world: World, client: aiohttp.ClientSession, state: State, error: type[Exception]
) -> None:
    world.article(PAGE, state=state)
    with pytest.raises(error):
        await drain(client, PAGE)


@pytest.mark.parametrize("state", [State.HANG, State.HANG_MID_BODY, State.SLOW_DRIP])
async def test_a_page_can_keep_its_reader_waiting(
    world: World, client: aiohttp.ClientSession, state: State
) -> None:
    world.article(PAGE, state=state)
    with pytest.raises(TimeoutError):
        await drain(client, PAGE, seconds=0.4)


async def test_a_page_without_end_goes_on_as_long_as_it_is_read(
    world: World, client: aiohttp.ClientSession
) -> None:
    world.article(PAGE, state=State.TOO_LARGE)
    async with client.get(PAGE) as answer:
        assert len(await answer.content.readexactly(12_000_000)) == 12_000_000


@pytest.mark.parametrize("state", [State.TLS_WRONG_NAME, State.TLS_EXPIRED, State.TLS_UNKNOWN_CA])
async def test_a_bad_certificate_is_bad_until_it_is_mended(
    world: World, client: aiohttp.ClientSession, state: State
) -> None:
    world.article(PAGE)
    world.host_state("blog.example.org", state)
    with pytest.raises(aiohttp.ClientConnectorCertificateError):
        await fetch(client, PAGE)
    world.host_state("blog.example.org", None)
    assert (await fetch(client, PAGE))[0] == 200


async def test_a_refusing_host_comes_back_on_the_same_port(
    world: World, client: aiohttp.ClientSession
) -> None:
    world.site("blog.example.org", own_door=True)
    world.article(PAGE)
    before = world.hosts["blog.example.org"]
    world.host_state("blog.example.org", State.REFUSED)
    with pytest.raises(aiohttp.ClientConnectorError, match="Connect call failed"):
        await fetch(client, PAGE)
    world.host_state("blog.example.org", None)
    assert (await fetch(client, PAGE))[0] == 200
    assert world.hosts["blog.example.org"] == before


async def test_a_host_that_shares_its_port_cannot_refuse(world: World) -> None:
    world.article(PAGE)
    with pytest.raises(ValueError, match="own_door"):
        world.host_state("blog.example.org", State.REFUSED)


async def test_without_network_every_host_refuses_and_afterwards_none(
    world: World, client: aiohttp.ClientSession
) -> None:
    world.article(SHORT)
    await fetch(client, SHORT)
    world.unplug()
    for url in (SHORT, "https://www.baidu.com/", "https://web.archive.org/"):
        with pytest.raises(aiohttp.ClientConnectorError):
            await fetch(client, url)
    world.host_state("web.archive.org", State.REFUSED)
    world.plug_in()
    assert (await fetch(client, SHORT))[0] == 200
    with pytest.raises(aiohttp.ClientConnectorError):
        await fetch(client, "https://web.archive.org/")


async def test_a_foreign_referer_brings_the_placeholder_picture(
    world: World, client: aiohttp.ClientSession
) -> None:
    world.article(SHORT)
    sources = re.findall(r'data-src="([^"]+)"', (await fetch(client, SHORT))[2])
    assert len(sources) == 3
    bodies = []
    for source in sources:
        for headers in (
            {},
            {"Referer": "https://mp.weixin.qq.com/"},
            {"Referer": "https://elsewhere.example/"},
        ):
            async with client.get(source.replace("&amp;", "&"), headers=headers) as answer:
                assert answer.status == 200
                bodies.append(await answer.read())
    assert bodies[0] == bodies[1] != PLACEHOLDER
    assert bodies[2] == bodies[5] == bodies[8] == PLACEHOLDER
    assert len(set(bodies)) == 4


async def test_the_log_counts_what_runs_at_once_and_keeps_no_secret(
    world: World, client: aiohttp.ClientSession
) -> None:
    world.article(PAGE, state=State.HANG)
    hanging = asyncio.create_task(fetch(client, PAGE))
    while not world.log:
        await asyncio.sleep(0.01)
    await fetch(client, "https://blog.example.org/", headers={"Cookie": "a=b", "Authorization": "LOW a:b"})
    hanging.cancel()
    await asyncio.gather(hanging, return_exceptions=True)
    first, second = world.log
    assert (first.in_flight, second.in_flight) == (1, 2)
    assert first.status is None
    assert second.status == 200
    assert second.headers["cookie"] == second.headers["authorization"] == "***"
    assert second.ended is not None
    assert second.ended >= second.started >= first.started


async def test_a_gbk_page_says_so_in_a_header_or_only_in_its_markup(
    world: World, client: aiohttp.ClientSession
) -> None:
    world.article(PAGE, title="深度学习")
    for state, header in ((State.PAGE_GBK, "text/html; charset=gbk"), (State.PAGE_GBK_META, "text/html")):
        world.set(PAGE, state)
        async with client.get(PAGE) as answer:
            assert answer.headers["Content-Type"] == header
            assert "深度学习" in (await answer.read()).decode("gbk")


async def test_a_proxy_leads_into_the_world_and_nowhere_else(world: World) -> None:
    world.article(PAGE)
    plain = PAGE.replace("https:", "http:")
    async with aiohttp.ClientSession() as outside:
        async with outside.get(plain, proxy=world.proxy_url) as answer:
            assert answer.status == 200
        async with outside.get("http://elsewhere.example/", proxy=world.proxy_url) as answer:
            assert answer.status == 502


def reading_list() -> list[tuple[str, str]]:
    lines = Path("examples/reading-list.md").read_text("utf-8").splitlines()
    return [(line, lines[number + 2]) for number, line in enumerate(lines) if line.startswith("http")]


def test_a_reading_list_becomes_a_world_of_many_fates(clock: DrivenClock) -> None:
    links = reading_list()
    worlds = [World(clock) for _ in range(2)]
    chosen = [populate(world, links, seed=7) for world in worlds]
    assert chosen[0] == chosen[1]
    assert len(chosen[0]) == 81
    outcomes = {TRUTH[state].outcome for state in chosen[0].values()}
    assert outcomes >= {Outcome.OK, Outcome.REMOVED, Outcome.GONE, Outcome.WALLED}
    for url, title in links:
        assert worlds[0].post_at(url).title == title


def test_every_state_asked_for_finds_a_link(clock: DrivenClock) -> None:
    wanted = [State.WECHAT_DELETED, State.ZHIHU_UNHUMAN, State.CSDN_WAF, State.SERVER_ERROR]
    dealt = act_all(World(clock), reading_list(), wanted)
    assert sorted(state for state in dealt.values() if state is not State.LIVE) == sorted(wanted)
    with pytest.raises(ValueError, match="csdn_waf"):
        act_all(World(clock), reading_list(), [State.CSDN_WAF, State.CSDN_WAF])
