from __future__ import annotations

import gzip
import re
from collections.abc import AsyncIterator

import aiohttp
import pytest
from yarl import URL

from monitor.demo import TRUTH, DrivenClock, State, World
from monitor.demo.client import session
from monitor.demo.reply import Reply, Visit, filler, gzip_parts
from monitor.demo.state import HOST_ONLY, Setting, platform_of
from monitor.model import Outcome

SHORT = "https://mp.weixin.qq.com/s/rX8L63-jDGJT6lCAj04I3Q"
LONG = "https://mp.weixin.qq.com/s?__biz=MzA3MzI4MjgzMw==&mid=2650771181&idx=1&sn=30b2a5abc7261b4f2ea122e8e96fdabf"
ARTICLE = "https://zhuanlan.zhihu.com/p/294698838"
ANSWER = "https://www.zhihu.com/question/404721763/answer/2259890109"
BLOG = "https://blog.csdn.net/orangerfun/article/details/123887725"
PAGE = "https://blog.example.org/2020/05/post.html"
URLS = {"wechat": SHORT, "zhihu": ANSWER, "csdn": BLOG, None: PAGE}


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


def visible(html: str) -> str:
    """What a reader sees: no head, no scripts, no tags."""
    bare = re.sub(r"(?s)<head.*?</head>|<script.*?</script>|<style.*?</style>|<[^>]+>", "", html)
    return re.sub(r"\s+", "", bare)


def answered(world: World, url: str, clock: DrivenClock, nonce: str = "n", **headers: str) -> Reply:
    return world.answer(Visit(url=url, now=clock.now, nonce=nonce, headers=headers))


def test_every_state_has_a_truth() -> None:
    assert set(TRUTH) == set(State)


@pytest.mark.parametrize("state", sorted(set(State) - HOST_ONLY))
def test_every_state_can_be_acted(state: State, clock: DrivenClock) -> None:
    world = World(clock, page_kb=64)
    url = URLS[platform_of(state)]
    world.article(url)
    world.set(url, state, target=ARTICLE)
    reply = answered(world, url, clock)
    assert (
        reply.parts
        or reply.location
        or reply.manner != "whole"
        or state in {State.EMPTY, State.CSDN_CHALLENGE_EMPTY}
    )
    if TRUTH[state].outcome is Outcome.OK and not reply.location:
        assert world.post_at(url).title in reply.body.decode("gbk" if "gbk" in state else "utf-8")


@pytest.mark.parametrize("state", sorted(HOST_ONLY))
def test_a_state_of_a_host_is_refused_for_a_page(state: State, clock: DrivenClock) -> None:
    world = World(clock)
    world.article(PAGE)
    with pytest.raises(ValueError, match="whole host"):
        world.set(PAGE, state)


def test_a_state_of_another_platform_is_refused(clock: DrivenClock) -> None:
    world = World(clock)
    world.article(ARTICLE)
    with pytest.raises(ValueError, match="wechat"):
        world.set(ARTICLE, State.WECHAT_DELETED)


@pytest.mark.parametrize(
    ("url", "state", "why"),
    [
        (SHORT, State.PARKED_FOR_SALE, "ordinary sites"),
        (ARTICLE, State.ZHIHU_ANSWER_DELETED, "answer's address"),
        (ARTICLE, State.ZHIHU_2015, "answer's address"),
        (PAGE, State.MOVED, "target"),
    ],
)
def test_a_state_that_makes_no_sense_is_refused(clock: DrivenClock, url: str, state: State, why: str) -> None:
    world = World(clock)
    world.article(url)
    with pytest.raises(ValueError, match=why):
        world.set(url, state)


async def test_a_living_wechat_page_has_the_weight_and_marks_of_2025(clock: DrivenClock) -> None:
    async with World(clock) as world, session(world) as client:
        world.article(SHORT, title="独家解读")
        async with client.get(SHORT) as answer:
            assert answer.headers["Content-Encoding"] == "gzip"
            assert 400_000 < int(answer.headers["Content-Length"]) < 800_000
            html = await answer.text()
    assert 2_000_000 < len(html) < 4_000_000
    for mark in (
        'id="js_article"',
        'id="js_content"',
        'id="activity-name"',
        "twitter:card",
        "<title></title>",
    ):
        assert mark in html
    assert '<meta property="og:title" content="独家解读"/>' in html
    assert "weui-toast" in html, "living pages have the marks of dead ones in their scripts"


def test_the_marks_that_tell_a_living_wechat_page_come_first(clock: DrivenClock) -> None:
    world = World(clock)
    world.article(SHORT)
    reply = answered(world, SHORT, clock)
    squeezed = gzip_parts(reply.parts)
    assert b"twitter:card" in gzip.zlib.decompressobj(31).decompress(squeezed[:8192])  # type: ignore[attr-defined]


def test_a_spliced_gzip_stream_is_the_page() -> None:
    parts = (b"<html>", filler(300_000), "正文".encode(), filler(70_000), b"</html>")
    assert gzip.decompress(gzip_parts(parts)) == Reply(parts=parts).body


def test_two_visits_differ_in_nonces_and_agree_in_text(world: World, clock: DrivenClock) -> None:
    world.article(SHORT)
    one, other = (answered(world, SHORT, clock, nonce).body.decode() for nonce in ("first", "second"))
    assert one != other
    assert visible(one) == visible(other)


def grams(text: str) -> set[str]:
    letters = re.sub(r"[^一-龥]", "", text)
    return {letters[start : start + 4] for start in range(len(letters) - 3)}


@pytest.mark.parametrize(("edited", "least", "most"), [(0.0, 1.0, 1.0), (0.2, 0.7, 0.9), (1.0, 0.0, 0.05)])
def test_an_edited_article_keeps_its_share_of_text(
    world: World, clock: DrivenClock, edited: float, least: float, most: float
) -> None:
    world.article(SHORT)
    before = grams(visible(answered(world, SHORT, clock).body.decode()))
    world.set(SHORT, State.LIVE, edited=edited)
    after = grams(visible(answered(world, SHORT, clock).body.decode()))
    assert least <= len(before & after) / len(before) <= most


def test_two_articles_are_unlike(world: World) -> None:
    texts = ["".join(world.article(f"{SHORT[:-1]}{number}").text(Setting())) for number in range(6)]
    for one in texts:
        for other in texts:
            if one is not other:
                assert len(grams(one) & grams(other)) / len(grams(one)) < 0.03


def test_a_world_is_the_same_for_the_same_seed(clock: DrivenClock) -> None:
    texts = []
    for seed in (1, 1, 2):
        world = World(clock, seed=seed)
        texts.append("".join(world.article(SHORT).text(Setting())))
    assert texts[0] == texts[1] != texts[2]


@pytest.mark.parametrize("layout", ["2016", "2019", "2025", "2025-warn", "bare", "old"])
async def test_a_removal_notice_stands_in_the_element_of_its_era(
    world: World, client: aiohttp.ClientSession, layout: str
) -> None:
    world.article(SHORT)
    world.set(SHORT, State.WECHAT_DELETED, layout=layout)
    status, _, html = await fetch(client, SHORT)
    assert status == 200
    assert "该内容已被发布者删除" in visible(html)
    assert "js_article" not in html
    assert "og:title" not in html


async def test_a_notice_speaks_the_language_of_the_visitor(
    world: World, client: aiohttp.ClientSession
) -> None:
    world.article(SHORT)
    world.set(SHORT, State.WECHAT_DELETED)
    _, _, html = await fetch(client, SHORT, headers={"Accept-Language": "en-US,en"})
    assert "Thecontenthasbeendeletedbytheauthor." in visible(html)


async def test_the_wechat_captcha_has_no_visible_text_and_keeps_the_address(
    world: World, client: aiohttp.ClientSession
) -> None:
    world.article(LONG)
    world.set(LONG, State.WECHAT_CAPTCHA)
    status, final, html = await fetch(client, LONG)
    assert status == 200
    assert "/mp/wappoc_appmsgcaptcha?poc_token=" in final
    assert URL(final).query["target_url"] == LONG
    assert visible(html) == ""
    assert "secitptpage/verify.html" in html


async def test_the_text_of_a_rate_limit_is_in_a_script_only(
    world: World, client: aiohttp.ClientSession
) -> None:
    world.article(SHORT)
    world.set(SHORT, State.WECHAT_RATE_LIMITED)
    _, _, html = await fetch(client, SHORT)
    assert visible(html) == ""
    assert "你的访问过于频繁" in html
