"""Fetching the pictures of the pages that were kept: one at a time a host, unhurried, in the daemon's spare time.

What is wanted stands in the database with the copy (``snapshot.pictures_due``), so a kill at any line costs at most the
picture that was on its way. No Referer is sent: a foreign one brings a placeholder from mmbiz.qpic.cn.

Each request is booked with the host's pace in the database, so that all daemons of a vantage ask a host one thing at a
time. A host that articles are watched on is asked for pictures at the pace of looks, and only while nobody looks there.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections import defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime, timedelta
from enum import Enum, auto
from urllib.parse import urlsplit

from monitor import platforms
from monitor.archives import pictures, warc
from monitor.archives.local import LocalArchive, LocalArchiveError, part_of
from monitor.config import Local, Pace
from monitor.fetch import Fetcher, OutOfResourcesError
from monitor.model import Clock, FailureKind, Page
from monitor.policy.pace import next_gap
from monitor.store import Store, claims, parts
from monitor.store import pace as paces
from monitor.store.parts import Part, Wanting

log = logging.getLogger(__name__)

AT_ONCE = 4  # pages; their hosts are asked one thing at a time all the same
LEASE = timedelta(minutes=15)  # longer than one page may take
MAX_PAGE_S = 600.0
MAX_PAGE_BYTES = 100_000_000
MAX_PICTURE_BYTES = 20_000_000
TIMEOUT_S = 60.0
IN_FLIGHT = timedelta(seconds=TIMEOUT_S + 5)  # a request whose end is never told is over by then
FRESH = timedelta(days=30)  # for so long the picture of an address is not asked for again
RESTING = timedelta(minutes=2)  # a host that the sweep does not ask for longer than that has enough of us
HOST_WAIT = timedelta(hours=1)  # after a host said that it has enough of us
RETRY = (timedelta(hours=1), timedelta(hours=6), timedelta(days=1))  # then what is there has to do
_ENOUGH = frozenset({403, 429, 503})
_FINAL = frozenset({FailureKind.GUARD, FailureKind.PROTOCOL, FailureKind.REDIRECTS})
_HEADERS = {"Accept": "image/avif,image/webp,image/png,image/svg+xml,image/*;q=0.8,*/*;q=0.5"}


class _Got(Enum):
    KEPT = auto()
    NONE = auto()  # there is no picture, and there will be none
    LATER = auto()


class _NotYetError(Exception):
    """It is not the turn of pictures at a host."""

    def __init__(self, until: datetime) -> None:
        self.until = until


class PictureQueue:
    """Works off the copies that want pictures.

    :param pace: of the hosts that are looked at, too.

    ``sleep`` waits for the pace of a host that only has pictures.
    """

    def __init__(
        self,
        store: Store,
        fetcher: Fetcher,
        local: LocalArchive,
        settings: Local,
        *,
        pace: Pace,
        clock: Clock,
        vantage: str,
    ) -> None:
        self.store, self.fetcher, self.local, self.settings = store, fetcher, local, settings
        self.pace, self.clock, self.vantage = pace, clock, vantage
        self.sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
        self._chance = random.Random()  # noqa: S311  (jitter, no secret)
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._closed: dict[str, datetime] = {}  # hosts that have enough of us, and until when

    async def tick(self) -> int:
        """Fetch the pictures of a few copies; returns how many copies were worked on."""
        if not self.settings.pictures:
            return 0
        now = self.clock()
        self._closed = {host: until for host, until in self._closed.items() if until > now}
        claimed = await parts.claim(self.store, now=now, lease=LEASE, limit=AT_ONCE)
        await asyncio.gather(*(self._safely(one) for one in claimed))
        self._turns.clear()
        return len(claimed)

    async def _safely(self, copy: Wanting) -> None:
        """Work on one copy; whatever goes wrong with it, the others go on."""
        due, tries = self._again(copy.tries), copy.tries
        try:
            if await self._fetch_all(copy):
                due = None
        except _NotYetError as host:
            due, tries = host.until, tries - 1
        except (LocalArchiveError, OutOfResourcesError) as problem:
            log.error("%s", problem, extra={"action": "pictures"})
            due, tries = self.clock() + HOST_WAIT, tries - 1  # no fault of the pictures
        except Exception:
            log.exception("cannot fetch the pictures of %s", copy.url, extra={"action": "pictures"})
        async with self.store.write() as db:
            await parts.settle(db, copy.snapshot_id, due=due, tries=tries)

    def _again(self, tries: int) -> datetime | None:
        return self.clock() + RETRY[tries - 1] if tries <= len(RETRY) else None

    async def _fetch_all(self, copy: Wanting) -> bool:
        """Fetch what is missing; whether nothing is left that another try could bring."""
        wanted = await self._reuse(copy, await self._missing(copy))
        await self._close_resting({_host(address) for address in wanted})
        loop, room, is_whole = asyncio.get_running_loop(), MAX_PAGE_BYTES, True
        end = loop.time() + MAX_PAGE_S
        for address, known in wanted.items():
            if loop.time() >= end or _host(address) in self._closed:
                is_whole = False
            elif room > 0:
                page = await self._ask(address, min(room, MAX_PICTURE_BYTES))
                room -= len(page.body)
                is_whole &= await self._take(copy, address, page, known) is not _Got.LATER
        return is_whole

    async def _close_resting(self, hosts: set[str]) -> None:
        """Hosts that the sweep leaves alone, after a wall or in an outage, are left alone here, too."""
        now = self.clock()
        async with self.store.read() as db:
            for host in hosts:
                pace = await paces.get(db, host, vantage=self.vantage, now=now)
                if pace.not_before > now + RESTING:
                    self._closed[host] = pace.not_before

    async def _missing(self, copy: Wanting) -> list[str]:
        """The addresses of the pictures that are not there yet."""
        try:
            async with self.local.reading():
                record = await asyncio.to_thread(self.local.record, copy.file, copy.offset, copy.length)
        except LocalArchiveError as problem:
            if not (self.local.directory / copy.file).exists():
                raise  # the disk is away, its pictures are not
            log.error("%s", problem, extra={"action": "pictures"})
            return []
        addresses = await asyncio.to_thread(_shown, page_of(record, copy.url))
        async with self.store.read() as db:
            there = {one.url for one in await parts.of(db, [copy.snapshot_id])}
        return [address for address in addresses if address not in there]

    async def _reuse(self, copy: Wanting, missing: list[str]) -> dict[str, Part | None]:
        """Take what other copies have at these addresses, where it is fresh; returns the addresses that are left, each
        with what it had before."""
        async with self.store.read() as db:
            known = await parts.newest_pictures(db, missing)
        since = self.clock() - FRESH
        fresh = {url: one for url, one in known.items() if one.captured_at >= since}
        await self._add(*(replace(one, snapshot_id=copy.snapshot_id) for one in fresh.values()))
        return {address: known.get(address) for address in missing if address not in fresh}

    async def _ask(self, address: str, max_bytes: int) -> Page:
        """Ask for one picture when it is the host's turn. :raises _NotYetError: it is not."""
        host = _host(address)
        async with self._turns[host]:
            gap, booked = await self._book(host)
            try:
                return await self.fetcher.fetch(
                    address, headers=_HEADERS, max_bytes=max_bytes, timeout_s=TIMEOUT_S
                )
            finally:
                if booked:
                    async with self.store.write() as db:
                        until = self.clock() + gap
                        await paces.end(db, host, booked=booked, until=until, vantage=self.vantage)

    async def _book(self, host: str) -> tuple[timedelta, datetime | None]:
        """Take the host's turn; a host without a pace has none to take.

        :returns: the wait after the request, and until when the host is ours.
        :raises _NotYetError: others ask it, and it is not ours to wait for.
        """
        while True:
            now = self.clock()
            async with self.store.write() as db:
                known = await paces.get(db, host, vantage=self.vantage, now=now)
                looked_at = host in self.pace.hosts or await claims.is_watched(db, host)
                every = timedelta(seconds=self.settings.picture_every_s)
                gap = max(every, next_gap(known, self.pace, self._chance)) if looked_at else every
                if not gap:
                    return gap, None
                if looked_at and await claims.is_looked_at(db, host, now):
                    raise _NotYetError(now + gap)
                until = now + max(gap, IN_FLIGHT)
                others = await paces.book(db, known, until=until, vantage=self.vantage, now=now)
            if others is None:
                return gap, until
            if looked_at or others.not_before > now + RESTING:
                raise _NotYetError(others.not_before)
            # another daemon's request may end at any moment, and its booking then with it
            await self.sleep(min((others.not_before - now).total_seconds(), every.total_seconds()))

    async def _take(self, copy: Wanting, address: str, page: Page, known: Part | None) -> _Got:
        """Keep what came back."""
        if pictures.is_picture(page):
            await self._keep(copy, address, page, known)
            return _Got.KEPT
        if page.http_status in _ENOUGH:
            self._closed[_host(address)] = self.clock() + HOST_WAIT
            return _Got.LATER
        if page.failure is not None and page.failure.kind not in _FINAL:
            return _Got.LATER
        return _Got.LATER if (page.http_status or 0) >= 500 else _Got.NONE

    async def _keep(self, copy: Wanting, address: str, page: Page, known: Part | None) -> None:
        """Write the picture, or, when the address had the same before, only that it still has it."""
        now = self.clock()
        async with self.local.shared():
            if known is not None and (same := await asyncio.to_thread(self._same, known, page)):
                member = warc.revisit(address, same.http_status, page.headers, now, of=same)
                [(file, offset)] = await asyncio.to_thread(self.local.write, [member], now=now)
                note = Part(
                    snapshot_id=copy.snapshot_id,
                    kind=parts.REVISIT,
                    url=address,
                    captured_at=now,
                    file=file,
                    offset=offset,
                    length=len(member),
                )
                await self._add(note, replace(known, snapshot_id=copy.snapshot_id))
            else:
                record = await asyncio.to_thread(self.local.keep, page, now=now)
                kinds = [*((hop, parts.REDIRECT) for hop in record.way), (record, parts.PICTURE)]
                await self._add(*(part_of(copy.snapshot_id, one, kind, now) for one, kind in kinds))

    def _same(self, known: Part, page: Page) -> warc.Record | None:
        """The record of the same bytes at the same address, if it can be read."""
        try:
            record = self.local.record(known.file, known.offset, known.length)
        except LocalArchiveError:
            return None  # then it is written anew
        return record if record.body == page.body and record.url == page.final_url else None

    async def _add(self, *new: Part) -> None:
        if not new:
            return
        async with self.store.write() as db:
            await parts.add(db, new)


def page_of(record: warc.Record, url: str) -> Page:
    """A kept page as a look had it. ``url``: the link's own address."""
    return Page(
        url=url,
        final_url=record.url,
        http_status=record.http_status,
        headers=record.headers,
        body=record.body,
    )


def _shown(page: Page) -> tuple[str, ...]:
    article = platforms.article(page, platforms.judge(page))
    return pictures.shown(page, article) if article else ()


def _host(address: str) -> str:
    return urlsplit(address).hostname or ""
