from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from monitor.model import Identity
from monitor.store import Store, links
from monitor.store.links import Mention, Synced
from monitor.store.tables import host, link, reference

pytestmark = pytest.mark.both_engines

NOW = datetime(2026, 1, 1, tzinfo=UTC)
LATER = NOW + timedelta(days=1)


def mention(name: str, line: int = 1, title: str = "", host: str = "a.example") -> Mention:
    return Mention(Identity(f"https://{host}/{name}", "generic", host), title, line)


async def sync(store: Store, path: str, *mentions: Mention, now: datetime = NOW, **options: Any) -> Synced:
    async with store.write() as db:
        return await links.sync_source(db, path, mentions, now=now, **options)


async def settle(store: Store) -> int:
    async with store.write() as db:
        return await links.unwatch_unmentioned(db)


async def rows(store: Store, table: Any) -> list[Any]:
    async with store.read() as db:
        return list(await db.execute(select(table)))


async def test_adding_a_list_twice_adds_nothing(store: Store) -> None:
    mentions = [mention("1", 1), mention("2", 5)]
    assert await sync(store, "a.md", *mentions) == Synced(added=2, known=0, dropped=0)
    before = await rows(store, link), await rows(store, reference)
    assert await sync(store, "a.md", *mentions, now=LATER) == Synced(added=0, known=2, dropped=0)
    assert (await rows(store, link), await rows(store, reference)) == before


async def test_a_new_link_is_due_at_once_and_so_is_its_host(store: Store) -> None:
    await sync(store, "a.md", mention("1"))
    [row] = await rows(store, link)
    assert (row.status, row.next_check_at, row.added_at) == ("pending", NOW, NOW)
    assert await rows(store, host) == [("a.example", NOW)]


async def test_a_link_mentioned_twice_is_one_link_with_two_references(store: Store) -> None:
    assert await sync(store, "a.md", mention("1", 1), mention("1", 9)) == Synced(added=1, known=0, dropped=0)
    assert [row.line for row in await rows(store, reference)] == [1, 9]


async def test_the_first_title_that_says_something_is_the_links(store: Store) -> None:
    await sync(store, "a.md", mention("1", 1, ""), mention("1", 9, "A title"))
    assert [row.title for row in await rows(store, link)] == ["A title"]


async def test_a_title_that_changes_in_the_list_changes_with_the_link(store: Store) -> None:
    await sync(store, "a.md", mention("1", 1, "Old"))
    await sync(store, "a.md", mention("1", 1, "New"))
    assert [row.title for row in await rows(store, link)] == ["New"]


async def test_a_vanished_reference_leaves_the_link_and_its_history(store: Store) -> None:
    await sync(store, "a.md", mention("1", 1), mention("2", 5))
    assert (await sync(store, "a.md", mention("1", 1))).dropped == 1
    assert await settle(store) == 1
    assert [(row.url[-1], row.watched) for row in await rows(store, link)] == [("1", True), ("2", False)]


async def test_a_link_that_moves_to_another_list_goes_on_where_it_was(store: Store) -> None:
    await sync(store, "a.md", mention("1"))
    async with store.write() as db:
        await db.execute(link.update().values(status="alive", next_check_at=LATER, looks=7))
    await sync(store, "a.md", now=LATER)
    await sync(store, "b.md", mention("1", 33), now=LATER)
    assert await settle(store) == 0
    [row] = await rows(store, link)
    assert (row.watched, row.status, row.next_check_at, row.looks) == (True, "alive", LATER, 7)


async def test_a_link_that_is_mentioned_again_is_watched_again(store: Store) -> None:
    await sync(store, "a.md", mention("1"))
    await sync(store, "a.md")
    await settle(store)
    await sync(store, "b.md", mention("1"), now=LATER)
    assert [row.watched for row in await rows(store, link)] == [True]


async def test_a_list_that_is_no_more_takes_its_references_along(store: Store) -> None:
    await sync(store, "a.md", mention("1"))
    async with store.write() as db:
        await links.drop_source(db, "a.md")
    assert await rows(store, reference) == []
    assert await settle(store) == 1


async def test_urls_added_by_hand_are_added_to_those_before(store: Store) -> None:
    await sync(store, links.BY_HAND, mention("1", 0), complete=False)
    await sync(store, links.BY_HAND, mention("2", 0), complete=False)
    assert await settle(store) == 0
    assert len(await rows(store, reference)) == 2


async def test_a_problem_of_a_list_is_kept_until_it_can_be_read_again(store: Store) -> None:
    await sync(store, "a.md", mention("1"))
    for moment in (NOW, LATER):
        async with store.write() as db:
            await links.mark_source(db, "a.md", moment, problem="It is away.", missing=True)
    async with store.read() as db:
        [row] = await links.sources(db)
    assert (row.problem, row.missing_since) == ("It is away.", NOW)
    await sync(store, "a.md", mention("1"), now=LATER)
    async with store.read() as db:
        [row] = await links.sources(db)
    assert (row.problem, row.missing_since) == (None, None)


async def test_a_host_is_never_asked_later_than_its_earliest_link(store: Store) -> None:
    async with store.write() as db:
        await links.hurry_hosts(db, ["a.example"], LATER)
        await links.hurry_hosts(db, ["a.example"], NOW)
        await links.hurry_hosts(db, ["a.example"], LATER)
    assert await rows(store, host) == [("a.example", NOW)]
