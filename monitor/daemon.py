"""The daemon: ties store, sweep, archives and report to APScheduler.

The scheduler only triggers; what is due, leased or half done stands in the database. Every job may therefore be
called at any time, by any number of daemons, and may die at any line.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

from monitor.alerts import Messenger
from monitor.archives import retention
from monitor.archives.local import LocalArchive, LocalArchiveError
from monitor.archives.picture_queue import PictureQueue
from monitor.archives.queue import ArchiveQueue
from monitor.config import Settings
from monitor.counted import counted
from monitor.domains import Domains
from monitor.fetch import Fetcher
from monitor.lookout import sweep_of
from monitor.member import ARCHIVE_TURN, TELLS_EVERY_S, Member
from monitor.model import Clock
from monitor.outage import Outage, patiently
from monitor.report import outbox
from monitor.sources.sync import Syncer
from monitor.store import Store, StoreError, leases, stats, tally

if TYPE_CHECKING:
    from apscheduler.schedulers.asyncio import AsyncIOScheduler

log = logging.getLogger(__name__)

TICKS_MISSED = 12  # so many without a sign of life, and systemd may restart us
UPKEEP_EVERY_S = 3600
ALERTS_TURN = "alerts"
DOMAINS_TURN = "domains"
DOMAINS_EVERY_S = 3600


class Daemon:
    """All jobs of one process. Each public coroutine is one job, called by the scheduler, by tests and by the demo."""

    def __init__(
        self,
        store: Store,
        fetcher: Fetcher,
        settings: Settings,
        *,
        clock: Clock,
        roles: frozenset[str] | None = None,
    ) -> None:
        self.store, self.settings, self.clock = store, settings, clock
        self.worker = leases.worker_name()
        self.outage = Outage(clock, asyncio.get_running_loop().time)
        self._local = LocalArchive.of(settings)
        local = self._local if settings.archives.local.enabled else None
        self.sweep = sweep_of(store, fetcher, settings, clock=clock, worker=self.worker, local=local)
        self.network, self.vantage = self.sweep.network, self.sweep.vantage
        self.member = Member(
            store, clock, name=self.worker, vantage=self.vantage, roles=roles or settings.daemon.roles
        )
        self.archives = ArchiveQueue(store, fetcher, settings, clock, self.worker)
        self.pictures = PictureQueue(
            store,
            fetcher,
            self._local,
            settings.archives.local,
            pace=settings.pace,
            clock=clock,
            vantage=self.vantage,
        )
        self.registries = Domains(store, fetcher, settings, clock=clock, online=self.network.up)
        self.messenger = Messenger(store, settings, clock)
        self._syncer = Syncer(store, fetcher)
        self._alive()

    async def tick(self) -> None:
        """Put the sweep to work on what is due."""
        await self.sweep.tick()
        self._alive()

    async def tell(self) -> None:
        """Say that this daemon lives, and hear who else does."""
        self.sweep.others = await self.member.tell()
        if "check" not in self.member.roles:
            self._alive()

    async def archive_tick(self) -> None:
        """Take the archive jobs that are due one step further, if no other daemon does."""
        if not self.settings.archives.wayback.enabled or not await self.network.up():
            return
        if await self.member.has_turn(ARCHIVE_TURN):
            await self.archives.tick()

    async def picture_tick(self) -> None:
        """Fetch pictures of the pages that were kept."""
        if self.settings.archives.local.enabled and await self.network.up():
            await self.pictures.tick()

    async def sync(self) -> None:
        """Read the lists that changed."""
        await self._syncer.sync(
            self.settings.sources,
            base=self.settings.home,
            now=self.clock(),
            feed_every=timedelta(seconds=self.settings.daemon.feed_every_s),
            online=self.network.seems_up,
        )

    async def report(self) -> None:
        """Put the weekly report of the last scheduled moment into the outbox, if it is not there."""
        await outbox.queue_weekly(self.store, self.settings, self.clock())

    async def deliver(self) -> None:
        """Send the mails that are due."""
        await outbox.deliver(self.store, self.settings, self.clock, self.worker)

    async def alert(self) -> None:
        """Tell at once what cannot wait for the mail, if no other daemon does."""
        if self.settings.alerts.urls and await self.member.has_turn(ALERTS_TURN):
            await self.messenger.tick()

    async def domains(self) -> None:
        """Ask what becomes of the sites that links stand on, if no other daemon does."""
        if await self.member.has_turn(DOMAINS_TURN):
            await self.registries.tick()

    async def upkeep(self) -> None:
        """Keep the day's numbers, learn from what the list has lived through, make room for local copies."""
        now = self.clock()
        async with self.store.write() as db:
            await tally.record(db, await tally.count(db), now)
        async with self.store.read() as db:
            self.sweep.experience = await stats.experience(db, now)
        await outbox.forget(self.store, now)
        # last: it may find its files in use, or damaged
        await retention.make_room(self.store, self._local, now=now)

    async def status_line(self) -> str:
        """One line for ``systemctl status``."""
        if self.outage.since:
            return str(self.outage)
        if not self.network.seems_up:
            return f"Offline, nothing is marked: {self.network.detail}"
        try:
            async with self.store.read() as db:
                now = await tally.count(db)
        except StoreError as problem:
            if not problem.passing:
                raise
            self.outage.failed(problem)
            return str(self.outage)
        looks = f"{counted(self.sweep.looks, 'look')} since the start"
        return f"{counted(now.links, 'link')}, {now.dead} dead, {now.at_risk} at risk, {looks}"

    async def healthy(self) -> bool:
        """Whether the tick is alive (without the role ``check``: the telling that we live) and the database is ours:
        what the watchdog asks.

        A database that is away is not cured by a restart, which would only lose the looks that wait for it.
        """
        silent_s = asyncio.get_running_loop().time() - self._ticked_at
        every_s = self.settings.daemon.tick_s if "check" in self.member.roles else TELLS_EVERY_S
        if silent_s >= every_s * TICKS_MISSED:
            return False
        try:
            if not self.outage.since:
                await self.store.ping()
        except StoreError as problem:
            log.error("%s", problem, extra={"action": "watchdog"})
            return problem.passing
        return True

    @asynccontextmanager
    async def running(self) -> AsyncIterator[AsyncIOScheduler]:
        """The sweep and the scheduler at work; at the end what is in flight is finished, the rest given back."""
        await patiently("start", self._begin)
        async with self.sweep:
            scheduler = self._schedule()
            scheduler.start()
            try:
                yield scheduler
            finally:
                scheduler.pause()
                await asyncio.sleep(0)  # a job cancelled before its first line would be logged as an error
                scheduler.shutdown(wait=False)
                await self.sweep.stop(timedelta(seconds=self.settings.daemon.grace_s))
                await self._let_go()

    async def _begin(self) -> None:
        await leases.free_those_of_the_dead(self.store, self.clock())
        await self.member.notice_others()
        await self.tell()

    async def _let_go(self) -> None:
        """What others would wait for; while the database is away they wait for the end of our leases."""
        try:
            await self.archives.give_back()
            await self.member.leave()
        except StoreError as problem:
            log.error("%s", problem, extra={"action": "stop"})

    def _schedule(self) -> AsyncIOScheduler:
        from apscheduler.schedulers.asyncio import AsyncIOScheduler  # noqa: PLC0415 -- `rotwatch check` does without
        from apscheduler.triggers.cron import CronTrigger  # noqa: PLC0415

        scheduler = AsyncIOScheduler(
            timezone="UTC", job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None}
        )
        day, time = self.settings.report.schedule.split()
        hour, minute = time.split(":")
        weekly = CronTrigger(
            day_of_week=day, hour=int(hour), minute=int(minute), timezone=self.settings.report.zone
        )
        for job, every_s in self._jobs():
            scheduler.add_job(
                self._guarded(job), "interval", seconds=every_s, next_run_time=self.clock(), id=job.__name__
            )
        if "report" in self.member.roles:
            scheduler.add_job(self._guarded(self.report), weekly, id="report in time")
        return scheduler

    def _jobs(self) -> list[tuple[Callable[[], Awaitable[None]], float]]:
        """What this daemon does, and every how many seconds. The report is asked for again in case it was missed."""
        timers = self.settings.daemon
        of_roles: dict[str, list[tuple[Callable[[], Awaitable[None]], float]]] = {
            "check": [
                (self.sync, timers.sync_s),
                (self.tick, timers.tick_s),
                (self.picture_tick, timers.archive_tick_s),
                (self.domains, DOMAINS_EVERY_S),
            ],
            "archive": [(self.archive_tick, timers.archive_tick_s)],
            "report": [
                (self.deliver, timers.deliver_s),
                (self.alert, timers.deliver_s),
                (self.report, UPKEEP_EVERY_S),
            ],
        }
        for_all = [(self.tell, TELLS_EVERY_S), (self.upkeep, UPKEEP_EVERY_S)]
        return [job for role, jobs in of_roles.items() if role in self.member.roles for job in jobs] + for_all

    def _guarded(self, job: Callable[[], Awaitable[None]]) -> Callable[[], Awaitable[None]]:
        """A job that fails is logged in one sentence and called again at its next time.

        While the database is away the jobs rest, longer and longer; that is no reason to restart us.
        """
        name = job.__name__

        async def guarded() -> None:
            try:
                if self.outage.rests:
                    self._alive()
                    return
                if self.outage.since:
                    await self.store.ping()
                    self.outage.answered()
                await job()
            except asyncio.CancelledError:  # we stop: for the scheduler this would be an error
                log.debug("%s: broken off", name, extra={"action": "job"})
            except (StoreError, LocalArchiveError) as problem:
                if isinstance(problem, StoreError) and problem.passing:
                    self.outage.failed(problem)
                    self._alive()
                else:
                    log.error("%s: %s", name, problem, extra={"action": "job"})
            except Exception:
                log.exception("%s failed", name, extra={"action": "job"})

        return guarded

    def _alive(self) -> None:
        self._ticked_at = asyncio.get_running_loop().time()
