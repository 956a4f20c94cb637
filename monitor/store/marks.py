"""Marks: what a person says of a link, kept as history, and what follows from it.

A word is worth as much as the looks that confirm a status, and no more: later looks override it by the same policy.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from sqlalchemy import Row, insert, select, update

from monitor.config import Policy
from monitor.model import Reason, Status
from monitor.policy import Risk, State, next_look
from monitor.store import snapshots
from monitor.store.claims import STATE_COLUMNS
from monitor.store.engine import StoreError
from monitor.store.links import hurry_hosts, make_due
from monitor.store.tables import flip, link, mark

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

SEEN_ALIVE_WITHIN = timedelta(days=1)  # what is said to be alive is looked at by then
NO_RISK = Risk(0, 0, at_risk_copied=False, at_risk_uncopied=False, reasons=())  # a dead link has none


class Word(StrEnum):
    """What a person may say of a link."""

    DEAD = "dead"
    ALIVE = "alive"
    IGNORE = "ignore"
    RECHECK = "recheck"


@dataclass(frozen=True, slots=True)
class Marked:
    """A link and what the word made of it: its status before and after, and whether it will be looked at."""

    url: str
    before: Status
    after: Status
    watched: bool
    ignored: bool
    next_check_at: datetime | None


async def put(
    db: AsyncConnection,
    urls: Sequence[str],
    word: Word,
    *,
    who: str,
    note: str,
    now: datetime,
    policy: Policy,
) -> list[Marked]:
    """Keep a word about each link of those canonical URLs, and do what it says.

    :param who: the name of the person.
    :param note: why, empty where nothing was said.
    :raises StoreError: one of them is not known; nothing is changed then if the transaction ends with it.
    """
    marked = []
    for url in dict.fromkeys(urls):
        row = (await db.execute(select(link).where(link.c.url == url).with_for_update())).first()
        if row is None:
            raise StoreError(f"{url} is not watched: add it first (rotwatch add URL).")
        await db.execute(insert(mark).values(link_id=row.id, at=now, word=word, who=who, note=note))
        await _obey(db, row, word, now=now, policy=policy)
        after = (await db.execute(select(link).where(link.c.id == row.id))).one()
        statuses = Status(row.status), Status(after.status)
        marked.append(Marked(url, *statuses, after.watched, after.ignored, after.next_check_at))
    return marked


async def _obey(db: AsyncConnection, row: Row[Any], word: Word, *, now: datetime, policy: Policy) -> None:
    this = update(link).where(link.c.id == row.id)
    if word is Word.IGNORE:
        await db.execute(this.values(ignored=True))
    elif word is Word.RECHECK:
        await db.execute(this.values(ignored=False))
        await make_due(db, now, urls=[row.url])
    elif word is Word.DEAD:
        await _change(db, row, _dead(row, now, policy), now)
    elif row.status == Status.ALIVE:
        await db.execute(this.values(_soon(row, now)))
        await hurry_hosts(db, [row.host], now + SEEN_ALIVE_WITHIN)
    else:
        await _change(db, row, _alive(row, now), now)


async def _change(db: AsyncConnection, row: Row[Any], values: dict[str, Any], now: datetime) -> None:
    """Write another state. A look under way began before it was said: it is not recorded.

    What the last look saw does not explain the new status; it stays in the history.
    """
    values = values | {"leased_by": None, "lease_until": None, "only_from": None}
    flips = row.status != values["status"]
    if flips:
        values |= {"outcome": None, "reason": Reason.MARKED, "rule": None, "evidence": None, "moved_to": None}
    await db.execute(update(link).where(link.c.id == row.id).values(values))
    await hurry_hosts(db, [row.host], values["next_check_at"])
    if flips:
        change = {"old": row.status, "new": values["status"], "reason": Reason.MARKED}
        await db.execute(insert(flip).values(link_id=row.id, at=now, **change))
        await snapshots.set_copy(db, row.id)


def _dead(row: Row[Any], now: datetime, policy: Policy) -> dict[str, Any]:
    """Dead since its first failure, else from now on, whatever seemed to come back; looked at as the dead are."""
    state = replace(
        _state(row),
        status=Status.DEAD,
        since=row.since if row.status == Status.DEAD else now,
        failing_since=row.failing_since or now,
        walls=0,
        walled_since=None,
        oks=0,
        oks_since=None,
        tries=0,
    )
    then = next_look(state, NO_RISK, born=row.added_at, now=now, policy=policy)
    return {
        **_columns(state),
        "next_check_at": then.at,
        "why_then": dict(then.why),
        "at_risk": False,
        "at_risk_copied": False,
    }


def _alive(row: Row[Any], now: datetime) -> dict[str, Any]:
    """Alive as if it had been seen now: no failure is remembered, and no time it was away counts as lived."""
    state = State(
        status=Status.ALIVE,
        since=now,
        last_ok_at=now,
        scared_at=row.scared_at,
        recent=row.recent,
    )
    return _columns(state) | _soon(row, now)


def _soon(row: Row[Any], now: datetime) -> dict[str, Any]:
    by = now + SEEN_ALIVE_WITHIN
    return {"next_check_at": min(row.next_check_at or by, by), "why_then": {"rule": Reason.MARKED}}


def _state(row: Row[Any]) -> State:
    return State(**{name: getattr(row, name) for name in STATE_COLUMNS} | {"status": Status(row.status)})


def _columns(state: State) -> dict[str, Any]:
    return {name: getattr(state, name) for name in STATE_COLUMNS}
