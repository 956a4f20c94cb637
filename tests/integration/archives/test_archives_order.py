"""In which order copies are asked for, and which links are never asked for."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise

from sqlalchemy import insert

from monitor.model import Status
from monitor.store import archives
from monitor.store.archives import JobState
from monitor.store.tables import reference, source
from tests.integration.archives.rig import OTHER, START, URL, Rig


async def test_a_living_page_without_a_capture_is_saved_once_and_verified(rig: Rig) -> None:
    link_id = await rig.article()
    await rig.settle()
    job = await rig.job()
    assert (job.state, job.attempts) == (JobState.VERIFIED, 0)
    copy = await rig.copy_of(link_id)
    assert (copy.grade, copy.origin) == ("B", "made")
    assert copy.url == f"https://web.archive.org/web/{copy.captured_at:%Y%m%d%H%M%S}/{URL}"
    assert copy.judged_at - copy.captured_at >= timedelta(hours=1)
    assert rig.submissions == [(URL, "queued")]
    assert rig.world.archive.submissions[0].parameters == {"url": URL, "skip_first_archive": "1"}


async def test_a_page_with_a_good_capture_is_not_saved_again(rig: Rig) -> None:
    link_id = await rig.article()
    rig.world.archive.plant(URL, START - timedelta(days=50))
    await rig.settle()
    copy = await rig.copy_of(link_id)
    assert (copy.grade, copy.origin) == ("B", "found")
    rig.time.pass_(days=30)
    await rig.settle()
    assert rig.submissions == []
    assert len(await rig.jobs()) == 1


async def test_a_look_up_comes_before_a_submission(rig: Rig) -> None:
    await rig.article()
    await rig.settle()
    asked = rig.asked
    assert asked[0] == f"GET https://web.archive.org/web/{URL}"
    assert asked.index("POST https://web.archive.org/save") > 0


async def test_the_job_id_is_written_before_the_first_poll(rig: Rig) -> None:
    await rig.article()
    while not rig.submissions:
        await rig.queue.tick()
    job = await rig.job()
    assert job.state == JobState.SUBMITTED
    assert job.remote_id == rig.world.archive.jobs[0].job_id
    assert not any("/save/status/spn2" in line for line in rig.asked)


async def test_two_jobs_are_polled_in_one_request(rig: Rig) -> None:
    rig.world.archive.capture_delay = timedelta(seconds=40)
    for url in (URL, OTHER):
        await rig.article(url)
    for _ in range(6):
        await rig.queue.tick()
        rig.time.pass_(seconds=10)
    assert "POST https://web.archive.org/save/status" in rig.asked
    await rig.settle()
    assert {job.state for job in await rig.jobs()} == {JobState.VERIFIED}


async def test_no_more_than_two_captures_are_under_way(rig: Rig) -> None:
    rig.world.archive.capture_delay = timedelta(seconds=100)
    for n in range(4):
        await rig.article(f"{URL[:-1]}{n}")
    await rig.settle()
    assert max(one.in_progress for one in rig.world.archive.submissions) <= 1  # before each was added
    assert len(rig.submissions) == 4


async def test_submissions_keep_their_distance_even_over_a_restart(rig: Rig) -> None:
    for n in range(4):
        await rig.article(f"{URL[:-1]}{n}")
    for _ in range(60):
        await rig.queue.tick()
        rig.time.pass_(seconds=1)
        await rig.start()
    times = [one.at for one in rig.world.archive.submissions]
    assert len(times) == 4
    assert min(b - a for a, b in pairwise(times)) >= timedelta(seconds=9)


async def test_suspects_go_first(rig: Rig) -> None:
    await rig.article(f"{URL[:-1]}1")
    await rig.article(f"{URL[:-1]}2", added_at=START - timedelta(days=3))
    await rig.article(f"{URL[:-1]}3", at_risk=True)
    suspect = await rig.article(f"{URL[:-1]}4", status=Status.SUSPECT)
    await rig.change(suspect, failing_since=START)
    await rig.settle()
    assert [url[-1] for url, _ in rig.submissions] == ["4", "3", "2", "1"]


async def test_a_link_that_comes_into_danger_moves_up(rig: Rig) -> None:
    ids = [await rig.article(f"{URL[:-1]}{n}") for n in range(3)]
    await rig.queue.tick()
    await rig.change(ids[2], status=Status.SUSPECT)
    await rig.settle()
    assert rig.submissions[0][0][-1] == "2"
    assert [job.danger for job in await rig.jobs()] == [5, 5, 0]


async def test_what_is_private_or_archived_or_opted_out_is_never_asked_for(rig: Rig) -> None:
    await rig.start(exclude_hosts=("secret.example",))
    for url in (
        "https://web.archive.org/web/20200101000000/https://example.com/",
        "http://192.168.1.7/page",
        "http://2130706433/page",
        "https://wiki.corp.internal/page",
        "https://secret.example/page",
        "https://very.secret.example/page",
    ):
        await rig.link(url)
    await rig.article(f"{URL[:-1]}1", status=Status.PENDING)
    await rig.article(f"{URL[:-1]}2", ignored=True)
    await rig.article(f"{URL[:-1]}3", watched=False)
    quiet = await rig.article(f"{URL[:-1]}4")
    async with rig.store.write() as db:
        made = await db.execute(insert(source).values(path="quiet.md", archive=False).returning(source.c.id))
        await db.execute(insert(reference).values(source_id=made.scalar_one(), link_id=quiet, line=1))
    await rig.settle()
    assert rig.asked == []
    assert {job.state for job in await rig.jobs()} == {JobState.NOT_ATTEMPTED}
    assert sorted(job.code for job in await rig.jobs()) == ["is-archive", *["private-address"] * 3]


async def test_a_job_asked_for_by_hand_keeps_out_of_archives_too(rig: Rig) -> None:
    await rig.start(exclude_hosts=("secret.example",))
    ids = [await rig.link("https://secret.example/page"), await rig.link("http://10.0.0.1/")]
    ids.append(quiet := await rig.article())
    async with rig.store.write() as db:
        made = await db.execute(insert(source).values(path="quiet.md", archive=False).returning(source.c.id))
        await db.execute(insert(reference).values(source_id=made.scalar_one(), link_id=quiet, line=1))
        await archives.enqueue(db, ids, archive="wayback", danger=0, now=START)
    await rig.settle()
    assert rig.asked == []
    assert [job.code for job in await rig.jobs()] == ["excluded-host", "private-address", "not-wanted"]


async def test_a_page_that_only_we_are_shown_a_wall_of_is_saved_too(rig: Rig) -> None:
    link_id = await rig.article(status=Status.PENDING, looks=1, outcome="walled")
    await rig.settle()
    assert await rig.copy_of(link_id)


async def test_a_link_also_mentioned_by_an_open_list_is_saved(rig: Rig) -> None:
    link_id = await rig.article()
    async with rig.store.write() as db:
        for path, archive in (("quiet.md", False), ("open.md", True)):
            made = await db.execute(insert(source).values(path=path, archive=archive).returning(source.c.id))
            await db.execute(insert(reference).values(source_id=made.scalar_one(), link_id=link_id, line=1))
    await rig.settle()
    assert await rig.copy_of(link_id)
