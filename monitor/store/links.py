"""Links and the lists that mention them: what is watched, under which title, mentioned where."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import Row, delete, exists, func, or_, select, update

from monitor.model import Identity
from monitor.store.sql import chunks, insert, insert_new
from monitor.store.tables import host, link, reference, source

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

BY_HAND = "(added by hand)"  # the source of URLs given on the command line


@dataclass(frozen=True, slots=True)
class Mention:
    """One reference whose URL was understood."""

    identity: Identity
    title: str
    line: int


@dataclass(frozen=True, slots=True)
class Synced:
    """``added``: links never seen before; ``dropped``: references that the source has no more."""

    added: int
    known: int
    dropped: int


async def sources(db: AsyncConnection) -> Sequence[Row[Any]]:
    return (await db.execute(select(source).order_by(source.c.path))).all()


async def mark_source(
    db: AsyncConnection,
    path: str,
    now: datetime,
    *,
    problem: str | None,
    missing: bool = False,
    machine: str | None = None,
) -> None:
    """Note that a list was looked at, and why it could not be read; its references and their history stay.

    :param problem: None when it could be read, and had not changed.
    :param machine: that looked at it.
    """
    still = func.coalesce(source.c.missing_since, now) if missing else None
    values = {"synced_at": now, "problem": problem, "missing_since": still}
    values |= {"machine": machine} if machine else {}
    statement = insert(db, source).values(path=path, synced_at=now, problem=problem)
    await db.execute(statement.on_conflict_do_update(index_elements=[source.c.path], set_=values))


async def sync_source(
    db: AsyncConnection,
    path: str,
    mentions: Sequence[Mention],
    *,
    now: datetime,
    digest: str | None = None,
    archive: bool | None = None,
    complete: bool = True,
    machine: str | None = None,
) -> Synced:
    """Make the references of one source what ``mentions`` says.

    :param digest: of the source's bytes, to know next time whether it changed.
    :param archive: whether links of this source may go to archives, as the configuration says; None where it does
        not name the source: then it stays as it was.
    :param complete: the mentions are all there are; else they are added to those known.
    :param machine: that has read the source.
    """
    values: dict[str, Any] = {"digest": digest, "synced_at": now, "problem": None, "missing_since": None}
    values |= {"machine": machine} if machine else {}
    values |= {} if archive is None else {"archive": archive, "configured": True}
    source_id = await _source_id(db, path, values)
    ids, new = await _ensure_links(db, mentions, now)
    wanted = {(ids[m.identity.url], m.line): m.title for m in mentions}
    found = {
        (row.link_id, row.line): row
        for row in await db.execute(select(reference).where(reference.c.source_id == source_id))
    }
    gone = [row for key, row in found.items() if key not in wanted] if complete else []
    for part in chunks([row.id for row in gone]):
        await db.execute(delete(reference).where(reference.c.id.in_(part)))
    fresh = [key for key in wanted if key not in found]
    if fresh:
        rows = [
            {"source_id": source_id, "link_id": link_id, "line": line, "title": wanted[link_id, line]}
            for link_id, line in fresh
        ]
        await db.execute(insert_new(db, reference), rows)
    await _retitle(db, found, {key: title for key, title in wanted.items() if key[0] not in new})
    await _watch(db, {link_id for link_id, _ in fresh}, now)
    return Synced(len(new), len(ids) - len(new), len(gone))


async def _source_id(db: AsyncConnection, path: str, values: dict[str, Any]) -> int:
    statement = (
        insert(db, source)
        .values(path=path, **values)
        .on_conflict_do_update(index_elements=[source.c.path], set_=values)
        .returning(source.c.id)
    )
    return int((await db.execute(statement)).scalar_one())


async def _ensure_links(
    db: AsyncConnection, mentions: Sequence[Mention], now: datetime
) -> tuple[dict[str, int], set[int]]:
    """The id of each mentioned link, and the ids of those that are new."""
    first: dict[str, Mention] = {}
    for mention in mentions:
        known = first.setdefault(mention.identity.url, mention)
        if not known.title:
            first[mention.identity.url] = mention
    ids = await ids_of(db, list(first))
    new = [mention for url, mention in first.items() if url not in ids]
    if new:
        rows = [_new_link(mention, now) for mention in new]
        await db.execute(insert_new(db, link), rows)
        ids |= await ids_of(db, [mention.identity.url for mention in new])
        await hurry_hosts(db, {mention.identity.host for mention in new}, now)
    return ids, {ids[mention.identity.url] for mention in new}


def _new_link(mention: Mention, now: datetime) -> dict[str, Any]:
    identity = mention.identity
    return {
        "url": identity.url,
        "platform": identity.platform,
        "host": identity.host,
        "account": identity.account,
        "title": mention.title,
        "added_at": now,
        "since": now,
        "next_check_at": now,
    }


async def ids_of(db: AsyncConnection, urls: Sequence[str], *, watched: bool = False) -> dict[str, int]:
    """The ids of the links that are known; with ``watched``, only of those that are looked at."""
    looked_at = (link.c.watched, ~link.c.ignored) if watched else ()
    ids: dict[str, int] = {}
    for part in chunks(urls):
        rows = await db.execute(select(link.c.url, link.c.id).where(link.c.url.in_(part), *looked_at))
        ids.update((row.url, row.id) for row in rows)
    return ids


async def hurry_hosts(db: AsyncConnection, hosts: Iterable[str], due_at: datetime) -> None:
    """See that each host is asked for due links at ``due_at`` at the latest."""
    # all take hosts in one order, or two would wait for each other
    rows = [{"host": name, "due_at": due_at} for name in sorted(set(hosts))]
    if not rows:
        return
    statement = insert(db, host)
    earlier = or_(host.c.due_at.is_(None), host.c.due_at > statement.excluded.due_at)
    await db.execute(
        statement.on_conflict_do_update(
            index_elements=[host.c.host], set_={"due_at": statement.excluded.due_at}, where=earlier
        ),
        rows,
    )


async def _retitle(
    db: AsyncConnection, found: dict[tuple[int, int], Row[Any]], wanted: dict[tuple[int, int], str]
) -> None:
    """A link without a title takes this source's, and so does one that had this source's former one."""
    for key, title in wanted.items():
        row = found.get(key)
        if row is not None and row.title != title:
            await db.execute(update(reference).where(reference.c.id == row.id).values(title=title))
    former: dict[int, set[str]] = {}
    for row in found.values():
        former.setdefault(row.link_id, {""}).add(row.title)
    latest: dict[int, str] = {}
    for (link_id, _), title in wanted.items():
        latest.setdefault(link_id, title)
    for link_id, title in latest.items():
        before = former.get(link_id, {""})
        if title and title not in before:
            mine = (link.c.id == link_id, link.c.title.in_(before))
            await db.execute(update(link).where(*mine).values(title=title))


async def _watch(db: AsyncConnection, link_ids: set[int], now: datetime) -> None:
    """Links that are mentioned again go on where they were."""
    for part in chunks(sorted(link_ids)):
        rows = await db.execute(
            update(link)
            .where(link.c.id.in_(part), ~link.c.watched)
            .values(watched=True)
            .returning(link.c.host)
        )
        await hurry_hosts(db, {row.host for row in rows}, now)


async def mentions_any(db: AsyncConnection, path: str) -> bool:
    """Whether a source is known and has references."""
    statement = select(reference.c.id).join(source).where(source.c.path == path).limit(1)
    return (await db.execute(statement)).first() is not None


async def unwatch_unmentioned(db: AsyncConnection) -> int:
    """Stop watching links that no list mentions any more; their history stays.

    :returns: how many there were. Called once all lists are read: a link that moved has not vanished.
    """
    mentioned = exists().where(reference.c.link_id == link.c.id)
    done = await db.execute(update(link).where(link.c.watched, ~mentioned).values(watched=False))
    return done.rowcount


async def drop_source(db: AsyncConnection, path: str) -> None:
    """A list that is no more: its references go, the links it mentioned stay until :func:`unwatch_unmentioned`."""
    await db.execute(delete(source).where(source.c.path == path))


async def make_due(db: AsyncConnection, now: datetime, *, urls: Sequence[str] | None = None) -> int:
    """Make links due now: those of ``urls``, else every watched one.

    :returns: how many there are.
    """
    count = 0
    parts = chunks(urls) if urls is not None else [None]
    for part in parts:
        chosen = link.c.watched if part is None else link.c.url.in_(part)
        done = await db.execute(update(link).where(chosen, ~link.c.ignored).values(next_check_at=now))
        count += done.rowcount
        hosts = await db.execute(select(link.c.host).where(chosen).distinct())
        await hurry_hosts(db, hosts.scalars(), now)
    return count


async def watched(db: AsyncConnection) -> int:
    """How many links are watched."""
    return int((await db.execute(select(func.count()).where(link.c.watched))).scalar_one())
