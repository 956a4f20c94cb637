"""The daemon: ties store, sweep, archives and report to APScheduler, signals and systemd.

The scheduler only triggers; what is due, leased or half done stands in the database. Every job may therefore be
called at any time, by any number of daemons, and may die at any line.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime, timedelta

from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.cron import CronTrigger

from monitor.archives.local import LocalArchive, LocalArchiveError, keep_copy
from monitor.archives.queue import ArchiveQueue
from monitor.config import Settings
from monitor.fetch import Connectivity, Fetcher
from monitor.look import Observation
from monitor.model import Clock
from monitor.network import Network
from monitor.notify import notify, watchdog_every_s
from monitor.report import outbox
from monitor.sources.sync import Syncer
from monitor.store import Store, StoreError, leases, stats, tally
from monitor.store.claims import Due
from monitor.sweep import Sweep
from monitor.web import WebError, serving

log = logging.getLogger(__name__)

TICKS_MISSED = 12  # so many without a sign of life, and systemd may restart us
UPKEEP_EVERY_S = 3600


class Daemon:
    """All jobs of one process. Each public coroutine is one job, called by the scheduler, by tests and by the demo."""

    def __init__(self, store: Store, fetcher: Fetcher, settings: Settings, *, clock: Clock) -> None:
        self.store, self.settings, self.clock = store, settings, clock
        self.worker = leases.worker_name()
        self.vantage = settings.daemon.vantage or socket.gethostname()[:64]
        self.network = Network(Connectivity(fetcher, settings.network.anchors), store, clock)
        self.sweep = Sweep(
            store,
            fetcher,
            settings,
            self.network,
            clock=clock,
            worker=self.worker,
            vantage=self.vantage,
            keep=self._keep_copy if settings.archives.local.enabled else None,
        )
        self.archives = ArchiveQueue(store, fetcher, settings, clock, self.worker)
        self._local = LocalArchive(settings.in_state(settings.archives.local.directory))
        self._syncer = Syncer(store, fetcher)
        self._ticked_at = asyncio.get_running_loop().time()

    async def tick(self) -> None:
        """Put the sweep to work on what is due."""
        await self.sweep.tick()
        self._ticked_at = asyncio.get_running_loop().time()

    async def archive_tick(self) -> None:
        """Take the archive jobs that are due one step further."""
        if self.settings.archives.wayback.enabled and await self.network.up():
            await self.archives.tick()

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

    async def upkeep(self) -> None:
        """Keep the day's numbers, and learn from what the list has lived through."""
        now = self.clock()
        async with self.store.write() as db:
            await tally.record(db, await tally.count(db), now)
        async with self.store.read() as db:
            self.sweep.experience = await stats.experience(db, now)

    async def status_line(self) -> str:
        """One line for ``systemctl status``."""
        if not self.network.seems_up:
            return f"Offline, nothing is marked: {self.network.detail}"
        async with self.store.read() as db:
            now = await tally.count(db)
        return f"{now.links} links, {now.dead} dead, {now.at_risk} at risk, {self.sweep.looks} looks since the start"

    async def healthy(self) -> bool:
        """Whether the tick is alive and the database answers: what the watchdog asks."""
        silent_s = asyncio.get_running_loop().time() - self._ticked_at
        return silent_s < self.settings.daemon.tick_s * TICKS_MISSED and await self.store.answers()

    async def _keep_copy(self, due: Due, seen: Observation, now: datetime) -> None:
        if seen.article is None:
            return
        try:
            await keep_copy(self.store, self._local, due.id, seen.page, seen.article, seen.verdict, now)
        except LocalArchiveError as problem:
            log.error("%s", problem, extra={"action": "keep", "link_id": due.id})

    @asynccontextmanager
    async def running(self) -> AsyncIterator[AsyncIOScheduler]:
        """The sweep and the scheduler at work; at the end what is in flight is finished, the rest given back."""
        await leases.free_those_of_the_dead(self.store, self.clock())
        async with self.sweep:
            scheduler = self._schedule()
            scheduler.start()
            try:
                yield scheduler
            finally:
                scheduler.shutdown(wait=False)
                await self.sweep.stop(timedelta(seconds=self.settings.daemon.grace_s))
                await self.archives.give_back()

    def _schedule(self) -> AsyncIOScheduler:
        scheduler = AsyncIOScheduler(
            timezone="UTC", job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None}
        )
        day, time = self.settings.report.schedule.split()
        hour, minute = time.split(":")
        weekly = CronTrigger(
            day_of_week=day, hour=int(hour), minute=int(minute), timezone=self.settings.report.zone
        )
        now = self.clock()
        timers = self.settings.daemon
        for job, every_s in (
            (self.sync, timers.sync_s),
            (self.tick, timers.tick_s),
            (self.archive_tick, timers.archive_tick_s),
            (self.deliver, timers.deliver_s),
            (self.upkeep, UPKEEP_EVERY_S),
        ):
            scheduler.add_job(
                _guarded(job.__name__, job), "interval", seconds=every_s, next_run_time=now, id=job.__name__
            )
        scheduler.add_job(_guarded("report", self.report), weekly, id="report")
        scheduler.add_job(_guarded("report", self.report), id="report missed while off")  # at once, once
        return scheduler


def _guarded(name: str, job: Callable[[], Awaitable[None]]) -> Callable[[], Awaitable[None]]:
    """A job that fails is logged in one sentence and called again at its next time."""

    async def guarded() -> None:
        try:
            await job()
        except StoreError as problem:
            log.error("%s: %s", name, problem, extra={"action": "job"})
        except Exception:
            log.exception("%s failed", name, extra={"action": "job"})

    return guarded


def told_to_stop() -> asyncio.Event:
    """Set on SIGTERM and SIGINT."""
    stop = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    return stop


async def serve(daemon: Daemon, stop: asyncio.Event) -> None:
    """Run until ``stop``; tell systemd how it goes."""
    async with daemon.running(), AsyncExitStack() as window:
        try:
            address = await window.enter_async_context(serving(daemon.store, daemon.settings, daemon.clock))
            if address:
                log.info("status page: %s", address, extra={"action": "web"})
        except WebError as problem:
            log.error("%s", problem, extra={"action": "web"})
        notify("READY=1", "STATUS=Started")
        await _until(stop, daemon)
        notify("STOPPING=1", "STATUS=Finishing the looks in flight")
        log.info("stopping: finishing the looks in flight", extra={"action": "stop"})


async def _until(stop: asyncio.Event, daemon: Daemon) -> None:
    """Wait for ``stop``, with a sign of life for systemd as often as it wants one."""
    every_s = watchdog_every_s() or 10.0
    while not stop.is_set():
        try:
            async with asyncio.timeout(every_s):
                await stop.wait()
        except TimeoutError:
            await _sign_of_life(daemon)


async def _sign_of_life(daemon: Daemon) -> None:
    try:
        if await daemon.healthy():
            notify("WATCHDOG=1", f"STATUS={await daemon.status_line()}")
    except StoreError as problem:  # no sign: systemd restarts us when it goes on
        log.error("%s", problem, extra={"action": "watchdog"})
