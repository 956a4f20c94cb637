"""Days of an archive.org that is down, slow, rate-limiting and lying in turns, and a process that is killed."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from contextlib import suppress
from datetime import timedelta

from sqlalchemy import select

from monitor.demo import State, trouble
from monitor.demo.trouble import Fate
from monitor.model import Status
from monitor.store.archives import JobState
from monitor.store.tables import archive_job, link
from tests.integration.archives.rig import START, Rig

LIVE, RESCUED, LOST, BARRED = 40, 6, 6, 6
DIED = START - timedelta(days=20)
KILLS = 5


def wechat(kind: str, number: int) -> str:
    return f"https://mp.weixin.qq.com/s/{kind:x<19}{number:03}"


async def populate(rig: Rig) -> dict[str, str | None]:
    """Links and what is to become of each: ``made`` or ``found`` for the origin of its copy, None for no copy."""
    truth: dict[str, str | None] = {}
    for n in range(LIVE):
        await rig.article(url := wechat("live", n))
        truth[url] = "made"
    for n in range(RESCUED):
        await rig.article(url := wechat("rescued", n), status=Status.DEAD, failing_since=DIED)
        rig.world.plant(url, DIED - timedelta(days=5), State.LIVE)
        rig.world.plant(url, DIED + timedelta(days=5), State.WECHAT_DELETED)
        truth[url] = "found"
    for n in range(LOST):
        await rig.article(url := wechat("lost", n), status=Status.DEAD, failing_since=DIED)
        rig.world.set(url, State.WECHAT_DELETED)
        truth[url] = None
    for n in range(BARRED):
        await rig.article(url := f"https://blog.csdn.net/someone/article/details/10000{n}")
        truth[url] = None
    rig.world.archive_sees("blog.csdn.net", State.FORBIDDEN)
    return truth


def make_trouble(rig: Rig) -> None:
    archive, hour = rig.world.archive, timedelta(hours=1)
    for endpoint in ("lookup", "submit", "status", "playback"):
        archive.trouble(trouble.too_many(), on=endpoint, times=2)
    archive.trouble_between(START + hour / 4, START + hour / 2, trouble.gateway(503), on="any")
    archive.trouble_between(START + hour, START + 2 * hour, trouble.gateway(520, saves=True), on="submit")
    archive.trouble_between(START + 3 * hour, START + 4 * hour, trouble.no_memento(), on="playback")
    archive.trouble_between(START + 5 * hour, START + 5.5 * hour, trouble.html(), on="status")
    archive.trouble(trouble.html(), on="lookup", times=3)
    archive.trouble(trouble.error_body("cannot-fetch"), times=2)
    archive.trouble(trouble.error_body("invented-code"))
    archive.trouble(trouble.message("You have already reached the limit of active Save Page Now sessions."))
    archive.next_job(Fate(pending=True))
    archive.next_job(Fate(code="error:celery", message="A worker died."), times=2)
    archive.index_delay = timedelta(minutes=3)
    archive.playback_delay = timedelta(minutes=20)


async def run_with_kills(rig: Rig, chance: random.Random) -> None:
    """Tick until all is done; now and then end a tick wherever it happens to be, as ``kill -9`` would."""
    kills, ticks = 0, 0
    while rig.time.now < START + timedelta(days=7):
        ticks += 1
        tick = asyncio.create_task(rig.queue.tick())
        if kills < KILLS and ticks % 12 == 0:
            await asyncio.sleep(chance.uniform(0, 0.03))
            tick.cancel()
            with suppress(asyncio.CancelledError):
                await tick
            kills += 1
            await rig.restart()
            continue
        worked = await tick
        async with rig.store.read() as db:
            due = (
                await db.execute(
                    select(archive_job.c.not_before)
                    .where(archive_job.c.finished_at.is_(None))
                    .order_by(archive_job.c.not_before)
                )
            ).scalar()
        if due is None:
            assert kills == KILLS
            return
        closed = None if worked else await rig.queue.gate.saves_closed()
        waits = [rig.time.now + timedelta(seconds=10), due]
        rig.time.now = max([*waits, closed.until] if closed else waits)


async def test_every_page_ends_with_its_copy_or_its_true_reason(rig: Rig) -> None:
    truth = await populate(rig)
    make_trouble(rig)
    await run_with_kills(rig, random.Random(7))
    async with rig.store.read() as db:
        rows = (await db.execute(select(link.c.id, link.c.url))).all()
    copies = {row.url: await rig.copy_of(row.id) for row in rows}
    assert {url: copy and copy.origin for url, copy in copies.items()} == truth
    urls = {row.id: row.url for row in rows}
    ends = {urls[job.link_id]: (job.state, job.code) for job in await rig.jobs()}
    for url, end in ends.items():
        if truth[url]:
            assert end == (JobState.VERIFIED, None)
        elif "csdn" in url:
            assert end == (JobState.FAILED, "no-access")
        else:
            assert end[0] == JobState.CAPTURED_WALL
    assert len(await rig.jobs()) == len(truth), "no job was lost, none was made twice"
    submitted_within_the_limits(rig, truth)
    silent_after_429(rig)


def submitted_within_the_limits(rig: Rig, truth: dict[str, str | None]) -> None:
    log = rig.world.archive.submissions
    for one in log:
        minute = [other for other in log if one.at <= other.at < one.at + timedelta(minutes=1)]
        assert len(minute) <= 7
        assert one.in_progress < 3
    per_day = Counter(
        (one.url, one.at.date()) for one in log if one.answer in ("queued", "saved, but not told")
    )
    assert max(per_day.values()) <= 5
    assert not {one.url for one in log if truth[one.url] == "found"}, (
        "what has a good capture is not saved again"
    )
    for url, origin in truth.items():
        captured = [capture.at for capture in rig.world.archive.captures_of(url)]
        if origin == "made":
            assert len(captured) == 1, "nothing is saved twice"


def silent_after_429(rig: Rig) -> None:
    looks = [look for look in rig.world.log if look.host == "web.archive.org"]
    turned_away = [look.at for look in looks if look.status == 429]
    assert turned_away
    for at in turned_away:
        assert not [look for look in looks if at < look.at < at + timedelta(seconds=60)]
