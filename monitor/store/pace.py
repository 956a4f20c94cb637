"""The pace of each host, kept so that a restart does not hurry anybody; all workers of one vantage keep it together."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Any

from sqlalchemy import Row, bindparam, select, update

from monitor.policy.belief import Crowd
from monitor.policy.pace import HostPace, together
from monitor.store.sql import chunks, insert, insert_in, one_of
from monitor.store.tables import pace

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

KEPT = ("not_before", "spacing_s", "walls", "looks_since_wall")

# made once: they are asked at each look
_OF = select(pace).where(pace.c.host.in_(one_of("hosts")), pace.c.vantage == bindparam("place"))
_LOCKED = _OF.order_by(pace.c.host).with_for_update()


async def get(db: AsyncConnection, host: str, *, vantage: str, now: datetime) -> HostPace:
    """The host's pace; a host never asked may be asked at once."""
    row = (await db.execute(select(pace).where(pace.c.host == host, pace.c.vantage == vantage))).first()
    return HostPace(host, not_before=now) if row is None else _of(row)


async def of(
    db: AsyncConnection, hosts: Collection[str], *, vantage: str, now: datetime
) -> dict[str, HostPace]:
    """The pace of each host, as :func:`get` tells it."""
    found = {host: HostPace(host, not_before=now) for host in hosts}
    for part in chunks(list(hosts)):
        mine = await db.execute(_OF, {"hosts": part, "place": vantage})
        found |= {row.host: _of(row) for row in mine}
    return found


def _of(row: Row[Any]) -> HostPace:
    kept = {name: getattr(row, name) for name in KEPT}
    return HostPace(row.host, **kept, answers=Crowd(row.recent, row.outage_since))


def _values(one: HostPace, vantage: str) -> dict[str, Any]:
    kept = {name: getattr(one, name) for name in KEPT}
    crowd = {"recent": one.answers.recent, "outage_since": one.answers.since}
    return {"host": one.host, "vantage": vantage, **kept, **crowd}


async def book(
    db: AsyncConnection, ours: HostPace, *, until: datetime, vantage: str, now: datetime
) -> HostPace | None:
    """Take the turn to ask a host now. Of all workers of the vantage that want it one gets it.

    :param until: when the host may be asked next, should nothing be heard of this look.
    :returns: None when the turn is ours; else the pace as another has left it.
    """
    values = _values(ours, vantage) | {"not_before": until, "now": now}
    if (await db.execute(_booking(db.dialect.name), values)).first():
        return None
    return await get(db, ours.host, vantage=vantage, now=now)


@cache
def _booking(dialect: str) -> Any:
    statement = insert_in(dialect, pace)
    return statement.on_conflict_do_update(
        index_elements=[pace.c.host, pace.c.vantage],
        set_={"not_before": statement.excluded.not_before},
        where=pace.c.not_before <= bindparam("now", type_=pace.c.not_before.type),
    ).returning(pace.c.host)


async def end(db: AsyncConnection, host: str, *, booked: datetime, until: datetime, vantage: str) -> None:
    """What a turn was booked for is over: the host may be asked again at ``until``, unless others know better."""
    ours = (pace.c.host == host, pace.c.vantage == vantage, pace.c.not_before == booked)
    await db.execute(update(pace).where(*ours).values(not_before=until))


async def hold(db: AsyncConnection, moments: Mapping[str, datetime], *, vantage: str) -> None:
    """See that each host is not asked before its moment; all else that is known of it stays."""
    rows = [{"host": host, "vantage": vantage, "not_before": moments[host]} for host in sorted(moments)]
    if rows:
        statement = insert(db, pace)
        later = statement.excluded.not_before
        await db.execute(
            statement.on_conflict_do_update(
                index_elements=[pace.c.host, pace.c.vantage],
                set_={"not_before": later},
                where=pace.c.not_before < later,
            ),
            rows,
        )


async def put(db: AsyncConnection, paces: Iterable[HostPace], *, vantage: str) -> None:
    """Keep what looks have taught of hosts; what another worker has booked or learned meanwhile is not undone."""
    ours = {one.host: one for one in paces}
    kept = await _locked(db, sorted(ours), vantage)
    merged = [together(kept[host], ours[host]) if host in kept else ours[host] for host in sorted(ours)]
    if merged:
        await db.execute(_keeping(db.dialect.name), [_values(one, vantage) for one in merged])


@cache
def _keeping(dialect: str) -> Any:
    statement = insert_in(dialect, pace)
    news = {name: statement.excluded[name] for name in (*KEPT, "recent", "outage_since")}
    return statement.on_conflict_do_update(index_elements=[pace.c.host, pace.c.vantage], set_=news)


async def _locked(db: AsyncConnection, hosts: Collection[str], vantage: str) -> dict[str, HostPace]:
    """In the order of their names, as everybody does: two that wait for each other would wait for ever."""
    found: dict[str, HostPace] = {}
    for part in chunks(list(hosts)):
        for row in await db.execute(_LOCKED, {"hosts": part, "place": vantage}):
            found[row.host] = _of(row)
    return found
