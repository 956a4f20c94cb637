"""The archive queue: brings every link to a copy that was opened and judged, one written step after another.

    queued ─look-up─▶ captured ─playback─▶ verified
       │ none                  └─ a wall ─▶ queued again (found), captured_wall (made)
       └─submit─▶ outcome_unknown ─▶ submitted ─poll─▶ captured

A submission is written down as *outcome unknown* before it is sent. Whoever is killed at whatever line leaves a row
from which the next one goes on: a job id is polled, a submission without one is looked up before it is sent again.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING

from monitor.archives import steps
from monitor.archives.account import Account
from monitor.archives.answers import JS_OFF, Answer, Saved
from monitor.archives.capture import Capture, is_wall
from monitor.archives.gate import Gate, Paused
from monitor.archives.plan import plan
from monitor.archives.scope import why_not
from monitor.archives.verify import Graded, grade
from monitor.archives.wayback import (
    Elsewhere,
    Excluded,
    Found,
    LookUp,
    NoCapture,
    NotThere,
    Played,
    Unknown,
    Wayback,
    unseen,
)
from monitor.config import Settings
from monitor.fetch import Fetcher
from monitor.model import Clock
from monitor.platforms.likeness import unpack
from monitor.store import Store, archives, snapshots
from monitor.store.archives import WAYBACK, Job, JobState
from monitor.store.snapshots import Snapshot

if TYPE_CHECKING:
    from monitor.archives.anonymous import Anonymous

log = logging.getLogger(__name__)

AT_ONCE = 8  # jobs taken in one tick, beside a submission
PLANNED_AT_ONCE = 500
LEASE = timedelta(minutes=10)
POISONED_FOR = timedelta(hours=1)


class ArchiveQueue:
    """:param worker: names this process in leases; another process has another name."""

    def __init__(self, store: Store, fetcher: Fetcher, settings: Settings, clock: Clock, worker: str) -> None:
        self.store, self.settings, self.clock, self.worker = store, settings, clock, worker
        self.wayback_settings = settings.archives.wayback
        self.gate = Gate(store, fetcher, self.wayback_settings, clock)
        self.wayback = Wayback(self.gate)
        self.account = Account(self.wayback)

    @cached_property
    def _anonymous(self) -> Anonymous:
        from monitor.archives.anonymous import Anonymous  # noqa: PLC0415  (waybackpy, requests: not with keys)

        return Anonymous(self.gate)

    async def tick(self) -> bool:
        """Plan, then one step of each job that is due. Returns whether there was anything to do.

        :raises StoreError: the database fails; what was under way is found again.
        """
        if not self.wayback_settings.enabled:
            return False
        await self.account.know_keys()
        planned = await plan(self.store, self.wayback_settings, self.clock(), limit=PLANNED_AT_ONCE)
        jobs = await archives.claim_jobs(
            self.store,
            worker=self.worker,
            now=self.clock(),
            limit=AT_ONCE,
            saves=await self.account.open_saves(),
            lease=LEASE,
        )
        polls = [job for job in jobs if job.state is JobState.SUBMITTED and job.wanted]
        others = [job for job in jobs if job not in polls]
        work = [self._guarded([job], self._step(job)) for job in others]
        if polls:
            work.append(self._guarded(polls, self._poll(polls)))
        results = await asyncio.gather(*work, return_exceptions=True)
        for problem in results:
            if isinstance(problem, BaseException):
                raise problem
        return bool(planned or jobs)

    async def give_back(self) -> None:
        """Let go of all jobs, for the next process to take at once. Call it at the end."""
        await archives.give_back(self.store, worker=self.worker)

    # one step

    async def _guarded(self, jobs: Sequence[Job], step: Awaitable[None]) -> None:
        """Take a step. What was written last stays: the jobs come back when the gate opens, or much later when the
        step broke, so that a job that breaks us is not the first one again and again."""
        try:
            await step
        except Paused as pause:
            await self._postpone(jobs, pause.until)
        except Exception:
            await self._postpone(jobs, self.clock() + POISONED_FOR)
            raise

    async def _postpone(self, jobs: Sequence[Job], until: datetime) -> None:
        async with self.store.write() as db:
            await archives.postpone(db, [job.id for job in jobs], until, worker=self.worker)

    async def _step(self, job: Job) -> None:
        barred = why_not(job.url, exclude_hosts=self.wayback_settings.exclude_hosts)
        if not job.wanted or barred:
            await self._write(steps.not_attempted(job, barred, self.clock()))
        elif job.state is JobState.CAPTURED:
            await self._verify(job)
        elif job.state is JobState.OUTCOME_UNKNOWN:
            await self._find(job)
        elif job.looked_up:
            await self._submit(job)
        else:
            await self._look_up(job)

    async def _write(self, job: Job) -> None:
        now = self.clock()
        async with self.store.write() as db:
            held = await archives.record(db, job, worker=self.worker, now=now)
        self._tell(job, held)

    def _tell(self, job: Job, held: bool) -> None:
        extra = {"action": "archive", "link_id": job.link_id}
        if held:
            log.info("archive %s %s%s", job.url, job.state, f" ({job.code})" if job.code else "", extra=extra)
        else:
            log.warning("archive %s: another worker has taken over", job.url, extra=extra)

    # look-ups

    async def _look_up(self, job: Job) -> None:
        """Our own table first, then archive.org: the next capture that nobody has opened yet, or none."""
        async with self.store.read() as db:
            known = await snapshots.of(db, job.link_id, WAYBACK)
        waiting = next((one for one in known if one.grade is None), None)
        if waiting is not None:
            await self._write(steps.captured(job, waiting.id, self.clock(), "known"))
            return
        judged = {one.url for one in known}
        opened = sum(one.origin == "found" for one in known)
        if opened >= steps.BAD_CAPTURES:
            await self._write(steps.none_found(job, self.clock()))
            return
        found = await self._ask(job, again=bool(judged))
        if isinstance(found, Found) and (capture := unseen(found, judged, self.wayback.base)):
            await self._keep_capture(job, capture, made=False)
        else:
            await self._write(self._after_look_up(job, found))

    async def _ask(self, job: Job, *, again: bool) -> LookUp:
        """Of a dead link only what was captured before it died; of one that changed much only what was captured
        since; else the newest, then any."""
        if job.dead and job.failing_since:
            return await self.wayback.captures(job.url, before=job.failing_since)
        if job.renews:
            return _since(await self.wayback.newest(job.url), job.changed_at)
        if again:
            return await self.wayback.captures(job.url)
        return await self.wayback.newest(job.url)

    def _after_look_up(self, job: Job, found: LookUp) -> Job:
        now = self.clock()
        match found:
            case Excluded():
                return steps.excluded(job)
            case Unknown(why):
                return steps.look_up_unknown(job, why, now)
        return steps.none_found(job, now)

    async def _find(self, job: Job) -> None:
        """Was a submission heard whose answer was lost? Look before asking again."""
        found = await self.wayback.newest(job.url)
        if isinstance(found, Found) and steps.is_ours(job, Saved(found.captures[0])):
            await self._keep_capture(job, found.captures[0], made=True)
        elif isinstance(found, Unknown | Excluded):
            await self._write(self._after_look_up(job, found))
        else:
            troubled = (await self.gate.ledger()).troubled
            await self._write(steps.not_saved(job, self.clock(), troubled=troubled))

    async def _keep_capture(
        self, job: Job, capture: Capture, *, made: bool, http_status: int | None = None
    ) -> None:
        """Write the snapshot and the job that is to open it: what we made an hour later, when it is there."""
        now = self.clock()
        due = now + timedelta(seconds=self.wayback_settings.verify_after_s) if made else now
        new = Snapshot(
            link_id=job.link_id,
            archive=WAYBACK,
            url=capture.url(self.wayback.base),
            original_url=capture.original,
            captured_at=capture.at,
            origin="made" if made else "found",
            http_status=http_status,
        )
        async with self.store.write() as db:
            snapshot_id = await snapshots.add(db, new)
            after = steps.captured(job, snapshot_id, due, "made" if made else "found")
            if is_wall(capture.original, job.url):
                after = steps.landed_at_wall(replace(after, snapshot_id=snapshot_id), capture.original, now)
                await snapshots.judge(
                    db,
                    snapshot_id,
                    now,
                    grade="X",
                    rule="archive.led_elsewhere",
                    evidence=capture.original[:300],
                )
            held = await archives.record(db, after, worker=self.worker, now=now)
        self._tell(after, held)

    # saving

    async def _submit(self, job: Job) -> None:
        await self.account.be_sure()
        now = self.clock()
        sent = steps.about_to_submit(job, now)
        async with self.store.write() as db:
            await self.account.take(db, job)
            if not await archives.record(db, sent, worker=self.worker, now=now, keep_lease=True):
                return
        try:
            if self.wayback_settings.has_keys:
                answer = await self.wayback.submit(job.url, without_scripts=job.code == JS_OFF)
            else:
                answer = await self._anonymous.save(job.url)
        except Paused as pause:  # not sent, or turned away at the door: its outcome is known
            await self._write(replace(job, not_before=pause.until))
            return
        await self._answered(sent, answer)

    async def _poll(self, jobs: Sequence[Job]) -> None:
        now = self.clock()
        old = [job for job in jobs if job.remote_id is None or steps.too_old_to_poll(job, now)]
        for job in old:
            await self._write(steps.lost_sight(job, "archive.org has forgotten the job by now.", now))
        by_id = {job.remote_id: job for job in jobs if job not in old and job.remote_id}
        if by_id:
            for job_id, answer in (await self.wayback.poll(list(by_id))).items():
                await self._answered(by_id[job_id], answer)

    async def _answered(self, job: Job, answer: Answer) -> None:
        await self.account.learn(answer, host=job.host)
        now = self.clock()
        if isinstance(answer, Saved):
            # waybackpy, too, may come back with a capture that was there long before
            await self._keep_capture(
                job, answer.capture, made=steps.is_ours(job, answer), http_status=answer.http_status
            )
            return
        await self._write(
            steps.after_answer(job, answer, now, poll_every_s=self.wayback_settings.poll_every_s)
        )

    # judging

    async def _verify(self, job: Job) -> None:
        async with self.store.read() as db:
            known = await snapshots.of(db, job.link_id, WAYBACK)
        one = next((one for one in known if one.id == job.snapshot_id), None)
        if one is None:
            await self._write(
                steps.queued(job, self.clock(), "not-played", "The capture is no longer known.")
            )
            return
        played = await self.wayback.play(Capture(one.captured_at, one.original_url), meant=job.url)
        now = self.clock()
        verify_after = timedelta(seconds=self.wayback_settings.verify_after_s)
        match played:
            case Played(page):
                sketch = unpack(job.sketch) if job.sketch else None
                graded = await asyncio.to_thread(grade, page, title=job.title, sketch=sketch)
                await self._keep_grade(job, one, graded, page.http_status)
            case Elsewhere(capture) if one.origin == "found" or steps.is_ours(job, Saved(capture)):
                await self._adopt(job, one, capture)
            case Excluded():
                await self._write(steps.excluded(job))
            case Unknown(why):
                await self._write(steps.playback_unknown(job, why, now))
            case Elsewhere() | NotThere():
                after = steps.not_played(job, "The capture is not there (yet).", now, wait=verify_after)
                await self._give_up_on(one, after)

    async def _keep_grade(self, job: Job, one: Snapshot, graded: Graded, http_status: int | None) -> None:
        now = self.clock()
        after = steps.after_grading(job, graded, now)
        async with self.store.write() as db:
            await snapshots.judge(
                db,
                one.id,
                now,
                grade=graded.grade,
                outcome=graded.verdict.outcome,
                rule=graded.verdict.rule,
                evidence=graded.why[:300],
                http_status=http_status,
            )
            await snapshots.set_copy(db, job.link_id)
            held = await archives.record(db, after, worker=self.worker, now=now)
        self._tell(after, held)

    async def _adopt(self, job: Job, one: Snapshot, capture: Capture) -> None:
        """The Wayback Machine serves another capture instead: that one is opened next."""
        await self._drop(one, f"the Wayback Machine points to {capture.timestamp} instead")
        await self._keep_capture(job, capture, made=one.origin == "made")

    async def _give_up_on(self, one: Snapshot, after: Job) -> None:
        if after.state is not JobState.CAPTURED:
            await self._drop(one, "it never opened")
        await self._write(after)

    async def _drop(self, one: Snapshot, why: str) -> None:
        async with self.store.write() as db:
            await snapshots.judge(db, one.id, self.clock(), grade="X", rule="archive.not_there", evidence=why)


def _since(found: LookUp, start: datetime | None) -> LookUp:
    """A newest capture counts as none when it is older than ``start``."""
    old = isinstance(found, Found) and start is not None and found.captures[0].at < start
    return NoCapture() if old else found
