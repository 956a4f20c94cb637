"""Asks registries when the domains of ordinary sites expire, and hurries the pages of sites that are about to end.

What a registry does not answer, refuses or garbles says nothing about a page.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from http import HTTPStatus
from urllib.parse import urlsplit

from monitor import rdap
from monitor.config import Settings
from monitor.fetch import Fetcher
from monitor.model import Clock, Page
from monitor.policy import Registration, Site
from monitor.policy.pace import retry_after
from monitor.policy.site import EXPIRES_SOON, signs, time_left
from monitor.store import Store, domains, service
from monitor.store.tables import link

log = logging.getLogger(__name__)

SERVERS = "rdap"  # where the database keeps who answers for which ending
SERVERS_KEPT = timedelta(days=7)
RESTING = "registry:"  # and its host: where the database keeps until when a registry is left alone
AT_ONCE = 500  # questions of one run: within the hour until the next one at the shipped pause
SOONER = timedelta(days=7)  # between two questions when the end is near, or the last one brought nothing
BUSY = timedelta(hours=1)  # a registry that says "too often" is left alone so long at least
NEWS_WITHIN = timedelta(days=1)
MAX_BYTES = 1_000_000
TIMEOUT_S = 20.0


class Domains:
    """One job: :meth:`tick`. ``sleep`` waits between two questions; who drives the clock sets it.

    :param online: whether our own network is up.
    """

    def __init__(
        self,
        store: Store,
        fetcher: Fetcher,
        settings: Settings,
        *,
        clock: Clock,
        online: Callable[[], Awaitable[bool]],
    ) -> None:
        self.store, self.fetcher, self.settings = store, fetcher, settings
        self.clock, self.online = clock, online
        self.sleep: Callable[[float], Awaitable[None]] = asyncio.sleep

    async def tick(self) -> None:
        """Ask about the domains that are due, one after the other; hurry what an announced shutdown concerns."""
        await self._announce()
        if not self.settings.domains.enabled:
            return
        async with self.store.read() as db:
            names = {name for host in await domains.hosts(db) if (name := rdap.registrable(host))}
            due = await domains.due(db, names, self.clock())
        if not due or not await self.online():
            return
        left = await self._questions(due)
        for _ in range(AT_ONCE):
            if not left:
                return
            (name, url), *left = left
            await self.sleep(self.settings.domains.pause_s)
            page = await self._fetch(url)
            if page.failure and not await self.online():
                return
            if page.http_status in (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE):
                await self._leave_alone(name, _host(url), page)
                left = [one for one in left if _host(one[1]) != _host(url)]
            else:
                await self._keep(name, page)

    async def _announce(self) -> None:
        """Links that have not been looked at since their site's end was announced: one that was is at risk."""
        now = self.clock()
        for one in self.settings.shutdowns:
            if time_left(one.date, now):
                async with self.store.write() as db:
                    await domains.hurry(db, one.host, now + NEWS_WITHIN, unless=link.c.at_risk)

    async def _fetch(self, url: str) -> Page:
        headers = {"Accept": rdap.ACCEPT}
        return await self.fetcher.fetch(url, headers=headers, max_bytes=MAX_BYTES, timeout_s=TIMEOUT_S)

    async def _questions(self, names: list[str]) -> list[tuple[str, str]]:
        """Each domain with the address to ask; those that nobody answers for, or not now, are left out."""
        known, now = await self._servers(), self.clock()
        async with self.store.read() as db:
            rests = {
                one.name
                for one in await service.named(db, RESTING)
                if one.not_before and one.not_before > now
            }
        questions = [(name, url) for name in names if (url := rdap.question(name, known))]
        return [(name, url) for name, url in questions if RESTING + _host(url) not in rests]

    async def _servers(self) -> rdap.Servers:
        """Who answers for which ending; the kept list is better than none when a new one cannot be had."""
        now = self.clock()
        async with self.store.read() as db:
            kept = await service.get(db, SERVERS)
        known: dict[str, str] = kept.data if kept and kept.data else {}
        if kept and now - kept.updated_at < SERVERS_KEPT:
            return known
        page = await self._fetch(self.settings.domains.bootstrap_url)
        try:
            known = rdap.servers(_body(page))
        except rdap.UnreadableError as problem:
            log.warning("The list of registries cannot be had: %s.", problem, extra={"action": "domains"})
            return known
        async with self.store.write() as db:
            await service.put(db, SERVERS, now=now, data=known)
        return known

    async def _leave_alone(self, name: str, host: str, page: Page) -> None:
        """A registry is busy: it is asked nothing for a while, and then about the other domains first."""
        now = self.clock()
        wait = max(BUSY, retry_after(page, now))
        async with self.store.write() as db:
            await domains.put_off(db, [name], now + wait)
            await service.put(
                db, RESTING + host, now=now, not_before=now + wait, note="it wants to be asked later"
            )
        log.info("%s wants to be asked later, in %s", host, wait, extra={"action": "domains", "host": host})

    async def _keep(self, name: str, page: Page) -> None:
        now = self.clock()
        try:
            told = Registration(now) if _is_unknown(page) else rdap.answer(_body(page), name, now)
        except rdap.UnreadableError as problem:
            log.info("Nothing is known of the domain %s: %s", name, problem, extra={"action": "domains"})
            async with self.store.write() as db:
                await domains.put_off(db, [name], now + SOONER)
            return
        async with self.store.write() as db:
            before = (await domains.known(db, [name])).get(name)
            await domains.put(db, name, told, ask_at=self._next(told, now))
            new = {one["code"] for one in signs(Site(told), now)}
            if new - {one["code"] for one in signs(Site(before), now)}:
                await domains.hurry(db, name, now + NEWS_WITHIN)

    def _next(self, told: Registration, now: datetime) -> datetime:
        """In ``domains.every_days``; sooner when it expires or is being deleted, or will soon."""
        usual = timedelta(days=self.settings.domains.every_days)
        if told.statuses:
            usual = SOONER
        elif told.expires_at:
            usual = min(usual, told.expires_at - now - EXPIRES_SOON)
        return now + max(SOONER, usual)


def _host(url: str) -> str:
    return urlsplit(url).hostname or ""


def _is_unknown(page: Page) -> bool:
    return page.failure is None and page.http_status == HTTPStatus.NOT_FOUND


def _body(page: Page) -> bytes:
    """:raises UnreadableError: there is no whole good answer."""
    if page.failure:
        raise rdap.UnreadableError(page.failure.detail)
    if page.http_status != HTTPStatus.OK:
        raise rdap.UnreadableError(f"it answers {page.http_status}")
    if not page.complete:
        raise rdap.UnreadableError("the answer is too long")
    return page.body
