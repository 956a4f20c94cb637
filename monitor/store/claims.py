"""Claiming links that are due, host by host, under leases.

``host.due_at`` is never later than the earliest due link of that host, so that finding work costs as much as
there are hosts to ask, not as there are links. A lease has an end: what a killed worker held comes back.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

from sqlalchemy import Row, Select, and_, bindparam, func, or_, select, update

from monitor.model import Status
from monitor.platforms import generic
from monitor.platforms.transport import CERTIFICATE_EXPIRED
from monitor.policy import Account, Site, State
from monitor.policy.risk import UNKNOWN_SITE
from monitor.store import domains
from monitor.store.accounts import accounts
from monitor.store.engine import Store
from monitor.store.links import hurry_hosts
from monitor.store.sql import chunks, execute_many, for_each, one_of
from monitor.store.tables import host, link, pace, span

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

STATE_COLUMNS = [field.name for field in fields(State)]
_KNOWN = ("id", "url", "platform", "host", "account", "title", "added_at", "published_at", "looks", "sketch")
_LAST = ("span_id", "vantage", "only_from", "outcome", "reason", "rule")
_OF_DUE = (*_KNOWN, *_LAST, *STATE_COLUMNS)
WINDOW = 200  # due links that are weighed against each other
NO_MATES = Account()
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
    vantage: str | None  # of the last look
    only_from: str | None  # the vantage that alone saw it fail
    last: tuple[str | None, str | None, str | None]  # outcome, reason, rule of the last look
    mates: Account
    site: Site
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
    wanted: Mapping[str, int],
    *,
    worker: str,
    now: datetime,
    lease: timedelta,
    only: Mapping[str, Collection[int]] | None = None,
    elsewhere: str | None = None,
) -> dict[str, list[Due]]:
    """Claim due links of some hosts, most urgent first; sets when each host is worth asking again.

    :param wanted: how many links at most, by host.
    :param lease: how long they are this worker's unless it renews them; one that dies loses them then.
    :param only: the ids of the links to choose from, by host.
    :param elsewhere: our vantage, where there are others: links that wait for the word of another are theirs.
    :returns: what was claimed of each host of ``wanted``.
    """
    claimed: dict[str, list[Due]] = {name: [] for name in wanted}
    async with store.write() as db:
        for names in chunks(sorted(wanted)):
            await lock_hosts(db, names)
            part = {name: wanted[name] for name in names}
            ids = await _most_urgent(db, part, now=now, only=only, elsewhere=elsewhere)
            rows = await _lease(db, ids, worker=worker, now=now, until=now + lease)
            shared = await set_due(db, names)
            mates = await accounts(db, {row.account for row in rows if row.account}, now=now)
            sites = await _sites(db, rows)
            for due in (_due(row, mates, sites, shared) for row in rows):
                claimed[due.host].append(due)
    return claimed


async def _most_urgent(
    db: AsyncConnection,
    wanted: Mapping[str, int],
    *,
    now: datetime,
    only: Mapping[str, Collection[int]] | None,
    elsewhere: str | None,
) -> list[int]:
    """The ids of each host's due links, the most overdue for their own interval first."""
    values: dict[str, Any] = {"now": now, "most": max(wanted.values()) + WINDOW, "hosts": list(wanted)}
    if only is not None:
        values["ids"] = list(set().union(*(only[name] for name in wanted)))
    if elsewhere is not None:
        values["elsewhere"] = elsewhere
    found: dict[str, list[tuple[float, int]]] = {name: [] for name in wanted}
    for chosen in _due_links(db.dialect.name, some=only is not None, others=elsewhere is not None):
        for link_id, name, last, next_at in (await db.execute(chosen, values)).all():
            found[name].append((_urgency(last, next_at, now), link_id))
    ids: list[int] = []
    for name, weighed in found.items():
        weighed.sort(reverse=True)
        ids += (link_id for _, link_id in weighed[: wanted[name]])
    return ids


@cache
def _due_links(dialect: str, *, some: bool, others: bool) -> list[Select[Any]]:
    """The links of each host to choose from: those due longest, and the newest of those never looked at.

    Lists grow at their end and their files are named by date, so the newest are the youngest. The two are counted
    apart, or a new list of thousands would hide the suspects behind it.
    """
    due = link.alias("due")
    free = or_(due.c.lease_until.is_(None), due.c.lease_until <= bindparam("now"))
    mine = (
        due.c.host == host.c.host,
        due.c.next_check_at <= bindparam("now"),
        free,
        due.c.watched,
        ~due.c.ignored,
    )
    choice = select(due.c.id).where(*mine).limit(bindparam("most"))
    if some:
        choice = choice.where(due.c.id.in_(one_of("ids")))
    if others:
        choice = choice.where(or_(due.c.only_from.is_(None), due.c.only_from != bindparam("elsewhere")))
    never = choice.where(due.c.looks == 0).order_by(due.c.id.desc())
    again = choice.where(due.c.looks > 0).order_by(due.c.next_check_at)
    columns = (link.c.id, link.c.host, link.c.last_checked_at, link.c.next_check_at)
    return [
        select(*columns)
        .select_from(for_each(dialect, host, kind, link))
        .where(host.c.host.in_(one_of("hosts")))
        for kind in (never, again)
    ]


def _urgency(last: datetime | None, due: datetime, now: datetime) -> float:
    """The time since the last look in intervals; of a link never looked at, its wait in :data:`FIRST_LOOK`."""
    if last is None:
        return 1 + max(now - due, timedelta(0)) / FIRST_LOOK
    return (now - last) / max(due - last, timedelta(seconds=1))


async def _lease(
    db: AsyncConnection, ids: Sequence[int], *, worker: str, now: datetime, until: datetime
) -> list[Row[Any]]:
    """Lease the links that are still free; their rows in the order of ``ids``."""
    rows: dict[int, Row[Any]] = {}
    for part in chunks(ids):
        leased = await db.execute(_LEASE, {"ids": part, "now": now, "by": worker, "until": until})
        rows |= {row[0]: row for row in leased.all()}
    return [rows[link_id] for link_id in ids if link_id in rows]


_LEASE = (
    update(link)
    .where(
        link.c.id.in_(one_of("ids")),
        or_(link.c.lease_until.is_(None), link.c.lease_until <= bindparam("now")),
    )
    .values(leased_by=bindparam("by"), lease_until=bindparam("until"))
    .returning(*(link.c[name] for name in _OF_DUE))
)


async def lock_hosts(db: AsyncConnection, names: Sequence[str]) -> None:
    """Nobody may make a host due between our reading of its links and our writing of when it is due.

    :param names: sorted: all take hosts in one order, or two would wait for each other.
    """
    if db.dialect.name != "sqlite":  # it has one writer
        await db.execute(_LOCK_HOSTS, {"names": names})


_LOCK_HOSTS = (
    select(host.c.host).where(host.c.host.in_(one_of("names"))).order_by(host.c.host).with_for_update()
)


async def set_due(db: AsyncConnection, names: Sequence[str]) -> set[str]:
    """Set when each host next has work: its earliest free link, or the end of a lease that may not be kept.

    :param names: of hosts that are locked.
    :returns: the hosts that have more than one watched link.
    """
    rows = (await db.execute(_WORK_OF, {"names": names})).all()
    moments = [
        {"name": name, "moment": min((at for at in (free, lost) if at), default=None)}
        for name, free, lost, _ in rows
    ]
    await execute_many(db, _DUE_AT, moments)
    return {name for name, _, _, another in rows if another is not None}


def _work_of() -> Select[Any]:
    """Of some hosts: when the first free link is due, when the first lease ends, and a second link."""
    mine = (link.c.host == host.c.host, link.c.watched)
    waiting = (
        select(link.c.next_check_at)
        .where(*mine, ~link.c.ignored, link.c.next_check_at.is_not(None), link.c.lease_until.is_(None))
        .order_by(link.c.next_check_at)
        .limit(1)
    )
    held = (*mine, ~link.c.ignored, link.c.lease_until.is_not(None))
    leased = select(func.min(link.c.lease_until)).where(*held)
    second = select(link.c.id).where(*mine).limit(1).offset(1)
    facts = [one.correlate(host).scalar_subquery() for one in (waiting, leased, second)]
    return select(host.c.host, *facts).where(host.c.host.in_(one_of("names")))


_WORK_OF = _work_of()
_DUE_AT = update(host).where(host.c.host == bindparam("name")).values(due_at=bindparam("moment"))


async def _sites(db: AsyncConnection, rows: Sequence[Row[Any]]) -> dict[int, Site]:
    """What is known of the site of each link: two questions for all of them at most."""
    told = await domains.known(db, {row.host for row in rows if row.platform == generic.NAME})
    expired = [row.span_id for row in rows if row.rule == CERTIFICATE_EXPIRED]
    since: dict[int | None, datetime] = {}
    for part in chunks(expired):
        found = await db.execute(select(span.c.id, span.c.started_at).where(span.c.id.in_(part)))
        since |= {one.id: one.started_at for one in found}
    if not told and not since:
        return dict.fromkeys((row.id for row in rows), UNKNOWN_SITE)
    return {row.id: Site(told.get(row.host), since.get(row.span_id)) for row in rows}


def _due(
    row: Row[Any], mates: Mapping[str, Account], sites: Mapping[int, Site], shared: Collection[str]
) -> Due:
    # by place, not by name: fifty names a row are a good part of what a claim costs
    known, last, state = (
        row[: len(_KNOWN)],
        row[len(_KNOWN) : -len(STATE_COLUMNS)],
        row[-len(STATE_COLUMNS) :],
    )
    link_id, url, platform, host_name, account, title, added_at, published_at, looks, sketch = known
    values = dict(zip(STATE_COLUMNS, state, strict=True))
    values["status"] = Status(values["status"])
    return Due(
        id=link_id,
        url=url,
        platform=platform,
        host=host_name,
        account=account,
        title=title,
        added_at=added_at,
        published_at=published_at,
        looks=looks,
        sketch=sketch,
        state=State(**values),
        span_id=last[0],
        vantage=last[1],
        only_from=last[2],
        last=last[3:],
        mates=mates.get(account, NO_MATES) if account else NO_MATES,
        site=sites[link_id],
        alone=host_name not in shared,
    )


async def postpone(store: Store, due: Due, *, worker: str, until: datetime) -> None:
    """Put off a link whose look ended in an error of ours."""
    async with store.write() as db:
        mine = and_(link.c.id == due.id, link.c.leased_by == worker)
        await db.execute(
            update(link).where(mine).values(next_check_at=until, leased_by=None, lease_until=None)
        )
        await hurry_hosts(db, [due.host], until)


async def renew(store: Store, ids: Collection[int], *, worker: str, until: datetime) -> None:
    """Keep the links that ``worker`` has in hand until ``until``.

    Not all that the database says it holds: of a claim whose confirmation was lost it knows nothing, and would keep
    those links from everybody for as long as it lives.
    """
    async with store.write() as db:
        for part in chunks(sorted(ids)):
            held = and_(link.c.id.in_(part), link.c.lease_until.is_not(None), link.c.leased_by == worker)
            # those that are being recorded at this moment need it no more, and must not be waited for
            mine = select(link.c.id).where(held).order_by(link.c.id).with_for_update(skip_locked=True)
            free = list((await db.execute(mine)).scalars())
            await db.execute(update(link).where(link.c.id.in_(free)).values(lease_until=until))


async def is_watched(db: AsyncConnection, name: str) -> bool:
    """Whether links of a host are, or were, looked at."""
    return (await db.execute(select(host.c.host).where(host.c.host == name))).first() is not None


async def is_looked_at(db: AsyncConnection, name: str, now: datetime) -> bool:
    """Whether a worker, of whatever vantage, is at work at a host."""
    held = (link.c.host == name, link.c.lease_until.is_not(None), link.c.lease_until > now)
    return (await db.execute(select(link.c.id).where(*held).limit(1))).first() is not None


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
