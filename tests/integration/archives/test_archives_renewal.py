"""An article that changed much is saved anew, once; the old copy stays."""

from __future__ import annotations

from datetime import timedelta

from monitor.demo import State
from monitor.model import Status
from monitor.platforms import article, judge
from monitor.platforms.likeness import pack, sketch
from monitor.store.archives import JobState
from tests.integration.archives.rig import URL, Rig


async def saved_and_then_edited(rig: Rig) -> int:
    """A link whose copy shows an older text than our last look."""
    link_id = await rig.article()
    await rig.settle()
    rig.time.pass_(days=10)
    rig.world.set(URL, State.LIVE, edited=0.4)
    page = await rig.fetcher.fetch(URL)
    seen = article(page, judge(page))
    assert seen
    await rig.change(link_id, changed_at=rig.time.now, sketch=pack(sketch(seen.text)))
    return link_id


async def test_much_of_another_text_is_saved_anew_and_the_old_copy_stays(rig: Rig) -> None:
    link_id = await saved_and_then_edited(rig)
    changed = rig.time.now
    await rig.settle()
    old, new = await rig.snapshots()
    assert old.grade == "B"
    assert old.captured_at < changed <= new.captured_at
    assert new.grade == "A"
    assert (await rig.copy_of(link_id)).id == new.id
    assert len(rig.submissions) == 2


async def test_it_is_asked_for_once_however_it_ends(rig: Rig) -> None:
    link_id = await saved_and_then_edited(rig)
    rig.world.archive_sees("mp.weixin.qq.com", State.WECHAT_CAPTCHA_RENDERED)
    await rig.settle()
    assert (await rig.job()).state == JobState.CAPTURED_WALL
    rig.time.pass_(days=90)
    await rig.settle()
    assert len(rig.submissions) == 2
    assert (await rig.copy_of(link_id)).grade == "B", "the copy of before still counts"


async def test_what_others_captured_since_is_taken_instead(rig: Rig) -> None:
    link_id = await saved_and_then_edited(rig)
    rig.time.pass_(hours=1)
    theirs = rig.world.archive.plant(URL, rig.time.now)
    await rig.settle()
    assert (await rig.copy_of(link_id)).captured_at == theirs.at
    assert len(rig.submissions) == 1


async def test_a_page_that_changes_all_the_time_is_not_saved_all_the_time(rig: Rig) -> None:
    link_id = await saved_and_then_edited(rig)
    await rig.settle()
    for _ in range(8):
        rig.time.pass_(hours=6)
        await rig.change(link_id, changed_at=rig.time.now)
        await rig.queue.tick()
    assert len(await rig.jobs()) == 2
    rig.time.pass_(days=2)
    await rig.settle()
    assert len(await rig.jobs()) == 3


async def test_a_link_that_is_failing_is_not_renewed(rig: Rig) -> None:
    link_id = await saved_and_then_edited(rig)
    await rig.change(link_id, status=Status.SUSPECT, failing_since=rig.time.now + timedelta(hours=1))
    await rig.settle()
    assert len(rig.submissions) == 1
