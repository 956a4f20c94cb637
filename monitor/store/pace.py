"""The pace of each host, kept so that a restart does not hurry anybody."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from monitor.policy.belief import Crowd
from monitor.policy.pace import HostPace
from monitor.store.sql import insert
from monitor.store.tables import pace

KEPT = ("not_before", "spacing_s", "walls", "looks_since_wall")


async def get(db: AsyncConnection, host: str, *, vantage: str, now: datetime) -> HostPace:
    """The host's pace; a host never asked may be asked at once."""
    row = (await db.execute(select(pace).where(pace.c.host == host, pace.c.vantage == vantage))).first()
    if row is None:
        return HostPace(host, not_before=now)
    answers = Crowd(row.recent, row.outage_since)
    return HostPace(host, **{name: getattr(row, name) for name in KEPT}, answers=answers)


async def put(db: AsyncConnection, paces: Iterable[HostPace], *, vantage: str) -> None:
    rows = [
        {
            "host": one.host,
            "vantage": vantage,
            **{name: getattr(one, name) for name in KEPT},
            "recent": one.answers.recent,
            "outage_since": one.answers.since,
        }
        for one in paces
    ]
    if rows:
        statement = insert(db, pace)
        news = {name: statement.excluded[name] for name in (*KEPT, "recent", "outage_since")}
        await db.execute(
            statement.on_conflict_do_update(index_elements=[pace.c.host, pace.c.vantage], set_=news), rows
        )
