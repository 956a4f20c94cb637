"""Whether our own network is up: asked before failures are believed, remembered for a while."""

from __future__ import annotations

import asyncio
import logging
from datetime import datetime, timedelta

from monitor.fetch import Connectivity
from monitor.model import Clock
from monitor.store import Store, service

log = logging.getLogger(__name__)

BELIEVED = timedelta(minutes=5)  # how long a good answer is, when all is well
OFFLINE = timedelta(seconds=30)  # between two questions while we are off
AT_MOST_EVERY = timedelta(seconds=3)  # the anchors are asked, however many looks fail


class Network:
    """Our own connection, as the sweep sees it. Whatever the sweep finds out is kept for ``status`` and ``doctor``."""

    def __init__(self, connectivity: Connectivity, store: Store, clock: Clock) -> None:
        self._connectivity, self._store, self._clock = connectivity, store, clock
        self._asked_at: datetime | None = None
        self._asking = asyncio.Lock()
        self.seems_up = True
        self.detail = ""

    async def up(self) -> bool:
        """Whether the network is up, asked anew when the last answer is old."""
        async with self._asking:
            now = self._clock()
            trusted = BELIEVED if self.seems_up else OFFLINE
            if self._asked_at is None or not timedelta(0) <= now - self._asked_at < trusted:
                await self._ask(now)
        return self.seems_up

    async def was_up(self, failed_at: datetime) -> bool:
        """Whether a look that failed at that time may be believed: what was known before says nothing.

        A hundred looks that fail together wait for one answer.
        """
        if not self._connectivity.anchors:
            return True
        async with self._asking:
            if self._asked_at is None or self._asked_at < failed_at:
                if self._asked_at is not None:
                    pause = AT_MOST_EVERY - (self._clock() - self._asked_at)
                    await asyncio.sleep(min(max(pause, timedelta(0)), AT_MOST_EVERY).total_seconds())
                await self._ask(self._clock())
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
