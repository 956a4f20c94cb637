"""The four numbers and what stands behind them, counted now and kept once a day."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import ColumnElement, case, func, select

from monitor.model import Status
from monitor.store.sql import insert
from monitor.store.tables import link, tally

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection


@dataclass(frozen=True, slots=True)
class Tally:
    """How many links there are of each kind; only links that are watched and not ignored count.

    The statuses add up to ``links``, and so do ``safe`` (not dead, verified copy), ``exposed`` (not dead, no
    such copy), ``rescued`` (dead, verified copy) and ``lost`` (dead, no such copy).
    """

    links: int = 0
    pending: int = 0
    alive: int = 0
    suspect: int = 0
    dead: int = 0
    blind: int = 0
    at_risk: int = 0
    safe: int = 0
    exposed: int = 0
    rescued: int = 0
    lost: int = 0


async def count(db: AsyncConnection, chosen: ColumnElement[bool] | None = None) -> Tally:
    """The numbers as they are now; of ``chosen`` links, else of all that count."""
    copied = case((link.c.copy_id.is_not(None), 1), else_=0)
    at_risk = case((link.c.at_risk, 1), else_=0)
    rows = await db.execute(
        select(link.c.status, func.count(), func.sum(copied), func.sum(at_risk))
        .where(link.c.watched & ~link.c.ignored if chosen is None else chosen)
        .group_by(link.c.status)
    )
    numbers = dict.fromkeys(Tally.__dataclass_fields__, 0)
    for status, links, copies, endangered in rows:
        dead = status == Status.DEAD
        numbers["links"] += links
        numbers[status] += links
        numbers["at_risk"] += 0 if dead else endangered
        numbers["rescued" if dead else "safe"] += copies
        numbers["lost" if dead else "exposed"] += links - copies
    return Tally(**numbers)


async def record(db: AsyncConnection, numbers: Tally, now: datetime) -> None:
    """Keep the numbers as those of this day (UTC); the day's last count stays."""
    values = asdict(numbers)
    statement = insert(db, tally).values(day=now.date().isoformat(), **values)
    await db.execute(statement.on_conflict_do_update(index_elements=[tally.c.day], set_=values))


async def around(db: AsyncConnection, moment: datetime) -> Tally | None:
    """The numbers as they were at ``moment``: of the day that ended nearest to it, or before; None when nothing
    was counted yet."""
    day = (moment - timedelta(hours=12)).date().isoformat()
    columns = [tally.c[name] for name in Tally.__dataclass_fields__]
    statement = select(*columns).where(tally.c.day <= day).order_by(tally.c.day.desc()).limit(1)
    row = (await db.execute(statement)).mappings().first()
    return Tally(**row) if row else None
