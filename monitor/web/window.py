"""What every route needs: store, settings and clock, and a gate that keeps visitors from crowding out the daemon."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import TYPE_CHECKING

from aiohttp import web

from monitor.config import Settings
from monitor.model import Clock
from monitor.store import Store

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

READERS = 4  # connections that visitors may hold at once; the daemon keeps the rest of the pool
STREAMS = 2  # of these, ones that a slow reader of a long answer may hold
WAIT_S = 10


class Busy(Exception):  # noqa: N818 -- what the visitor is told, not a fault
    """Too many are asking at once."""


class Window:
    """The store as visitors see it: read only, and only so many of them at once."""

    def __init__(self, store: Store, settings: Settings, clock: Clock) -> None:
        self.settings = settings
        self._store, self._clock = store, clock
        self._readers, self._streams = asyncio.Semaphore(READERS), asyncio.Semaphore(STREAMS)
        self._asking = asyncio.Lock()

    def now(self) -> datetime:
        return self._clock()

    @property
    def database(self) -> str:
        """The database's name for people: never with a password."""
        return self._store.name

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """A consistent view. :raises Busy: none came free in time. :raises StoreError: the database fails."""
        async with _one_of(self._readers), self._store.read() as db:
            yield db

    @asynccontextmanager
    async def long_read(self) -> AsyncIterator[AsyncConnection]:
        """The same for an answer that takes as long as its reader likes."""
        async with _one_of(self._streams), self.read() as db:
            yield db

    async def answers(self) -> bool:
        """Whether the database answers within a few seconds. However many ask, one question is under way."""
        try:
            async with asyncio.timeout(WAIT_S), self._asking:
                return await self._store.answers()
        except TimeoutError:
            return False


WINDOW = web.AppKey("window", Window)


@asynccontextmanager
async def _one_of(places: asyncio.Semaphore) -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(WAIT_S):
            await places.acquire()
    except TimeoutError:
        raise Busy("Too many are asking at once: ask again in a few seconds.") from None
    try:
        yield
    finally:
        places.release()
