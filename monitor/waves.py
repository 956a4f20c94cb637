"""Waves of bad news over a whole platform, as the sweep sees them: kept over restarts, told when they begin and end."""

from __future__ import annotations

import logging
from datetime import datetime
from typing import TYPE_CHECKING

from monitor.model import Status, Verdict
from monitor.policy import Crowd, platform_after
from monitor.store import service

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

log = logging.getLogger(__name__)

PREFIX = "platform:"


class Waves:
    """The crowd of each platform. ``after`` decides nothing: :func:`monitor.policy.doubt` does."""

    def __init__(self) -> None:
        self._crowds: dict[str, Crowd] = {}
        self._changed: set[str] = set()

    async def recall(self, db: AsyncConnection) -> None:
        """Go on where the last process ended."""
        for row in await service.named(db, PREFIX):
            data = row.data or {}
            since = datetime.fromisoformat(data["since"]) if data.get("since") else None
            self._crowds[row.name.removeprefix(PREFIX)] = Crowd(data.get("recent", ""), since)

    def after(self, platform: str, before: Status, verdict: Verdict, now: datetime) -> Crowd:
        """The platform's crowd with one look more, at a link that was in status ``before``."""
        old = self._crowds.get(platform, Crowd())
        new = platform_after(old, before, verdict, now)
        if new != old:
            self._crowds[platform] = new
            self._changed.add(platform)
        if new.since and not old.since:
            log.error("%s", told(platform, new), extra={"action": "wave"})
        elif old.since and not new.since:
            log.warning("%s: the wave is over, bad news counts again", platform, extra={"action": "wave"})
        return new

    async def keep(self, db: AsyncConnection, now: datetime) -> None:
        """Write what changed since the last time."""
        for platform in sorted(self._changed):
            crowd = self._crowds[platform]
            await service.put(
                db,
                PREFIX + platform,
                now=now,
                failures=1 if crowd.since else 0,
                note=told(platform, crowd) if crowd.since else None,
                data={"recent": crowd.recent, "since": crowd.since.isoformat() if crowd.since else None},
            )
        self._changed.clear()


def told(platform: str, crowd: Crowd) -> str:
    """The wave for people."""
    return (
        f"{crowd.bad} of the last {len(crowd.recent)} living links of {platform} turned bad at once: more likely a "
        "new page layout than a massacre. Their verdicts are held and asked again; look at some of them yourself."
    )
