"""What a report says, as values: read from the store in one consistent view."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal

from monitor.config import Settings
from monitor.model import Status
from monitor.store import outbox, tally
from monitor.store import report as read
from monitor.store.report import Change, Danger, Day, Entry, Refusal, SourceProblem, Trouble, Week
from monitor.store.tally import Tally

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

LOOKING_BACK = timedelta(weeks=26)  # of the picture
STANDING_SHOWN = 10  # of the lists that stand from week to week, or may be thousands in the first
Wayback = Literal["off", "anonymous", "keys"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Everything a report says, in no language and no zone.

    ``before`` is None where nothing was counted at the start of the period. ``due`` is when the report should
    have been written, where that was missed. ``in_danger`` and ``copied`` are the first of ``endangered`` and
    ``copies`` links; the other lists are whole. ``days`` and ``weeks`` are the last half year.
    """

    start: datetime
    end: datetime
    due: datetime | None
    watching_since: datetime | None  # when the first link was added
    now: Tally
    before: Tally | None
    died: tuple[Change, ...]
    came_back: tuple[Change, ...]
    newly_blind: tuple[Change, ...]
    in_danger: tuple[Danger, ...]
    endangered: int
    copied: tuple[Entry, ...]
    copies: int
    refused: tuple[Refusal, ...]
    sources: tuple[SourceProblem, ...]
    troubles: tuple[Trouble, ...]
    undelivered: tuple[tuple[str, str], ...]  # subject and error of reports that never arrived
    wayback: Wayback
    days: tuple[Day, ...] = ()
    weeks: tuple[Week, ...] = ()

    @property
    def quiet(self) -> bool:
        """Nothing happened that a person needs to hear of."""
        return not (
            self.died
            or self.came_back
            or self.newly_blind
            or self.copies
            or self.refused
            or self.sources
            or self.troubles
            or self.undelivered
        )

    @property
    def lost(self) -> tuple[Change, ...]:
        """Of those that died, the ones without a copy."""
        return tuple(change for change in self.died if change.copy is None)


async def gather(
    db: AsyncConnection, settings: Settings, *, start: datetime, end: datetime, due: datetime | None = None
) -> Report:
    """Read what happened in ``(start, end]`` and how things stand; ``db`` gives one consistent view."""
    changes = await read.changes(db, start, end)
    died = [change for change in changes if change.new is Status.DEAD]
    watching_since = await read.first_added(db)
    back = max(end - LOOKING_BACK, watching_since or end)
    now = await tally.count(db)
    in_danger, endangered = await read.in_danger(db, STANDING_SHOWN)
    copied, copies = await read.copied(db, start, end, STANDING_SHOWN)
    return Report(
        start=start,
        end=end,
        due=due,
        watching_since=watching_since,
        now=now,
        before=await tally.around(db, start),
        died=tuple(sorted(died, key=lambda change: change.copy is not None)),
        came_back=tuple(c for c in changes if c.old is Status.DEAD),
        newly_blind=tuple(c for c in changes if c.new is Status.BLIND and c.old is not Status.DEAD),
        in_danger=tuple(in_danger),
        endangered=endangered,
        copied=tuple(copied),
        copies=copies,
        refused=tuple(await read.refused(db, start, end)),
        sources=tuple(await read.source_problems(db)),
        troubles=tuple(await read.troubles(db)),
        undelivered=tuple(await outbox.given_up(db, start, end)),
        wayback=_wayback(settings),
        days=(*await read.days(db, back, end - timedelta(days=1)), *_today(now, end)),
        weeks=tuple(await read.weeks(db, back, end)),
    )


def _today(now: Tally, end: datetime) -> list[Day]:
    """The day that is not over; none where there are no links."""
    return [Day(end.date(), now.links - now.dead, now.rescued, now.lost)] if now.links else []


def _wayback(settings: Settings) -> Wayback:
    wayback = settings.archives.wayback
    if not wayback.enabled:
        return "off"
    return "keys" if wayback.has_keys else "anonymous"
