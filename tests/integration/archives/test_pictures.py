from __future__ import annotations

import asyncio
import shutil
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest

from monitor.archives import picture_queue, pictures
from monitor.demo import State
from monitor.demo.pages.pictures import PLACEHOLDER
from monitor.model import Article, Page
from monitor.policy.pace import HostPace
from monitor.store import links, parts
from monitor.store import pace as paces
from tests.integration.archives.local_rig import PACE_S, LocalRig

LONG = "https://mp.weixin.qq.com/s/AbCdEfGhIjKlMnOpQrStUv"
OTHER = "https://mp.weixin.qq.com/s/ZyXwVuTsRqPoNmLkJiHgFe"
BLOG = "https://blog.example.com/2019/picture.html"
WECHAT_PICTURES = "mmbiz.qpic.cn"


async def bodies(local: LocalRig, copy: int) -> dict[str, bytes]:
    found = await local.parts(copy, parts.PICTURE)
    return {one.url: local.local.record(one.file, one.offset, one.length).body for one in found}


async def due(local: LocalRig) -> list[Any]:
    return [one.pictures_due for one in await local.copies()]


@pytest.mark.parametrize("living", [State.WECHAT_ARTICLE, State.WECHAT_ARTICLE_2018, State.WECHAT_IMAGE])
async def test_all_pictures_of_a_wechat_page_are_kept_and_no_referer_is_sent(
    local: LocalRig, living: State
) -> None:
    local.world.article(LONG, living=living, pictures=4)
    copy = await local.kept(LONG)
    kept = await bodies(local, copy)
    assert len(kept) == await local.pictures(copy) == 4
    assert PLACEHOLDER not in kept.values()
    looks = [look for look in local.world.log if look.host == WECHAT_PICTURES]
    assert len(looks) == 4
    assert not any("referer" in look.headers for look in looks)
    assert all(look.in_flight == 1 for look in looks)
    assert [one.pictures for one in await local.copies()] == [4]
    assert await due(local) == [None]


async def test_src_srcset_and_backgrounds_of_other_sites_are_kept(local: LocalRig) -> None:
    post = local.world.article(BLOG)
    copy = await local.kept(BLOG)
    one, two, three = (post.picture(number)[:12] for number in (1, 2, 3))
    names = {url.rpartition("/images/")[2] for url in await bodies(local, copy)}
    assert names == {f"{one}.png", f"{two}.png", f"{two}-1080.png", f"{three}-behind.png"}


async def test_a_page_that_did_not_change_is_not_kept_and_its_pictures_are_not_asked_for_again(
    local: LocalRig,
) -> None:
    local.world.article(LONG)
    link_id = await local.link(LONG)
    await local.look(link_id, LONG)
    await local.settle()
    asked = local.asked(WECHAT_PICTURES)
    assert await local.look(link_id, LONG) is None
    assert await local.queue.tick() == 0
    assert local.asked(WECHAT_PICTURES) == asked


async def test_a_copy_from_before_pictures_were_kept_is_renewed_once(local: LocalRig) -> None:
    local.world.article(LONG)
    link_id = await local.link(LONG)
    first = await local.look(link_id, LONG, with_pictures=False)
    assert await local.look(link_id, LONG) not in (None, first)
    assert await local.look(link_id, LONG) is None


async def test_a_new_text_with_the_same_pictures_costs_no_request_within_a_month_and_notes_after_it(
    local: LocalRig,
) -> None:
    local.world.article(LONG)
    link_id = await local.link(LONG)
    first = await local.look(link_id, LONG)
    await local.settle()
    local.world.set(LONG, State.LIVE, edited=0.3)
    local.time.pass_(days=20)
    second = await local.look(link_id, LONG)
    await local.settle()
    assert first
    assert second
    assert len(local.asked(WECHAT_PICTURES)) == 3
    assert await bodies(local, second) == await bodies(local, first)
    local.world.set(LONG, State.LIVE, edited=0.6)
    local.time.pass_(days=20)
    third = await local.look(link_id, LONG)
    await local.settle()
    assert third
    assert len(local.asked(WECHAT_PICTURES)) == 6
    assert await bodies(local, third) == await bodies(local, first)
    notes = await local.parts(third, parts.REVISIT)
    assert len(notes) == 3
    assert all(note.length < 700 for note in notes)
    record = local.local.record(notes[0].file, notes[0].offset, notes[0].length)
    assert (record.kind, record.at, record.body) == ("revisit", local.time(), b"")


@pytest.mark.both_engines
async def test_the_same_picture_from_three_addresses_is_a_placeholder_and_does_not_count(
    local: LocalRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(picture_queue, "_HEADERS", {"Referer": "https://reader.example/"})
    local.world.article(LONG, pictures=2)
    local.world.article(OTHER, pictures=1)
    first = await local.kept(LONG)
    assert set((await bodies(local, first)).values()) == {PLACEHOLDER}
    assert await local.pictures(first) == 2  # two addresses prove nothing
    second = await local.kept(OTHER)
    assert await local.pictures(first) == await local.pictures(second) == 0


async def test_what_is_no_picture_is_not_kept_and_not_asked_for_again(local: LocalRig) -> None:
    local.world.article(LONG)
    local.world.host_state(WECHAT_PICTURES, State.SOFT_404)
    copy = await local.kept(LONG)
    assert await local.parts(copy) == []
    assert await due(local) == [None]
    assert len(local.asked(WECHAT_PICTURES)) == 3


@pytest.mark.parametrize("state", [State.FORBIDDEN, State.RATE_LIMITED])
async def test_a_host_that_has_enough_of_us_is_left_alone_at_once_and_asked_later(
    local: LocalRig, state: State
) -> None:
    local.world.article(LONG)
    local.world.host_state(WECHAT_PICTURES, state)
    copy = await local.kept(LONG)
    assert len(local.asked(WECHAT_PICTURES)) == 1
    assert await due(local) == [local.time() + picture_queue.RETRY[0]]
    local.world.host_state(WECHAT_PICTURES, None)
    local.time.pass_(hours=1)
    await local.settle()
    assert await local.pictures(copy) == 3
    assert await due(local) == [None]


async def test_after_three_more_tries_what_is_there_has_to_do(local: LocalRig) -> None:
    local.world.article(LONG)
    local.world.host_state(WECHAT_PICTURES, State.SERVER_ERROR)
    await local.kept(LONG)
    for _ in picture_queue.RETRY:
        local.time.pass_(days=1)
        await local.settle()
    assert await due(local) == [None]
    assert len(local.asked(WECHAT_PICTURES)) == 3 * 4


async def test_a_host_that_the_sweep_leaves_alone_is_not_asked_for_pictures(local: LocalRig) -> None:
    local.world.article(LONG)
    async with local.store.write() as db:
        wall = HostPace(WECHAT_PICTURES, not_before=local.time() + timedelta(hours=6))
        await paces.put(db, [wall], vantage="here")
    await local.kept(LONG)
    assert local.asked(WECHAT_PICTURES) == []
    assert await due(local) == [local.time() + picture_queue.RETRY[0]]


async def test_pictures_of_one_host_come_one_at_a_time_with_a_pause_between(local: LocalRig) -> None:
    local.restart(picture_every_s=0.05)
    for url in (LONG, OTHER):
        local.world.article(url, pictures=3)
        await local.look(await local.link(url), url)
    await local.settle()
    starts = sorted(look.started for look in local.world.log if look.host == WECHAT_PICTURES)
    assert len(starts) == 6
    assert all(later - sooner >= 0.049 for sooner, later in pairwise(starts))


@pytest.mark.both_engines
async def test_pictures_on_the_host_of_an_article_wait_for_its_turn_as_looks_do(local: LocalRig) -> None:
    local.world.article(BLOG)
    host = "blog.example.com"
    async with local.store.write() as db:
        await links.hurry_hosts(db, [host], local.time())
    made = await local.look(await local.link(BLOG), BLOG)
    assert made
    for number in range(1, 4):
        assert await local.queue.tick() == 1
        assert await local.queue.tick() == 0
        assert len(local.asked(host)) == 1 + number
        (copy,) = await local.copies()
        assert (copy.pictures_due, copy.pictures_tries) == (local.time() + timedelta(seconds=PACE_S), 0)
        local.time.pass_(seconds=PACE_S)
    await local.settle()
    assert await due(local) == [None]
    assert len(await local.parts(made, parts.PICTURE)) == 4


@pytest.mark.both_engines
async def test_no_picture_is_fetched_from_a_host_while_somebody_looks_there(local: LocalRig) -> None:
    local.world.article(BLOG)
    async with local.store.write() as db:
        await links.hurry_hosts(db, ["blog.example.com"], local.time())
    busy = local.time() + timedelta(minutes=1)
    other = {"leased_by": "another daemon", "lease_until": busy}
    assert await local.look(await local.link(BLOG, **other), BLOG)
    await local.settle()
    assert len(local.asked("blog.example.com")) == 1
    local.time.now = busy
    await local.settle()
    assert len(local.asked("blog.example.com")) == 2


@pytest.mark.both_engines
async def test_two_daemons_share_the_pace_of_a_host_of_pictures(
    local: LocalRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    queues = []
    for url in (LONG, OTHER):
        local.restart(picture_every_s=0.05)
        queues.append(local.queue)
        local.world.article(url, pictures=3)
        await local.look(await local.link(url), url)

    async def fetch_one_copy(queue: picture_queue.PictureQueue) -> None:
        while not await queue.tick():  # both may reach for the same copy, and one of them is later
            await asyncio.sleep(0)

    monkeypatch.setattr(picture_queue, "AT_ONCE", 1)
    await asyncio.gather(*(fetch_one_copy(queue) for queue in queues))
    looks = [look for look in local.world.log if look.host == WECHAT_PICTURES]
    assert len(looks) == 6
    assert all(look.in_flight == 1 for look in looks)


@pytest.mark.parametrize("at", ["before it is written", "before the database knows"])
async def test_a_kill_costs_at_most_the_picture_on_its_way(
    local: LocalRig, monkeypatch: pytest.MonkeyPatch, at: str
) -> None:
    local.world.article(LONG, pictures=5)
    made = await local.look(await local.link(LONG), LONG)
    assert made
    target, name = (local.local, "write") if at == "before it is written" else (local.queue, "_add")
    real, calls = getattr(target, name), 0

    def killed(*args: Any, **values: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == 4:
            raise asyncio.CancelledError
        return real(*args, **values)

    with monkeypatch.context() as patch:
        patch.setattr(target, name, killed)
        with pytest.raises(asyncio.CancelledError):
            await local.queue.tick()
    local.restart()
    assert await local.queue.tick() == 0  # the killed one's lease
    local.time.now += picture_queue.LEASE
    await local.settle()
    assert await local.pictures(made) == 5
    assert len(local.asked(WECHAT_PICTURES)) == 6


async def test_the_address_guard_holds_for_pictures(local: LocalRig) -> None:
    page = Page(url=BLOG, final_url=BLOG, http_status=200, body=b"<html></html>")
    article = Article(text="x" * 60, pictures=("http://127.0.0.1:1/a.png", "http://169.254.169.254/b.png"))
    assert len(pictures.shown(page, article)) == 2
    seen = [await local.fetcher.fetch(address) for address in pictures.shown(page, article)]
    assert {one.failure.kind for one in seen if one.failure} == {"guard"}


async def test_no_personal_parameter_is_sent_to_a_picture_host() -> None:
    page = Page(url=BLOG, final_url=BLOG, http_status=200, headers={"content-type": "text/html"})
    article = Article(
        text="", pictures=("https://i.example.com/a.png?w=1&pass_ticket=secret&utm_source=x", "data:x")
    )
    assert pictures.shown(page, article) == ("https://i.example.com/a.png?w=1",)


async def test_a_full_archive_defers_pictures_without_counting_a_try(local: LocalRig) -> None:
    local.world.article(LONG)
    made = await local.look(await local.link(LONG), LONG)
    assert made
    local.local.max_bytes = local.local.size() + 100
    await local.queue.tick()
    (copy,) = await local.copies()
    assert (copy.pictures_tries, copy.pictures_due) == (0, local.time() + picture_queue.HOST_WAIT)
    local.local.max_bytes = 0
    local.time.pass_(hours=1)
    await local.settle()
    assert await local.pictures(made) == 3


async def test_a_disk_that_is_away_for_a_while_costs_no_picture(local: LocalRig) -> None:
    local.world.article(LONG)
    made = await local.look(await local.link(LONG), LONG)
    assert made
    away = local.local.directory.with_name("away")
    local.local.directory.rename(away)
    await local.queue.tick()
    (copy,) = await local.copies()
    assert (copy.pictures_tries, copy.pictures_due is None) == (0, False)
    shutil.rmtree(local.local.directory, ignore_errors=True)
    away.rename(local.local.directory)
    local.time.pass_(hours=1)
    await local.settle()
    assert await local.pictures(made) == 3


async def test_redirects_on_the_way_to_a_page_are_kept_with_it(local: LocalRig) -> None:
    old, new = "https://blog.example.com/old.html", "https://blog.example.com/new.html"
    local.world.article(old)
    local.world.article(new)
    local.world.set(old, State.MOVED, target=new)
    copy = await local.kept(old)
    (hop,) = await local.parts(copy, parts.REDIRECT)
    record = local.local.record(hop.file, hop.offset, hop.length)
    assert (record.url, record.http_status, record.headers["location"]) == (old, 301, new)


def test_of_a_choice_of_sizes_one_is_taken() -> None:
    html = (
        b'<body><img srcset="a.png 1x, b.png 2x, c.png 4x"><picture><source srcset="d.webp 400w, e.webp 9000w">'
        b'<img src="data:image/gif;base64,R0" data-original="f.png"></picture></body>'
    )
    page = Page(url=BLOG, final_url=BLOG, http_status=200, headers={"content-type": "text/html"}, body=html)
    names = [url.rpartition("/")[2] for url in pictures.shown(page, Article(text=""))]
    assert names == ["b.png", "d.webp", "f.png"]


def test_turning_hosts_and_counting_queries_are_no_new_pictures() -> None:
    one = ["https://pic1.zhimg.com/a.jpg?source=1", "https://pic1.zhimg.com/b.jpg"]
    two = ["https://pic4.zhimg.com/b.jpg", "https://pica.zhimg.com/a.jpg?source=2"]
    assert pictures.digest_of(one) == pictures.digest_of(two) != pictures.digest_of(one[:1])
