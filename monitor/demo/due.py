"""When each job of the daemon has something to do next, read from the database that tells the daemon itself."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, and_, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from monitor.store.archives import LOOK_UP_FIRST, JobState
from monitor.store.outbox import MailState
from monitor.store.tables import archive_job, flip, host, link, outbox, pace, snapshot


@dataclass(frozen=True, slots=True)
class Looks:
    """``waiting``: when a host may be asked that has links due now; ``next``: when another link is due."""

    waiting: datetime | None
    next: datetime | None


async def looks(db: AsyncConnection, *, vantage: str, now: datetime) -> Looks:
    """When there is something to look at."""
    asked = and_(pace.c.host == host.c.host, pace.c.vantage == vantage)
    first = (
        select(link.c.next_check_at)
        .where(link.c.host == host.c.host, link.c.next_check_at.is_not(None), link.c.watched, ~link.c.ignored)
        .order_by(link.c.next_check_at)
        .limit(1)
        .correlate(host)
        .scalar_subquery()
    )
    rows = await db.execute(select(first, pace.c.not_before).select_from(host.outerjoin(pace, asked)))
    moments = [(due, max(due, not_before or due)) for due, not_before in rows if due is not None]
    return Looks(
        waiting=min((may for due, may in moments if due <= now), default=None),
        next=min((may for due, may in moments if due > now), default=None),
    )


async def step(db: AsyncConnection) -> datetime | None:
    """When an archive job may take its next step that is no submission."""
    return await _first(db, archive_job.c.finished_at.is_(None), ~_submits())


async def submission(db: AsyncConnection) -> datetime | None:
    """When a page is to be submitted to archive.org, as far as its own job goes."""
    return await _first(db, archive_job.c.finished_at.is_(None), _submits())


def _submits() -> ColumnElement[bool]:
    job = archive_job.c
    return (job.state == JobState.QUEUED) & func.coalesce(job.code, "look-up-unknown").not_in(LOOK_UP_FIRST)


async def picture(db: AsyncConnection) -> datetime | None:
    """When a copy that was kept wants its pictures."""
    return await _moment(db, select(func.min(snapshot.c.pictures_due)))


async def mail(db: AsyncConnection) -> datetime | None:
    """When the next mail is to be sent."""
    return await _moment(db, select(func.min(outbox.c.not_before)).where(outbox.c.state == MailState.QUEUED))


async def news(db: AsyncConnection, after: int) -> list[Row[Any]]:
    """The changes of status since the one with the id ``after``, each with its link's url and title."""
    statement = select(flip, link.c.url, link.c.title).join_from(flip, link).where(flip.c.id > after)
    return list(await db.execute(statement.order_by(flip.c.id)))


async def _first(db: AsyncConnection, *conditions: ColumnElement[bool]) -> datetime | None:
    return await _moment(db, select(func.min(archive_job.c.not_before)).where(*conditions))


async def _moment(db: AsyncConnection, statement: Select[Any]) -> datetime | None:
    moment: datetime | None = (await db.execute(statement)).scalar()
    return moment
