"""Which links want a copy at the Wayback Machine, and how urgently."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import ColumnElement, and_, case, exists, func, or_, select

from monitor.model import COUNTS, Status
from monitor.store.archives import WAYBACK, Danger, opted_out
from monitor.store.tables import archive_job, link, snapshot

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

YOUNG = timedelta(days=30)
RENEWED_AT_MOST_EVERY = timedelta(days=3)


async def wanting(
    db: AsyncConnection, *, now: datetime, limit: int | None = None, exclude_hosts: Sequence[str] = ()
) -> list[tuple[int, str, int]]:
    """Links that have no verified copy at the Wayback Machine and nobody asking for one, most urgent first; and
    those whose article changed much since the last job.

    A link nobody has looked at yet waits; so does one whose last job ended without a change since, until that
    job's ``not_before``. Links of lists that keep out of archives, and of ``exclude_hosts`` and hosts below
    them, are left out.

    :returns: id, URL, danger.
    """
    danger = _danger(now).label("danger")
    statement = (
        select(link.c.id, link.c.url, danger)
        .where(link.c.watched, ~link.c.ignored, or_(link.c.status != Status.PENDING, link.c.looks > 0))
        .where(or_(and_(~_covered(), ~_asked(now)), _outdated(now)), ~opted_out())
        .where(*(~_host_is(name) for name in exclude_hosts))
        .order_by(danger, link.c.id)
        .limit(limit)
    )
    return [(row[0], row[1], row[2]) for row in await db.execute(statement)]


def _covered() -> ColumnElement[bool]:
    return exists().where(
        snapshot.c.link_id == link.c.id, snapshot.c.archive == WAYBACK, snapshot.c.grade.in_(COUNTS)
    )


def _asked(now: datetime) -> ColumnElement[bool]:
    job = archive_job.c
    still_valid = and_(job.finished_at >= link.c.since, job.not_before > now)
    return exists().where(
        job.link_id == link.c.id, job.archive == WAYBACK, or_(job.finished_at.is_(None), still_valid)
    )


def _outdated(now: datetime) -> ColumnElement[bool]:
    """Alive, and no job has begun since it changed much, nor in the last days: the new copy is asked for once."""
    job = archive_job.c
    since = exists().where(
        job.link_id == link.c.id,
        job.archive == WAYBACK,
        or_(
            job.finished_at.is_(None),
            job.created_at >= link.c.changed_at,
            job.created_at > now - RENEWED_AT_MOST_EVERY,
        ),
    )
    return and_(link.c.status == Status.ALIVE, link.c.changed_at.is_not(None), ~since)


def _host_is(name: str) -> ColumnElement[bool]:
    return or_(link.c.host == name.lower(), link.c.host.endswith(f".{name.lower()}", autoescape=True))


def _danger(now: datetime) -> ColumnElement[int]:
    mate = link.alias("mate")
    # asked once for all links: which accounts have lost a page
    bereft = select(mate.c.account).where(mate.c.status == Status.DEAD, mate.c.account.is_not(None))
    dead_mate = link.c.account.in_(bereft)
    looked_up = exists().where(archive_job.c.link_id == link.c.id, archive_job.c.archive == WAYBACK)
    born = func.coalesce(link.c.published_at, link.c.added_at)
    return case(
        (link.c.status == Status.SUSPECT, Danger.SUSPECT),
        (and_(link.c.status == Status.DEAD, ~looked_up), Danger.DEAD),
        (link.c.at_risk, Danger.AT_RISK),
        (and_(link.c.status != Status.DEAD, born > now - YOUNG), Danger.YOUNG),
        (and_(link.c.status != Status.DEAD, dead_mate), Danger.DEAD_MATE),
        else_=Danger.OTHER,
    )


async def overtaken(db: AsyncConnection) -> dict[Danger, list[int]]:
    """Open jobs of links that came into danger since they were queued, by their new danger."""
    suspect = link.c.status == Status.SUSPECT
    now = case((suspect, Danger.SUSPECT), else_=Danger.AT_RISK)
    statement = (
        select(archive_job.c.id, now)
        .join_from(archive_job, link)
        .where(or_(suspect, link.c.at_risk), archive_job.c.finished_at.is_(None), archive_job.c.danger > now)
    )
    moved: dict[Danger, list[int]] = {}
    for row in await db.execute(statement):
        moved.setdefault(Danger(row[1]), []).append(row[0])
    return moved
