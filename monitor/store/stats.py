"""What this database's own history tells: deaths and exposure, looks spent, walls met."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise
from typing import Any

from sqlalchemy import ColumnElement, Double, case, cast, extract, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from monitor.model import Outcome, Status
from monitor.policy.risk import YOUNGER_THAN_DAYS
from monitor.store.tables import link, span

YEAR_DAYS = 365

Experience = dict[tuple[str, int], tuple[int, float]]
"""(platform, age column) → (deaths, link-years seen alive); what was never met is absent."""


async def experience(db: AsyncConnection, now: datetime) -> Experience:
    """Deaths and exposure by platform and by the page's age then (a column of ``YOUNGER_THAN_DAYS``).

    Exposure runs from one *seen alive* to the next; a wall in between takes nothing away and adds nothing, a
    failure in between ends it. A death counts at its first failure. One that was dead at its first look does
    not count: it died before anybody watched, and to count it without the years it lived would make every old
    list look deadly.

    :param now: nothing that is said to be later counts.
    """
    found: dict[tuple[str, int], tuple[int, float]] = {}
    for platform, *below, whole in await _exposure(db, now):
        edges = [0.0, *below, whole]
        for column, (lower, upper) in enumerate(pairwise(edges)):
            if upper > lower:
                found[platform, column] = (0, (upper - lower) / YEAR_DAYS)
    for platform, column, deaths in await _deaths(db, now):
        found[platform, column] = (deaths, found.get((platform, column), (0, 0.0))[1])
    return found


async def _exposure(db: AsyncConnection, now: datetime) -> Sequence[Sequence[Any]]:
    """By platform: the days lived below each finite age of ``YOUNGER_THAN_DAYS``, and all days."""
    looks = (
        select(
            span.c.link_id,
            span.c.outcome,
            span.c.started_at,
            span.c.ended_at,
            _before(span.c.outcome).label("outcome_before"),
            _before(span.c.ended_at).label("ended_before"),
        )
        .where(span.c.outcome != Outcome.WALLED, span.c.ended_at <= now)
        .subquery()
    )
    start = case((looks.c.outcome_before == Outcome.OK, looks.c.ended_before), else_=looks.c.started_at)
    born = _days(db, _born())
    alive = (
        select(
            link.c.platform,
            (_days(db, start) - born).label("since"),
            (_days(db, looks.c.ended_at) - born).label("until"),
        )
        .join_from(looks, link, looks.c.link_id == link.c.id)
        .where(looks.c.outcome == Outcome.OK, looks.c.ended_at > start)
        .subquery()
    )
    lived = [func.sum(_capped(alive.c.until, age) - _capped(alive.c.since, age)) for age in _ages()]
    whole = func.sum(alive.c.until - alive.c.since)
    return (await db.execute(select(alive.c.platform, *lived, whole).group_by(alive.c.platform))).all()


async def _deaths(db: AsyncConnection, now: datetime) -> Sequence[Sequence[Any]]:
    age = _days(db, link.c.failing_since) - _days(db, _born())
    column = case(*((age < limit, index) for index, limit in enumerate(_ages())), else_=len(_ages()))
    counted = (
        select(link.c.platform, column.label("age_column"))
        .where(link.c.status == Status.DEAD, link.c.last_ok_at.is_not(None), link.c.failing_since <= now)
        .subquery()
    )
    kind = (counted.c.platform, counted.c.age_column)
    return (await db.execute(select(*kind, func.count()).group_by(*kind))).all()


def _before(column: ColumnElement[Any]) -> ColumnElement[Any]:
    """What the span of the link before this one has."""
    return func.lag(column).over(partition_by=span.c.link_id, order_by=span.c.id)


def _ages() -> list[float]:
    return [days for days in YOUNGER_THAN_DAYS if math.isfinite(days)]


def _born() -> ColumnElement[datetime]:
    return func.coalesce(link.c.published_at, link.c.added_at)


def _days(db: AsyncConnection, moment: ColumnElement[Any]) -> ColumnElement[float]:
    """A moment as days since some day long ago, the same for all."""
    if db.dialect.name == "sqlite":
        return func.julianday(moment, type_=Double)
    return cast(extract("epoch", moment), Double) / 86_400


def _capped(age: ColumnElement[float], limit: float) -> ColumnElement[float]:
    return case((age < limit, age), else_=limit)
