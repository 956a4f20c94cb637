"""The one door to archive.org: spaces requests, keeps the shared "not before" clock, counts what is saved.

A back-off of one task does not help: the others go on hitting in turn. So the clock is one row of the database, and
everything that archive.org is asked passes here.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from monitor import __version__
from monitor.archives import ledger as ledgers
from monitor.archives.answers import Budget
from monitor.archives.ledger import Ledger
from monitor.config import Wayback
from monitor.fetch import Fetcher
from monitor.model import Clock, FailureKind, Page
from monitor.policy.pace import retry_after
from monitor.store import Store

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

log = logging.getLogger(__name__)


class Kind(StrEnum):
    """What is asked: each has its own limit there."""

    SAVE = "save"
    LOOK_UP = "look_up"
    PLAYBACK = "playback"
    POLL = "poll"


class Paused(Exception):  # noqa: N818  (nothing went wrong: the gate is closed for a while)
    """Nothing may be sent to archive.org now. ``until``: when to come back."""

    def __init__(self, until: datetime, why: str) -> None:
        super().__init__(f"Nothing is sent to archive.org before {until:%Y-%m-%d %H:%M:%S}Z: {why}")
        self.until = until
        self.why = why


class Gate:
    """:param settings: intervals, budget, keys and contact."""

    def __init__(self, store: Store, fetcher: Fetcher, settings: Wayback, clock: Clock) -> None:
        self.store, self.fetcher, self.settings, self.clock = store, fetcher, settings, clock
        poll_s = min(settings.poll_every_s, 1.0)  # between two questions, of whatever jobs
        # submissions are spaced by the clock in the database: see :meth:`take_save`
        self._spacing = {
            Kind.SAVE: 0.0,
            Kind.LOOK_UP: settings.look_up_every_s,
            Kind.PLAYBACK: settings.playback_every_s,
            Kind.POLL: poll_s,
        }
        self._turns = {kind: asyncio.Lock() for kind in Kind}
        self._free_at = dict.fromkeys(Kind, 0.0)
        self._single_file = asyncio.Lock()
        contact = f"; {settings.contact}" if settings.contact else ""
        self.user_agent = f"rotwatch/{__version__} (link-rot monitor{contact})"

    async def request(
        self,
        kind: Kind,
        url: str,
        *,
        method: str = "GET",
        form: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        timeout_s: float | None = None,
        max_bytes: int | None = None,
    ) -> Page:
        """Ask archive.org once. Redirects are not followed: they are answers.

        :raises Paused: nothing was sent, or it was answered with "too often".
        """

        async def ask() -> Page:
            asked_at = self.clock()
            page = await self.fetcher.fetch(
                url,
                method=method,
                form=form,
                headers={"User-Agent": self.user_agent, **(headers or {})},
                follow=False,
                timeout_s=timeout_s,
                max_bytes=max_bytes,
            )
            await self._learn(page, asked_at)
            return page

        await self._pass()
        await self._in_turn(kind)
        if not (await self._pass()).troubled:
            return await ask()
        async with self._single_file:
            await self._pass()  # the one before us may have been turned away
            return await ask()

    async def _in_turn(self, kind: Kind) -> None:
        loop = asyncio.get_running_loop()
        async with self._turns[kind]:
            await asyncio.sleep(max(0.0, self._free_at[kind] - loop.time()))
            self._free_at[kind] = loop.time() + self._spacing[kind]

    async def _pass(self) -> Ledger:
        """:raises Paused: the shared clock says so."""
        known = await self.ledger()
        if pause := self._pause(known):
            raise pause
        return known

    async def closed(self) -> Paused | None:
        """Whether, and until when, archive.org is asked nothing at all."""
        return self._pause(await self.ledger())

    def _pause(self, known: Ledger) -> Paused | None:
        if known.not_before and known.not_before > self.clock():
            return Paused(known.not_before, known.note or "")
        return None

    async def _learn(self, page: Page, asked_at: datetime) -> None:
        now = self.clock()
        known = await self.ledger()
        if _judge(known, page, now) != known:
            async with self.store.write() as db:
                before = await ledgers.read(db, for_update=True)
                # what was on its way when a pause began neither ends nor lengthens it
                paused_meanwhile = before.not_before is not None and before.not_before > asked_at
                known = before if paused_meanwhile else _judge(before, page, now)
                await ledgers.write(db, known, now)
            if known.not_before and known.not_before != before.not_before:
                log.warning(
                    "%s Next at %sZ.",
                    known.note,
                    f"{known.not_before:%Y-%m-%d %H:%M:%S}",
                    extra={"action": "pause"},
                )
        if _turned_away(page) and known.not_before:
            raise Paused(known.not_before, known.note or "")

    async def ledger(self) -> Ledger:
        async with self.store.read() as db:
            return await ledgers.read(db)

    async def change(self, change: Callable[[Ledger], Ledger]) -> None:
        async with self.store.write() as db:
            before = await ledgers.read(db, for_update=True)
            after = change(before)
            if after != before:
                await ledgers.write(db, after, self.clock())

    # what may be saved

    async def know_keys(self) -> None:
        """Forget the stops and the budget of other keys than those set now."""
        wayback = self.settings
        secret = f"{wayback.access_key.get_secret_value()}:{wayback.secret_key.get_secret_value()}"
        keys = hashlib.sha256(secret.encode()).hexdigest()[:12] if wayback.has_keys else ""
        await self.change(lambda known: known.with_keys(keys))

    async def saves_closed(self) -> Paused | None:
        """Whether, and until when, nothing may be submitted."""
        return self._closed(await self.ledger(), host=None)

    async def take_save(self, db: AsyncConnection, host: str) -> None:
        """Count a submission of a page of ``host`` that is about to be made, in the caller's transaction.

        :raises Paused: it must not be made: too soon after the last, budget spent, host or account at rest.
        """
        known = await ledgers.read(db, for_update=True)
        closed = self._closed(known, host=host)
        if closed:
            raise closed
        now = self.clock()
        await ledgers.write(db, known.saved(now), now)

    def _closed(self, known: Ledger, *, host: str | None) -> Paused | None:
        stop = known.no_save_before(
            self.clock(),
            spacing=timedelta(seconds=self.settings.save_every_s),
            daily=self.settings.daily_saves,
            host=host,
        )
        return Paused(*stop) if stop else None

    async def told(self, budget: Budget) -> None:
        now = self.clock()
        await self.change(lambda known: known.told(budget, now))

    async def stop_saves(self, until: datetime, why: str, *, keys_refused: bool = False) -> None:
        log.warning(
            "Nothing is saved at archive.org before %s: %s", until, why, extra={"action": "stop_saves"}
        )
        await self.change(lambda known: known.stop_saves(until, why, keys_refused=keys_refused))

    async def stop_host(self, host: str, until: datetime) -> None:
        now = self.clock()
        await self.change(lambda known: known.stop_host(host, until, now))


def _turned_away(page: Page) -> bool:
    return page.http_status == 429 or (page.failure is not None and page.failure.kind is FailureKind.REFUSED)


def _judge(known: Ledger, page: Page, now: datetime) -> Ledger:
    if page.http_status == 429:
        return known.too_many(now, retry_after(page, now))
    if page.failure and page.failure.kind is FailureKind.REFUSED:
        return known.refused(now)
    if page.failure or page.http_status is None or page.http_status >= 500:
        # a capture's own status comes with playback: it says nothing about archive.org
        return known.answered() if "memento-datetime" in page.headers else known.unanswered(now)
    return known.answered()
