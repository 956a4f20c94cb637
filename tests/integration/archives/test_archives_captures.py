"""Captures that are the article, and captures that are not."""

from __future__ import annotations

from datetime import timedelta

from monitor.demo import State, trouble
from monitor.demo.trouble import Fate
from monitor.model import Status
from monitor.store.archives import JobState
from tests.integration.archives.rig import OTHER, START, URL, Rig


async def test_a_capture_that_was_led_to_a_captcha_is_no_copy(rig: Rig) -> None:
    link_id = await rig.article()
    rig.world.archive_sees("mp.weixin.qq.com", State.WECHAT_CAPTCHA)
    await rig.settle()
    job = await rig.job()
    assert job.state == JobState.CAPTURED_WALL
    assert await rig.copy_of(link_id) is None
    assert [one.grade for one in await rig.snapshots()] == ["X"]
    rig.time.pass_(days=29)
    await rig.queue.tick()
    assert len(rig.submissions) == 1


async def test_a_success_at_another_address_is_known_for_a_wall_before_it_is_opened(rig: Rig) -> None:
    link_id = await rig.article()
    captcha = "https://mp.weixin.qq.com/mp/wappoc_appmsgcaptcha?poc_token=abc"
    rig.world.archive.next_job(Fate(lands_on=captcha))
    await rig.settle()
    job = await rig.job()
    assert (job.state, job.code) == (JobState.CAPTURED_WALL, "led-elsewhere")
    assert [one.grade for one in await rig.snapshots()] == ["X"]
    assert await rig.copy_of(link_id) is None
    assert not any("id_/" in line for line in rig.asked)


async def test_no_copy_counts_that_was_not_opened(rig: Rig) -> None:
    link_id = await rig.article()
    while not await rig.snapshots():
        await rig.queue.tick()
        rig.time.pass_(seconds=10)
    assert await rig.copy_of(link_id) is None
    assert [one.grade for one in await rig.snapshots()] == [None]
    await rig.settle()
    copy = await rig.copy_of(link_id)
    assert f"GET {copy.url.replace('/http', 'id_/http')}" in rig.asked


async def test_a_capture_that_shows_a_captcha_under_the_right_address_is_no_copy(rig: Rig) -> None:
    link_id = await rig.article()
    rig.world.archive_sees("mp.weixin.qq.com", State.WECHAT_CAPTCHA_RENDERED)
    await rig.settle()
    job = await rig.job()
    assert job.state == JobState.CAPTURED_WALL
    assert await rig.copy_of(link_id) is None


async def test_after_walls_and_notices_of_others_the_search_goes_on(rig: Rig) -> None:
    link_id = await rig.article()
    rig.world.plant(URL, START - timedelta(days=40), State.LIVE)
    rig.world.plant(URL, START - timedelta(days=30), State.WECHAT_CAPTCHA_RENDERED)
    rig.world.plant(URL, START - timedelta(days=20), State.WECHAT_DELETED)
    await rig.settle()
    assert [one.grade for one in await rig.snapshots()] == ["X", "X", "B"]
    assert (await rig.copy_of(link_id)).captured_at == START - timedelta(days=40)
    assert rig.submissions == []


async def test_when_all_captures_of_others_are_bad_we_make_our_own(rig: Rig) -> None:
    link_id = await rig.article()
    for days in range(1, 9):
        rig.world.plant(URL, START - timedelta(days=days), State.WECHAT_CAPTCHA_RENDERED)
    await rig.settle()
    grades = [one.grade for one in await rig.snapshots()]
    assert grades == ["X"] * 5 + ["B"]
    assert (await rig.copy_of(link_id)).origin == "made"


async def test_of_a_dead_link_the_last_good_capture_before_its_death_counts(rig: Rig) -> None:
    died = START - timedelta(days=10)
    link_id = await rig.article(status=Status.DEAD, failing_since=died)
    rig.world.plant(URL, died - timedelta(days=300), State.LIVE)
    rig.world.plant(URL, died - timedelta(days=2), State.LIVE)
    rig.world.plant(URL, died - timedelta(days=1), State.WECHAT_CAPTCHA_RENDERED)
    rig.world.plant(URL, died + timedelta(days=1), State.WECHAT_DELETED)
    await rig.settle()
    assert (await rig.copy_of(link_id)).captured_at == died - timedelta(days=2)
    assert rig.submissions == []


async def test_a_dead_link_without_captures_is_submitted_once(rig: Rig) -> None:
    link_id = await rig.article(status=Status.DEAD, failing_since=START - timedelta(days=10))
    rig.world.set(URL, State.WECHAT_DELETED)
    await rig.settle()
    assert (await rig.job()).state == JobState.CAPTURED_WALL
    assert await rig.copy_of(link_id) is None
    rig.time.pass_(days=365)
    await rig.settle()
    assert len(rig.submissions) == 1


async def test_a_revisit_record_is_a_capture_and_a_header_row_is_none(rig: Rig) -> None:
    died = START - timedelta(days=10)
    link_id = await rig.article(status=Status.DEAD, failing_since=died)
    rig.world.archive.plant(URL, died - timedelta(days=3), revisit=True)
    await rig.settle()
    assert (await rig.copy_of(link_id)).captured_at == died - timedelta(days=3)
    await rig.article(OTHER, status=Status.DEAD, failing_since=died)
    rig.world.archive.trouble(trouble.header_only(), on="cdx")
    await rig.settle()
    assert [url for url, _ in rig.submissions] == [OTHER]


async def test_a_capture_of_an_address_in_other_capitals_is_another_page(rig: Rig) -> None:
    link_id = await rig.article()
    rig.world.article(URL.swapcase().replace("HTTPS://MP.WEIXIN.QQ.COM/S/", "https://mp.weixin.qq.com/s/"))
    twin = "https://mp.weixin.qq.com/s/" + URL.rpartition("/")[2].swapcase()
    rig.world.archive.plant(twin, START - timedelta(days=3))
    await rig.settle()
    copy = await rig.copy_of(link_id)
    assert copy.original_url == URL
    assert copy.origin == "made"


async def test_playback_without_a_memento_verifies_nothing(rig: Rig) -> None:
    link_id = await rig.article()
    rig.world.archive.trouble_between(START, START + timedelta(days=1), trouble.no_memento(), on="playback")
    while rig.time.now < START + timedelta(hours=20):
        await rig.queue.tick()
        rig.time.pass_(minutes=20)
    assert await rig.copy_of(link_id) is None
    await rig.settle()
    assert await rig.copy_of(link_id)


async def test_a_capture_that_is_not_there_yet_is_opened_later(rig: Rig) -> None:
    link_id = await rig.article()
    rig.world.archive.playback_delay = timedelta(hours=4)
    await rig.settle()
    assert await rig.copy_of(link_id)
    assert len(rig.submissions) == 1


async def test_a_reused_capture_of_a_wall_is_not_asked_for_again_and_again(rig: Rig) -> None:
    await rig.article()
    rig.world.archive.index_delay = timedelta(days=3)
    rig.world.archive_sees("mp.weixin.qq.com", State.WECHAT_CAPTCHA_RENDERED)
    rig.world.archive.submit(URL, {})
    rig.time.pass_(minutes=20)
    await rig.settle()
    assert [answer for _, answer in rig.submissions] == ["queued", "same"]
    assert (await rig.job()).state == JobState.CAPTURED_WALL
