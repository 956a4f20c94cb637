"""What local copies weigh, which of them could go, and where their records are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import delete, exists, func, select, union, update

from monitor.model import COUNTS
from monitor.store import snapshots
from monitor.store.archives import WAYBACK
from monitor.store.snapshots import LOCAL
from monitor.store.sql import chunks
from monitor.store.tables import link, part, snapshot

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection


@dataclass(frozen=True, slots=True)
class Held:
    """A local copy as retention sees it.

    ``in_time``: from before the link began to fail, or it does not fail. ``elsewhere``: the Wayback Machine has a
    verified copy that is in time. ``size``: bytes that go when it goes, the pictures that no other copy shows included.
    """

    id: int
    link_id: int
    captured_at: datetime
    grade: str | None
    in_time: bool
    elsewhere: bool
    size: int

    @property
    def counts(self) -> bool:
        return self.grade in COUNTS


@dataclass(frozen=True, slots=True)
class Place:
    """Where a record is."""

    offset: int
    length: int


async def held(db: AsyncConnection) -> list[Held]:
    """All local copies."""
    other = snapshot.alias("other")
    before_it_failed = link.c.failing_since.is_(None) | (other.c.captured_at < link.c.failing_since)
    elsewhere = exists().where(
        other.c.link_id == link.c.id, other.c.archive == WAYBACK, other.c.grade.in_(COUNTS), before_it_failed
    )
    alone = select(func.max(part.c.snapshot_id).label("snapshot_id"), func.max(part.c.length).label("length"))
    alone = alone.group_by(part.c.file, part.c.offset).having(func.count() == 1)
    own = alone.subquery()
    pictures = select(own.c.snapshot_id, func.sum(own.c.length).label("size")).group_by(own.c.snapshot_id)
    weight = pictures.subquery()
    statement = (
        select(
            snapshot.c.id,
            snapshot.c.link_id,
            snapshot.c.captured_at,
            snapshot.c.grade,
            link.c.failing_since,
            elsewhere.label("elsewhere"),
            (snapshot.c.length + func.coalesce(weight.c.size, 0)).label("size"),
        )
        .join(link, link.c.id == snapshot.c.link_id)
        .outerjoin(weight, weight.c.snapshot_id == snapshot.c.id)
        .where(snapshot.c.archive == LOCAL)
    )
    return [
        Held(
            id=row.id,
            link_id=row.link_id,
            captured_at=row.captured_at,
            grade=row.grade,
            in_time=row.failing_since is None or row.captured_at < row.failing_since,
            elsewhere=bool(row.elsewhere),
            size=int(row.size),
        )
        for row in await db.execute(statement)
    ]


async def drop(db: AsyncConnection, copies: Sequence[Held]) -> None:
    """Forget copies; what stands for their links is chosen anew. Their records stay in the files as waste."""
    for some in chunks([copy.id for copy in copies]):
        await db.execute(delete(part).where(part.c.snapshot_id.in_(some)))
        await db.execute(delete(snapshot).where(snapshot.c.id.in_(some)))
    for link_id in sorted({copy.link_id for copy in copies}):
        await snapshots.set_copy(db, link_id)


async def used(db: AsyncConnection) -> dict[str, list[Place]]:
    """The records that copies are made of, in the order of each file."""
    pages = select(snapshot.c.file, snapshot.c.offset, snapshot.c.length).where(snapshot.c.file.is_not(None))
    records = union(pages, select(part.c.file, part.c.offset, part.c.length)).subquery()
    places: dict[str, list[Place]] = {}
    for row in await db.execute(select(records).order_by(records.c.file, records.c.offset)):
        places.setdefault(row.file, []).append(Place(row.offset, row.length))
    return places


async def moved(db: AsyncConnection, old: str, new: str, offsets: Mapping[int, int]) -> None:
    """Records of the file ``old`` are in the file ``new`` now: offset there → offset here."""
    for before, after in offsets.items():
        for table in (snapshot, part):
            place = (table.c.file == old) & (table.c.offset == before)
            values: dict[str, object] = {"file": new, "offset": after}
            if table is snapshot:
                values["url"] = snapshots.local_url(new, after)
            await db.execute(update(table).where(place).values(values))
