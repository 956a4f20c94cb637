"""What ``status`` and ``show`` read: links with their copy and their places in the lists, most dangerous first."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, Row, Select, Table, case, func, select

from monitor.model import Outcome, Status
from monitor.policy.vantage import Sighting
from monitor.store.tables import archive_job, flip, link, mark, reference, snapshot, source, span
from monitor.urls import told

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

STREAMED = 500  # links read at a time
SHOWN = (  # columns of a link
    *("id", "url", "title", "platform", "status", "since", "last_checked_at", "next_check_at", "watched"),
    *("ignored", "outcome", "reason", "evidence", "at_risk", "chance_90d", "risk_reasons", "copy_id"),
)
DANGER = {Status.SUSPECT: 0, Status.DEAD: 1, Status.BLIND: 2, Status.ALIVE: 3, Status.PENDING: 4}


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Which links; empty = all that are watched and not ignored.

    ``since``: those whose status changed at that time or later. ``matters``: what a person should know of: dead,
    failing, walled for long, or in danger without a copy.
    """

    statuses: frozenset[str] = frozenset()
    platform: str | None = None
    at_risk: bool = False
    since: datetime | None = None
    matters: bool = False

    @property
    def condition(self) -> ColumnElement[bool]:
        wanted: ColumnElement[bool] = link.c.watched & ~link.c.ignored
        if self.statuses:
            wanted &= link.c.status.in_(self.statuses)
        if self.platform:
            wanted &= link.c.platform == self.platform
        if self.at_risk:
            wanted &= link.c.at_risk
        if self.since:
            wanted &= link.c.since >= self.since
        if self.matters:
            bad = link.c.status.in_((Status.DEAD, Status.SUSPECT, Status.BLIND))
            wanted &= bad | (link.c.at_risk & link.c.copy_id.is_(None))
        return wanted


def _links(*columns: ColumnElement[Any] | Table) -> Select[Any]:
    """Columns of links beside the copy that counts, or the newest that is still to be judged."""
    newest = snapshot.alias("newest")
    unjudged = (
        select(func.max(newest.c.id))
        .where(newest.c.link_id == link.c.id, newest.c.grade.is_(None))
        .correlate(link)
        .scalar_subquery()
    )
    shown = func.coalesce(link.c.copy_id, unjudged)
    return select(
        *columns,
        snapshot.c.url.label("copy_url"),
        snapshot.c.archive.label("copy_archive"),
        snapshot.c.captured_at.label("copy_at"),
    ).select_from(link.outerjoin(snapshot, snapshot.c.id == shown))


async def stream(
    db: AsyncConnection, chosen: Filter, *, limit: int | None = None, also: Sequence[str] = ()
) -> AsyncGenerator[dict[str, Any], None]:
    """The chosen links in the form of ``status --json``, one at a time; at most ``limit`` of them.

    :param also: names of more columns.
    """
    order = case({status.value: rank for status, rank in DANGER.items()}, value=link.c.status, else_=9)
    statement = (
        _links(*(link.c[name] for name in dict.fromkeys((*SHOWN, *also))))
        .where(chosen.condition)
        .order_by(order, link.c.at_risk.desc(), link.c.chance_90d.desc(), link.c.url)
        .limit(limit)
    )
    async with db.stream(statement) as rows:
        async for part in rows.partitions(STREAMED):
            places = await _places(db, [row.id for row in part])
            for row in part:
                yield link_object(row, places.get(row.id, [])) | {name: getattr(row, name) for name in also}


async def _places(db: AsyncConnection, ids: Sequence[int]) -> dict[int, list[dict[str, Any]]]:
    places: dict[int, list[dict[str, Any]]] = {}
    statement = (
        select(reference.c.link_id, source.c.path, reference.c.line)
        .join(source, source.c.id == reference.c.source_id)
        .where(reference.c.link_id.in_(ids))
        .order_by(source.c.path, reference.c.line)
    )
    for link_id, path, line in await db.execute(statement):
        places.setdefault(link_id, []).append({"path": told(path), "line": line})
    return places


def link_object(row: Row[Any], places: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """One link as ``status --json`` has it (docs/json.md)."""
    copy = None
    if row.copy_url:
        copy = {
            "url": row.copy_url,
            "archive": row.copy_archive,
            "captured_at": row.copy_at,
            "verified": row.copy_id is not None,
        }
    return {
        "url": row.url,
        "title": row.title,
        "platform": row.platform,
        "status": row.status,
        "since": row.since,
        "last_checked_at": row.last_checked_at,
        "next_check_at": row.next_check_at if row.watched and not row.ignored else None,
        "outcome": row.outcome,
        "reason": row.reason,
        "evidence": row.evidence,
        "at_risk": row.at_risk,
        "risk": {"chance_90d": row.chance_90d, "reasons": row.risk_reasons or []},
        "snapshot": copy,
        "sources": list(places),
    }


@dataclass(frozen=True, slots=True)
class Whole:
    """One link and all that is known of it; the rows newest last."""

    row: Row[Any]
    places: Sequence[Mapping[str, Any]]
    spans: Sequence[Row[Any]]
    flips: Sequence[Row[Any]]
    snapshots: Sequence[Row[Any]]
    jobs: Sequence[Row[Any]]
    marks: Sequence[Row[Any]]

    @property
    def sightings(self) -> list[Sighting]:
        """What each vantage saw last."""
        last = {span.vantage: span for span in self.spans}
        return [Sighting(one.vantage, Outcome(one.outcome), one.ended_at) for one in last.values()]

    @property
    def died_of(self) -> str | None:
        """Why it was called dead, if it is: its last look may have met something else."""
        if self.row.status != Status.DEAD:
            return None
        return next((one.reason for one in reversed(self.flips) if one.new == Status.DEAD), None)


async def whole(db: AsyncConnection, url: str) -> Whole | None:
    """Everything about the link with that canonical URL; None when it is not known."""
    row = (await db.execute(_links(link).where(link.c.url == url))).first()
    if row is None:
        return None
    places = await _places(db, [row.id])
    found = [
        (await db.execute(select(table).where(table.c.link_id == row.id).order_by(table.c.id))).all()
        for table in (span, flip, snapshot, archive_job, mark)
    ]
    return Whole(row, places.get(row.id, []), *found)
