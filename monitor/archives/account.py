"""What our account at archive.org may do now, and what follows from its refusals for all jobs."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from monitor.archives.answers import KEYS_REFUSED, Answer, Class, Refused, Saved, Unanswered, rest_ends
from monitor.archives.gate import Paused
from monitor.archives.steps import POLL_AT_MOST_S
from monitor.archives.wayback import Wayback
from monitor.store import archives
from monitor.store.archives import Job

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

IN_FLIGHT = 2  # of the three that archive.org allows
CAPTURE_TAKES = timedelta(minutes=2)  # at most
OPERATOR_AGAIN = timedelta(hours=6)
POLITE = timedelta(minutes=2)  # before the account is asked again
FAILED_IN_A_ROW = 3  # saves that came to nothing, before archive.org is asked how it is
OVERLOADED_FOR = timedelta(minutes=10)


class Account:
    """Asked before each submission, told of each answer."""

    def __init__(self, wayback: Wayback) -> None:
        self.wayback, self.gate = wayback, wayback.gate
        self._keys_known = False

    async def know_keys(self) -> None:
        """Once a process: other keys than last time begin anew."""
        if not self._keys_known:
            await self.gate.know_keys()
            self._keys_known = True

    async def open_saves(self) -> int:
        """How many pages may be submitted in this tick: one, or none."""
        if await self.gate.saves_closed():
            return 0
        async with self.gate.store.read() as db:
            return 0 if await self._busy(db) else 1

    async def take(self, db: AsyncConnection, job: Job) -> None:
        """Count the submission of ``job`` that is about to be made, in the caller's transaction.

        :raises Paused: it must not be made now.
        """
        if await self._busy(db):
            until = self.gate.clock() + timedelta(seconds=POLL_AT_MOST_S)
            raise Paused(until, "two captures are under way")
        await self.gate.take_save(db, job.host)

    async def _busy(self, db: AsyncConnection) -> bool:
        running = await archives.in_flight(db, now=self.gate.clock(), longest=CAPTURE_TAKES)
        return running >= IN_FLIGHT

    async def be_sure(self) -> None:
        """With keys: ask once a day what we may still do there, and after trouble whether saving works at all.
        Neither costs anything; a capture is never used as a test.

        :raises Paused: nothing, at the moment.
        """
        if not self.gate.settings.has_keys:
            return
        saves, now = (await self.gate.ledger()).saves, self.gate.clock()
        if saves.asked != now.date():
            await self._know_budget(now)
        if saves.failed >= FAILED_IN_A_ROW:
            await self._know_system(now)

    async def _know_budget(self, now: datetime) -> None:
        answer = await self.wayback.budget()
        if isinstance(answer, Refused):
            await self.heed(answer, host="")
            raise Paused(now + POLITE, answer.message)
        if isinstance(answer, Unanswered):
            raise Paused(now + POLITE, answer.message)
        await self.gate.told(answer)
        if answer.available == 0:
            raise Paused(now + POLITE, "all our sessions are busy")

    async def _know_system(self, now: datetime) -> None:
        """Then the trouble is archive.org's, not the links': it is said so, and nothing is saved for a while."""
        trouble = await self.wayback.trouble()
        if trouble is None:
            await self.gate.change(lambda known: known.save_ended(well=True))
            return
        until = now + OVERLOADED_FOR
        await self.gate.stop_saves(until, trouble)
        raise Paused(until, trouble)

    async def learn(self, answer: Answer, *, host: str) -> None:
        """What an answer to a submission or a poll says of more than its own page."""
        if isinstance(answer, Refused):
            await self.heed(answer, host=host)
        came_to_nothing = isinstance(answer, Unanswered) or (
            isinstance(answer, Refused) and answer.kind is Class.TRANSIENT
        )
        if came_to_nothing or (isinstance(answer, Saved) and (await self.gate.ledger()).saves.failed):
            await self.gate.change(lambda known: known.save_ended(well=not came_to_nothing))

    async def heed(self, refused: Refused, *, host: str) -> None:
        """Stop what a refusal stops: a host, or all saving."""
        now = self.gate.clock()
        if refused.kind is Class.OPERATOR:
            why = refused.message or refused.code
            await self.gate.stop_saves(now + OPERATOR_AGAIN, why, keys_refused=refused.code == KEYS_REFUSED)
        elif refused.rest is not None:
            until = rest_ends(refused.rest, now)
            if refused.kind is Class.HOST:
                await self.gate.stop_host(host, until)
            else:
                await self.gate.stop_saves(until, refused.message or refused.code)
