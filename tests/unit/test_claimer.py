"""Workers that claim at the same time share a transaction, and none loses what was claimed for it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, cast

import pytest

from monitor.claimer import Claimer
from monitor.store import StoreError
from monitor.store.claims import Due


def due(host: str) -> Due:
    return cast("Due", f"a link of {host}")


class Database:
    """Answers once it is let; remembers what was asked and what came back."""

    def __init__(self) -> None:
        self.asked: list[dict[str, int]] = []
        self.back: list[Due] = []
        self.open = asyncio.Event()
        self.error: Exception | None = None

    async def claim(self, wanted: Mapping[str, int]) -> dict[str, list[Due]]:
        self.asked.append(dict(wanted))
        await self.open.wait()
        if self.error:
            raise self.error
        return {host: [due(host)] for host in wanted}

    async def give_back(self, dues: list[Due]) -> None:
        self.back += dues


async def asking(claimer: Claimer, *hosts: str) -> list[asyncio.Task[Any]]:
    tasks = [asyncio.create_task(claimer.of(host, 5)) for host in hosts]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    return tasks


async def test_those_who_ask_together_share_one_claim() -> None:
    database = Database()
    claimer = Claimer(database.claim, database.give_back)
    first = await asking(claimer, "a", "b")
    late = await asking(claimer, "c", "d")
    database.open.set()
    assert await asyncio.gather(*first, *late) == [[due(host)] for host in "abcd"]
    assert database.asked == [{"a": 5, "b": 5}, {"c": 5, "d": 5}]


async def test_what_was_claimed_for_a_worker_that_is_no_more_is_given_back() -> None:
    database = Database()
    claimer = Claimer(database.claim, database.give_back)
    gone, there = await asking(claimer, "a", "b")
    gone.cancel()
    database.open.set()
    await claimer.settle()
    assert await there == [due("b")]
    assert database.back == [due("a")]


async def test_what_comes_in_the_moment_a_worker_ends_is_given_back() -> None:
    database = Database()
    database.open.set()
    claimer = Claimer(database.claim, database.give_back)
    worker = asyncio.create_task(claimer.of("a", 5))
    while not database.asked:
        await asyncio.sleep(0)
    worker.cancel()
    with pytest.raises(asyncio.CancelledError):
        await worker
    await claimer.settle()
    assert database.back == [due("a")]


async def test_those_who_ask_while_giving_back_fails_are_answered() -> None:
    database = Database()

    async def away(_dues: list[Due]) -> None:
        raise StoreError("away")

    claimer = Claimer(database.claim, away)
    [gone] = await asking(claimer, "a")
    gone.cancel()
    [there] = await asking(claimer, "b")
    database.open.set()
    assert await there == [due("b")]


async def test_a_database_that_fails_fails_all_who_asked_and_none_who_ask_later() -> None:
    database = Database()
    database.open.set()
    database.error = RuntimeError("away")
    claimer = Claimer(database.claim, database.give_back)
    for task in await asking(claimer, "a", "b"):
        with pytest.raises(RuntimeError, match="away"):
            await task
    database.error = None
    assert await claimer.of("a", 1) == [due("a")]
