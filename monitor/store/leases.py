"""What a process that is no more still holds: given back at once instead of at the end of its leases."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from monitor.store.engine import Store
from monitor.store.links import hurry_hosts
from monitor.store.tables import archive_job, link, outbox

LEASED = (link, archive_job, outbox)


async def free_those_of_the_dead(
    store: Store, machine: str, is_alive: Callable[[int], bool], now: datetime
) -> int:
    """End the leases of workers of this machine whose process is gone.

    :param machine: the first part of the names of its workers, which are ``machine:pid:…``.
    :param is_alive: whether a process with that id runs here; a doubtful one keeps its leases until they end.
    :returns: how many such workers there were.
    """
    async with store.write() as db:
        names = await _holders(db, machine)
        dead = [name for name in names if not is_alive(_pid(name))]
        for name in dead:
            freed = await db.execute(
                update(link)
                .where(link.c.leased_by == name, link.c.lease_until.is_not(None))
                .values(leased_by=None, lease_until=None)
                .returning(link.c.host)
            )
            await hurry_hosts(db, {row.host for row in freed}, now)
            for table in LEASED[1:]:
                await db.execute(
                    update(table).where(table.c.leased_by == name).values(leased_by=None, lease_until=None)
                )
    return len(dead)


async def _holders(db: AsyncConnection, machine: str) -> set[str]:
    names: set[str] = set()
    for table in LEASED:
        held = select(table.c.leased_by).where(table.c.lease_until.is_not(None)).distinct()
        names |= set((await db.execute(held)).scalars())
    return {name for name in names if name and name.rsplit(":", 2)[0] == machine}


def _pid(worker: str) -> int:
    return int(worker.rsplit(":", 2)[1])
