"""Killed at any line: the next process goes on, and saves nothing twice."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update

from monitor.archives.queue import ArchiveQueue
from monitor.store.archives import JobState
from monitor.store.tables import archive_job
from tests.integration.archives.rig import START, URL, Killed, Rig, tick_until_killed


async def test_a_job_killed_in_mid_poll_is_finished_by_the_next_process(rig: Rig) -> None:
    link_id = await rig.article()
    rig.world.archive.capture_delay = timedelta(minutes=8)
    while not any("/save/status/spn2" in line for line in rig.asked):
        await rig.queue.tick()
        rig.time.pass_(seconds=5)
    await rig.restart()
    await rig.settle()
    assert await rig.copy_of(link_id)
    assert len(rig.submissions) == 1


async def test_a_restart_after_more_than_an_hour_looks_up_instead_of_polling(rig: Rig) -> None:
    link_id = await rig.article()
    while (await rig.queue.tick()) and not rig.submissions:
        pass
    rig.time.pass_(hours=3)
    await rig.restart()
    await rig.settle()
    assert await rig.copy_of(link_id)
    assert len(rig.submissions) == 1
    assert not any("/save/status/spn2" in line for line in rig.asked)


async def test_killed_between_the_note_and_the_request_it_looks_up_first(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    link_id = await rig.article()

    async def kill(*_: object, **__: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(rig.queue.wayback, "submit", kill)
        await tick_until_killed(rig)
    job = await rig.job()
    assert (job.state, job.leased_by) == (JobState.OUTCOME_UNKNOWN, "worker 1")
    before = len(rig.asked)
    await rig.restart()
    await rig.settle()
    assert "/web/https" in rig.asked[before]
    assert await rig.copy_of(link_id)
    assert len(rig.submissions) == 1


async def test_killed_between_the_request_and_its_answer_it_does_not_save_twice(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    link_id = await rig.article()
    submit = rig.queue.wayback.submit

    async def sent_then_killed(*args: Any, **named: Any) -> None:
        await submit(*args, **named)
        raise Killed

    monkeypatch.setattr(rig.queue.wayback, "submit", sent_then_killed)
    await tick_until_killed(rig)
    await rig.restart()
    await rig.settle()
    assert (await rig.copy_of(link_id)).origin == "made"
    assert len(rig.submissions) == 1


async def test_a_step_that_breaks_is_put_far_back_and_the_error_is_raised(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    await rig.article()

    async def broken(_: object) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr(rig.queue.wayback, "newest", broken)
    with pytest.raises(RuntimeError, match="a bug"):
        await rig.queue.tick()
    job = await rig.job()
    assert (job.state, job.not_before, job.leased_by) == (JobState.QUEUED, START + timedelta(hours=1), None)


async def test_jobs_given_back_are_taken_at_once(rig: Rig) -> None:
    await rig.article()
    await rig.queue.tick()
    async with rig.store.write() as db:
        held = {"leased_by": "worker 1", "lease_until": START + timedelta(days=1), "not_before": START}
        await db.execute(update(archive_job).values(held))
    await rig.start()
    assert await rig.queue.tick() is False
    await ArchiveQueue.give_back(rig.queue)
    assert await rig.queue.tick() is False, "another worker's leases stay"
    rig.queue.worker = "worker 1"
    await rig.queue.give_back()
    assert await rig.queue.tick() is True


async def test_two_processes_never_submit_a_page_twice(rig: Rig) -> None:
    for n in range(6):
        await rig.article(f"{URL[:-1]}{n}")
    first = rig.queue
    await rig.start()
    for _ in range(60):
        await asyncio.gather(first.tick(), rig.queue.tick())
        rig.time.pass_(seconds=5)
    assert sorted(url for url, _ in rig.submissions) == sorted({url for url, _ in rig.submissions})
    assert len(rig.submissions) == 6
