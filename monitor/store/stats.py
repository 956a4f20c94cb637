"""What this database's own history tells: deaths and exposure, lives, looks spent, walls met."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby, pairwise
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    CTE,
    ColumnElement,
    Row,
    and_,
    case,
    func,
    literal,
    select,
)

from monitor.calibration import AHEAD, Past
from monitor.model import Outcome, Status
from monitor.policy import State
from monitor.policy.risk import YOUNGER_THAN_DAYS
from monitor.policy.status import RECENT
from monitor.store.accounts import YEAR_DAYS, born
from monitor.store.sql import days
from monitor.store.tables import UtcDateTime, link, pace, span
from monitor.survival import Life

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

ABSENT = (Outcome.REMOVED, Outcome.GONE)

# a link that was dead at its first look died before anybody watched it
_WATCHED_DEATH = and_(link.c.status == Status.DEAD, link.c.last_ok_at.is_not(None))


async def experience(db: AsyncConnection, now: datetime) -> dict[tuple[str, int], tuple[int, float]]:
    """Deaths and link-years seen alive, by platform and by the page's age then (a column of ``YOUNGER_THAN_DAYS``).

    Exposure runs from one *seen alive* to the next; a wall in between takes nothing away and adds nothing, a
    failure in between ends it. A death counts at its first failure. One that was dead at its first look does
    not count: it died before anybody watched, and to count it without the years it lived would make every old
    list look deadly.

    :param now: what is later does not count.
    :returns: what was never met is absent.
    """
    found: dict[tuple[str, int], tuple[int, float]] = {}
    for platform, *below, whole in await _exposure(db, now):
        for column, (lower, upper) in enumerate(pairwise([0.0, *below, whole])):
            if upper > lower:
                found[platform, column] = (0, (upper - lower) / YEAR_DAYS)
    for platform, column, deaths in await _deaths(db, now):
        found[platform, column] = (deaths, found.get((platform, column), (0, 0.0))[1])
    return found


async def _exposure(db: AsyncConnection, now: datetime) -> list[tuple[Any, ...]]:
    """By platform: the days lived below each finite age of ``YOUNGER_THAN_DAYS``, and all days."""
    lived = _lived(db, now)
    below = [func.sum(_capped(lived.c.until, age) - _capped(lived.c.since, age)) for age in _ages()]
    whole = func.sum(lived.c.until - lived.c.since)
    rows = await db.execute(select(lived.c.platform, *below, whole).group_by(lived.c.platform))
    return [tuple(row) for row in rows]


def _lived(db: AsyncConnection, now: datetime) -> CTE:
    """The stretches that links were seen alive up to ``now``, from age to age in days."""
    end = case((span.c.ended_at > now, literal(now, UtcDateTime())), else_=span.c.ended_at)
    looks = (
        select(
            span.c.link_id,
            span.c.outcome,
            span.c.started_at,
            end.label("ended_at"),
            _before(span.c.outcome).label("outcome_before"),
            _before(span.c.ended_at).label("ended_before"),
        )
        .where(span.c.outcome != Outcome.WALLED, span.c.started_at <= now)
        .subquery()
    )
    start = case((looks.c.outcome_before == Outcome.OK, looks.c.ended_before), else_=looks.c.started_at)
    dialect = db.dialect.name
    birth = days(dialect, born())
    return (
        select(
            link.c.platform,
            link.c.account,
            (days(dialect, start) - birth).label("since"),
            (days(dialect, looks.c.ended_at) - birth).label("until"),
        )
        .join_from(looks, link, looks.c.link_id == link.c.id)
        .where(looks.c.outcome == Outcome.OK, looks.c.ended_at > start)
        .cte("lived")
        .prefix_with("MATERIALIZED")
    )


async def _deaths(db: AsyncConnection, now: datetime) -> list[tuple[Any, ...]]:
    dialect = db.dialect.name
    age = days(dialect, link.c.failing_since) - days(dialect, born())
    column = case(*((age < limit, index) for index, limit in enumerate(_ages())), else_=len(_ages()))
    counted = (
        select(link.c.platform, column.label("age_column"))
        .where(_WATCHED_DEATH, link.c.failing_since <= now)
        .subquery()
    )
    kind = (counted.c.platform, counted.c.age_column)
    return [tuple(row) for row in await db.execute(select(*kind, func.count()).group_by(*kind))]


async def dead_on_arrival(db: AsyncConnection) -> int:
    """How many dead links were never seen alive."""
    statement = select(func.count()).where(link.c.status == Status.DEAD, link.c.last_ok_at.is_(None))
    return int((await db.execute(statement)).scalar_one())


async def lives(db: AsyncConnection) -> list[Life]:
    """Each link that was seen alive: for how long after the first time, and whether it died then."""
    first = (
        select(span.c.link_id, func.min(span.c.started_at).label("at"))
        .where(span.c.outcome == Outcome.OK)
        .group_by(span.c.link_id)
        .subquery()
    )
    last = case((_WATCHED_DEATH, link.c.failing_since), else_=link.c.last_ok_at)
    dialect = db.dialect.name
    statement = select(
        days(dialect, last) - days(dialect, first.c.at), case((_WATCHED_DEATH, 1), else_=0)
    ).join_from(first, link, first.c.link_id == link.c.id)
    rows = await db.execute(statement.where(link.c.last_ok_at.is_not(None)))
    return [Life(max(0.0, days), bool(died)) for days, died in rows]


async def looks(db: AsyncConnection, since: datetime) -> dict[str, tuple[int, int]]:
    """Looks spent by outcome: all, and those after ``since``.

    The second is an estimate where a span began before: its looks are taken as evenly spread.
    """
    dialect = db.dialect.name
    share = (days(dialect, span.c.ended_at) - days(dialect, literal(since, UtcDateTime()))) / (
        days(dialect, span.c.ended_at) - days(dialect, span.c.started_at)
    )
    after = case(
        (span.c.started_at > since, span.c.checks),
        (span.c.ended_at <= since, 0),
        else_=0.5 + (span.c.checks - 1) * share,
    )
    statement = select(span.c.outcome, func.sum(span.c.checks), func.sum(after)).group_by(span.c.outcome)
    return {outcome: (int(total), round(late)) for outcome, total, late in await db.execute(statement)}


@dataclass(frozen=True, slots=True)
class Host:
    """What one vantage met at a host. ``spacing_s``: seconds between looks where they changed by themselves;
    ``looks_since_wall``: how many that pace has survived."""

    host: str
    vantage: str
    looks: int
    walled: int
    spacing_s: float | None
    looks_since_wall: int


async def hosts(db: AsyncConnection) -> list[Host]:
    """Every host that was looked at, the one with most walls first."""
    walled = case((span.c.outcome == Outcome.WALLED, span.c.checks), else_=0)
    met = (
        select(
            link.c.host,
            span.c.vantage,
            func.sum(span.c.checks).label("looks"),
            func.sum(walled).label("walled"),
        )
        .join_from(span, link)
        .group_by(link.c.host, span.c.vantage)
        .subquery()
    )
    same = and_(pace.c.host == met.c.host, pace.c.vantage == met.c.vantage)
    rows = await db.execute(
        select(met, pace.c.spacing_s, func.coalesce(pace.c.looks_since_wall, met.c.looks))
        .join_from(met, pace, same, isouter=True)
        .order_by(met.c.walled.desc(), met.c.looks.desc(), met.c.host, met.c.vantage)
    )
    return [Host(*row) for row in rows]


async def as_they_were(db: AsyncConnection, then: datetime) -> list[Past]:
    """The links that were alive at ``then``, as they were known, and what became of them within ``AHEAD``.

    Those that nothing was seen of since (walled, ignored, not watched any more) are left out.
    """
    own = (link.c[name] for name in ("url", "platform", "account", "status", "failing_since", "last_ok_at"))
    seen = (span.c[name] for name in ("link_id", "outcome", "reason", "started_at", "ended_at", "checks"))
    rows: Any = await db.execute(
        select(*seen, *own, born().label("born"))
        .join_from(span, link)
        .where(span.c.started_at <= then)
        .order_by(span.c.link_id, span.c.id)
    )
    return list(_pasts(rows.all(), then))


def _pasts(rows: Sequence[Row[Any]], then: datetime) -> Iterator[Past]:
    for _, group in groupby(rows, key=lambda row: row.link_id):
        spans = list(group)
        last = spans[-1]
        died = _fate(last, then)
        believed = [one.outcome for one in spans if one.outcome != Outcome.WALLED]
        if died is None or not believed or believed[-1] != Outcome.OK:
            continue
        scared = [min(one.ended_at, then) for one in spans if one.outcome in ABSENT]
        recent = "".join(one.outcome[0] * min(RECENT, _looks_by(one, then)) for one in spans[-RECENT:])
        state = State(
            status=Status.ALIVE, since=then, recent=recent[-RECENT:], scared_at=max(scared, default=None)
        )
        yield Past(last.url, last.platform, last.account, min(last.born, then), last.reason, state, died)


def _fate(row: Row[Any], then: datetime) -> bool | None:
    """Whether a link died within ``AHEAD`` after ``then``; None where that is not known."""
    end = then + AHEAD
    if row.status == Status.DEAD:
        return None if row.failing_since <= then else bool(row.failing_since <= end)
    return False if row.last_ok_at is not None and row.last_ok_at >= end else None


def _looks_by(row: Row[Any], then: datetime) -> int:
    """How many looks of a span were before ``then``, taken as evenly spread."""
    if row.ended_at <= then:
        return int(row.checks)
    return 1 + int((row.checks - 1) * ((then - row.started_at) / (row.ended_at - row.started_at)))


def _before(column: ColumnElement[Any]) -> ColumnElement[Any]:
    """What the span of the link before this one has."""
    return func.lag(column).over(partition_by=span.c.link_id, order_by=span.c.id)


def _ages() -> list[float]:
    return [days for days in YOUNGER_THAN_DAYS if math.isfinite(days)]


def _capped(age: ColumnElement[float], limit: float) -> ColumnElement[float]:
    return case((age < limit, age), else_=limit)
