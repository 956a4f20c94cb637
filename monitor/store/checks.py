"""Recording what was seen: history as spans, flips, the next look. A look is written in one piece or not at all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import Row, and_, bindparam, case, func, insert, select, update

from monitor.model import Flip, Status, Verdict
from monitor.policy import NextLook, Risk, State
from monitor.policy.schedule import MATES_WITHIN
from monitor.store import snapshots
from monitor.store.claims import STATE_COLUMNS, Due, lock_hosts, set_due
from monitor.store.links import hurry_hosts
from monitor.store.sql import chunks, execute_many, one_of
from monitor.store.tables import flip, link, span

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """One check of a link and all that follows from it; recorded in one piece.

    ``final_url`` is canonical, None where the page answered at the link's own address. ``sketch``, ``account``,
    ``published_at`` and ``changed_at`` are None where the look brought nothing new. ``only_from``: the vantage that
    alone sees the link fail, until another has looked.
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
    changed_at: datetime | None = None
    only_from: str | None = None


async def record(db: AsyncConnection, looks: Sequence[Look], *, worker: str, vantage: str) -> list[Look]:
    """Write what was seen.

    :returns: those recorded. A look whose lease was lost meanwhile is another worker's to record.
    """
    held = await _still_held(db, [look.due.id for look in looks], worker)
    kept = [look for look in looks if look.due.id in held]
    spans = await _write_spans(db, kept, vantage)
    await execute_many(db, _UPDATE_LINK, [_link_values(look, spans[look.due.id], vantage) for look in kept])
    await _write_flips(db, kept)
    await _hurry_mates(db, kept)
    for names in chunks(sorted({look.due.host for look in kept})):
        await lock_hosts(db, names)
        await set_due(db, names)
    return kept


async def _still_held(db: AsyncConnection, ids: Sequence[int], worker: str) -> set[int]:
    held: set[int] = set()
    for part in chunks(ids):
        held |= set((await db.execute(_STILL_HELD, {"ids": part, "worker": worker})).scalars())
    return held


_STILL_HELD = (
    select(link.c.id)
    .where(link.c.id.in_(one_of("ids")), link.c.leased_by == bindparam("worker"))
    .order_by(link.c.id)
    .with_for_update()
)


async def _write_spans(db: AsyncConnection, looks: Sequence[Look], vantage: str) -> dict[int, int | None]:
    """Lengthen the open span that this vantage has of each link, or begin another; the span's id by link."""
    ids = {look.due.id: look.due.span_id for look in looks}
    last = {look.due.id: look.due.last for look in looks}
    elsewhere = [look.due.id for look in looks if look.due.vantage not in (None, vantage)]
    ids |= dict.fromkeys(elsewhere)
    for row in await _own_spans(db, elsewhere, vantage):
        ids[row.link_id], last[row.link_id] = row.id, (row.outcome, row.reason, row.rule)
    same = [look for look in looks if ids[look.due.id] and last[look.due.id] == _answer(look.verdict)]
    longer = [
        {"span": ids[look.due.id], "ended_at": look.at, "evidence": look.verdict.evidence} for look in same
    ]
    await execute_many(db, _LENGTHEN_SPAN, longer)
    known = {look.due.id for look in same}
    other = [look for look in looks if look.due.id not in known]
    if other:
        new = await db.execute(_NEW_SPAN, [_span_values(look, vantage) for look in other])
        ids |= {row.link_id: row.id for row in new}
    return ids


async def _own_spans(db: AsyncConnection, link_ids: Sequence[int], vantage: str) -> list[Row[Any]]:
    """The newest span of each link from this vantage."""
    rows: list[Row[Any]] = []
    for part in chunks(link_ids):
        mine = and_(span.c.link_id.in_(part), span.c.vantage == vantage)
        newest = select(func.max(span.c.id)).where(mine).group_by(span.c.link_id)
        rows += (await db.execute(select(span).where(span.c.id.in_(newest)))).all()
    return rows


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


_NEW_SPAN = insert(span).returning(span.c.id, span.c.link_id)
_NEW_FLIPS = insert(flip)
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
        **{
            name: bindparam(name)
            for name in ("last_checked_at", "next_check_at", "why_then", "span_id", "vantage", "only_from")
        },
        **{name: bindparam(name) for name in ("yearly_risk", "chance_90d", "at_risk_copied", "risk_reasons")},
        at_risk=case(
            (link.c.copy_id.is_(None), bindparam("at_risk_uncopied")), else_=bindparam("at_risk_copied")
        ),
        **{
            name: func.coalesce(bindparam(name, type_=link.c[name].type), link.c[name])
            for name in ("sketch", "account", "published_at", "changed_at")
        },
        looks=link.c.looks + 1,
        leased_by=None,
        lease_until=None,
    )
)


def _link_values(look: Look, span_id: int | None, vantage: str) -> dict[str, Any]:
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
        "vantage": vantage,
        "only_from": look.only_from,
        "yearly_risk": risk.yearly,
        "chance_90d": risk.chance_90d,
        "at_risk_copied": risk.at_risk_copied,
        "at_risk_uncopied": risk.at_risk_uncopied,
        "risk_reasons": [dict(reason) for reason in risk.reasons],
        "sketch": look.sketch,
        "account": look.account,
        "published_at": look.published_at,
        "changed_at": look.changed_at,
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
        await db.execute(_NEW_FLIPS, rows)
    for look in looks:
        if look.flip and look.state.failing_since != look.due.state.failing_since:
            await snapshots.set_copy(db, look.due.id)  # of a dying page the copy from before counts


async def _hurry_mates(db: AsyncConnection, looks: Sequence[Look]) -> None:
    """An account's page was seen removed or gone: look at its other living links within a day."""
    for look in looks:
        news = look.flip is not None and look.flip.new in (Status.SUSPECT, Status.DEAD)
        if not news or not look.due.account or look.state.scared_at != look.at:
            continue
        soon = look.at + MATES_WITHIN
        why = {"rule": "mate", "url": look.due.url}
        moved = await db.execute(_HURRY, {"whose": look.due.account, "soon": soon, "why": why})
        await hurry_hosts(db, {row.host for row in moved.all()}, soon)


# Nearly all links are alive: SQLite must not take the index of the statuses for the better one.
_HURRY = (
    update(link)
    .where(
        link.c.account == bindparam("whose"),
        link.c.status.concat("") == Status.ALIVE,
        link.c.next_check_at > bindparam("soon"),
    )
    .values(next_check_at=bindparam("soon"), why_then=bindparam("why"))
    .returning(link.c.host)
)
