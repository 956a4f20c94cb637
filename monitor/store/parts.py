"""Parts of local copies: the redirects on the way to a page and the pictures on it, record by record.

A record may be part of several copies: a picture that was fetched a few days ago is not fetched again for another page.
A record that no row names, here or in ``snapshot``, is waste.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import func, select, update

from monitor.store.engine import Store
from monitor.store.snapshots import LOCAL
from monitor.store.sql import chunks, insert_new
from monitor.store.tables import link, part, snapshot

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

REDIRECT, PICTURE, REVISIT = "redirect", "picture", "revisit"
PLACEHOLDER_FROM = 3  # addresses: a picture that so many of them have stands for others


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One record of a local copy. ``kind`` is redirect, picture (its bytes), or revisit (a note that at that time its
    bytes were those of another record, which is a part, too). ``digest``: a picture's sha256."""

    snapshot_id: int
    kind: str
    url: str
    captured_at: datetime
    file: str
    offset: int
    length: int
    digest: str | None = None


@dataclass(frozen=True, slots=True)
class Wanting:
    """A local copy whose pictures are to be fetched: its record, and the link's own address."""

    snapshot_id: int
    url: str
    file: str
    offset: int
    length: int
    tries: int


_PART = [part.c[field.name] for field in fields(Part)]


async def add(db: AsyncConnection, new: Iterable[Part]) -> None:
    """Add parts; those that are known stay as they are."""
    rows = [asdict(one) for one in new]
    if rows:
        await db.execute(insert_new(db, part), rows)


async def of(db: AsyncConnection, snapshot_ids: Sequence[int]) -> list[Part]:
    """All parts of these copies."""
    found: list[Part] = []
    for some in chunks(snapshot_ids):
        statement = select(*_PART).where(part.c.snapshot_id.in_(some)).order_by(part.c.id)
        found += [Part(**row) for row in (await db.execute(statement)).mappings()]
    return found


async def newest_pictures(db: AsyncConnection, urls: Sequence[str]) -> dict[str, Part]:
    """The pictures that these addresses had when they were last kept."""
    newest: dict[str, Part] = {}
    for some in chunks(urls):
        statement = (
            select(*_PART)
            .where(part.c.url.in_(some), part.c.kind == PICTURE)
            .order_by(part.c.captured_at, part.c.id)
        )
        newest |= {row["url"]: Part(**row) for row in (await db.execute(statement)).mappings()}
    return newest


async def pictures_of(db: AsyncConnection, snapshot_id: int) -> int:
    """How many pictures a copy really has: a placeholder, the same picture at three addresses, is none."""
    addresses = func.count(part.c.url.distinct())
    mine = select(part.c.digest).where(part.c.snapshot_id == snapshot_id, part.c.kind == PICTURE)
    placeholders = (
        select(part.c.digest)
        .where(part.c.digest.in_(mine), part.c.kind == PICTURE)
        .group_by(part.c.digest)
        .having(addresses >= PLACEHOLDER_FROM)
    )
    statement = select(addresses).where(
        part.c.snapshot_id == snapshot_id, part.c.kind == PICTURE, part.c.digest.not_in(placeholders)
    )
    return int((await db.execute(statement)).scalar_one())


async def claim(store: Store, *, now: datetime, lease: timedelta, limit: int) -> list[Wanting]:
    """Copies whose pictures are due. Until ``lease`` has passed nobody else gets them; each claim counts as a try."""
    async with store.write() as db:
        wanting = (
            select(snapshot, link.c.url.label("link_url"))
            .join(link, link.c.id == snapshot.c.link_id)
            .where(snapshot.c.archive == LOCAL, snapshot.c.pictures_due <= now)
            .order_by(snapshot.c.pictures_due, snapshot.c.id)
            .limit(limit)
        )
        rows = (await db.execute(wanting)).all()
        claimed = []
        for row in rows:
            mine = update(snapshot).where(
                snapshot.c.id == row.id, snapshot.c.pictures_due == row.pictures_due
            )
            changed = await db.execute(
                mine.values(pictures_due=now + lease, pictures_tries=row.pictures_tries + 1)
            )
            if changed.rowcount:
                claimed.append(
                    Wanting(row.id, row.link_url, row.file, row.offset, row.length, row.pictures_tries + 1)
                )
        return claimed


async def settle(db: AsyncConnection, snapshot_id: int, *, due: datetime | None, tries: int) -> None:
    """When the pictures of a copy are to be tried again; None ends it."""
    values = {"pictures_due": due, "pictures_tries": tries}
    await db.execute(update(snapshot).where(snapshot.c.id == snapshot_id).values(values))


async def waiting(db: AsyncConnection) -> int:
    """How many copies still want pictures."""
    statement = select(func.count()).where(snapshot.c.pictures_due.is_not(None))
    return int((await db.execute(statement)).scalar_one())
