"""Snapshots: the copies of a link in the archives, what each turned out to be, and which one counts."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from datetime import datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from monitor.store.archives import COUNTS, WAYBACK
from monitor.store.sql import insert_new
from monitor.store.tables import link, snapshot

LOCAL = "local"


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """One archived copy. ``origin``: ``made`` by us or ``found``. ``grade`` is None until it was opened and judged."""

    link_id: int
    archive: str
    url: str
    original_url: str
    captured_at: datetime
    origin: str
    digest: str | None = None
    http_status: int | None = None
    judged_at: datetime | None = None
    grade: str | None = None
    outcome: str | None = None
    rule: str | None = None
    evidence: str | None = None
    file: str | None = None
    offset: int | None = None
    length: int | None = None
    id: int = 0  # given by the database


_SNAPSHOT = [field.name for field in fields(Snapshot)]


async def add(db: AsyncConnection, new: Snapshot) -> int:
    """Add a copy and return its id; one that is known already stays as it is."""
    values = {name: value for name, value in asdict(new).items() if name != "id"}
    await db.execute(insert_new(db, snapshot).values(values))
    known = select(snapshot.c.id).where(
        snapshot.c.link_id == new.link_id, snapshot.c.archive == new.archive, snapshot.c.url == new.url
    )
    return int((await db.execute(known)).scalar_one())


async def of(db: AsyncConnection, link_id: int, archive: str) -> list[Snapshot]:
    """A link's copies in one archive, newest first."""
    statement = (
        select(*(snapshot.c[name] for name in _SNAPSHOT))
        .where(snapshot.c.link_id == link_id, snapshot.c.archive == archive)
        .order_by(snapshot.c.captured_at.desc(), snapshot.c.id.desc())
    )
    return [Snapshot(**row) for row in (await db.execute(statement)).mappings()]


async def judge(db: AsyncConnection, snapshot_id: int, now: datetime, **judgement: Any) -> None:
    """Write what a copy turned out to be: ``grade`` and ``outcome``, ``rule``, ``evidence``, ``http_status``."""
    await db.execute(update(snapshot).where(snapshot.c.id == snapshot_id).values(judged_at=now, **judgement))


async def title_of(db: AsyncConnection, link_id: int) -> str:
    """The link's title as the reading list has it; empty where it has none."""
    return str((await db.execute(select(link.c.title).where(link.c.id == link_id))).scalar_one())


async def set_copy(db: AsyncConnection, link_id: int) -> int | None:
    """Choose the copy that stands for a link, and return its id.

    The better grade first; of a link that fails, a copy from before the failure; one that everybody can open
    before a local one; the newest.
    """
    failing_since = (await db.execute(select(link.c.failing_since).where(link.c.id == link_id))).scalar()
    statement = select(snapshot.c.id, snapshot.c.grade, snapshot.c.captured_at, snapshot.c.archive).where(
        snapshot.c.link_id == link_id, snapshot.c.grade.in_(COUNTS)
    )

    def worth(row: Any) -> tuple[Any, ...]:
        in_time = failing_since is None or row.captured_at < failing_since
        return (in_time, row.grade == "A", row.archive == WAYBACK, row.captured_at)

    best = max((await db.execute(statement)).all(), key=worth, default=None)
    chosen = best.id if best else None
    at_risk = link.c.at_risk if chosen is None else link.c.at_risk_copied  # a copied page is in danger later
    await db.execute(update(link).where(link.c.id == link_id).values(copy_id=chosen, at_risk=at_risk))
    return chosen
