"""The sweep: claims due links host by host, looks at them at the host's pace, records what was seen in batches.

One worker a host, so that a host is asked one thing at a time; a few more workers than ``[network] concurrency``, which
the fetcher keeps. What the workers see goes through one queue to one recorder: its size is what bounds memory and slows
the workers when the database is slow.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

from monitor.claimer import Claimer
from monitor.config import Settings
from monitor.fetch import Fetcher, OutOfResourcesError
from monitor.look import Observation, decide, known_of, observe, tell, wants_all
from monitor.model import Clock, FailureKind, Verdict
from monitor.network import Network
from monitor.outage import patiently
from monitor.policy import Experience, doubt
from monitor.policy.belief import BAD
from monitor.policy.pace import HostPace, after_look, next_gap, on_the_way, spacing_s
from monitor.policy.vantage import Place
from monitor.rests import Rests
from monitor.store import Store, StoreError, checks, claims, vantages
from monitor.store import pace as paces
from monitor.store.checks import Look
from monitor.store.claims import Due
from monitor.waves import Waves

log = logging.getLogger(__name__)

LEASE = timedelta(seconds=90)
PATIENCE_S = 60  # what a worker waits for its host before it lets go of it, unless it is told otherwise
AT_ONCE = 50  # links claimed of one host at a time
OUT_OF_RESOURCES_WAIT = timedelta(minutes=2)  # longer than a worker's patience: it lets go of the host
POISON_WAIT = timedelta(hours=1)
RECORDED_WITHIN_S = 15  # at the end: a database that is away then must not keep us
SPARE = 1 / 4  # more workers than looks at once: some always wait for their host or for the database
BATCH = 500  # looks recorded in one transaction
GATHER_S = 0.05  # that looks wait for others to be recorded with
OURS_PERHAPS = frozenset(FailureKind) - {FailureKind.GUARD, FailureKind.REDIRECTS, FailureKind.PROTOCOL}

Keep = Callable[[Due, Observation, datetime], Awaitable[None]]


class OfflineError(Exception):
    """Our own network is down: what failed says nothing about the link."""


class Sweep:
    """Looks at links until told to stop.

    :param keep: called for each living page that was read whole, to keep a local copy.
    :param only: the links to look at, their ids by host; None = every due one.

    ``sleep`` waits for a host's pace, ``patience_s`` at most. Who drives the clock sets both.
    """

    def __init__(
        self,
        store: Store,
        fetcher: Fetcher,
        settings: Settings,
        network: Network,
        *,
        clock: Clock,
        worker: str,
        vantage: str,
        keep: Keep | None = None,
        only: Mapping[str, frozenset[int]] | None = None,
        chance: random.Random | None = None,
    ) -> None:
        self.store, self.fetcher, self.settings, self.network = store, fetcher, settings, network
        self.clock, self.worker, self.vantage, self.keep, self.only = clock, worker, vantage, keep, only
        self.chance = chance or random.Random()  # noqa: S311  (jitter, no secret)
        self.experience: Experience = {}
        self.others: frozenset[str] = frozenset()  # vantages that look at links, too
        self.waves = Waves()
        self.looks = 0
        self.patience_s: float = PATIENCE_S
        self.sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
        self._workers: dict[str, asyncio.Task[None]] = {}
        self._rests = Rests()
        self._held: set[int] = set()  # the links in hand: claimed, and neither recorded nor given back
        self._seen: asyncio.Queue[tuple[Look, HostPace]] = asyncio.Queue(maxsize=2 * BATCH)
        self._hurry = asyncio.Event()  # somebody waits until all is recorded
        self._claimer = Claimer(self._claim, self._give_back)
        self._at_most = int(settings.network.concurrency * (1 + SPARE))  # one at a time stays one
        self._room = asyncio.Event()
        self._stopping = asyncio.Event()
        self._side: list[asyncio.Task[None]] = []

    async def _recall(self) -> None:
        async with self.store.read() as db:
            await self.waves.recall(db)

    async def __aenter__(self) -> Sweep:
        await patiently("begin", self._recall)
        self._side = [asyncio.create_task(self._record_all()), asyncio.create_task(self._renew_leases())]
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.stop(timedelta(0))

    async def tick(self) -> int:
        """Put a worker on every host that has due links and may be asked; returns how many were started."""
        for task in self._side:
            if task.done():
                task.result()  # a recorder that died must not go unnoticed
        free = self._at_most - len(self._workers)
        if free <= 0 or self._stopping.is_set() or not await self.network.up():
            return 0
        async with self.store.read() as db:
            hosts = await claims.ready_hosts(
                db,
                vantage=self.vantage,
                now=self.clock(),
                busy=self._workers.keys() | self._rests.at(self.clock()),
                limit=free,
                among=self.only,
            )
            known = await paces.of(db, hosts, vantage=self.vantage, now=self.clock())
        self._room.clear()
        for host in hosts:
            task = asyncio.create_task(self._work(known[host]), name=f"look at {host}")
            self._workers[host] = task
            task.add_done_callback(partial(self._finished, host))
        return len(hosts)

    async def room(self, timeout_s: float) -> None:
        """Wait, so long at most, until the spare workers have nothing to do: then a tick is worth its price."""
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await self._room.wait()

    @property
    def busy(self) -> bool:
        return bool(self._workers)

    async def settle(self) -> None:
        """Wait until the workers have let go and all they saw is recorded."""
        while self._workers:
            await asyncio.wait(self._workers.values())
            await asyncio.sleep(0)
        await self.recorded()

    async def stop(self, grace: timedelta) -> None:
        """Finish what is in flight within ``grace``, give the rest back, record all, end."""
        self._stopping.set()
        if self._workers:
            await asyncio.wait(self._workers.values(), timeout=grace.total_seconds())
        for task in list(self._workers.values()):
            task.cancel()
        if self._workers:
            await asyncio.wait(list(self._workers.values()))
        await self._claimer.settle()
        try:
            async with asyncio.timeout(RECORDED_WITHIN_S):
                await self.recorded()
        except TimeoutError:
            log.error(
                "%d looks could not be recorded; they are made again",
                self._seen.qsize(),
                extra={"action": "stop"},
            )
        finally:
            for task in self._side:
                task.cancel()
            await asyncio.gather(*self._side, return_exceptions=True)
            self._side = []

    def _finished(self, host: str, task: asyncio.Task[None]) -> None:
        del self._workers[host]
        if len(self._workers) <= self.settings.network.concurrency:
            self._room.set()
        if task.cancelled():
            return
        if not (error := task.exception()):
            self._rests.worked(host)
            return
        self._rests.broke(host, self.clock())
        if isinstance(error, StoreError) and error.passing:
            log.debug("looking at %s stopped: %s", host, error, extra={"action": "sweep", "host": host})
        else:
            extra = {"action": "sweep", "host": host}
            log.error("looking at %s stopped: %s", host, error, exc_info=error, extra=extra)

    async def _work(self, pace: HostPace) -> None:
        """Look at what is due at a host, until nothing is or it wants to be left alone."""
        more = True
        while more and not self._stopping.is_set() and self.network.seems_up:
            if self._wait_s(pace) > self.patience_s:
                return
            gap_s = spacing_s(pace, self.settings.pace)
            limit = max(1, min(AT_ONCE, int(self.patience_s / gap_s) if gap_s else AT_ONCE))
            dues = await self._claimer.of(pace.host, limit)
            more = len(dues) == limit
            pace = await self._look_at_all(dues, pace, more=more)

    async def _look_at_all(self, dues: list[Due], pace: HostPace, *, more: bool) -> HostPace:
        """Look at what was claimed; what is not reached, for whatever reason, is given back.

        :param more: the host may have more that is due: its connection is worth keeping.
        """
        left = list(dues)
        try:
            while left and not self._stopping.is_set() and self._wait_s(pace) <= self.patience_s:
                if wait_s := self._wait_s(pace):
                    await self.sleep(wait_s)
                pace, gap = await self._announce(pace)
                if gap is None:
                    continue
                look, pace = await self._look_safely(left, pace, gap, leave=not more and len(left) == 1)
                await self._seen.put((look, pace))
        except OfflineError:
            log.warning("offline: %s", self.network.detail, extra={"action": "offline"})
        except OutOfResourcesError as problem:
            log.error("%s", problem, extra={"action": "sweep"})
            pace = replace(pace, not_before=self.clock() + OUT_OF_RESOURCES_WAIT)
            async with self.store.write() as db:
                await paces.put(db, [pace], vantage=self.vantage)
        finally:
            if left:
                await asyncio.shield(patiently("give back", lambda: self._give_back(left)))
        return pace

    async def _claim(self, wanted: Mapping[str, int]) -> dict[str, list[Due]]:
        claimed = await claims.claim(
            self.store,
            wanted,
            worker=self.worker,
            now=self.clock(),
            lease=LEASE,
            only=self.only,
            elsewhere=self.vantage if self.others else None,
        )
        self._held.update(due.id for dues in claimed.values() for due in dues)
        return claimed

    async def _give_back(self, left: list[Due]) -> None:
        await claims.give_back(self.store, left, worker=self.worker, now=self.clock())
        self._held.difference_update(due.id for due in left)

    async def _postpone(self, due: Due) -> None:
        later = self.clock() + POISON_WAIT
        await claims.postpone(self.store, due, worker=self.worker, until=later)
        self._held.discard(due.id)

    async def _look_safely(
        self, left: list[Due], pace: HostPace, gap: timedelta, *, leave: bool
    ) -> tuple[Look, HostPace]:
        """Look at the first of ``left`` and take it off; one that breaks us waits before it may do so again."""
        try:
            result = await self._look(left[0], pace, gap, leave=leave)
        except (OfflineError, OutOfResourcesError):
            raise
        except Exception:
            await self._postpone(left.pop(0))
            raise
        del left[0]
        return result

    async def _announce(self, pace: HostPace) -> tuple[HostPace, timedelta | None]:
        """Before a look, keep the earliest time of the one after it: a crash must not hurry the host.

        :returns: the pace to go by, and the wait that was booked; None where another process has asked meanwhile.
        """
        gap = next_gap(pace, self.settings.pace, self.chance)
        if not gap:
            return pace, gap
        now = self.clock()
        async with self.store.write() as db:
            others = await paces.book(db, pace, until=now + gap, vantage=self.vantage, now=now)
        return (others, None) if others else (pace, gap)

    def _wait_s(self, pace: HostPace) -> float:
        return max(0.0, (pace.not_before - self.clock()).total_seconds())

    async def _look(self, due: Due, pace: HostPace, gap: timedelta, *, leave: bool) -> tuple[Look, HostPace]:
        async def wait() -> None:
            await self.sleep(spacing_s(pace, self.settings.pace))

        policy = self.settings.policy
        seen = await observe(
            self.fetcher,
            due.url,
            known_of(due),
            full=wants_all(due, policy),
            suspect=due.state.failing_since is not None,
            leave=leave,
            wait=wait,
        )
        failure = seen.page.failure
        if failure and failure.kind in OURS_PERHAPS and not await self.network.was_up(self.clock()):
            raise OfflineError
        now = self.clock()
        verdict = seen.verdict
        rules, alone = self.settings.pace, due.alone
        pace = after_look(
            pace, seen.page, verdict, now, settings=rules, chance=self.chance, alone=alone, gap=gap
        )
        if led_to := on_the_way(seen.page, due.host, now, rules):
            async with self.store.write() as db:
                await paces.hold(db, led_to, vantage=self.vantage)
        crowd = self.waves.after(due.platform, due.state.status, verdict, now)
        reason = doubt(pace.answers, crowd, verdict, now)
        place = await self._place(due, verdict)
        look = decide(
            due,
            seen,
            now,
            policy,
            experience=self.experience,
            doubt=reason,
            place=place,
            shutdowns=self.settings.shutdowns,
        )
        if self.keep and look.sketch is not None:
            await self.keep(due, seen, now)
        return look, pace

    async def _place(self, due: Due, verdict: Verdict) -> Place:
        """Where we are; with what other vantages saw, where that matters."""
        if not self.others or verdict.outcome not in BAD:
            return Place(self.vantage)
        async with self.store.read() as db:
            return Place(self.vantage, self.others, await vantages.sightings(db, due.id))

    async def _record_all(self) -> None:
        while True:
            batch = [await self._seen.get()]
            if len(self._workers) > 1 and self._seen.qsize() < BATCH:
                # not wait_for: it would swallow a cancellation that comes with the hurry
                with suppress(TimeoutError):
                    async with asyncio.timeout(GATHER_S):
                        await self._hurry.wait()
            while len(batch) < BATCH and not self._seen.empty():
                batch.append(self._seen.get_nowait())
            await self._record(batch)
            for _ in batch:
                self._seen.task_done()

    async def _record(self, batch: list[tuple[Look, HostPace]]) -> None:
        """Record a batch; one look in it that cannot be recorded takes no other along."""
        try:
            kept = await self._write(batch)
        except Exception:
            if len(batch) > 1:
                for one in batch:
                    await self._record([one])
                return
            due = batch[0][0].due
            log.exception("cannot record %s", due.url, extra={"action": "record", "link_id": due.id})
            await self._postpone(due)
            return
        self._held.difference_update(look.due.id for look, _ in batch)
        self.looks += len(kept)
        for look in kept:
            tell(look)

    async def _write(self, batch: list[tuple[Look, HostPace]]) -> list[Look]:
        """Write a batch, for as long as it takes: a database that is away for a while loses nothing."""

        async def write() -> list[Look]:
            looks = [look for look, _ in batch]
            async with self.store.write() as db:
                kept = await checks.record(db, looks, worker=self.worker, vantage=self.vantage)
                await paces.put(db, {pace.host: pace for _, pace in batch}.values(), vantage=self.vantage)
                await self.waves.keep(db, self.clock())
            return kept

        return await patiently("record", write)

    async def recorded(self) -> None:
        """Wait until all that was seen is recorded; a recorder that died says so."""
        joined = asyncio.create_task(self._seen.join())
        self._hurry.set()
        try:
            await asyncio.wait({joined, *self._side[:1]}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._hurry.clear()
            joined.cancel()
        if self._side and self._side[0].done():
            self._side[0].result()

    async def _renew_leases(self) -> None:
        while True:
            await asyncio.sleep(LEASE.total_seconds() / 3)
            if self._held:
                try:
                    await claims.renew(self.store, self._held, worker=self.worker, until=self.clock() + LEASE)
                except StoreError as error:
                    log.error("cannot renew leases: %s", error, extra={"action": "renew"})
