"""Time for a daemon: its jobs are called when something is due, and the clock jumps from one such moment to the next.

It stands where APScheduler stands in ``rotwatch run``; what is done at a moment is the daemon's own affair.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Row

from monitor.daemon import Daemon
from monitor.demo.clock import DrivenClock
from monitor.demo.due import due, news_since
from monitor.demo.stage import Stage
from monitor.demo.text import random_of
from monitor.report.outbox import WEEK, due_period

LOOKS_EVERY = timedelta(hours=12)
TICK = timedelta(seconds=5)
TURN = timedelta(hours=1)  # of one host, before others have theirs
COPIES_EVERY = timedelta(minutes=7)  # one submission each: as many a day as archive.org lets us have
UPKEEP_EVERY = timedelta(days=1)
OFFLINE_AGAIN = timedelta(hours=1)  # how often the network is tried while it is down
NEVER = datetime.max.replace(tzinfo=UTC)

Told = Callable[[list[Row[Any]]], Awaitable[bool]]


class Driver:
    """Calls the jobs of ``daemon``, whose clock is ``clock``, one after the other.

    Hosts are asked at the daemon's own pace; only nobody waits for it in real time, and its dice are seeded. Each look
    is recorded before the next one, so that a run depends on its seed alone.
    """

    def __init__(self, daemon: Daemon, clock: DrivenClock, stage: Stage, *, seed: int) -> None:
        self.daemon, self.clock, self.stage = daemon, clock, stage
        daemon.sweep.sleep = self._pass
        daemon.sweep.chance = random_of("pace", seed)
        now = clock()
        self._look_at = self._copy_at = self._picture_at = self._mail_at = NEVER
        self._look_from = self._wait_from = self._copy_from = self._upkeep_at = self._turn_ends = now
        self._report_at = due_period(daemon.settings, now)[1].astimezone(UTC) + WEEK
        self._flip, self._rest = 0, TICK
        self._wants_copies = False

    async def live(self, until: datetime, told: Told) -> None:
        """Let time pass. The daemon's sweep must have been entered.

        :param told: given the changes of status of each moment, awaited; True ends the run.
        """
        while not await told(await self._see()):
            moment = self._next()
            self.clock.now = min(max(moment, self.clock()), until)
            if moment >= until:
                return
            await self._act()

    async def _pass(self, seconds: float) -> None:
        """What the sweep does instead of sleeping."""
        await self.daemon.sweep.recorded()
        now = self.clock.move(seconds=seconds)
        self.stage.settle(now)
        self.daemon.sweep.patience_s = max(0.0, (self._turn_ends - now).total_seconds())

    async def _see(self) -> list[Row[Any]]:
        """When each job has something to do, and what the last moment brought."""
        daemon, now = self.daemon, self.clock()
        async with daemon.store.read() as db:
            when = await due(db, vantage=daemon.vantage, now=now)
            news = await news_since(db, self._flip)
        if news:
            self._flip, self._wants_copies = news[-1].id, True
        gate, step, submission = daemon.archives.gate, when.step, when.submission
        if step and step <= now and (closed := await gate.closed()):
            step = closed.until
        if submission and submission <= now and (closed := await gate.saves_closed()):
            submission = closed.until
        copy = min(step or NEVER, submission or NEVER, now if self._wants_copies else NEVER)
        waiting = max(when.waiting or NEVER, self._wait_from)
        self._look_at = min(waiting, max(when.look or NEVER, self._look_from))
        self._copy_at = max(copy, self._copy_from)
        self._picture_at = max(when.picture or NEVER, self._copy_from)
        self._mail_at = when.mail or NEVER
        return news

    def _next(self) -> datetime:
        change = self.stage.next_change(self.clock()) or NEVER
        of_jobs = (self._look_at, self._copy_at, self._picture_at, self._mail_at)
        return min(*of_jobs, self._upkeep_at, self._report_at, change)

    async def _act(self) -> None:
        daemon, now = self.daemon, self.clock()
        self.stage.settle(now)
        if now >= self._upkeep_at:
            await daemon.tell()
            await daemon.upkeep()
            await daemon.domains()
            self._upkeep_at, self._wants_copies = now + UPKEEP_EVERY, True
        if now >= self._look_at:
            await self._look()
            await daemon.alert()
            self._look_from = self.clock() + self._again(LOOKS_EVERY)
        if now >= min(self._copy_at, self._picture_at):
            if now >= self._copy_at:
                self._wants_copies = False
                await daemon.archive_tick()
            if now >= self._picture_at:
                await daemon.picture_tick()
            self._copy_from = now + self._again(COPIES_EVERY)
        if now >= self._report_at:
            await daemon.sync()
            await daemon.report()
            self._report_at += WEEK
        if now >= self._mail_at:
            await daemon.deliver()

    async def _look(self) -> None:
        """One host's turn. One that had been thought to have work has none, and others get theirs."""
        daemon, looks = self.daemon, self.daemon.sweep.looks
        self._turn_ends = self.clock() + TURN
        is_busy = True
        while is_busy and daemon.sweep.looks == looks:
            daemon.sweep.patience_s = TURN.total_seconds()
            await daemon.tick()
            is_busy = daemon.sweep.busy
            await daemon.sweep.settle()
        # what is due and yet cannot be looked at now is tried soon again, then later and later
        self._rest = TICK if is_busy else min(self._rest * 2, self._again(LOOKS_EVERY))
        self._wait_from = self.clock() if is_busy else self.clock() + self._rest

    def _again(self, every: timedelta) -> timedelta:
        return every if self.daemon.network.seems_up else OFFLINE_AGAIN
