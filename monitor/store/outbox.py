"""Outgoing mail as rows: put in once, claimed under a lease, marked when the server has taken it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from sqlalchemy import ColumnElement, and_, func, or_, select, update

from monitor.store.sql import insert_new
from monitor.store.tables import outbox

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection


class Kind(StrEnum):
    WEEKLY = "weekly"
    ONCE = "once"  # asked for by hand


class MailState(StrEnum):
    QUEUED = "queued"
    SENT = "sent"
    GIVEN_UP = "given_up"


@dataclass(frozen=True, slots=True)
class Mail:
    """A claimed mail. ``attempts`` counts this one, too."""

    id: int
    subject: str
    message: bytes
    created_at: datetime
    attempts: int


async def put(
    db: AsyncConnection, *, kind: Kind, period: str, subject: str, message: bytes, now: datetime
) -> bool:
    """Queue a mail, due at once.

    :returns: False when there is one of this kind and period already.
    """
    row = {
        "kind": kind,
        "period": period,
        "subject": subject,
        "message": message,
        "state": MailState.QUEUED,
        "created_at": now,
        "not_before": now,
    }
    # of an INSERT whose row it makes known, psycopg's count says nothing
    queued = insert_new(db, outbox).values(row).returning(outbox.c.id)
    return (await db.execute(queued)).first() is not None


async def find(db: AsyncConnection, kind: Kind, period: str) -> int | None:
    """The mail of this kind and period; None when none was ever queued."""
    statement = select(outbox.c.id).where(outbox.c.kind == kind, outbox.c.period == period)
    return (await db.execute(statement)).scalar()


async def last_created(db: AsyncConnection, kind: Kind) -> datetime | None:
    """When the newest mail of this kind was composed."""
    statement = select(outbox.c.created_at).where(outbox.c.kind == kind)
    return (await db.execute(statement.order_by(outbox.c.created_at.desc()).limit(1))).scalar()


def _due(now: datetime) -> ColumnElement[bool]:
    return and_(
        outbox.c.state == MailState.QUEUED,
        outbox.c.not_before <= now,
        or_(outbox.c.lease_until.is_(None), outbox.c.lease_until <= now),
    )


async def next_due(db: AsyncConnection, now: datetime) -> int | None:
    """The mail to send next, oldest first; None when nothing is due."""
    statement = select(outbox.c.id).where(_due(now)).order_by(outbox.c.not_before, outbox.c.id).limit(1)
    return (await db.execute(statement)).scalar()


async def claim(
    db: AsyncConnection, mail_id: int, worker: str, *, now: datetime, lease_until: datetime
) -> Mail | None:
    """Take a due mail for ``worker``; None when another was faster."""
    statement = (
        update(outbox)
        .where(outbox.c.id == mail_id, _due(now))
        .values(leased_by=worker, lease_until=lease_until, attempts=outbox.c.attempts + 1)
        .returning(outbox.c.subject, outbox.c.message, outbox.c.created_at, outbox.c.attempts)
    )
    row = (await db.execute(statement)).first()
    return Mail(mail_id, *row) if row else None


async def finish(
    db: AsyncConnection,
    mail_id: int,
    worker: str,
    state: MailState,
    *,
    at: datetime,
    error: str | None = None,
) -> bool:
    """Give back the lease with the result of an attempt.

    :param at: when it was sent or given up; when to try again if it stays queued.
    :returns: False when ``worker`` does not hold the mail any more; then nothing is changed.
    """
    held = and_(outbox.c.id == mail_id, outbox.c.leased_by == worker, outbox.c.state == MailState.QUEUED)
    when = "sent_at" if state is MailState.SENT else "not_before"
    values = {"state": state, "error": error, "leased_by": None, "lease_until": None, when: at}
    return (await db.execute(update(outbox).where(held).values(values))).rowcount == 1


async def given_up(db: AsyncConnection, since: datetime, until: datetime) -> list[tuple[str, str]]:
    """Subject and error of the weekly mails given up in ``[since, until)``."""
    statement = select(outbox.c.subject, outbox.c.error).where(
        outbox.c.kind == Kind.WEEKLY,
        outbox.c.state == MailState.GIVEN_UP,
        outbox.c.not_before >= since,
        outbox.c.not_before < until,
    )
    return [(row.subject, row.error or "") for row in await db.execute(statement.order_by(outbox.c.id))]


async def forget(db: AsyncConnection, before: datetime) -> int:
    """Drop the content of the mails that were settled and composed before then; that they were sent stays known.

    :returns: how many.
    """
    settled = and_(
        outbox.c.state != MailState.QUEUED, outbox.c.created_at < before, func.length(outbox.c.message) > 0
    )
    return (await db.execute(update(outbox).where(settled).values(message=b""))).rowcount
