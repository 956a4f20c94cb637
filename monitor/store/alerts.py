"""What the messages between the mails are made of, and how far they have got: one row of the table ``service``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select

from monitor.model import Status
from monitor.store import service
from monitor.store.tables import flip, link, snapshot

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

NAME = "alerts"
SETTLED = timedelta(minutes=1)  # by then a transaction that began before a later one has ended, too


@dataclass(frozen=True, slots=True)
class Death:
    """A link that died and is dead still. Title, URL and ``copy_url`` are hostile."""

    flip_id: int
    url: str
    title: str
    at: datetime
    reason: str
    copy_url: str | None


async def newest_flip(db: AsyncConnection) -> int:
    """The id of the last change of status; 0 before the first."""
    return (await db.execute(select(func.max(flip.c.id)))).scalar() or 0


async def deaths(db: AsyncConnection, *, after: int, now: datetime) -> Sequence[Death]:
    """Deaths later than the change with the id ``after``, in the order of their ids.

    None is passed over: ids are given before a transaction ends, so the first change that is younger than
    :data:`SETTLED` ends the row, and the rest comes the next time.
    """
    turned = await db.execute(
        select(flip.c.id, flip.c.at, flip.c.link_id)
        .where(flip.c.id > after, flip.c.new == Status.DEAD)
        .order_by(flip.c.id)
    )
    settled: list[int] = []
    for row in turned:
        if row.at > now - SETTLED:
            break
        settled.append(row.id)
    if not settled:
        return ()
    rows = await db.execute(
        select(
            flip.c.id, link.c.url, link.c.title, flip.c.at, flip.c.reason, snapshot.c.url.label("copy_url")
        )
        .select_from(
            flip.join(link, link.c.id == flip.c.link_id).outerjoin(snapshot, snapshot.c.id == link.c.copy_id)
        )
        .where(
            flip.c.id > after,
            flip.c.id <= settled[-1],
            flip.c.new == Status.DEAD,
            link.c.status == Status.DEAD,
            link.c.watched,
            ~link.c.ignored,
        )
        .order_by(flip.c.id)
    )
    return [Death(*row) for row in rows]


async def read(db: AsyncConnection) -> dict[str, Any] | None:
    """What was kept; None before the first time."""
    row = await service.get(db, NAME)
    return row.data if row else None


async def keep(
    db: AsyncConnection, data: dict[str, Any], *, failures: int, note: str | None, now: datetime
) -> None:
    """``failures`` and ``note``: what ``status``, mail and doctor tell of messages that do not get through."""
    await service.put(db, NAME, now=now, failures=failures, note=note, data=data)
