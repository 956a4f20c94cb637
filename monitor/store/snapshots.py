"""Snapshots: the copies of a link in the archives, what each turned out to be, and which one counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, select, update

from monitor.model import COUNTS
from monitor.store.archives import WAYBACK
from monitor.store.sql import chunks, insert_new
from monitor.store.tables import link, snapshot

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

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
    pictures: int | None = None  # how many the page shows
    pictures_digest: str | None = None
    pictures_due: datetime | None = None
    pictures_tries: int = 0
    id: int = 0  # given by the database


_SNAPSHOT = [field.name for field in fields(Snapshot)]
# made once: these two are asked at each look that reads a page to its end
_OF = (
    select(*(snapshot.c[name] for name in _SNAPSHOT))
    .where(snapshot.c.link_id == bindparam("link"), snapshot.c.archive == bindparam("where"))
    .order_by(snapshot.c.captured_at.desc(), snapshot.c.id.desc())
)
_KNOWN = select(snapshot.c.id).where(
    snapshot.c.link_id == bindparam("link"),
    snapshot.c.archive == bindparam("where"),
    snapshot.c.url == bindparam("at"),
)
_FAILING_SINCE = select(link.c.failing_since).where(link.c.id == bindparam("link"))
_THAT_COUNT = select(snapshot.c.id, snapshot.c.grade, snapshot.c.captured_at, snapshot.c.archive).where(
    snapshot.c.link_id == bindparam("link"), snapshot.c.grade.in_(COUNTS)
)
_TITLE_OF = select(link.c.title).where(link.c.id == bindparam("link"))


def local_url(file: str, offset: int) -> str:
    """How a local copy is named."""
    return f"warc:{file}#{offset}"


async def add(db: AsyncConnection, new: Snapshot) -> int:
    """Add a copy and return its id; one that is known already stays as it is."""
    values = {name: value for name, value in asdict(new).items() if name != "id"}
    await db.execute(insert_new(db, snapshot), values)
    known = {"link": new.link_id, "where": new.archive, "at": new.url}
    return int((await db.execute(_KNOWN, known)).scalar_one())


async def of(db: AsyncConnection, link_id: int, archive: str) -> list[Snapshot]:
    """A link's copies in one archive, newest first."""
    found = await db.execute(_OF, {"link": link_id, "where": archive})
    return [Snapshot(**row) for row in found.mappings()]


async def judge(db: AsyncConnection, snapshot_id: int, now: datetime, **judgement: Any) -> None:
    """Write what a copy turned out to be: ``grade`` and ``outcome``, ``rule``, ``evidence``, ``http_status``."""
    await db.execute(update(snapshot).where(snapshot.c.id == snapshot_id).values(judged_at=now, **judgement))


async def title_of(db: AsyncConnection, link_id: int) -> str:
    """The link's title as the reading list has it; empty where it has none."""
    return str((await db.execute(_TITLE_OF, {"link": link_id})).scalar_one())


async def set_copy(db: AsyncConnection, link_id: int) -> int | None:
    """Choose the copy that stands for a link, and return its id.

    The better grade first; of a link that fails, a copy from before the failure; one that everybody can open
    before a local one; the newest.
    """
    failing_since = (await db.execute(_FAILING_SINCE, {"link": link_id})).scalar()

    def worth(row: Any) -> tuple[Any, ...]:
        in_time = failing_since is None or row.captured_at < failing_since
        return (in_time, row.grade == "A", row.archive == WAYBACK, row.captured_at)

    best = max((await db.execute(_THAT_COUNT, {"link": link_id})).all(), key=worth, default=None)
    chosen = best.id if best else None
    at_risk = link.c.at_risk if chosen is None else link.c.at_risk_copied  # a copied page is in danger later
    await db.execute(update(link).where(link.c.id == link_id).values(copy_id=chosen, at_risk=at_risk))
    return chosen


@dataclass(frozen=True, slots=True)
class Kept:
    """A local copy to be read or exported; ``title`` as the list has it, ``link_url`` the link's own address."""

    id: int
    link_id: int
    link_url: str
    title: str
    original_url: str
    captured_at: datetime
    grade: str | None
    in_time: bool
    pictures: int | None
    file: str
    offset: int
    length: int

    @property
    def counts(self) -> bool:
        return self.grade in COUNTS

    @property
    def worth(self) -> tuple[Any, ...]:
        """The greater, the rather it is shown: of a link that fails, one from before; the newest that counts."""
        return self.counts and self.in_time, self.counts, self.captured_at, self.id


async def local_copies(
    db: AsyncConnection, *, link_ids: Sequence[int] | None = None, since: datetime | None = None
) -> list[Kept]:
    """Local copies, oldest first: of these links or of all, kept at that time or later."""
    statement = (
        select(snapshot, link.c.url.label("link_url"), link.c.title, link.c.failing_since)
        .join(link, link.c.id == snapshot.c.link_id)
        .where(snapshot.c.archive == LOCAL, snapshot.c.file.is_not(None))
        .order_by(snapshot.c.captured_at, snapshot.c.id)
    )
    if since is not None:
        statement = statement.where(snapshot.c.captured_at >= since)
    parts = (
        [statement]
        if link_ids is None
        else [statement.where(snapshot.c.link_id.in_(some)) for some in chunks(link_ids)]
    )
    found = [_kept(row) for one in parts for row in await db.execute(one)]
    return sorted(found, key=lambda kept: (kept.captured_at, kept.id))


def _kept(row: Any) -> Kept:
    in_time = row.failing_since is None or row.captured_at < row.failing_since
    names = [field.name for field in fields(Kept) if field.name != "in_time"]
    return Kept(**{name: getattr(row, name) for name in names}, in_time=in_time)


async def some_files(db: AsyncConnection, *, sample: int) -> set[str]:
    """The files that the ``sample`` oldest and the ``sample`` newest local copies are in."""
    files = select(snapshot.c.file).where(snapshot.c.archive == LOCAL, snapshot.c.file.is_not(None))
    found: set[str] = set()
    for order in (snapshot.c.id, snapshot.c.id.desc()):
        found |= set((await db.execute(files.order_by(order).limit(sample))).scalars())
    return found


async def verified_elsewhere(db: AsyncConnection, link_id: int) -> str | None:
    """Where a verified copy opens that is not a local one, the newest."""
    found = (
        select(snapshot.c.url)
        .where(snapshot.c.link_id == link_id, snapshot.c.archive != LOCAL, snapshot.c.grade.in_(COUNTS))
        .order_by(snapshot.c.captured_at.desc())
        .limit(1)
    )
    return (await db.execute(found)).scalar()
