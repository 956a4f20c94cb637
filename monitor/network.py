"""Whether our own network is up: asked before failures are believed, remembered for a while."""

from __future__ import annotations

import asyncio
import logging
from datetime import datetime, timedelta

from monitor.fetch import Connectivity
from monitor.model import Clock
from monitor.store import Store, service

log = logging.getLogger(__name__)

BELIEVED = timedelta(minutes=5)  # when all is well
DOUBTED = timedelta(seconds=20)  # when a look has just failed
OFFLINE = timedelta(seconds=30)  # between two attempts while we are off


class Network:
    """Our own connection, as the sweep sees it. Whatever the sweep finds out is kept for ``status`` and ``doctor``."""

    def __init__(self, connectivity: Connectivity, store: Store, clock: Clock) -> None:
        self._connectivity, self._store, self._clock = connectivity, store, clock
        self._asked_at: datetime | None = None
        self._asking = asyncio.Lock()
        self.seems_up = True
        self.detail = ""

    async def up(self, *, doubted: bool = False) -> bool:
        """Whether the network is up, asked anew when the last answer is too old to be trusted.

        :param doubted: a look has just failed, which may be our own fault.
        """
        async with self._asking:  # a hundred failing looks ask once
            trusted = OFFLINE if not self.seems_up else DOUBTED if doubted else BELIEVED
            now = self._clock()
            if self._asked_at is None or not timedelta(0) <= now - self._asked_at < trusted:
                await self._ask(now)
        return self.seems_up

    async def _ask(self, now: datetime) -> None:
        reach = await self._connectivity.online()
        self._asked_at = now
        changed = reach.online is not self.seems_up or not self.detail
        self.seems_up, self.detail = reach.online, reach.detail
        if changed:
            log.log(
                logging.INFO if reach.online else logging.WARNING,
                "%s: %s",
                "online" if reach.online else "offline, nothing is marked",
                reach.detail,
                extra={"action": "network"},
            )
            async with self._store.write() as db:
                await service.put(
                    db,
                    service.NETWORK,
                    now=now,
                    failures=0 if reach.online else 1,
                    note=None if reach.online else reach.detail,
                )
