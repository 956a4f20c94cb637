"""Archive jobs: what each is about, and who works on it.

A job is one row from its first look-up to its end. While it is open, ``not_before`` is when its next step is due;
once it is finished, ``not_before`` is when the link may get another job, :data:`NEVER` for a refusal that lasts. A
change of the link's own status always allows another.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import IntEnum, StrEnum
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, Row, and_, case, exists, func, or_, select, update

from monitor.model import Status
from monitor.store.engine import Store
from monitor.store.sql import chunks, insert, insert_new
from monitor.store.tables import archive_job, link, reference, snapshot, source

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

WAYBACK = "wayback"
NEVER = datetime(9999, 12, 31, tzinfo=UTC)
LONGEST = 300  # characters kept of what archive.org says


class JobState(StrEnum):
    QUEUED = "queued"
    SUBMITTED = "submitted"  # it has a job id at archive.org
    OUTCOME_UNKNOWN = "outcome_unknown"  # sent, or about to be: looked up before it is sent again
    CAPTURED = "captured"  # there is a snapshot, nobody has opened it yet
    VERIFIED = "verified"
    CAPTURED_WALL = "captured_wall"  # what was saved is a captcha, a login or a notice
    FAILED = "failed"
    NOT_ATTEMPTED = "not_attempted"


FINISHED = frozenset(
    {JobState.VERIFIED, JobState.CAPTURED_WALL, JobState.FAILED, JobState.NOT_ATTEMPTED},
)
LOOK_UP_FIRST = (
    "look-up-unknown",
    "not-the-article",
    "not-played",
    "younger-capture",
    "capture-location-error",
    "too-many-daily-captures",
)
"""Codes of queued jobs that are looked up next, as a new job is; with any other code they are submitted next."""


class Danger(IntEnum):
    """How urgent a copy is; the smallest goes first."""

    SUSPECT = 0  # it has just failed
    DEAD = 1  # and nobody has looked yet whether there is a copy
    AT_RISK = 2
    YOUNG = 3
    DEAD_MATE = 4
    OTHER = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A claimed job, and what it needs to know of its link. ``snapshot_id``: the capture it is about now."""

    id: int
    link_id: int
    state: JobState
    danger: int
    created_at: datetime
    not_before: datetime
    submitted_at: datetime | None
    remote_id: str | None
    attempts: int
    code: str | None
    message: str | None
    snapshot_id: int | None
    url: str
    host: str
    title: str
    status: Status
    failing_since: datetime | None
    changed_at: datetime | None
    sketch: bytes | None
    wanted: bool  # still watched, not ignored, and some list lets it into archives

    @property
    def dead(self) -> bool:
        return self.status is Status.DEAD

    @property
    def renews(self) -> bool:
        """Whether it is about an article that changed much since our last copy."""
        changed = self.changed_at is not None and self.created_at >= self.changed_at
        return changed and self.status is Status.ALIVE

    @property
    def looked_up(self) -> bool:
        return self.code is not None and self.code not in LOOK_UP_FIRST


KEPT = ("state", "not_before", "submitted_at", "remote_id", "attempts", "code", "message", "snapshot_id")
_OF_LINK = ("url", "host", "title", "status", "failing_since", "changed_at", "sketch")


async def enqueue(
    db: AsyncConnection, link_ids: Collection[int], *, archive: str, danger: int, now: datetime
) -> set[int]:
    """Ask for a copy of each link. One with an open job keeps it; the job only becomes more urgent.

    :returns: the ids of the links that have a new job.
    """
    rows = [_new_job(link_id, archive, danger, now) for link_id in sorted(link_ids)]
    if not rows:
        return set()
    asked = insert_new(db, archive_job).returning(archive_job.c.link_id)
    added = set((await db.execute(asked, rows)).scalars())
    for part in chunks(sorted(set(link_ids) - added)):
        await db.execute(
            update(archive_job)
            .where(archive_job.c.link_id.in_(part), archive_job.c.archive == archive)
            .where(archive_job.c.finished_at.is_(None), archive_job.c.danger > danger)
            .values(danger=danger)
        )
    return added


def _new_job(link_id: int, archive: str, danger: int, now: datetime) -> dict[str, Any]:
    return {
        "link_id": link_id,
        "archive": archive,
        "state": JobState.QUEUED,
        "danger": danger,
        "created_at": now,
        "not_before": now,
    }


async def decline(db: AsyncConnection, reasons: Mapping[int, str], *, archive: str, now: datetime) -> None:
    """Write down, once and for good, that no copy of these links is asked for, and why."""
    rows = [
        {
            **_new_job(link_id, archive, Danger.OTHER, now),
            "state": JobState.NOT_ATTEMPTED,
            "code": code,
            "finished_at": now,
            "not_before": NEVER,
        }
        for link_id, code in reasons.items()
    ]
    if rows:
        await db.execute(insert(db, archive_job), rows)


def opted_out() -> ColumnElement[bool]:
    """Whether all lists that mention the link keep out of archives."""
    mentioned = reference.c.link_id == link.c.id
    consenting = and_(mentioned, reference.c.source_id == source.c.id, source.c.archive)
    return and_(exists().where(mentioned), ~exists().where(consenting))


async def hurry(db: AsyncConnection, job_ids: Sequence[int], danger: Danger) -> None:
    """Make open jobs more urgent."""
    for part in chunks(job_ids):
        await db.execute(update(archive_job).where(archive_job.c.id.in_(part)).values(danger=danger))


async def claim_jobs(
    store: Store, *, worker: str, now: datetime, limit: int, saves: int, lease: timedelta
) -> list[Job]:
    """Take due jobs: those under way first, then the most urgent.

    :param limit: of jobs that need anything but a submission.
    :param saves: of jobs that are to be submitted next.
    :param lease: how long they are this worker's; one that dies loses them then.
    """
    job = archive_job.c
    under_way = case((job.state == JobState.QUEUED, 1), else_=0)
    due = (
        select(job.id)
        .where(job.archive == WAYBACK, job.finished_at.is_(None), job.not_before <= now)
        .where(or_(job.lease_until.is_(None), job.lease_until <= now))
        .order_by(under_way, job.danger, job.not_before, job.id)
        .with_for_update(skip_locked=True)
    )
    async with store.write() as db:
        ids = list((await db.execute(due.where(~_to_submit()).limit(limit))).scalars())
        ids += (await db.execute(due.where(_to_submit()).limit(saves))).scalars()
        held = {"leased_by": worker, "lease_until": now + lease}
        await db.execute(update(archive_job).where(job.id.in_(ids)).values(held))
        columns = [*archive_job.c, *(link.c[name] for name in _OF_LINK), link.c.watched, link.c.ignored]
        columns.append(opted_out().label("opted_out"))
        rows = await db.execute(select(*columns).join_from(archive_job, link).where(job.id.in_(ids)))
        jobs = {row.id: _job(row) for row in rows}
    return [jobs[job_id] for job_id in ids]


def _job(row: Row[Any]) -> Job:
    own = ("id", "link_id", "danger", "created_at", *KEPT)
    values = {name: getattr(row, name) for name in (*own, *_OF_LINK)}
    values |= {"state": JobState(row.state), "status": Status(row.status)}
    return Job(**values, wanted=row.watched and not row.ignored and not row.opted_out)


async def record(
    db: AsyncConnection, job: Job, *, worker: str, now: datetime, keep_lease: bool = False
) -> bool:
    """Write what became of a job, and end the lease.

    :param keep_lease: the same step has more to write.
    :returns: False when the lease was lost meanwhile: nothing is written, another worker goes on.
    """
    values = {name: getattr(job, name) for name in KEPT}
    values["message"] = job.message[:LONGEST] if job.message else None
    values["finished_at"] = now if job.state in FINISHED else None
    if not keep_lease:
        values |= {"leased_by": None, "lease_until": None}
    mine = and_(archive_job.c.id == job.id, archive_job.c.leased_by == worker)
    done = await db.execute(
        update(archive_job).where(mine, archive_job.c.finished_at.is_(None)).values(values)
    )
    return done.rowcount == 1


async def postpone(db: AsyncConnection, job_ids: Collection[int], until: datetime, *, worker: str) -> None:
    """End the leases of jobs that could not go on; all else stays as it was written last."""
    later = case((archive_job.c.not_before > until, archive_job.c.not_before), else_=until)
    await db.execute(
        update(archive_job)
        .where(archive_job.c.id.in_(job_ids), archive_job.c.leased_by == worker)
        .where(archive_job.c.finished_at.is_(None))
        .values(not_before=later, leased_by=None, lease_until=None)
    )


async def give_back(store: Store, *, worker: str) -> None:
    """End all leases of ``worker``: its jobs are due as before."""
    async with store.write() as db:
        await db.execute(
            update(archive_job)
            .where(archive_job.c.finished_at.is_(None), archive_job.c.leased_by == worker)
            .values(leased_by=None, lease_until=None)
        )


async def in_flight(db: AsyncConnection, *, now: datetime, longest: timedelta) -> int:
    """How many captures archive.org may be making for us now.

    :param longest: how long one may run whose outcome we do not know.
    """
    job = archive_job.c
    running = and_(job.state == JobState.SUBMITTED, job.submitted_at <= now)
    perhaps = and_(job.state == JobState.OUTCOME_UNKNOWN, job.submitted_at > now - longest)
    statement = select(func.count()).where(
        job.archive == WAYBACK, job.finished_at.is_(None), or_(running, perhaps)
    )
    return int((await db.execute(statement)).scalar_one())


async def open_links(db: AsyncConnection) -> set[int]:
    """The links that have an open job."""
    job = archive_job.c
    statement = select(job.link_id).where(job.archive == WAYBACK, job.finished_at.is_(None))
    return set((await db.execute(statement)).scalars())


@dataclass(frozen=True, slots=True)
class Standing:
    """Open jobs that want the same next: ``count`` of them, the first due at ``first``."""

    state: JobState
    to_submit: bool
    count: int
    first: datetime


async def standing(db: AsyncConnection) -> list[Standing]:
    """What the open jobs want next."""
    job = archive_job.c
    to_submit = case((_to_submit(), 1), else_=0)
    statement = (
        select(job.state, to_submit, func.count(), func.min(job.not_before))
        .where(job.archive == WAYBACK, job.finished_at.is_(None))
        .group_by(job.state, to_submit)
    )
    return [Standing(JobState(row[0]), bool(row[1]), row[2], row[3]) for row in await db.execute(statement)]


def _to_submit() -> ColumnElement[bool]:
    """Queued, and submitted next. Never null, so that it can be negated."""
    code = func.coalesce(archive_job.c.code, LOOK_UP_FIRST[0])
    return and_(archive_job.c.state == JobState.QUEUED, code.not_in(LOOK_UP_FIRST))


_OF_LAST: list[ColumnElement[Any]] = [
    *(link.c[name] for name in ("url", "title")),
    *(archive_job.c[name] for name in ("state", "code", "message")),
    *(snapshot.c[name] for name in ("grade", "archive", "captured_at")),
    snapshot.c.url.label("copy_url"),
]


async def last_jobs(db: AsyncConnection, link_ids: Sequence[int]) -> list[Row[Any]]:
    """The newest job of each link (``state``, ``code``, ``message``), its ``url`` and ``title``, and the copy that
    counts: ``copy_url``, ``grade``, ``archive``, ``captured_at``."""
    rows: list[Row[Any]] = []
    for part in chunks(link_ids):
        newest = (
            select(func.max(archive_job.c.id))
            .where(archive_job.c.archive == WAYBACK, archive_job.c.link_id.in_(part))
            .group_by(archive_job.c.link_id)
        )
        found = await db.execute(
            select(*_OF_LAST)
            .join_from(archive_job, link)
            .outerjoin(snapshot, snapshot.c.id == link.c.copy_id)
            .where(archive_job.c.id.in_(newest))
            .order_by(archive_job.c.link_id)
        )
        rows += found.all()
    return rows
