"""The local archive between the acted web and a real database, on a clock that the test moves."""

from __future__ import annotations

import io
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from sqlalchemy import insert, select
from warcio.cli import main as warcio

from monitor.archives.local import LocalArchive, keep_copy
from monitor.archives.picture_queue import PictureQueue
from monitor.config import Local, Pace, Settings
from monitor.demo import World
from monitor.fetch import Fetcher
from monitor.look import observe
from monitor.model import Known, Status
from monitor.platforms import identify
from monitor.store import Store, parts
from monitor.store.parts import Part
from monitor.store.tables import link, snapshot
from tests.integration.archives.rig import START, Time

PACE_S = 10.0


class LocalRig:
    """A world, a database, an archive and its queue of pictures; ``restart`` is what follows a kill."""

    def __init__(self, world: World, store: Store, time: Time, folder: Path, fetcher: Fetcher) -> None:
        self.world, self.store, self.time, self.fetcher = world, store, time, fetcher
        self.local = LocalArchive(folder / "archive")
        self.restart()

    def restart(self, **settings: Any) -> None:
        self.local = LocalArchive(self.local.directory, max_bytes=self.local.max_bytes)
        chosen = Local(**({"picture_every_s": 0} | settings))
        self.queue = PictureQueue(
            self.store,
            self.fetcher,
            self.local,
            chosen,
            pace=Pace(default_s=PACE_S, jitter=0, hosts={}),
            clock=self.time,
            vantage="here",
        )
        self.queue.sleep = self.time.sleep

    async def link(self, url: str, **values: Any) -> int:
        about = identify(url)
        row = {
            "url": about.url,
            "platform": about.platform,
            "host": urlsplit(url).hostname,
            "title": "",
            "added_at": START,
            "since": START,
            "status": Status.ALIVE,
        }
        async with self.store.write() as db:
            added = await db.execute(insert(link).values(row | values).returning(link.c.id))
            return int(added.scalar_one())

    async def look(self, link_id: int, url: str, *, with_pictures: bool = True) -> int | None:
        """Look at a page as the sweep does and keep it; the id of the copy."""

        async def wait() -> None:
            return

        seen = await observe(self.fetcher, url, Known(), full=True, wait=wait)
        assert seen.article is not None, seen.verdict
        return await keep_copy(
            self.store,
            self.local,
            link_id,
            seen.page,
            seen.article,
            seen.verdict,
            self.time(),
            with_pictures=with_pictures,
        )

    async def kept(self, url: str, **values: Any) -> int:
        """A link with a copy and its pictures."""
        made = await self.look(await self.link(url, **values), url)
        assert made is not None
        await self.settle()
        return made

    async def settle(self) -> None:
        while await self.queue.tick():
            pass

    async def parts(self, snapshot_id: int, kind: str | None = None) -> list[Part]:
        async with self.store.read() as db:
            return [one for one in await parts.of(db, [snapshot_id]) if kind in (None, one.kind)]

    async def pictures(self, snapshot_id: int) -> int:
        async with self.store.read() as db:
            return await parts.pictures_of(db, snapshot_id)

    async def copies(self) -> list[Any]:
        async with self.store.read() as db:
            return list((await db.execute(select(snapshot).order_by(snapshot.c.id))).all())

    def asked(self, host: str) -> list[str]:
        """What a host was asked, in order."""
        return [look.url for look in self.world.log if look.host == host]

    def check(self) -> None:
        """``warcio check`` of every file."""
        for file in self.local.directory.glob("*.warc.gz"):
            said = io.StringIO()
            with redirect_stdout(said), pytest.raises(SystemExit) as done:
                warcio(["check", str(file)])
            assert done.value.code == 0, said.getvalue()
            assert said.getvalue() == ""


async def fetcher_for(world: World, folder: Path) -> Fetcher:
    sections = world.settings()
    settings = Settings(network=sections["network"])
    return await Fetcher(settings.network, base=folder).__aenter__()
