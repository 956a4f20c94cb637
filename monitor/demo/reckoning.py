"""The verdicts of a run held against the truth of its season."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from statistics import median
from typing import Any

from sqlalchemy import Row, select
from sqlalchemy.ext.asyncio import AsyncConnection

from monitor.demo.address import place_of
from monitor.demo.season import Death, Season
from monitor.model import Outcome, Status
from monitor.store.tables import flip, link

DAY = timedelta(days=1)


class Agreement(StrEnum):
    """How a link's status stands to the truth."""

    AGREES = "agrees"
    CONFIRMING = "being_confirmed"  # it changed, that was seen, and the policy wants to see it again
    UNSEEN = "not_looked_at_since"  # it changed after the last look
    WALLED = "walled"  # a wall stood before it at the last look
    WRONG = "wrong"


class Loss(StrEnum):
    """Why a dead link has no copy."""

    BEFORE = "dead_before_the_first_look"
    UNREAD = "never_seen_alive"  # it died behind a wall, or while something was down
    UNPROVEN = "no_copy_could_be_verified"


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What became of one death, and when it was noticed and confirmed; None where it was not.

    ``outcome``: ``found``, ``back_before_confirmed``, or one of :class:`Agreement`.
    """

    url: str
    title: str
    state: str
    died_at: datetime | None
    back_at: datetime | None
    noticed_at: datetime | None
    confirmed_at: datetime | None
    outcome: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Lost:
    url: str
    title: str
    why: Loss


@dataclass(frozen=True, slots=True, kw_only=True)
class Reckoning:
    """``verdicts`` counts the links by :class:`Agreement`; ``false_deaths`` are links called dead that were not, at any
    time. ``days``: from a death to the look that noticed it and the one that confirmed it, median and longest."""

    links: int
    verdicts: Mapping[str, int]
    false_deaths: Sequence[str]
    deaths: Sequence[Found]
    returns: Mapping[str, int]
    lost: Sequence[Lost]
    days: Mapping[str, Mapping[str, float] | None]

    @property
    def of_deaths(self) -> dict[str, int]:
        """How many deaths have which outcome."""
        counts: dict[str, int] = {}
        for one in self.deaths:
            counts[one.outcome] = counts.get(one.outcome, 0) + 1
        return counts

    @property
    def disagrees(self) -> bool:
        """Whether anything is said that is not true, or a death was looked at and not seen."""
        return bool(
            self.false_deaths or self.verdicts[Agreement.WRONG] or self.of_deaths.get(Agreement.WRONG)
        )

    def as_dict(self) -> dict[str, Any]:
        return asdict(self) | {"of_deaths": self.of_deaths}


async def reckon(db: AsyncConnection, season: Season, now: datetime) -> Reckoning:
    """Hold what the database says at ``now`` against the truth."""
    rows = (await db.execute(select(link).order_by(link.c.url))).all()
    flips = await db.execute(select(flip, link.c.url).join_from(flip, link).order_by(flip.c.at, flip.c.id))
    changes: dict[str, list[Row[Any]]] = {}
    for one in flips:
        changes.setdefault(place_of(one.url).key, []).append(one)
    found = {place_of(row.url).key: row for row in rows}
    verdicts = dict.fromkeys(Agreement, 0)
    for key, row in found.items():
        verdicts[_agreement(row, season, key, now)] += 1
    deaths = [
        _found(found[key], changes.get(key, []), season, life.death, now=now)
        for key, life in season.lives.items()
        if life.death and (life.death.at is None or life.death.at <= now)
    ]
    return Reckoning(
        links=len(rows),
        verdicts={kind.value: count for kind, count in verdicts.items()},
        false_deaths=[
            found[key].url
            for key, own in sorted(changes.items())
            for one in own
            if one.new == Status.DEAD and not season.dead(key, one.at)
        ],
        deaths=deaths,
        returns=_returns(deaths, found, now),
        lost=[
            Lost(url=row.url, title=row.title, why=_why_lost(row, season.lives[key].death))
            for key, row in found.items()
            if row.status == Status.DEAD and row.copy_id is None
        ],
        days={
            "to_notice": _spread(
                [one.noticed_at - one.died_at for one in deaths if one.died_at and one.noticed_at]
            ),
            "to_confirm": _spread(
                [one.confirmed_at - one.died_at for one in deaths if one.died_at and one.confirmed_at]
            ),
        },
    )


def _agreement(row: Row[Any], season: Season, key: str, now: datetime) -> Agreement:
    dead = season.dead(key, now)
    if (row.status == Status.DEAD) == dead and row.status in (Status.DEAD, Status.ALIVE):
        return Agreement.AGREES
    if row.last_checked_at is None or season.dead(key, row.last_checked_at) != dead:
        return Agreement.UNSEEN
    if row.outcome == Outcome.WALLED:
        return Agreement.WALLED
    confirming = row.status == Status.SUSPECT or (row.status == Status.DEAD and row.oks > 0)
    return Agreement.CONFIRMING if confirming else Agreement.WRONG


def _found(
    row: Row[Any], changes: Sequence[Row[Any]], season: Season, death: Death, *, now: datetime
) -> Found:
    died = death.at or season.start

    def first(*news: Status) -> datetime | None:
        ends = death.back or now
        return next((one.at for one in changes if one.new in news and died <= one.at <= ends), None)

    confirmed = first(Status.DEAD)
    if confirmed:
        outcome = "found"
    elif death.back and death.back <= now:
        outcome = "back_before_confirmed"
    else:
        outcome = _agreement(row, season, place_of(row.url).key, now)
    return Found(
        url=row.url,
        title=row.title,
        state=death.state,
        died_at=death.at,
        back_at=death.back,
        noticed_at=first(Status.SUSPECT, Status.DEAD),
        confirmed_at=confirmed,
        outcome=outcome,
    )


def _returns(deaths: Sequence[Found], found: Mapping[str, Row[Any]], now: datetime) -> dict[str, int]:
    """Of the pages that had been called dead and came back: how many are alive again, and how many not yet."""
    back = [one for one in deaths if one.outcome == "found" and one.back_at and one.back_at <= now]
    alive = sum(found[place_of(one.url).key].status == Status.ALIVE for one in back)
    return {"acted": len(back), "found": alive, "not_yet": len(back) - alive}


def _why_lost(row: Row[Any], death: Death | None) -> Loss:
    if death and death.at is None:
        return Loss.BEFORE
    return Loss.UNREAD if row.last_ok_at is None else Loss.UNPROVEN


def _spread(times: Sequence[timedelta]) -> dict[str, float] | None:
    days = [time / DAY for time in times]
    return {"median": round(median(days), 1), "longest": round(max(days), 1)} if days else None
