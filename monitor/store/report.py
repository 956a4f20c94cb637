"""What the weekly report reads: changes, danger, copies and troubles of a period.

A period is ``(start, end]`` here: a change on the edge of two reports is in exactly one of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import Select, case, func, or_, select

from monitor.model import COUNTS, Status
from monitor.store.archives import JobState
from monitor.store.sql import chunks
from monitor.store.tables import archive_job, flip, link, reference, service, snapshot, source, tally
from monitor.urls import told

WEEK = timedelta(days=7)

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection


@dataclass(frozen=True, slots=True)
class Place:
    """Where a list mentions a link."""

    path: str
    line: int


@dataclass(frozen=True, slots=True)
class Copy:
    """A verified copy. ``archive`` is wayback or local."""

    url: str
    archive: str
    captured_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A link, as every part of the report shows it. Title and URL are as the world wrote them: hostile."""

    url: str
    title: str
    references: tuple[Place, ...]
    copy: Copy | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Change(Entry):
    """A link whose status at the end of a period differs from the one at its start."""

    old: Status
    new: Status
    at: datetime
    reason: str
    evidence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Danger(Entry):
    """A link that may die soon. ``reason`` is that of its last look."""

    status: Status
    since: datetime
    reason: str | None
    chance_90d: float
    risk_reasons: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal(Entry):
    """A link without any copy, for which an archive could not make one. ``wall``: it made one, of a wall."""

    archive: str
    at: datetime
    code: str
    message: str
    wall: bool = False


@dataclass(frozen=True, slots=True)
class SourceProblem:
    path: str
    problem: str
    missing_since: datetime | None


@dataclass(frozen=True, slots=True)
class Trouble:
    """A service that does not do its work."""

    name: str
    note: str
    not_before: datetime | None


@dataclass(frozen=True, slots=True)
class Day:
    """How the list stood at the end of a day (UTC): links not dead, dead with a verified copy, dead without."""

    day: date
    alive: int
    rescued: int
    lost: int

    @property
    def links(self) -> int:
        return self.alive + self.rescued + self.lost

    @property
    def readable(self) -> int:
        """Links of which the page or a copy can be read."""
        return self.alive + self.rescued


@dataclass(frozen=True, slots=True)
class Week:
    """The links that died from ``start`` to ``end`` and are still dead: with a verified copy, and without."""

    start: datetime
    end: datetime
    rescued: int
    lost: int


_WATCHED = (link.c.watched, ~link.c.ignored)
_ENTRY = (
    link.c.id,
    link.c.url,
    link.c.title,
    snapshot.c.url.label("copy_url"),
    snapshot.c.archive.label("copy_archive"),
    snapshot.c.captured_at.label("copy_captured_at"),
)
_LINK_AND_COPY = link.outerjoin(snapshot, snapshot.c.id == link.c.copy_id)


async def first_added(db: AsyncConnection) -> datetime | None:
    """When the first link was added; None while there is none."""
    statement = select(link.c.added_at).order_by(link.c.added_at, link.c.id).limit(1)
    return (await db.execute(statement)).scalar()


async def changes(db: AsyncConnection, start: datetime, end: datetime) -> list[Change]:
    """Every link whose status changed in the period, first come first; there and back again is no change."""
    in_period = (flip.c.at > start, flip.c.at <= end)
    rows = await db.execute(
        select(flip.c.link_id, flip.c.old, flip.c.new, flip.c.at, flip.c.reason, flip.c.evidence)
        .where(*in_period)
        .order_by(flip.c.at, flip.c.id)
    )
    old: dict[int, str] = {}
    last: dict[int, Any] = {}
    for row in rows:
        old.setdefault(row.link_id, row.old)
        last[row.link_id] = row
    changed = {link_id: row for link_id, row in last.items() if row.new != old[link_id]}
    entries = await _entries(db, changed)
    return [
        Change(
            **entries[link_id],
            old=Status(old[link_id]),
            new=Status(row.new),
            at=row.at,
            reason=row.reason,
            evidence=row.evidence,
        )
        for link_id, row in changed.items()
        if link_id in entries
    ]


async def in_danger(db: AsyncConnection, limit: int) -> tuple[list[Danger], int]:
    """The links that may die soon, those without a copy first, then by chance; and how many there are in all."""
    endangered = (
        *_WATCHED,
        link.c.status != Status.DEAD,
        or_(link.c.at_risk, link.c.status == Status.SUSPECT),
    )
    total = (await db.execute(select(func.count()).select_from(link).where(*endangered))).scalar_one()
    copied = case((link.c.copy_id.is_(None), 0), else_=1)
    statement = (
        select(link.c.id)
        .where(*endangered)
        .order_by(copied, func.coalesce(link.c.chance_90d, 0).desc(), link.c.id)
        .limit(limit)
    )
    ids = list((await db.execute(statement)).scalars())
    entries = await _entries(db, ids)
    columns = (link.c.id, link.c.status, link.c.since, link.c.reason, link.c.chance_90d, link.c.risk_reasons)
    rows = {row.id: row for row in await db.execute(select(*columns).where(link.c.id.in_(ids)))}
    dangers = [
        Danger(
            **entries[link_id],
            status=Status(rows[link_id].status),
            since=rows[link_id].since,
            reason=rows[link_id].reason,
            chance_90d=rows[link_id].chance_90d or 0.0,
            risk_reasons=tuple(rows[link_id].risk_reasons or ()),
        )
        for link_id in ids
    ]
    return dangers, total


def _copied_in(start: datetime, end: datetime) -> Select[Any]:
    return (
        select(snapshot.c.link_id)
        .select_from(snapshot.join(link, link.c.id == snapshot.c.link_id))
        .where(
            *_WATCHED,
            link.c.copy_id.is_not(None),
            snapshot.c.grade.in_(COUNTS),
            snapshot.c.judged_at <= end,
        )
        .group_by(snapshot.c.link_id)
        .having(func.min(snapshot.c.judged_at) > start)
    )


async def copied(db: AsyncConnection, start: datetime, end: datetime, limit: int) -> tuple[list[Entry], int]:
    """The links whose first copy was verified in the period: the dead first, then those most in danger; and how
    many there are in all."""
    these = _copied_in(start, end)
    total = (await db.execute(select(func.count()).select_from(these.subquery()))).scalar_one()
    statement = (
        select(link.c.id)
        .where(link.c.id.in_(these))
        .order_by(
            case((link.c.status == Status.DEAD, 0), else_=1),
            func.coalesce(link.c.chance_90d, 0).desc(),
            link.c.id,
        )
        .limit(limit)
    )
    ids = list((await db.execute(statement)).scalars())
    entries = await _entries(db, ids)
    return [Entry(**entries[link_id]) for link_id in ids], total


async def refused(db: AsyncConnection, start: datetime, end: datetime) -> list[Refusal]:
    """The links without any verified copy for which an archive ended without one in the period; of several
    attempts the last."""
    rows = await db.execute(
        select(
            archive_job.c.link_id,
            archive_job.c.archive,
            archive_job.c.finished_at,
            func.coalesce(archive_job.c.code, archive_job.c.state).label("code"),
            archive_job.c.message,
            archive_job.c.state,
        )
        .join(link, link.c.id == archive_job.c.link_id)
        .where(
            *_WATCHED,
            link.c.copy_id.is_(None),
            archive_job.c.state.in_((JobState.FAILED, JobState.CAPTURED_WALL)),
            archive_job.c.finished_at > start,
            archive_job.c.finished_at <= end,
        )
        .order_by(archive_job.c.finished_at, archive_job.c.id)
    )
    last = {(row.link_id, row.archive): row for row in rows}
    entries = await _entries(db, {link_id for link_id, _ in last})
    return [
        Refusal(
            **entries[link_id],
            archive=archive,
            at=row.finished_at,
            code=row.code,
            message=row.message or "",
            wall=row.state == JobState.CAPTURED_WALL,
        )
        for (link_id, archive), row in last.items()
    ]


async def days(db: AsyncConnection, start: datetime, end: datetime) -> list[Day]:
    """How the list stood on each day of the period that was counted and had links, oldest first."""
    statement = (
        select(tally.c.day, tally.c.links - tally.c.dead, tally.c.rescued, tally.c.lost)
        .where(
            tally.c.day >= start.date().isoformat(), tally.c.day <= end.date().isoformat(), tally.c.links > 0
        )
        .order_by(tally.c.day)
    )
    return [Day(date.fromisoformat(day), *counts) for day, *counts in await db.execute(statement)]


async def weeks(db: AsyncConnection, start: datetime, end: datetime) -> list[Week]:
    """The deaths of each week of the period, oldest first; the last week ends at ``end``."""
    died = func.max(flip.c.at)
    statement = (
        select(died, link.c.copy_id.is_not(None))
        .join_from(flip, link, link.c.id == flip.c.link_id)
        .where(*_WATCHED, link.c.status == Status.DEAD, flip.c.new == Status.DEAD)
        .group_by(link.c.id)
        .having(died > start, died <= end)
    )
    counts = Counter(((end - at) // WEEK, bool(copied)) for at, copied in await db.execute(statement))
    return [
        Week(end - (ago + 1) * WEEK, end - ago * WEEK, counts[ago, True], counts[ago, False])
        for ago in reversed(range(-((start - end) // WEEK)))
    ]


async def source_problems(db: AsyncConnection) -> list[SourceProblem]:
    """The lists that could not be read."""
    statement = select(source).where(or_(source.c.problem.is_not(None), source.c.missing_since.is_not(None)))
    rows = await db.execute(statement.order_by(source.c.path))
    return [SourceProblem(told(row.path), row.problem or "", row.missing_since) for row in rows]


async def troubles(db: AsyncConnection) -> list[Trouble]:
    """The services that fail at present."""
    rows = await db.execute(select(service).where(service.c.failures > 0).order_by(service.c.name))
    return [Trouble(row.name, row.note or "", row.not_before) for row in rows]


async def _entries(db: AsyncConnection, link_ids: Iterable[int]) -> dict[int, dict[str, Any]]:
    """The fields of :class:`Entry` for each of these links that counts."""
    ids = sorted(link_ids)
    places = await _references(db, ids)
    entries: dict[int, dict[str, Any]] = {}
    for part in chunks(ids):
        statement = select(*_ENTRY).select_from(_LINK_AND_COPY).where(link.c.id.in_(part), *_WATCHED)
        for row in await db.execute(statement):
            copy = Copy(row.copy_url, row.copy_archive, row.copy_captured_at) if row.copy_url else None
            entries[row.id] = {
                "url": row.url,
                "title": row.title,
                "references": tuple(places.get(row.id, ())),
                "copy": copy,
            }
    return entries


async def _references(db: AsyncConnection, ids: list[int]) -> dict[int, list[Place]]:
    places: dict[int, list[Place]] = {}
    for part in chunks(ids):
        statement = (
            select(reference.c.link_id, source.c.path, reference.c.line)
            .select_from(reference.join(source, source.c.id == reference.c.source_id))
            .where(reference.c.link_id.in_(part))
            .order_by(source.c.path, reference.c.line)
        )
        for row in await db.execute(statement):
            places.setdefault(row.link_id, []).append(Place(told(row.path), row.line))
    return places
