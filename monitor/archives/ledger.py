"""What all workers know together of archive.org: when it may be asked again, and what may still be saved today."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from pydantic import BaseModel
from sqlalchemy import select

from monitor.archives.answers import Budget, midnight_after
from monitor.store import service
from monitor.store.tables import service as services

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

NAME = "archive.org"
RESERVE = 0.1  # of a day's budget, left untouched

TOO_MANY = tuple(timedelta(seconds=s) for s in (60, 300, 3600))  # then doubling
REFUSED = timedelta(hours=1)  # doubling: a firewall's block lasts that long
UNSTEADY = timedelta(minutes=5)  # doubling up to an hour
UNSTEADY_AFTER = 3  # answers in a row that were none
LONGEST = timedelta(hours=24)


class Saves(BaseModel):
    """Submissions: those of ``day`` (UTC), when the last one was, and until when there are none and why.

    ``keys_refused``: why is that our keys are, which only a person can mend. ``limit`` is what archive.org said on
    ``asked``; ``hosts`` those of which nothing is submitted until a time;
    ``failed`` how many in a row came to nothing.
    """

    day: date | None = None
    used: int = 0
    limit: int | None = None
    asked: date | None = None
    last: datetime | None = None
    until: datetime | None = None
    why: str = ""
    keys_refused: bool = False
    keys: str = ""
    failed: int = 0
    hosts: dict[str, datetime] = {}


class _Data(BaseModel):
    failures: int = 0
    unsteady: int = 0
    saves: Saves = Saves()


@dataclass(frozen=True, slots=True)
class Ledger:
    """The row ``archive.org`` of the table ``service``. ``failures``: 429s and refused connections in a row;
    ``unsteady``: answers in a row that were none."""

    not_before: datetime | None = None
    failures: int = 0
    note: str | None = None
    unsteady: int = 0
    saves: Saves = field(default_factory=Saves)

    @property
    def troubled(self) -> bool:
        return self.failures > 0 or self.unsteady >= UNSTEADY_AFTER

    def pause(self, now: datetime, wait: timedelta, why: str) -> Ledger:
        return replace(self, not_before=now + min(wait, LONGEST), note=why)

    def too_many(self, now: datetime, retry_after: timedelta) -> Ledger:
        """archive.org said 429: going on for a minute earns a block of an hour."""
        rung = self.failures
        wait = (
            TOO_MANY[rung] if rung < len(TOO_MANY) else TOO_MANY[-1] * 2 ** min(rung - len(TOO_MANY) + 1, 6)
        )
        paused = self.pause(now, max(wait, retry_after), "archive.org says that we ask too often (429).")
        return replace(paused, failures=self.failures + 1)

    def refused(self, now: datetime) -> Ledger:
        """It does not even take the connection: probably its firewall."""
        wait = REFUSED * 2 ** min(self.failures, 6)
        paused = self.pause(now, wait, "archive.org refuses our connections, probably for asking too often.")
        return replace(paused, failures=self.failures + 1)

    def unanswered(self, now: datetime) -> Ledger:
        count = self.unsteady + 1
        if count < UNSTEADY_AFTER:
            return replace(self, unsteady=count)
        wait = min(UNSTEADY * 2 ** min(count - UNSTEADY_AFTER, 6), timedelta(hours=1))
        return replace(
            self.pause(now, wait, "archive.org is in trouble and does not answer."), unsteady=count
        )

    def answered(self) -> Ledger:
        return replace(self, not_before=None, failures=0, note=None, unsteady=0)

    def stop_saves(self, until: datetime, why: str, *, keys_refused: bool = False) -> Ledger:
        news = {"until": until, "why": why, "keys_refused": keys_refused}
        return replace(self, saves=self.saves.model_copy(update=news))

    def stop_host(self, host: str, until: datetime, now: datetime) -> Ledger:
        hosts = {name: end for name, end in self.saves.hosts.items() if end > now} | {host: until}
        return replace(self, saves=self.saves.model_copy(update={"hosts": hosts}))

    def told(self, budget: Budget, now: datetime) -> Ledger:
        """What archive.org says of our account wins over what we counted."""
        news = {"day": now.date(), "asked": now.date(), "used": budget.used, "limit": budget.limit}
        return replace(self, saves=self.saves.model_copy(update=news))

    def saved(self, now: datetime) -> Ledger:
        used = self.saves.used if self.saves.day == now.date() else 0
        news = {
            "day": now.date(),
            "used": used + 1,
            "last": now,
            "until": None,
            "why": "",
            "keys_refused": False,
        }
        return replace(self, saves=self.saves.model_copy(update=news))

    def save_ended(self, *, well: bool) -> Ledger:
        failed = 0 if well else self.saves.failed + 1
        return replace(self, saves=self.saves.model_copy(update={"failed": failed}))

    def with_keys(self, keys: str) -> Ledger:
        """Forget what was known of other keys: new ones may do what the old ones might not."""
        if keys == self.saves.keys:
            return self
        return replace(self, saves=Saves(keys=keys, last=self.saves.last, hosts=self.saves.hosts))

    def no_save_before(
        self, now: datetime, *, spacing: timedelta, daily: int, host: str | None = None
    ) -> tuple[datetime, str] | None:
        """Until when nothing may be submitted, and why; None when something may.

        :param daily: what may be saved in a day while archive.org has not said so itself.
        :param host: of the page to submit; None asks for any.
        """
        saves = self.saves
        allowed = daily if saves.limit is None else int(saves.limit * (1 - RESERVE))
        stops = [
            (self.not_before, self.note or ""),
            (saves.until, saves.why),
            (saves.last + spacing if saves.last else None, "the last one was a moment ago"),
        ]
        if host is not None:
            stops.append((saves.hosts.get(host), f"archive.org lets {host} rest"))
        if saves.day == now.date() and saves.used >= allowed:
            stops.append((midnight_after(now), f"today's budget of {allowed} captures is spent"))
        active = [(until, why) for until, why in stops if until is not None and until > now]
        return max(active, default=None)


async def read(db: AsyncConnection, *, for_update: bool = False) -> Ledger:
    """The ledger as it stands. ``for_update``: nobody else changes it until the transaction ends."""
    if for_update:
        await db.execute(select(services.c.name).where(services.c.name == NAME).with_for_update())
    row = await service.get(db, NAME)
    if row is None:
        return Ledger()
    data = _Data.model_validate(row.data or {})
    note = row.note if row.not_before else None
    return Ledger(row.not_before, data.failures, note, data.unsteady, data.saves)


async def write(db: AsyncConnection, ledger: Ledger, now: datetime) -> None:
    """Keep the ledger. The columns are for people, too: whatever keeps copies from being made counts as a failure."""
    saves = ledger.saves
    stopped = saves.until is not None and saves.until > now
    data = _Data(failures=ledger.failures, unsteady=ledger.unsteady, saves=saves)
    await service.put(
        db,
        NAME,
        now=now,
        not_before=ledger.not_before,
        failures=ledger.failures + (ledger.unsteady if ledger.troubled else 0) + stopped,
        note=ledger.note or (saves.why if stopped else None),
        data=data.model_dump(mode="json"),
    )
