"""What registries told of the domains that ordinary sites stand on, and the pages that such news concerns."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import ColumnElement, or_, select, update

from monitor.model import Status
from monitor.platforms import generic
from monitor.policy import Registration
from monitor.store.links import hurry_hosts
from monitor.store.sql import chunks, insert, one_of
from monitor.store.tables import domain, link

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection


async def hosts(db: AsyncConnection) -> list[str]:
    """The hosts of ordinary sites that have watched links which are not dead."""
    wanted = (link.c.platform == generic.NAME, link.c.watched, ~link.c.ignored, link.c.status != Status.DEAD)
    return list((await db.execute(select(link.c.host).where(*wanted).distinct())).scalars())


async def due(db: AsyncConnection, names: Collection[str], now: datetime) -> list[str]:
    """Those of ``names`` to ask about: first those never asked about, then those due longest."""
    asked: dict[str, datetime] = {}
    for part in chunks(sorted(names)):
        rows = await db.execute(select(domain.c.name, domain.c.ask_at).where(domain.c.name.in_(part)))
        asked |= {row.name: row.ask_at for row in rows}
    new = sorted(names - asked.keys())
    return new + sorted((name for name, at in asked.items() if at <= now), key=lambda name: asked[name])


async def known(db: AsyncConnection, names: Collection[str]) -> dict[str, Registration]:
    """What registries told of the domains called ``names``, or that these hosts stand on, by name or host."""
    above = {name: _above(name) for name in names}
    told: dict[str, Registration] = {}
    for part in chunks(sorted({one for ones in above.values() for one in ones})):
        for row in await db.execute(_ANSWERED, {"names": part}):
            told[row.name] = Registration(row.answered_at, row.expires_at, frozenset(row.statuses or ()))
    nearest = {name: next((one for one in ones if one in told), None) for name, ones in above.items()}
    return {name: told[found] for name, found in nearest.items() if found}


_ANSWERED = select(domain).where(domain.c.name.in_(one_of("names")), domain.c.answered_at.is_not(None))


def _above(host: str) -> list[str]:
    """The host and all names above it but its last label."""
    labels = host.split(".")
    return [".".join(labels[start:]) for start in range(len(labels) - 1)]


async def put(db: AsyncConnection, name: str, told: Registration, *, ask_at: datetime) -> None:
    """Keep what a registry told."""
    values = {
        "expires_at": told.expires_at,
        "statuses": sorted(told.statuses),
        "answered_at": told.answered_at,
        "ask_at": ask_at,
    }
    await _put(db, [name], values)


async def put_off(db: AsyncConnection, names: Sequence[str], ask_at: datetime) -> None:
    """Ask about domains later: what was known of them stays."""
    await _put(db, names, {"ask_at": ask_at})


async def _put(db: AsyncConnection, names: Sequence[str], values: Mapping[str, object]) -> None:
    statement = insert(db, domain).on_conflict_do_update(index_elements=[domain.c.name], set_=values)
    await db.execute(statement, [{"name": name, **values} for name in names])


async def hurry(
    db: AsyncConnection, name: str, soon: datetime, *, unless: ColumnElement[bool] | None = None
) -> int:
    """There is news of a site: look at its living links, and those of all hosts below, by ``soon``.

    :returns: how many were to be looked at later.
    """
    there = or_(link.c.host == name, link.c.host.endswith(f".{name}", autoescape=True))
    alive = (link.c.watched, ~link.c.ignored, link.c.status == Status.ALIVE)
    wanted = [there, *alive, link.c.next_check_at > soon]
    if unless is not None:
        wanted.append(~unless)
    moved = await db.execute(
        update(link)
        .where(*wanted)
        .values(next_check_at=soon, why_then={"rule": "site"})
        .returning(link.c.host)
    )
    found = [row.host for row in moved]
    await hurry_hosts(db, set(found), soon)
    return len(found)
