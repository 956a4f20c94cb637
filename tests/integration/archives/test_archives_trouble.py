"""When archive.org is in trouble, or we are: pauses, budgets, wrong keys."""

from __future__ import annotations

from datetime import timedelta

import pytest

from monitor.archives import wayback as wayback_module
from monitor.demo import State, trouble
from monitor.store.archives import JobState
from tests.integration.archives.rig import OTHER, START, URL, Rig


async def test_after_a_429_nobody_sends_anything_until_the_pause_ends(rig: Rig) -> None:
    for n in range(6):
        await rig.article(f"{URL[:-1]}{n}")
    rig.world.archive.trouble(trouble.too_many(), on="any", times=1)
    await rig.queue.tick()
    until = (await rig.ledger()).not_before
    assert until == START + timedelta(seconds=60)
    before = list(rig.asked)
    while rig.time.now < until - timedelta(seconds=5):
        rig.time.pass_(seconds=5)
        await rig.queue.tick()
    assert rig.asked == before
    await rig.settle()
    assert {job.state for job in await rig.jobs()} == {JobState.VERIFIED}
    assert {job.attempts for job in await rig.jobs()} == {0}


async def test_a_second_429_pauses_longer_and_one_at_a_time_tries_first(rig: Rig) -> None:
    for n in range(6):
        await rig.article(f"{URL[:-1]}{n}")
    rig.world.archive.trouble(trouble.too_many(), on="any", times=1)
    await rig.queue.tick()
    rig.world.archive.trouble(trouble.too_many(), on="any", times=1)
    rig.time.pass_(seconds=61)
    before = len(rig.asked)
    await rig.queue.tick()
    assert len(rig.asked) == before + 1
    until = (await rig.ledger()).not_before
    assert until == rig.time.now + timedelta(minutes=5)
    while rig.time.now < until - timedelta(seconds=20):
        rig.time.pass_(seconds=20)
        await rig.queue.tick()
    assert len(rig.asked) == before + 1, "all wait, not only the one that was turned away"
    await rig.settle()
    assert {job.state for job in await rig.jobs()} == {JobState.VERIFIED}


async def test_a_429_at_a_submission_is_no_unknown_outcome(rig: Rig) -> None:
    await rig.article()
    rig.world.archive.trouble(trouble.too_many("120"))
    while not rig.submissions:
        await rig.queue.tick()
    job = await rig.job()
    assert (job.state, job.attempts, job.not_before) == (JobState.QUEUED, 0, START + timedelta(seconds=120))
    await rig.settle()
    assert [answer for _, answer in rig.submissions] == ["429", "queued"]


async def test_a_refused_connection_pauses_for_an_hour(rig: Rig) -> None:
    link_id = await rig.article()
    rig.world.host_state("web.archive.org", State.REFUSED)
    await rig.queue.tick()
    assert (await rig.ledger()).not_before == START + timedelta(hours=1)
    rig.world.host_state("web.archive.org", None)
    await rig.settle()
    assert await rig.copy_of(link_id)
    assert (await rig.job()).attempts == 0


async def test_a_day_of_502_costs_no_link_its_tries(rig: Rig) -> None:
    ids = [await rig.article(f"{URL[:-1]}{n}") for n in range(3)]
    rig.world.archive.trouble_between(START, START + timedelta(days=1), trouble.gateway(502))
    await rig.settle()
    assert all([await rig.copy_of(link_id) for link_id in ids])
    assert len(rig.submissions) == 3
    assert len(rig.asked) < 120


async def test_saves_that_fail_in_a_row_are_blamed_on_archive_org_when_it_says_so(rig: Rig) -> None:
    for n in range(5):
        await rig.article(f"{URL[:-1]}{n}")
    rig.world.archive.overloaded = True
    rig.world.archive.trouble(trouble.error_body("no-browsers-available"), times=3)
    while len(rig.submissions) < 3:
        await rig.queue.tick()
        rig.time.pass_(seconds=10)
    assert not any("/save/status/system" in line for line in rig.asked), "not before several failed"
    for _ in range(6):
        await rig.queue.tick()
        rig.time.pass_(seconds=10)
    known = await rig.ledger()
    assert "overloaded" in known.saves.why
    assert len(rig.submissions) == 3, "nothing is submitted meanwhile"
    assert len([line for line in rig.asked if "/save/status/system" in line]) == 1, "it is asked once"
    rig.world.archive.overloaded = False
    await rig.settle()
    assert {job.state for job in await rig.jobs()} == {JobState.VERIFIED}


async def test_saves_that_fail_while_all_is_well_are_the_links_own_trouble(rig: Rig) -> None:
    for n in range(5):
        await rig.article(f"{URL[:-1]}{n}")
    rig.world.archive.trouble(trouble.error_body("cannot-fetch"), times=3)
    await rig.settle(within=timedelta(hours=3))
    assert len([line for line in rig.asked if "/save/status/system" in line]) == 1
    assert len(rig.submissions) == 8
    assert (await rig.ledger()).saves.failed == 0


async def test_a_look_up_that_hangs_is_unknown_and_not_none(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wayback_module, "LOOK_UP_S", 0.2)
    link_id = await rig.article()
    rig.world.archive.plant(URL, START - timedelta(days=9))
    rig.world.archive.trouble(trouble.hang(), on="lookup")
    await rig.queue.tick()
    job = await rig.job()
    assert (job.state, job.code, job.attempts) == (JobState.QUEUED, "look-up-unknown", 0)
    await rig.settle()
    assert (await rig.copy_of(link_id)).origin == "found"
    assert rig.submissions == []


async def test_wrong_keys_stop_saving_but_no_look_ups_and_right_ones_resume(rig: Rig) -> None:
    right = rig.wayback["secret_key"]
    await rig.start(secret_key="wrong")
    found, wanted = await rig.article(URL), await rig.article(OTHER)
    rig.world.archive.plant(URL, START - timedelta(days=3))
    for _ in range(40):
        await rig.queue.tick()
        rig.time.pass_(minutes=5)
    assert (await rig.copy_of(found)).origin == "found"
    assert rig.submissions == []
    saves = (await rig.ledger()).saves
    assert "does not accept the keys" in saves.why
    assert saves.keys_refused
    await rig.restart(secret_key=right)
    await rig.settle(within=timedelta(hours=2))
    assert await rig.copy_of(wanted)


async def test_the_budget_of_the_account_is_kept(rig: Rig) -> None:
    rig.world.archive.limits = type(rig.world.archive.limits)(per_day=10)
    for n in range(12):
        await rig.article(f"{URL[:-2]}{n:02}")
    await rig.settle()
    by_day = [one.at.date().day for one in rig.world.archive.submissions]
    assert (by_day.count(24), by_day.count(25)) == (9, 3)
    assert {answer for _, answer in rig.submissions} == {"queued"}


async def test_an_excluded_site_is_given_up_honestly(rig: Rig) -> None:
    rig.world.archive.excluded.add("mp.weixin.qq.com")
    await rig.article()
    await rig.settle()
    job = await rig.job()
    assert (job.state, job.code) == (JobState.FAILED, "excluded")
    assert rig.submissions == []
