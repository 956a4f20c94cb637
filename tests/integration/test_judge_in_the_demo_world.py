"""The judges against pages that were built from the same facts by another hand, without knowledge of the rules."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from urllib.parse import urljoin

import pytest

from monitor.demo import TRUTH, State, World
from monitor.demo.reply import Manner, Visit
from monitor.demo.state import HOST_ONLY, platform_of
from monitor.model import Known, Outcome, Page
from monitor.platforms import article, judge
from monitor.platforms.likeness import sketch

NOW = datetime(2026, 6, 1, tzinfo=UTC)
URLS = {
    "wechat": ("https://mp.weixin.qq.com/s/rX8L63-jDGJT6lCAj04I3Q",),
    "zhihu": ("https://zhuanlan.zhihu.com/p/294698838", "https://www.zhihu.com/question/1/answer/2259890109"),
    "csdn": ("https://blog.csdn.net/orangerfun/article/details/123887725",),
    None: ("https://blog.example/2020/05/a-post",),
}
ELSEWHERE = {
    *(State.MOVED, State.REDIRECT_LOOP, State.REDIRECT_PRIVATE, State.REDIRECT_FILE),
    *(State.BAD_GZIP, State.GZIP_BOMB, State.HUGE_HEADER),  # the fetcher's to see, as is trouble on the wire
}
OF_ANSWERS = {State.ZHIHU_2015, State.ZHIHU_ANSWER_DELETED, State.ZHIHU_WITHHELD}
CASES = [
    (state, url)
    for state in TRUTH
    if state not in HOST_ONLY | ELSEWHERE
    for url in URLS[platform_of(state)]
    if state not in OF_ANSWERS or "/answer/" in url
]


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with World(lambda: NOW, page_kb=16) as world:
        yield world


def answered(world: World, url: str) -> Page | None:
    """The page as a look would bring it, redirects followed; None for trouble on the wire."""
    address = url
    for nth in range(5):
        reply = world.answer(Visit(url=address, now=NOW, nonce=f"n{nth}"))
        if reply.manner is not Manner.WHOLE:
            return None
        headers = {name.lower(): value for name, value in reply.headers}
        if not reply.location:
            return Page(
                url=url, final_url=address, http_status=reply.status, headers=headers, body=reply.body
            )
        address = urljoin(address, reply.location)
    return None


@pytest.mark.parametrize(("state", "url"), CASES, ids=lambda value: str(value).rpartition("/")[2])
async def test_the_judge_says_what_was_acted(world: World, state: State, url: str) -> None:
    post = world.article(url, title="分布式训练的方案和效率对比", state=State.LIVE)
    before = answered(world, url)
    assert before is not None
    living = article(before, judge(before))
    assert living is not None
    world.set(url, state)
    page = answered(world, url)
    if page is None:
        return  # trouble on the wire is the fetcher's to see
    truth = TRUTH[state]
    for known in (Known(title=post.title), Known(title=post.title, sketch=sketch(living.text))):
        if state is State.OTHER_PAGE and known.sketch is None:
            continue  # at the first look nobody can know
        verdict = judge(page, known)
        assert verdict.outcome is truth.outcome, verdict
        assert truth.reason in (None, verdict.reason) or truth.outcome is Outcome.OK, verdict
