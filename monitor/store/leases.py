"""What a process that is no more still holds: given back at once instead of at the end of its leases."""

from __future__ import annotations

import os
import secrets
import socket
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from monitor.store.engine import Store
from monitor.store.links import hurry_hosts
from monitor.store.tables import archive_job, link, outbox

LEASED = (link, archive_job, outbox)


def machine_name() -> str:
    return socket.gethostname()[:30]


def worker_name() -> str:
    """Who holds a lease: this process and no other, not even its successor with the same pid."""
    return f"{machine_name()}:{os.getpid()}:{secrets.token_hex(4)}"


def _runs(pid: int) -> bool:
    """Whether a process with that id runs on this machine."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:  # it is another user's
        return True
    return True


async def free_those_of_the_dead(store: Store, now: datetime) -> int:
    """End the leases of workers of this machine whose process is gone; a doubtful one keeps them until they end.

    :returns: how many such workers there were.
    """
    async with store.write() as db:
        dead = [name for name in await _holders(db, machine_name()) if not _runs(_pid(name))]
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
