"""What the web page, the feed and the metrics read beyond ``overview``: the newest changes, and the pulse."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, case, func, select

from monitor.model import Status
from monitor.store.report import Copy
from monitor.store.tables import archive_job, flip, link, snapshot

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

_WATCHED = (link.c.watched, ~link.c.ignored)
_COPY = (
    snapshot.c.url.label("copy_url"),
    snapshot.c.archive.label("copy_archive"),
    snapshot.c.captured_at.label("copy_at"),
)
_LINK_AND_COPY = link.outerjoin(snapshot, snapshot.c.id == link.c.copy_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Turned:
    """A link that came to a status at ``at`` and is there still. Title, URL and evidence are hostile."""

    url: str
    title: str
    at: datetime
    reason: str | None
    evidence: str
    copy: Copy | None


@dataclass(frozen=True, slots=True, kw_only=True)
class News(Turned):
    """One change of status; ``copy`` is what there is now."""

    old: str
    new: str


async def turned(
    db: AsyncConnection, status: Status, *, since: datetime, limit: int
) -> tuple[list[Turned], int]:
    """The links that came to ``status`` after ``since``, those without a copy first, then newest first; and how
    many there are in all."""
    chosen = (*_WATCHED, link.c.status == status, link.c.since > since)
    total = (await db.execute(select(func.count()).select_from(link).where(*chosen))).scalar_one()
    statement = (
        select(link.c.url, link.c.title, link.c.since.label("at"), link.c.reason, link.c.evidence, *_COPY)
        .select_from(_LINK_AND_COPY)
        .where(*chosen)
        .order_by(case((link.c.copy_id.is_(None), 0), else_=1), link.c.since.desc(), link.c.id)
        .limit(limit)
    )
    return [Turned(**_fields(row)) for row in await db.execute(statement)], int(total)


async def news(db: AsyncConnection, limit: int) -> list[News]:
    """The newest changes of status, newest first. That a link was found alive at its first look is no news."""
    first_look = and_(flip.c.old == Status.PENDING, flip.c.new == Status.ALIVE)
    statement = (
        select(
            link.c.url,
            link.c.title,
            flip.c.at,
            flip.c.reason,
            flip.c.evidence,
            flip.c.old,
            flip.c.new,
            *_COPY,
        )
        .select_from(flip.join(_LINK_AND_COPY, link.c.id == flip.c.link_id))
        .where(*_WATCHED, ~first_look)
        .order_by(flip.c.at.desc(), flip.c.id.desc())
        .limit(limit)
    )
    return [News(**_fields(row), old=row.old, new=row.new) for row in await db.execute(statement)]


def _fields(row: Any) -> dict[str, Any]:
    copy = Copy(row.copy_url, row.copy_archive, row.copy_at) if row.copy_url else None
    return {
        "url": row.url,
        "title": row.title,
        "at": row.at,
        "reason": row.reason,
        "evidence": row.evidence or "",
        "copy": copy,
    }


async def last_look(db: AsyncConnection) -> datetime | None:
    """When a link was last looked at; None before the first look."""
    moment: datetime | None = (await db.execute(select(func.max(link.c.last_checked_at)))).scalar()
    return moment


async def jobs(db: AsyncConnection) -> dict[tuple[str, str], int]:
    """How many archive jobs there are, by archive and state."""
    kind = (archive_job.c.archive, archive_job.c.state)
    rows = await db.execute(select(*kind, func.count()).group_by(*kind))
    return {(archive, state): count for archive, state, count in rows}
