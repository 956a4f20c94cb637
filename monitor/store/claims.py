"""Claiming links that are due, host by host, under leases.

``host.due_at`` is never later than the earliest due link of that host, so that finding work costs as much as
there are hosts to ask, not as there are links. A lease has an end: what a killed worker held comes back.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, case, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from monitor.model import Status
from monitor.policy import Account, State
from monitor.policy.risk import YEAR
from monitor.store.engine import Store
from monitor.store.links import hurry_hosts
from monitor.store.sql import chunks
from monitor.store.tables import host, link, pace

STATE_COLUMNS = [field.name for field in fields(State)]
WINDOW = 200  # due links that are weighed against each other
FIRST_LOOK = timedelta(hours=6)  # a link never looked at is as urgent as one that is due this often


@dataclass(frozen=True, slots=True)
class Due:
    """A link claimed for a look, with what is known of it."""

    id: int
    url: str
    platform: str
    host: str
    account: str | None
    title: str
    added_at: datetime
    published_at: datetime | None
    state: State
    looks: int
    sketch: bytes | None
    span_id: int | None
    last: tuple[str | None, str | None, str | None]  # outcome, reason, rule of the last look
    mates: Account
    alone: bool  # no other link of its host is watched


async def ready_hosts(
    db: AsyncConnection,
    *,
    vantage: str,
    now: datetime,
    busy: Collection[str],
    limit: int,
    among: Collection[str] | None = None,
) -> list[str]:
    """Hosts that have due links and may be asked now, longest due first; not those in ``busy``."""
    asked = and_(pace.c.host == host.c.host, pace.c.vantage == vantage)
    statement = (
        select(host.c.host)
        .outerjoin(pace, asked)
        .where(host.c.due_at <= now, or_(pace.c.not_before.is_(None), pace.c.not_before <= now))
        .order_by(host.c.due_at)
        .limit(limit + len(busy))
    )
    if among is not None:
        statement = statement.where(host.c.host.in_(among))
    names = (await db.execute(statement)).scalars()
    return [name for name in names if name not in busy][:limit]


async def claim(
    store: Store,
    name: str,
    *,
    worker: str,
    now: datetime,
    limit: int,
    lease: timedelta,
    only: Collection[int] | None = None,
) -> list[Due]:
    """Claim due links of one host, most urgent first; sets when the host is worth asking again.

    :param lease: how long they are this worker's unless it renews them; one that dies loses them then.
    :param only: the ids of the links to choose from.
    """
    async with store.write() as db:
        # nobody may make the host due between our reading of its links and our writing of when it is due
        await db.execute(select(host.c.host).where(host.c.host == name).with_for_update())
        ids = await _most_urgent(db, name, now=now, limit=limit, only=only)
        rows = (
            await db.execute(
                update(link)
                .where(link.c.id.in_(ids), _free(now))
                .values(leased_by=worker, lease_until=now + lease)
                .returning(link)
            )
        ).all()
        await db.execute(update(host).where(host.c.host == name).values(due_at=await _due_at(db, name)))
        mates = await accounts(db, {row.account for row in rows if row.account})
        others = await db.execute(select(link.c.id).where(link.c.host == name, link.c.watched).limit(2))
        alone = len(others.all()) < 2
    order = {link_id: place for place, link_id in enumerate(ids)}
    rows = sorted(rows, key=lambda row: order[row.id])
    return [_due(row, mates.get(row.account, Account()), alone=alone) for row in rows]


def _free(now: datetime) -> ColumnElement[bool]:
    return or_(link.c.lease_until.is_(None), link.c.lease_until <= now)


async def _most_urgent(
    db: AsyncConnection, name: str, *, now: datetime, limit: int, only: Collection[int] | None
) -> list[int]:
    """The ids of a host's due links, the most overdue for their own interval first.

    Chosen among those due longest, and among the newest of those never looked at: lists grow at their end and their
    files are named by date, so the newest are the youngest. The two are counted apart, or a new list of thousands
    would hide the suspects behind it.
    """
    due = select(link.c.id, link.c.last_checked_at, link.c.next_check_at).where(
        link.c.host == name, link.c.next_check_at <= now, _free(now), link.c.watched, ~link.c.ignored
    )
    if only is not None:
        due = due.where(link.c.id.in_(only))
    never = due.where(link.c.looks == 0).order_by(link.c.id.desc())
    again = due.where(link.c.looks > 0).order_by(link.c.next_check_at)
    rows: list[Any] = []
    for kind in (never, again):
        window = kind.limit(limit + WINDOW).with_for_update(skip_locked=True)
        rows += (await db.execute(window)).all()
    rows.sort(key=lambda row: (-_urgency(row, now), -row.id))
    return [row.id for row in rows[:limit]]


def _urgency(row: Any, now: datetime) -> float:
    """The time since the last look in intervals; of a link never looked at, its wait in :data:`FIRST_LOOK`."""
    last: datetime | None = row.last_checked_at
    due: datetime = row.next_check_at
    if last is None:
        return 1 + max(now - due, timedelta(0)) / FIRST_LOOK
    return (now - last) / max(due - last, timedelta(seconds=1))


async def _due_at(db: AsyncConnection, name: str) -> datetime | None:
    """When a host next has work: its earliest free link, or the end of a lease that may not be kept."""
    waiting = (
        select(link.c.next_check_at)
        .where(link.c.host == name, link.c.next_check_at.is_not(None), link.c.lease_until.is_(None))
        .where(link.c.watched, ~link.c.ignored)
        .order_by(link.c.next_check_at)
        .limit(1)
    )
    leased = (
        select(func.min(link.c.lease_until))
        .where(link.c.host == name, link.c.lease_until.is_not(None))
        .where(link.c.watched, ~link.c.ignored)
    )
    moments = [(await db.execute(statement)).scalar() for statement in (waiting, leased)]
    return min((moment for moment in moments if moment is not None), default=None)


async def accounts(db: AsyncConnection, names: Collection[str]) -> dict[str, Account]:
    """What happened to the links of each account."""
    found: dict[str, Account] = {}
    for part in chunks(sorted(names)):
        dead = func.sum(case((link.c.status == Status.DEAD, 1), else_=0))
        statement = (
            select(link.c.account, func.count(), dead, func.sum(link.c.seen_alive_s))
            .where(link.c.account.in_(part))
            .group_by(link.c.account)
        )
        for name, count, died, alive_s in await db.execute(statement):
            found[name] = Account(count, int(died), float(alive_s) / YEAR.total_seconds())
    return found


def _due(row: Row[Any], mates: Account, *, alone: bool) -> Due:
    state = {name: getattr(row, name) for name in STATE_COLUMNS}
    return Due(
        id=row.id,
        url=row.url,
        platform=row.platform,
        host=row.host,
        account=row.account,
        title=row.title,
        added_at=row.added_at,
        published_at=row.published_at,
        state=State(**(state | {"status": Status(row.status)})),
        looks=row.looks,
        sketch=row.sketch,
        span_id=row.span_id,
        last=(row.outcome, row.reason, row.rule),
        mates=mates,
        alone=alone,
    )


async def postpone(store: Store, due: Due, *, worker: str, until: datetime) -> None:
    """Put off a link whose look ended in an error of ours."""
    async with store.write() as db:
        mine = and_(link.c.id == due.id, link.c.leased_by == worker)
        await db.execute(
            update(link).where(mine).values(next_check_at=until, leased_by=None, lease_until=None)
        )
        await hurry_hosts(db, [due.host], until)


async def renew(store: Store, *, worker: str, until: datetime) -> None:
    """Keep all that ``worker`` holds until ``until``."""
    async with store.write() as db:
        held = and_(link.c.lease_until.is_not(None), link.c.leased_by == worker)
        await db.execute(update(link).where(held).values(lease_until=until))


async def next_ready(
    db: AsyncConnection, *, vantage: str, now: datetime, hosts: Collection[str] | None = None
) -> tuple[str, datetime] | None:
    """Among the hosts with links due now, the one that may be asked first, and when; None when nothing is due."""
    asked = and_(pace.c.host == host.c.host, pace.c.vantage == vantage)
    statement = select(host.c.host, pace.c.not_before).outerjoin(pace, asked).where(host.c.due_at <= now)
    if hosts is not None:
        statement = statement.where(host.c.host.in_(hosts))
    waits = [(row.host, max(row.not_before or now, now)) for row in await db.execute(statement)]
    return min(waits, key=lambda wait: wait[1], default=None)


async def count_due(
    db: AsyncConnection, now: datetime, *, only: Mapping[str, frozenset[int]] | None = None
) -> int:
    """How many links are due at ``now``; of ``only`` (ids by host) where that is given."""
    statement = select(func.count()).where(link.c.next_check_at <= now, link.c.watched, ~link.c.ignored)
    if only is not None:
        statement = statement.where(link.c.id.in_(set().union(*only.values())))
    return int((await db.execute(statement)).scalar_one())


async def give_back(store: Store, dues: Sequence[Due], *, worker: str, now: datetime) -> None:
    """End the leases of links that were not looked at: they are due as before."""
    async with store.write() as db:
        for part in chunks([due.id for due in dues]):
            await db.execute(
                update(link)
                .where(link.c.id.in_(part), link.c.leased_by == worker)
                .values(leased_by=None, lease_until=None)
            )
        await hurry_hosts(db, {due.host for due in dues}, now)
