"""When each job of the daemon has something to do next, read from the database that tells the daemon itself."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, ScalarSelect, and_, bindparam, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from monitor.store.archives import LOOK_UP_FIRST, JobState
from monitor.store.outbox import MailState
from monitor.store.tables import archive_job, flip, host, link, outbox, pace, snapshot


@dataclass(frozen=True, slots=True)
class Due:
    """When there is something to do; None: never.

    ``waiting``: when a host may be asked that has links due now; ``look``: when another link is due; ``step``: when an
    archive job may take a step that is no submission, ``submission``: when one may that is, as far as the job goes;
    ``picture``: when a copy wants its pictures; ``mail``: when the next mail is to be sent.
    """

    waiting: datetime | None
    look: datetime | None
    step: datetime | None
    submission: datetime | None
    picture: datetime | None
    mail: datetime | None


def _first_job(*, submits: bool) -> ScalarSelect[Any]:
    job = archive_job.c
    is_one = (job.state == JobState.QUEUED) & func.coalesce(job.code, "look-up-unknown").not_in(LOOK_UP_FIRST)
    of_kind = is_one if submits else ~is_one
    return select(func.min(job.not_before)).where(job.finished_at.is_(None), of_kind).scalar_subquery()


_first_look = (
    select(link.c.next_check_at)
    .where(link.c.host == host.c.host, link.c.next_check_at.is_not(None), link.c.watched, ~link.c.ignored)
    .order_by(link.c.next_check_at)
    .limit(1)
    .correlate(host)
    .scalar_subquery()
)
# made once: they are asked at each moment of a year
_LOOKS = select(_first_look, pace.c.not_before).select_from(
    host.outerjoin(pace, and_(pace.c.host == host.c.host, pace.c.vantage == bindparam("vantage")))
)
_OTHERS = select(
    _first_job(submits=False).label("step"),
    _first_job(submits=True).label("submission"),
    select(func.min(snapshot.c.pictures_due)).scalar_subquery().label("picture"),
    select(func.min(outbox.c.not_before))
    .where(outbox.c.state == MailState.QUEUED)
    .scalar_subquery()
    .label("mail"),
)
_NEWS = (
    select(flip, link.c.url, link.c.title)
    .join_from(flip, link)
    .where(flip.c.id > bindparam("after"))
    .order_by(flip.c.id)
)


async def due(db: AsyncConnection, *, vantage: str, now: datetime) -> Due:
    """When each job has something to do next."""
    rows = await db.execute(_LOOKS, {"vantage": vantage})
    moments = [(first, max(first, not_before or first)) for first, not_before in rows if first is not None]
    others = (await db.execute(_OTHERS)).one()
    return Due(
        waiting=min((may for first, may in moments if first <= now), default=None),
        look=min((may for first, may in moments if first > now), default=None),
        step=others.step,
        submission=others.submission,
        picture=others.picture,
        mail=others.mail,
    )


async def news_since(db: AsyncConnection, after: int) -> list[Row[Any]]:
    """The changes of status since the one with the id ``after``, each with its link's url and title."""
    return list(await db.execute(_NEWS, {"after": after}))
