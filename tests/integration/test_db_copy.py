"""``rotwatch db copy``: a list moved from one database to another is the same list."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlalchemy import insert, select

from monitor.cli import cli
from monitor.dump import status_text
from monitor.store import Store, StoreError, copy, database_url, overview, schema, tally
from monitor.store.overview import Filter
from monitor.store.tables import link, metadata, service, snapshot, turn, worker
from tests import postgres
from tests.integration.test_store_checks import GONE, NOW, OK, add, claim, record


async def lived(store: Store) -> None:
    """Thirty links with history, a copy, what services know, a lease, and a daemon that runs."""
    await add(store, 30, account="微信号")
    await record(store, await claim(store), OK)
    later = NOW + timedelta(days=90)
    await record(store, await claim(store, now=later, limit=10), GONE, now=later)
    await claim(store, now=later, limit=3)
    async with store.write() as db:
        values = {"link_id": 1, "archive": "local", "url": "x", "original_url": "x", "captured_at": NOW}
        await db.execute(insert(snapshot).values(**values, origin="made", grade="A"))
        await db.execute(insert(service).values(name="network", data={"因": [1, None]}, updated_at=NOW))
        await db.execute(insert(turn).values(name="archive.org", leased_by="w", lease_until=later))
        names = dict.fromkeys(("machine", "vantage", "roles", "version"), "x")
        await db.execute(insert(worker).values(name="w", **names, started_at=NOW, seen_at=NOW))
        await tally.record(db, await tally.count(db), NOW)


async def status(store: Store) -> str:
    async with store.read() as db:
        numbers = await tally.count(db)
        return "".join([part async for part in status_text(numbers, overview.stream(db, Filter()), NOW)])


async def content(store: Store) -> dict[str, list[dict[str, object]]]:
    """Every row of every table that moves, without leases."""
    async with store.read() as db:
        found = {}
        for table in metadata.sorted_tables:
            if table.name not in copy.OF_PROCESSES:
                rows = await db.execute(select(table).order_by(*table.primary_key))
                found[table.name] = [dict(row) | dict.fromkeys(copy.LEASE) for row in rows.mappings()]
        return found


@pytest.fixture
async def other(postgresql: postgres.Server, upgraded_server: None, tmp_path: Path) -> Store:
    postgresql.empty("newest")
    return Store(database_url(postgresql.url("newest"), tmp_path))


async def test_a_list_goes_to_postgresql_and_back_and_is_the_same(
    store: Store, other: Store, tmp_path: Path
) -> None:
    await lived(store)
    before, rows = await status(store), await content(store)
    back = Store(database_url("sqlite:///back.db", tmp_path))
    try:
        await schema.upgrade(back)
        steps: list[int] = []
        copied = await copy.copy(store, other, carried=steps.append)
        assert copied.total == sum(steps) == await copy.count(store) == sum(map(len, rows.values()))
        assert (await status(other), await content(other)) == (before, rows)
        await copy.copy(other, back)
        assert (await status(back), await content(back)) == (before, rows)
    finally:
        await other.close()
        await back.close()


async def test_what_runs_on_the_old_database_holds_nothing_on_the_new_one(store: Store, other: Store) -> None:
    await lived(store)
    await copy.copy(store, other)
    async with other.read() as db:
        assert (await db.execute(select(link.c.id).where(link.c.leased_by.is_not(None)))).all() == []
        assert (await db.execute(select(worker))).all() == (await db.execute(select(turn))).all() == []
    await other.close()


async def test_new_rows_are_counted_on_from_the_copied_ones(store: Store, other: Store) -> None:
    await lived(store)
    await copy.copy(store, other)
    await add(other, 2, host="b.example")
    async with other.read() as db:
        assert sorted((await db.execute(select(link.c.id))).scalars())[-2:] == [31, 32]
    await other.close()


async def test_a_database_that_is_not_empty_is_left_alone(store: Store, other: Store) -> None:
    await lived(store)
    await add(other, 1)
    before = await content(other)
    with pytest.raises(StoreError, match="is not empty: copy into a new one"):
        await copy.copy(store, other)
    assert await content(other) == before
    await other.close()


async def test_a_text_with_a_nul_in_it_moves_too(store: Store, other: Store) -> None:
    await add(store, 1)
    async with store.write() as db:
        await db.execute(link.update().values(evidence="a\0b"))
    await copy.copy(store, other)
    async with other.read() as db:
        assert (await db.execute(select(link.c.evidence))).scalar() == "a\ufffdb"
    await other.close()


async def test_the_command_makes_the_new_database_and_says_what_it_holds(
    store: Store, store_url: str, tmp_path: Path
) -> None:
    await lived(store)
    target = f"sqlite:///{tmp_path / 'new.db'}"
    command = ["--database", store_url, "db", "copy", store_url, target]
    result = await asyncio.to_thread(CliRunner().invoke, cli, command)
    assert result.exit_code == 0, result.output
    assert "has all of it: 30 links, 40 spans of history" in result.output
    again = await asyncio.to_thread(CliRunner().invoke, cli, command)
    assert "is not empty" in str(again.exception)
