"""Keeping the pages that the sweep sees. Trouble with the local archive is said once an hour and stops no look."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from monitor.archives.local import LocalArchive, LocalArchiveError, keep_copy
from monitor.config import Local
from monitor.look import Observation
from monitor.store import Store
from monitor.store.claims import Due

log = logging.getLogger(__name__)

SAID_AGAIN = timedelta(hours=1)


class Keeper:
    """What the sweep calls with each living page that it read to its end."""

    def __init__(self, store: Store, local: LocalArchive, settings: Local) -> None:
        self.store, self.local, self.settings = store, local, settings
        self._said: dict[str, datetime] = {}

    async def keep(self, due: Due, seen: Observation, now: datetime) -> None:
        """Keep a copy where one is wanted."""
        if seen.article is None:
            return
        try:
            await keep_copy(
                self.store,
                self.local,
                due.id,
                seen.page,
                seen.article,
                seen.verdict,
                now,
                with_pictures=self.settings.pictures,
            )
        except LocalArchiveError as problem:
            self._say(str(problem), now)

    def _say(self, sentence: str, now: datetime) -> None:
        if now - self._said.get(sentence, datetime.min.replace(tzinfo=now.tzinfo)) >= SAID_AGAIN:
            log.error("%s", sentence, extra={"action": "keep"})
            self._said = {sentence: now}
