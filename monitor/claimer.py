"""Claims for many workers together: those who ask while a claim is under way share the next one."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping

from monitor.store import StoreError
from monitor.store.claims import Due

log = logging.getLogger(__name__)

Claim = Callable[[Mapping[str, int]], Awaitable[Mapping[str, list[Due]]]]
GiveBack = Callable[[list[Due]], Awaitable[None]]


class Claimer:
    """One transaction a claim costs the same for one host as for fifty.

    :param claim: claims so many links at most, by host.
    :param give_back: for what was claimed for a worker that is no more.
    """

    def __init__(self, claim: Claim, give_back: GiveBack) -> None:
        self._claim, self._give_back = claim, give_back
        self._asked: dict[str, tuple[int, asyncio.Future[list[Due]]]] = {}
        self._serving: asyncio.Task[None] | None = None

    async def of(self, host: str, limit: int) -> list[Due]:
        """Due links of a host. :raises StoreError: the database fails."""
        answer: asyncio.Future[list[Due]] = asyncio.get_running_loop().create_future()
        self._asked[host] = limit, answer
        if self._serving is None:
            self._serving = asyncio.create_task(self._serve())
        try:
            return await answer
        except asyncio.CancelledError:
            if answer.done() and not answer.cancelled() and not answer.exception():
                await self._return(answer.result())
            raise

    async def settle(self) -> None:
        """Wait until nothing is being claimed."""
        if self._serving:
            await self._serving

    async def _serve(self) -> None:
        try:
            while self._asked:
                asked, self._asked = self._asked, {}
                await self._answer(asked)
        finally:
            self._serving = None

    async def _answer(self, asked: Mapping[str, tuple[int, asyncio.Future[list[Due]]]]) -> None:
        try:
            claimed = await self._claim({host: limit for host, (limit, _) in asked.items()})
        except Exception as error:
            for _, answer in asked.values():
                if not answer.done():
                    answer.set_exception(error)
            return
        orphans: list[Due] = []
        for host, (_, answer) in asked.items():
            if answer.done():
                orphans += claimed[host]
            else:
                answer.set_result(claimed[host])
        await self._return(orphans)

    async def _return(self, orphans: list[Due]) -> None:
        """Give back what nobody waits for; where that fails, others get it when its lease ends."""
        if not orphans:
            return
        try:
            await self._give_back(orphans)
        except StoreError as problem:
            log.error("%s", problem, extra={"action": "give back"})
