"""A database that is away for a while: jobs try again after longer and longer rests, and it is told once."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import TypeVar

from monitor.model import Clock
from monitor.store import StoreError

log = logging.getLogger(__name__)

T = TypeVar("T")
FIRST_S, LONGEST_S = 1.0, 30.0


class Outage:
    """What the jobs of one process know together. ``time``: seconds that only go forward."""

    def __init__(self, clock: Clock, time: Callable[[], float]) -> None:
        self._clock, self._time = clock, time
        self.since: datetime | None = None
        self._problem = ""
        self._wait_s = FIRST_S
        self._again_at = 0.0

    @property
    def rests(self) -> bool:
        """Whether it is too early to try again."""
        return self.since is not None and self._time() < self._again_at

    def failed(self, problem: StoreError) -> None:
        """The database failed in a way that may pass."""
        if self.since is None:
            self.since = self._clock()
            log.error("%s Trying again until it answers.", problem, extra={"action": "database"})
        elif self._time() >= self._again_at:  # one that was under way meanwhile says nothing new
            self._wait_s = min(self._wait_s * 2, LONGEST_S)
        self._problem = str(problem)
        self._again_at = max(self._again_at, self._time() + self._wait_s)

    def answered(self) -> None:
        """The database was of use."""
        if self.since is not None:
            away = self._clock() - self.since
            log.warning("The database answers again, after %s.", _rounded(away), extra={"action": "database"})
        self.since, self._problem, self._wait_s = None, "", FIRST_S

    def __str__(self) -> str:
        """One sentence; empty when all is well."""
        if self.since is None:
            return ""
        return f"Waiting for the database since {self.since:%Y-%m-%d %H:%M:%S}Z, nothing is lost: {self._problem}"


def _rounded(span: timedelta) -> timedelta:
    return timedelta(seconds=round(span.total_seconds()))


async def patiently(what: str, work: Callable[[], Awaitable[T]]) -> T:
    """Do some work of the database for as long as it takes: one that is away for a while loses nothing.

    :param what: for the log: "record", …
    :raises StoreError: it failed in a way that does not pass.
    """
    wait_s = FIRST_S / 2
    while True:
        try:
            return await work()
        except StoreError as error:
            if not error.passing:
                raise
            log.error("cannot %s, trying again: %s", what, error, extra={"action": what})
        await asyncio.sleep(wait_s)
        wait_s = min(wait_s * 2, LONGEST_S)
