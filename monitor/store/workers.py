"""The daemons that share the list: who runs, from where, since when; told by each of itself every few seconds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import Row, delete, select

from monitor.store.sql import insert
from monitor.store.tables import worker

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

LIVE = timedelta(minutes=2)  # one not heard of for longer has ended, or cannot reach the database
FORGOTTEN = timedelta(days=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class Worker:
    """A daemon. ``roles``: comma-separated; ``vantage``: the place its looks are made from."""

    name: str
    machine: str
    vantage: str
    roles: str
    version: str
    started_at: datetime


async def tell(db: AsyncConnection, one: Worker, now: datetime) -> None:
    """A sign of life of this daemon; forgets those that ended long ago."""
    statement = insert(db, worker).values(**asdict(one), seen_at=now)
    await db.execute(statement.on_conflict_do_update(index_elements=[worker.c.name], set_={"seen_at": now}))
    await db.execute(delete(worker).where(worker.c.seen_at < now - FORGOTTEN))


async def leave(db: AsyncConnection, name: str) -> None:
    """This daemon ends in order."""
    await db.execute(delete(worker).where(worker.c.name == name))


async def live(db: AsyncConnection, now: datetime) -> Sequence[Row[Any]]:
    """The daemons that run, oldest first."""
    heard = select(worker).where(worker.c.seen_at > now - LIVE)
    return (await db.execute(heard.order_by(worker.c.started_at, worker.c.name))).all()


async def other_vantages(db: AsyncConnection, vantage: str, now: datetime) -> frozenset[str]:
    """The other places that links are looked at from now."""
    looking = select(worker.c.vantage).where(
        worker.c.vantage != vantage, worker.c.seen_at > now - LIVE, worker.c.roles.contains("check")
    )
    return frozenset((await db.execute(looking)).scalars())


async def machines(db: AsyncConnection, now: datetime) -> frozenset[str]:
    """The machines that daemons run on."""
    return frozenset(
        (await db.execute(select(worker.c.machine).where(worker.c.seen_at > now - LIVE))).scalars()
    )
