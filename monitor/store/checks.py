"""Claiming links that are due and recording what was seen: leases, history as spans, flips.

``host.due_at`` is never later than the earliest due link of that host, so that finding work costs as much as
there are hosts to ask, not as there are links. A lease has an end: what a killed worker held comes back.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, and_, bindparam, case, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from monitor.model import Flip, Status, Verdict
from monitor.policy import Account, NextLook, Risk, State
from monitor.policy.risk import YEAR
from monitor.policy.schedule import MATES_WITHIN
from monitor.store import snapshots
from monitor.store.engine import Store
from monitor.store.links import hurry_hosts
from monitor.store.sql import chunks
from monitor.store.tables import flip, host, link, pace, span

STATE_COLUMNS = [field.name for field in fields(State)]


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

    @property
    def born(self) -> datetime:
        return self.published_at or self.added_at


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """One check of a link and all that follows from it; recorded in one piece.

    ``final_url`` is canonical, None where the page answered at the link's own address. ``sketch``, ``account``
    and ``published_at`` are None where the look brought nothing new.
    """

    due: Due
    at: datetime
    verdict: Verdict
    http_status: int | None
    final_url: str | None
    state: State
    flip: Flip | None
    risk: Risk
    next: NextLook
    sketch: bytes | None = None
    account: str | None = None
    published_at: datetime | None = None


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
    """Claim due links of one host, longest due first; sets when the host is worth asking again.

    :param lease: how long they are this worker's unless it renews them; one that dies loses them then.
    :param only: the ids of the links to choose from.
    """
    free = or_(link.c.lease_until.is_(None), link.c.lease_until <= now)
    chosen = (
        select(link)
        .where(link.c.host == name, link.c.next_check_at <= now, free, link.c.watched, ~link.c.ignored)
        .order_by(link.c.next_check_at, link.c.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    if only is not None:
        chosen = chosen.where(link.c.id.in_(only))
    async with store.write() as db:
        rows = (await db.execute(chosen)).all()
        ids = [row.id for row in rows]
        await db.execute(
            update(link).where(link.c.id.in_(ids)).values(leased_by=worker, lease_until=now + lease)
        )
        await db.execute(update(host).where(host.c.host == name).values(due_at=await _due_at(db, name)))
        mates = await accounts(db, {row.account for row in rows if row.account})
    return [_due(row, mates.get(row.account, Account())) for row in rows]


async def _due_at(db: AsyncConnection, name: str) -> datetime | None:
    """When a host next has work: its earliest free link, or the end of a lease that may not be kept."""
    waiting = (
        select(link.c.next_check_at)
        .where(link.c.host == name, link.c.next_check_at.is_not(None), link.c.lease_until.is_(None))
        .where(link.c.watched, ~link.c.ignored)
        .order_by(link.c.next_check_at)
        .limit(1)
    )
    leased = select(func.min(link.c.lease_until)).where(link.c.host == name, link.c.lease_until.is_not(None))
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


def _due(row: Row[Any], mates: Account) -> Due:
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


async def record(store: Store, looks: Sequence[Look], *, worker: str, vantage: str) -> list[Look]:
    """Write what was seen, all in one transaction.

    :returns: those recorded. A look whose lease was lost meanwhile is another worker's to record.
    """
    async with store.write() as db:
        held = await _still_held(db, [look.due.id for look in looks], worker)
        kept = [look for look in looks if look.due.id in held]
        spans = await _write_spans(db, kept, vantage)
        if kept:
            await db.execute(_UPDATE_LINK, [_link_values(look, spans[look.due.id]) for look in kept])
        await _write_flips(db, kept)
        await _hurry_mates(db, kept)
        soonest: dict[str, datetime] = {}
        for look in kept:
            soonest[look.due.host] = min(look.next.at, soonest.get(look.due.host, look.next.at))
        for name, moment in soonest.items():
            await hurry_hosts(db, [name], moment)
    return kept


async def _still_held(db: AsyncConnection, ids: Sequence[int], worker: str) -> set[int]:
    held: set[int] = set()
    for part in chunks(ids):
        statement = select(link.c.id).where(link.c.id.in_(part), link.c.leased_by == worker).with_for_update()
        held |= set((await db.execute(statement)).scalars())
    return held


async def _write_spans(db: AsyncConnection, looks: Sequence[Look], vantage: str) -> dict[int, int | None]:
    """Lengthen the open span of each link, or begin another; the span's id by link."""
    ids = {look.due.id: look.due.span_id for look in looks}
    same = [look for look in looks if look.due.span_id and look.due.last == _answer(look.verdict)]
    if same:
        await db.execute(
            _LENGTHEN_SPAN,
            [
                {"span": look.due.span_id, "ended_at": look.at, "evidence": look.verdict.evidence}
                for look in same
            ],
        )
    known = {look.due.id for look in same}
    for look in looks:
        if look.due.id not in known:
            values = _span_values(look, vantage)
            ids[look.due.id] = (
                await db.execute(insert(span).values(values).returning(span.c.id))
            ).scalar_one()
    return ids


def _answer(verdict: Verdict) -> tuple[str, str, str]:
    return verdict.outcome, verdict.reason, verdict.rule


def _span_values(look: Look, vantage: str) -> dict[str, Any]:
    verdict = look.verdict
    return {
        "link_id": look.due.id,
        "vantage": vantage,
        "started_at": look.at,
        "ended_at": look.at,
        "outcome": verdict.outcome,
        "reason": verdict.reason,
        "rule": verdict.rule,
        "evidence": verdict.evidence,
        "http_status": look.http_status,
        "final_url": look.final_url,
        "checks": 1,
    }


_LENGTHEN_SPAN = (
    update(span)
    .where(span.c.id == bindparam("span"))
    .values(ended_at=bindparam("ended_at"), evidence=bindparam("evidence"), checks=span.c.checks + 1)
)
_UPDATE_LINK = (
    update(link)
    .where(link.c.id == bindparam("link"))
    .values(
        **{name: bindparam(name) for name in STATE_COLUMNS},
        **{
            name: bindparam(name)
            for name in ("outcome", "reason", "rule", "evidence", "moved_to", "likeness")
        },
        **{name: bindparam(name) for name in ("last_checked_at", "next_check_at", "why_then", "span_id")},
        **{name: bindparam(name) for name in ("yearly_risk", "chance_90d", "at_risk_copied", "risk_reasons")},
        at_risk=case(
            (link.c.copy_id.is_(None), bindparam("at_risk_uncopied")), else_=bindparam("at_risk_copied")
        ),
        **{
            name: func.coalesce(bindparam(name, type_=link.c[name].type), link.c[name])
            for name in ("sketch", "account", "published_at")
        },
        looks=link.c.looks + 1,
        leased_by=None,
        lease_until=None,
    )
)


def _link_values(look: Look, span_id: int | None) -> dict[str, Any]:
    verdict, risk = look.verdict, look.risk
    return {
        "link": look.due.id,
        **{name: getattr(look.state, name) for name in STATE_COLUMNS},
        "outcome": verdict.outcome,
        "reason": verdict.reason,
        "rule": verdict.rule,
        "evidence": verdict.evidence,
        "moved_to": verdict.moved_to,
        "likeness": verdict.likeness,
        "last_checked_at": look.at,
        "next_check_at": look.next.at,
        "why_then": dict(look.next.why),
        "span_id": span_id,
        "yearly_risk": risk.yearly,
        "chance_90d": risk.chance_90d,
        "at_risk_copied": risk.at_risk_copied,
        "at_risk_uncopied": risk.at_risk_uncopied,
        "risk_reasons": [dict(reason) for reason in risk.reasons],
        "sketch": look.sketch,
        "account": look.account,
        "published_at": look.published_at,
    }


async def _write_flips(db: AsyncConnection, looks: Sequence[Look]) -> None:
    rows = [
        {
            "link_id": look.due.id,
            "at": look.flip.at,
            "old": look.flip.old,
            "new": look.flip.new,
            "reason": look.flip.reason,
            "evidence": look.verdict.evidence,
        }
        for look in looks
        if look.flip
    ]
    if rows:
        await db.execute(insert(flip), rows)
    for look in looks:
        if look.flip:
            await snapshots.set_copy(db, look.due.id)  # of a dying page the copy from before counts


async def _hurry_mates(db: AsyncConnection, looks: Sequence[Look]) -> None:
    """An account's page was seen removed or gone: look at its other living links within a day."""
    for look in looks:
        if not look.due.account or look.state.scared_at != look.at:
            continue
        soon = look.at + MATES_WITHIN
        mates = and_(
            link.c.account == look.due.account, link.c.status == Status.ALIVE, link.c.next_check_at > soon
        )
        moved = await db.execute(
            update(link)
            .where(mates)
            .values(next_check_at=soon, why_then={"rule": "mate", "url": look.due.url})
            .returning(link.c.host)
        )
        await hurry_hosts(db, {row.host for row in moved}, soon)
