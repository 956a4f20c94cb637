"""Each answer of Save Page Now, and what must not follow from it."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise

import pytest

from monitor.demo import trouble
from monitor.demo.trouble import Fate
from monitor.model import Status
from monitor.store.archives import JobState
from tests.integration.archives.rig import OTHER, START, URL, Rig


async def test_an_error_with_http_200_parks_the_link_until_its_status_changes(rig: Rig) -> None:
    link_id = await rig.article()
    rig.world.archive.trouble(trouble.error_body("blocked-url"))
    await rig.settle()
    job = await rig.job()
    assert (job.state, job.code) == (JobState.FAILED, "blocked-url")
    rig.time.pass_(days=400)
    await rig.settle()
    assert len(rig.submissions) == 1
    await rig.change(link_id, status=Status.SUSPECT, since=rig.time.now)
    await rig.settle()
    assert await rig.copy_of(link_id)


async def test_the_same_snapshot_answer_is_polled_to_its_end(rig: Rig) -> None:
    link_id = await rig.article()
    rig.world.archive.submit(URL, {})
    rig.world.archive.capture_delay = timedelta(0)
    rig.world.archive.index_delay = timedelta(minutes=30)
    await rig.settle()
    assert [answer for _, answer in rig.submissions] == ["queued", "same"]
    assert await rig.copy_of(link_id)


async def test_no_job_id_is_looked_up_and_not_submitted_again(rig: Rig) -> None:
    link_id = await rig.article()
    rig.world.archive.trouble(trouble.no_job(URL))
    await rig.queue.tick()
    await rig.queue.tick()
    rig.world.archive.plant(URL, rig.time.now)
    await rig.settle()
    assert len(rig.submissions) == 1
    assert (await rig.copy_of(link_id)).origin == "found"


async def test_endless_pending_is_given_up_and_looked_up(rig: Rig) -> None:
    link_id = await rig.article()
    rig.world.archive.next_job(Fate(pending=True))
    while (await rig.queue.tick()) and (await rig.job()).state != JobState.SUBMITTED:
        pass
    rig.world.archive.plant(URL, rig.time.now + timedelta(seconds=1))
    await rig.settle()
    assert len(rig.submissions) == 1
    assert (await rig.copy_of(link_id)).origin == "made"


async def test_endless_pending_without_a_capture_is_submitted_again(rig: Rig) -> None:
    link_id = await rig.article()
    rig.world.archive.next_job(Fate(pending=True))
    await rig.settle()
    assert [answer for _, answer in rig.submissions] == ["queued", "same", "queued"]
    times = [one.at for one in rig.world.archive.submissions]
    assert min(b - a for a, b in pairwise(times)) > timedelta(minutes=10)
    assert await rig.copy_of(link_id)


async def test_a_delayed_job_is_first_polled_when_it_starts(rig: Rig) -> None:
    link_id = await rig.article()
    rig.world.archive.trouble(trouble.delayed(2, 5))
    while not rig.submissions:
        await rig.queue.tick()
    job = await rig.job()
    assert job.state == JobState.SUBMITTED
    assert job.not_before >= START + timedelta(hours=2, minutes=5)
    await rig.settle()
    assert await rig.copy_of(link_id)
    assert len(rig.submissions) == 1


@pytest.mark.parametrize("kind", ["523", "reset", "html", "empty"])
async def test_a_lost_answer_is_looked_up_before_a_second_submission(rig: Rig, kind: str) -> None:
    link_id = await rig.article()
    lost = {
        "523": trouble.gateway(523, saves=True),
        "reset": trouble.cut_off(saves=True),
        "html": trouble.html(),
        "empty": trouble.empty(),
    }[kind]
    rig.world.archive.trouble(lost)
    while not rig.submissions:
        await rig.queue.tick()
    assert (await rig.job()).state == JobState.OUTCOME_UNKNOWN
    looked_up = len([line for line in rig.asked if "/web/https" in line])
    await rig.settle()
    assert (await rig.copy_of(link_id)).origin == "made"
    saves = [line for line in rig.asked if line.endswith("/save")]
    assert len(saves) == (1 if lost.saves else 2)
    after_first = rig.asked[rig.asked.index(saves[0]) + 1 :]
    assert "/web/https" in after_first[0], "the next thing asked is whether it was saved"
    assert looked_up == 1


async def test_an_unknown_code_is_tried_twice_and_no_more(rig: Rig) -> None:
    await rig.article()
    rig.world.archive.trouble(trouble.error_body("brand-new-trouble"), times=9)
    await rig.settle(within=timedelta(days=2))
    job = await rig.job()
    assert (job.state, job.code, job.attempts) == (JobState.FAILED, "brand-new-trouble", 2)
    assert len(rig.submissions) == 2


async def test_transient_errors_are_tried_five_times_further_and_further_apart(rig: Rig) -> None:
    await rig.article()
    rig.world.archive.trouble(trouble.error_body("no-browsers-available"), times=9)
    await rig.settle()
    times = [one.at for one in rig.world.archive.submissions]
    gaps = [b - a for a, b in pairwise(times)]
    assert len(times) == 5
    assert gaps == sorted(gaps)
    assert gaps[0] >= timedelta(minutes=15)
    assert (await rig.job()).state == JobState.FAILED


async def test_after_a_soft_time_limit_the_page_is_saved_without_scripts(rig: Rig) -> None:
    await rig.article()
    rig.world.archive.next_job(Fate(code="error:soft-time-limit-exceeded", message="Too long."))
    await rig.settle()
    first, second = (one.parameters for one in rig.world.archive.submissions)
    assert "js_behavior_timeout" not in first
    assert second["js_behavior_timeout"] == "0"


async def test_a_page_saved_too_often_today_waits_for_tomorrow(rig: Rig) -> None:
    link_id = await rig.article()
    rig.world.archive.trouble(trouble.error_body("too-many-daily-captures"))
    await rig.settle()
    assert [one.at.date().day for one in rig.world.archive.submissions] == [24, 25]
    assert await rig.copy_of(link_id)


async def test_a_host_at_rest_does_not_stop_the_others(rig: Rig) -> None:
    await rig.article(URL)
    other = "https://blog.csdn.net/someone/article/details/123456789"
    await rig.article(other)
    await rig.article(OTHER)
    rig.world.archive.trouble(trouble.error_body("max-daily-bandwidth-host"))
    await rig.settle()
    by_url = {one.url: one.at.date().day for one in rig.world.archive.submissions}
    assert by_url[other] == 24
    assert by_url[OTHER] == 25
