"""What happened to the links of an account: the best known sign of what happens to the others."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, CursorResult, Select, and_, bindparam, case, func, select

from monitor.model import Status
from monitor.policy import Account
from monitor.policy.risk import YEAR
from monitor.store.sql import chunks, days, one_of
from monitor.store.tables import UtcDateTime, link

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

YEAR_DAYS = YEAR.days


def born() -> ColumnElement[datetime]:
    """When a page was published, else when its link was added."""
    return func.coalesce(link.c.published_at, link.c.added_at)


async def accounts(db: AsyncConnection, names: Collection[str], *, now: datetime) -> dict[str, Account]:
    """What had happened by ``now`` to the links of the accounts called ``names``."""
    found: dict[str, Account] = {}
    for part in chunks(sorted(names)):
        rows = await db.execute(_lives(db.dialect.name, every=False), {"now": now, "names": part})
        found |= _found(rows)
    return found


async def all_accounts(db: AsyncConnection, now: datetime) -> dict[str, Account]:
    """What had happened by ``now`` to the links of every account."""
    return _found(await db.execute(_lives(db.dialect.name, every=True), {"now": now}))


@cache
def _lives(dialect: str, *, every: bool) -> Select[Any]:
    """A link has lived from its birth to the last time it was seen alive, as far as that was by ``now``."""
    now = bindparam("now", type_=UtcDateTime())
    which = link.c.account.is_not(None) if every else link.c.account.in_(one_of("names"))
    seen = and_(link.c.last_ok_at.is_not(None), born() < now)
    last = case((link.c.last_ok_at > now, now), else_=link.c.last_ok_at)
    lived = case((seen, days(dialect, last) - days(dialect, born())), else_=0.0)
    dead = and_(link.c.status == Status.DEAD, link.c.failing_since <= now)
    unseen = and_(dead, link.c.last_ok_at.is_(None))
    counts = (func.count(), *(func.sum(case((kind, 1), else_=0)) for kind in (dead, seen, unseen)))
    return (
        select(link.c.account, *counts, func.sum(lived))
        .where(which, link.c.added_at <= now)
        .group_by(link.c.account)
    )


def _found(rows: CursorResult[Any]) -> dict[str, Account]:
    return {
        name: Account.lived(
            links=links,
            dead=int(died),
            seen=int(alive),
            unseen=int(never),
            seen_years=max(0.0, total) / YEAR_DAYS,
        )
        for name, links, died, alive, never, total in (tuple(row) for row in rows)
    }
