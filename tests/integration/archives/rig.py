"""A queue of archive jobs between the acted archive.org and a real database, on a clock that the test moves."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from sqlalchemy import insert, select, update

from monitor.archives import ledger as ledgers
from monitor.archives.queue import LEASE, ArchiveQueue
from monitor.config import Settings
from monitor.demo import World
from monitor.fetch import Fetcher
from monitor.model import Status
from monitor.store import Store
from monitor.store.tables import archive_job, link, snapshot

START = datetime(2026, 11, 24, 8, tzinfo=UTC)
URL = "https://mp.weixin.qq.com/s/AbCdEfGhIjKlMnOpQrStUv"
OTHER = "https://mp.weixin.qq.com/s/ZyXwVuTsRqPoNmLkJiHgFe"


class Killed(BaseException):
    """What a test raises where a process is killed."""


class Time:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now

    def pass_(self, **by: float) -> None:
        self.now += timedelta(**by)

    async def sleep(self, seconds: float) -> None:
        self.pass_(seconds=seconds)
        await asyncio.sleep(seconds)


class Rig:
    """A world, a database and a queue; ``restart`` is what follows a kill."""

    def __init__(self, world: World, store: Store, time: Time, folder: Path) -> None:
        self.world, self.store, self.time, self.folder = world, store, time, folder
        self.wayback: dict[str, Any] = {
            **world.settings()["archives"]["wayback"],  # type: ignore[dict-item]
            "look_up_every_s": 0,
            "playback_every_s": 0,
            "poll_every_s": 0,
        }
        self.starts = 0

    async def start(self, **wayback: Any) -> None:
        self.wayback |= wayback
        sections = self.world.settings()
        settings = Settings(network=sections["network"], archives={"wayback": self.wayback})
        if not self.starts:
            self.fetcher = await Fetcher(settings.network, base=self.folder).__aenter__()
        self.starts += 1
        self.queue = ArchiveQueue(self.store, self.fetcher, settings, self.time, f"worker {self.starts}")

    async def restart(self, **wayback: Any) -> None:
        """Another process, after the leases of the killed one have ended."""
        self.time.now += LEASE
        await self.start(**wayback)

    async def link(self, url: str = URL, *, status: Status = Status.ALIVE, **values: Any) -> int:
        row = {
            "url": url,
            "platform": "wechat",
            "host": urlsplit(url).hostname,
            "title": "",
            "added_at": START - timedelta(days=90),
            "since": START - timedelta(days=80),
            "status": status,
        }
        async with self.store.write() as db:
            added = await db.execute(insert(link).values(row | values).returning(link.c.id))
            return int(added.scalar_one())

    async def article(self, url: str = URL, **values: Any) -> int:
        post = self.world.article(url, published=START - timedelta(days=100))
        return await self.link(url, **({"title": post.title} | values))

    async def settle(self, *, within: timedelta = timedelta(days=8)) -> None:
        """Tick until no job is open, moving the clock to when something is due."""
        end = self.time.now + within
        while self.time.now < end:
            worked = await self.queue.tick()
            closed = None if worked else await self.queue.gate.saves_closed()
            async with self.store.read() as db:
                due = (
                    await db.execute(
                        select(archive_job.c.not_before)
                        .where(archive_job.c.finished_at.is_(None))
                        .order_by(archive_job.c.not_before)
                    )
                ).scalar()
            if due is None:
                return
            waits = [self.time.now + timedelta(seconds=5), due]
            self.time.now = max([*waits, closed.until] if closed else waits)
        pytest.fail(f"still open: {[(job.state, job.code, job.message) for job in await self.jobs()]}")

    async def jobs(self) -> list[Any]:
        async with self.store.read() as db:
            return list((await db.execute(select(archive_job).order_by(archive_job.c.id))).all())

    async def job(self) -> Any:
        return (await self.jobs())[-1]

    async def snapshots(self) -> list[Any]:
        async with self.store.read() as db:
            return list((await db.execute(select(snapshot).order_by(snapshot.c.id))).all())

    async def copy_of(self, link_id: int) -> Any:
        async with self.store.read() as db:
            found = select(snapshot).join(link, link.c.copy_id == snapshot.c.id).where(link.c.id == link_id)
            return (await db.execute(found)).first()

    async def ledger(self) -> ledgers.Ledger:
        async with self.store.read() as db:
            return await ledgers.read(db)

    async def change(self, link_id: int, **values: Any) -> None:
        async with self.store.write() as db:
            await db.execute(update(link).where(link.c.id == link_id).values(values))

    @property
    def submissions(self) -> list[tuple[str, str]]:
        return [(one.url, one.answer) for one in self.world.archive.submissions]

    @property
    def asked(self) -> list[str]:
        """What archive.org was asked, in order: method and address."""
        return [f"{look.method} {look.url}" for look in self.world.log if look.host.endswith("archive.org")]


async def tick_until_killed(rig: Rig) -> None:
    try:
        for _ in range(5):
            await rig.queue.tick()
    except Killed:
        return
    pytest.fail("nothing was submitted")
