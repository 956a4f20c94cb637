"""Leases: who holds what for how long, what one worker does for all, and what the dead still hold."""

from __future__ import annotations

import hashlib
import os
import secrets
import socket
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import delete, or_, select, update

from monitor.store.engine import Store
from monitor.store.links import hurry_hosts
from monitor.store.sql import insert
from monitor.store.tables import archive_job, link, outbox, turn, worker

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

LEASED = (link, archive_job, outbox, turn)


@cache
def machine_name() -> str:
    """Where a process id means what it means here.

    Two containers may have the same host name: the boot and the namespace of process ids tell them apart, or one
    would take the other's workers for dead.
    """
    signs = []
    for sign in ("/proc/sys/kernel/random/boot_id", "/proc/self/ns/pid"):
        path = Path(sign)
        try:
            signs.append(str(path.readlink()) if path.is_symlink() else path.read_text(encoding="ascii"))
        except OSError:  # no Linux, or hidden by a sandbox
            continue
    digest = hashlib.sha256("".join(signs).encode()).hexdigest()[:8]
    return f"{socket.gethostname()[:24]}.{digest}"


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
        dead = [name for name in sorted(await _holders(db, machine_name())) if not _runs(_pid(name))]
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
            await db.execute(delete(worker).where(worker.c.name == name))
    return len(dead)


async def _holders(db: AsyncConnection, machine: str) -> set[str]:
    names = set((await db.execute(select(worker.c.name))).scalars())
    for table in LEASED:
        held = select(table.c.leased_by).where(table.c.lease_until.is_not(None)).distinct()
        names |= set((await db.execute(held)).scalars())
    return {name for name in names if name and name.rsplit(":", 2)[0] == machine}


def _pid(name: str) -> int:
    return int(name.rsplit(":", 2)[1])


async def take_turn(store: Store, name: str, *, holder: str, now: datetime, until: datetime) -> bool:
    """Be the one worker that does ``name`` for all, or go on being it.

    :param until: when another may take over unless the turn is taken again by then: its holder died.
    :returns: False while another worker has it.
    """
    async with store.write() as db:
        statement = insert(db, turn).values(name=name, leased_by=holder, lease_until=until)
        mine = or_(turn.c.leased_by == holder, turn.c.lease_until.is_(None), turn.c.lease_until <= now)
        taken = statement.on_conflict_do_update(
            index_elements=[turn.c.name], set_={"leased_by": holder, "lease_until": until}, where=mine
        ).returning(turn.c.name)
        return (await db.execute(taken)).first() is not None


async def keep_turns(db: AsyncConnection, holder: str, *, now: datetime, until: datetime) -> None:
    """Go on with the turns that ``holder`` has."""
    held = (turn.c.leased_by == holder, turn.c.lease_until > now)
    await db.execute(update(turn).where(*held).values(lease_until=until))


async def end_turns(db: AsyncConnection, holder: str) -> None:
    """Let others do what this worker did for all."""
    await db.execute(update(turn).where(turn.c.leased_by == holder).values(leased_by=None, lease_until=None))
