"""Faults of the machine, in one process: the clock jumps, the database is held by another, the disk is full."""

from __future__ import annotations

import asyncio
import logging
import random
import sqlite3
import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from monitor import rests
from monitor.config import Settings
from monitor.daemon import Daemon
from monitor.demo import DrivenClock, State, World
from monitor.fetch import Fetcher
from monitor.sources.sync import add
from monitor.store import Store, database_url, engine
from monitor.store.tables import link, span
from tests.acceptance.rig import HURRIED, merged

URL = "https://a.example/post/1"
START = datetime(2026, 3, 2, 9, tzinfo=UTC)


@asynccontextmanager
async def daemon_at(
    world: World, store: Store, folder: Path, clock: Any, urls: Sequence[str], **settings: Any
) -> AsyncIterator[Daemon]:
    """A daemon that watches ``urls``, its jobs called by the test."""
    for url in urls:
        world.article(url, title="A title")
    (folder / "list.md").write_text("\n\n".join(urls), encoding="utf-8")
    sections = merged(world.settings(), HURRIED, {"archives": {"wayback": {"enabled": False}}}, settings)
    given = Settings(**sections, file=folder / "config.toml")
    async with Fetcher(given.network, base=folder) as fetcher:
        await add(store, [str(folder / "list.md")], base=folder, now=clock(), fetcher=fetcher)
        daemon = Daemon(store, fetcher, given, clock=clock)
        async with daemon.sweep:
            yield daemon


async def looked(daemon: Daemon) -> None:
    await daemon.tick()
    await daemon.sweep.settle()


async def statuses(store: Store) -> dict[str, str]:
    async with store.read() as db:
        return {row.url: row.status for row in await db.execute(select(link.c.url, link.c.status))}


async def count(store: Store) -> int:
    async with store.read() as db:
        return len((await db.execute(select(span.c.id))).all())


async def test_a_clock_that_jumps_a_month_kills_nothing(store: Store, tmp_path: Path) -> None:
    """Three looks over a week are what a 404 takes; a jump must not make an hour a week."""
    true = DrivenClock(START)
    wrong = timedelta(0)
    async with (
        World(true, page_kb=20) as world,
        daemon_at(
            world, store, tmp_path, lambda: true() + wrong, [URL], policy={"gone_span_h": 168}
        ) as daemon,
    ):
        world.set(URL, State.NOT_FOUND)
        for _ in range(2):
            await looked(daemon)
            true.move(hours=1)
        before = await count(store)
        assert await statuses(store) == {URL: "suspect"}
        wrong = timedelta(days=30)
        for _ in range(3):
            await looked(daemon)
            true.move(hours=1)
        assert (await statuses(store), await count(store)) == ({URL: "suspect"}, before)
        assert "30 days ahead" in daemon.network.detail
        wrong = timedelta(days=-30)
        await looked(daemon)
        assert "30 days behind" in daemon.network.detail
        wrong = timedelta(0)
        for _ in range(9):
            true.move(days=1)
            await looked(daemon)
        assert await statuses(store) == {URL: "dead"}


async def test_a_database_that_another_program_holds_loses_no_look(
    empty_database: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(engine, "BUSY_TIMEOUT_S", 0.1)
    file = tmp_path / "rotwatch.db"
    file.write_bytes(empty_database.read_bytes())
    store = Store(database_url(f"sqlite:///{file}", tmp_path))
    urls = [f"https://a{number}.example/post/1" for number in range(5)]

    def real() -> datetime:
        return datetime.now(UTC)

    async with (
        World(real, page_kb=20) as world,
        daemon_at(world, store, tmp_path, real, urls, network={"timeout_s": 1}) as daemon,
    ):
        for url in urls:
            world.set(url, State.HANG)  # so that all are claimed before the first is recorded
        await daemon.tick()
        while len([look for look in world.log if "/post/" in look.url]) < len(urls):
            await asyncio.sleep(0.01)
        with closing(sqlite3.connect(file, isolation_level=None)) as other, caplog.at_level(logging.ERROR):
            other.execute("BEGIN IMMEDIATE")
            while "another program holds it" not in caplog.text:
                await asyncio.sleep(0.01)
            other.execute("ROLLBACK")
        await daemon.sweep.settle()
    assert await count(store) == len(urls)
    await store.close()


async def test_a_worker_that_breaks_at_once_is_not_begun_anew_at_every_tick(
    store: Store, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    clock = DrivenClock(START)

    class Broken(random.Random):
        def random(self) -> float:
            raise RuntimeError("no luck")

    async with World(clock, page_kb=20) as world, daemon_at(world, store, tmp_path, clock, [URL]) as daemon:
        sound, daemon.sweep.chance = daemon.sweep.chance, Broken()
        for _ in range(10):
            await looked(daemon)
        assert caplog.text.count("stopped: no luck") == 1
        daemon.sweep.chance = sound
        clock.move(seconds=rests.FIRST.total_seconds())
        await looked(daemon)
    assert await count(store) == 1


async def test_no_thread_of_a_connection_that_was_broken_off_in_the_making_outlives_its_store(
    tmp_path: Path, empty_database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would report to an event loop that may be closed by then."""
    file = tmp_path / "rotwatch.db"
    file.write_bytes(empty_database.read_bytes())
    store, before = Store(database_url(f"sqlite:///{file}", tmp_path)), set(threading.enumerate())
    begun, go_on, connect = threading.Event(), threading.Event(), sqlite3.connect

    def slow(*arguments: Any, **options: Any) -> Any:
        begun.set()
        go_on.wait(60)
        return connect(*arguments, **options)

    monkeypatch.setattr(sqlite3, "connect", slow)
    asking = asyncio.create_task(store.ping())
    assert await asyncio.to_thread(begun.wait, 60)
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)
    asyncio.get_running_loop().call_later(0.2, go_on.set)
    await store.close()
    left = {one for one in set(threading.enumerate()) - before if "connection_worker" in one.name}
    assert left == set()


async def test_a_database_file_that_was_taken_away_is_noticed_and_not_called_healthy(
    store: Store, tmp_path: Path
) -> None:
    """SQLite would go on writing into a file that nobody can find any more."""
    assert await store.answers()
    (tmp_path / "rotwatch.db").rename(tmp_path / "elsewhere.db")
    assert not await store.answers()
    (tmp_path / "rotwatch.db").write_bytes(
        (tmp_path / "elsewhere.db").read_bytes()
    )  # another file of that name
    assert not await store.answers()
    (tmp_path / "elsewhere.db").replace(tmp_path / "rotwatch.db")
    assert await store.answers()
