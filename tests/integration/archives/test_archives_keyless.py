"""Saving without keys, and what leaves the machine."""

from __future__ import annotations

import logging
from datetime import timedelta
from urllib.parse import urlsplit

import pytest

from monitor.archives import ledger as ledgers
from monitor.archives.queue import ArchiveQueue
from monitor.config import Settings
from monitor.demo import State, trouble
from monitor.fetch import Fetcher
from monitor.store.archives import JobState
from tests.integration.archives.rig import START, URL, Rig


async def test_without_keys_waybackpy_saves_once_and_the_copy_is_opened(keyless: Rig) -> None:
    rig = keyless
    link_id = await rig.article()
    await rig.settle()
    assert (await rig.copy_of(link_id)).origin == "made"
    assert [line for line in rig.asked if "/save" in line] == [f"GET https://web.archive.org/save/{URL}"]


async def test_without_keys_a_refusal_stops_saving_and_says_how_to_get_keys(keyless: Rig) -> None:
    rig = keyless
    for n in range(3):
        await rig.article(f"{URL[:-1]}{n}")
    rig.world.archive.trouble(trouble.unauthorized(), on="save_get", times=9)
    for _ in range(30):
        await rig.queue.tick()
        rig.time.pass_(minutes=5)
    assert len([line for line in rig.asked if "/save" in line]) == 1
    assert "https://archive.org/account/s3.php" in (await rig.ledger()).saves.why
    assert {job.attempts for job in await rig.jobs()} == {0}


async def test_without_keys_a_429_closes_the_gate_for_all(keyless: Rig) -> None:
    rig = keyless
    link_id = await rig.article()
    rig.world.archive.trouble(trouble.too_many(), on="save_get")
    while not rig.submissions:
        await rig.queue.tick()
    job = await rig.job()
    assert (job.state, job.attempts, job.not_before) == (JobState.QUEUED, 0, START + timedelta(seconds=60))
    await rig.settle()
    assert await rig.copy_of(link_id)


async def test_without_keys_a_capture_behind_a_520_is_found(keyless: Rig) -> None:
    rig = keyless
    link_id = await rig.article()
    rig.world.archive.trouble(trouble.gateway(520, saves=True), on="save_get")
    await rig.settle()
    assert (await rig.copy_of(link_id)).origin == "made"
    assert len(rig.submissions) == 1


async def test_an_old_capture_that_a_save_comes_back_with_is_no_success_of_ours(keyless: Rig) -> None:
    rig = keyless
    link_id = await rig.article()
    old = rig.world.plant(URL, START - timedelta(days=70), State.WECHAT_CAPTCHA_RENDERED)
    moved = (("Location", f"https://web.archive.org/web/{old.timestamp}/{URL}"),)
    rig.world.archive.trouble(trouble.Trouble(name="old", status=302, headers=moved), on="save_get", times=99)
    await rig.settle()
    assert await rig.copy_of(link_id) is None
    assert (await rig.job()).state == JobState.CAPTURED_WALL
    assert len(rig.submissions) == 1


async def test_the_archive_is_reached_at_an_address_of_its_own_too(keyless: Rig) -> None:
    rig = keyless
    rig.wayback["base_url"] = rig.world.archive_direct_url
    sections = rig.world.settings()
    network = {**sections["network"], "allow_private_addresses": True}
    settings = Settings(network=network, archives={"wayback": rig.wayback})
    link_id = await rig.article()
    async with Fetcher(settings.network, base=rig.folder) as fetcher:
        rig.queue = ArchiveQueue(rig.store, fetcher, settings, rig.time, "worker")
        await rig.settle()
    assert (await rig.copy_of(link_id)).url.startswith(f"{rig.world.archive_direct_url}/web/")


async def test_keys_go_only_where_they_must_and_never_into_a_log(
    rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    await rig.article()
    rig.world.archive.trouble(trouble.unauthorized(), on="user")
    await rig.settle()
    archive_looks = [look for look in rig.world.log if look.host == "web.archive.org"]
    assert {
        urlsplit(look.url).path.split("/")[1] for look in archive_looks if "authorization" in look.headers
    } == {"save"}
    assert all("cookie" not in look.headers for look in archive_looks)
    assert rig.world.archive.secret_key not in caplog.text
    assert rig.world.archive.access_key not in caplog.text
    async with rig.store.read() as db:
        known = await ledgers.read(db)
    assert rig.world.archive.secret_key not in repr(known)


async def test_the_user_agent_names_the_program_and_a_contact(rig: Rig) -> None:
    await rig.start(contact="mailto:me@example.org")
    await rig.article()
    await rig.queue.tick()
    agents = {look.headers["user-agent"] for look in rig.world.log if look.host == "web.archive.org"}
    assert len(agents) == 1
    agent = agents.pop()
    assert agent.startswith("rotwatch/")
    assert agent.endswith("mailto:me@example.org)")


async def test_switched_off_it_asks_nothing(rig: Rig) -> None:
    await rig.start(enabled=False)
    await rig.article()
    assert await rig.queue.tick() is False
    assert rig.asked == []
    assert await rig.jobs() == []
