"""``rotwatch archive``, as a person meets it."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from sqlalchemy import insert

from monitor.archives import ledger as ledgers
from monitor.demo import State, World, trouble
from monitor.model import Status
from monitor.store import Store, database_url, service, workers
from monitor.store.tables import archive_job, link, reference, source
from tests.acceptance.rig import ENDS_WITHIN_S, Rig, clock

FIRST = "https://mp.weixin.qq.com/s/AbCdEfGhIjKlMnOpQrStUv"
SECOND = "https://mp.weixin.qq.com/s/ZyXwVuTsRqPoNmLkJiHgFe"
WALLED = "https://blog.csdn.net/someone/article/details/123456789"


@pytest.fixture
async def store(rig: Rig, empty_database: Path) -> AsyncIterator[Store]:
    """The command's own database, with living links of one list that nobody has a copy of."""
    shutil.copy(empty_database, rig.folder / "rotwatch.db")
    store = Store(database_url("sqlite:///rotwatch.db", rig.folder))
    yield store
    await store.close()


async def watch(store: Store, world: World, *urls: str, **values: Any) -> list[int]:
    ids = []
    async with store.write() as db:
        made = await db.execute(insert(source).values(path=f"{urls[0]}.md").returning(source.c.id))
        source_id = made.scalar_one()
        for url in urls:
            post = world.article(url, title=f"标题 {url[-4:]}")
            row = {
                "url": url,
                "platform": post.place.platform,
                "host": urlsplit(url).hostname,
                "title": post.title,
                "status": Status.ALIVE,
                "added_at": clock() - timedelta(days=99),
                "since": clock() - timedelta(days=99),
            }
            added = await db.execute(insert(link).values(row | values).returning(link.c.id))
            ids.append(added.scalar_one())
            await db.execute(insert(reference).values(source_id=source_id, link_id=ids[-1], line=1))
    return ids


def asked(world: World) -> list[str]:
    return [look.url for look in world.log if look.host.endswith("archive.org")]


async def test_what_is_queued_already_is_said_so_and_not_called_nothing(
    rig: Rig, world: World, store: Store
) -> None:
    await watch(store, world, FIRST, SECOND)
    assert (await rig.rotwatch("archive")).out == "2 links queued for a copy.\n"
    assert (await rig.rotwatch("archive", FIRST)).out == "1 link already queued; nothing new to ask for.\n"
    await watch(store, world, WALLED)
    assert (await rig.rotwatch("archive")).out == "1 link queued for a copy; 2 already queued.\n"
    assert asked(world) == [], "without --wait the daemon asks"


async def test_nothing_to_ask_for_says_where_the_reasons_are(rig: Rig, world: World, store: Store) -> None:
    await watch(store, world, FIRST, status=Status.PENDING)
    answer = await rig.rotwatch("archive", "--wait")
    assert answer.code == 0
    assert answer.out == "1 link not seen yet (rotwatch check).\n"
    assert asked(world) == []


async def test_offline_nothing_is_asked_and_it_says_so(rig: Rig, world: World, store: Store) -> None:
    await watch(store, world, FIRST)
    world.unplug()
    answer = await rig.rotwatch("archive", "--wait")
    assert answer.code == 3
    assert "Offline, archive.org is not asked:" in answer.err
    assert asked(world) == []
    assert rig.ask("SELECT state, attempts FROM archive_job") == [("queued", 0)]


async def test_asking_while_offline_says_that_it_is_asked_when_the_network_is_back(
    rig: Rig, world: World, store: Store
) -> None:
    await watch(store, world, FIRST)
    alone = await rig.rotwatch("archive", FIRST)
    assert (
        "No daemon runs that asks for copies: start one (rotwatch run), or call this with --wait."
        in alone.err
    )
    world.unplug()
    offline = await rig.rotwatch("archive", FIRST)
    assert (offline.code, offline.out) == (0, "1 link already queued; nothing new to ask for.\n")
    assert "Offline, archive.org is asked when the network is back and a daemon runs" in offline.err
    daemon = workers.Worker(
        name="d", machine="m", vantage="home", roles="archive,check", version="1", started_at=clock()
    )
    async with store.write() as db:
        await workers.tell(db, daemon, clock())
        await service.put(db, service.NETWORK, now=clock(), failures=1, note="None of 4 anchors answers.")
    told = await rig.rotwatch("archive", FIRST)
    assert "Offline, archive.org is asked when the network is back: None of 4 anchors answers." in told.err
    async with store.write() as db:
        await service.put(db, service.NETWORK, now=clock())
    assert (await rig.rotwatch("archive", FIRST)).err == ""


async def test_waiting_says_what_for_and_ends_with_a_table(rig: Rig, world: World, store: Store) -> None:
    rig.variables["COLUMNS"] = "80"
    await watch(store, world, FIRST, WALLED)
    world.archive_sees("blog.csdn.net", State.FORBIDDEN)
    async with store.write() as db:
        await ledgers.write(db, ledgers.Ledger().too_many(clock(), timedelta(0)), clock())
    process = await rig.start("archive", "--wait")
    assert process.stderr
    told = (await process.stderr.readline()).decode()
    assert "we ask too often (429). Nothing is asked before" in told
    assert asked(world) == [], "no request during a pause"
    async with store.write() as db:
        await ledgers.write(db, ledgers.Ledger(), clock())  # the minute has passed
        await db.execute(archive_job.update().values(not_before=clock()))
    out, _ = await asyncio.wait_for(process.communicate(), ENDS_WITHIN_S)
    assert process.returncode == 1, "one of them has no copy"
    lines = out.decode().splitlines()
    flat = "".join(out.decode().split())
    ((address,),) = rig.ask("SELECT url FROM snapshot WHERE grade = 'B'")
    assert address in flat, "the address of the copy is there whole, to be opened"
    assert "verified" in flat
    assert "Thecapturefailed:error:no-access." in flat
    assert max(map(len, lines)) <= 80


async def test_a_silent_archive_org_is_told_as_what_it_is(rig: Rig, world: World, store: Store) -> None:
    await watch(store, world, FIRST)
    world.archive.trouble(trouble.gateway(504), on="any", times=99)
    process = await rig.start("archive", "--wait")
    assert process.stderr
    told = ""
    while "asked again at" not in told:
        told = (await process.stderr.readline()).decode()
        assert told, "it ended"
    process.terminate()
    await process.wait()
    assert rig.ask("SELECT state, attempts FROM archive_job") == [("queued", 0)]
