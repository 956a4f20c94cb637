from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, MetaData, inspect

from monitor.store import Store, StoreError, database_url, schema
from monitor.store.tables import WHERE, metadata
from monitor.store.tally import Tally

T = TypeVar("T")


@pytest.fixture
async def fresh(tmp_path: Path) -> AsyncIterator[Store]:
    store = Store(database_url("sqlite:///new/rotwatch.db", tmp_path))
    yield store
    await store.close()


def revisions() -> list[str]:
    script = ScriptDirectory.from_config(schema.alembic_config())
    return [found.revision for found in script.walk_revisions()][::-1]


def difference(connection: Connection) -> list[object]:
    context = MigrationContext.configure(connection, opts={"compare_type": True})
    return list(compare_metadata(context, metadata))


def conditions(connection: Connection) -> dict[str | None, str]:
    """Of each index of some rows: which rows."""
    found = inspect(connection)
    return {
        index["name"]: str(where).strip("()")
        for table in found.get_table_names()
        for index in found.get_indexes(table)
        if (where := index.get("dialect_options", {}).get(f"{connection.dialect.name}_where")) is not None
    }


def shape(connection: Connection) -> dict[str, dict[str, object]]:
    """All that the database itself says about its tables, whatever order their columns have."""
    found = inspect(connection)

    def listed(told: Iterable[Mapping[str, Any]]) -> list[str]:
        return sorted(
            str(sorted((key, value) for key, value in one.items() if key != "dialect_options"))
            for one in told
        )

    return {
        table: {
            "columns": {
                one["name"]: (str(one["type"]), one["nullable"], one["default"])
                for one in found.get_columns(table)
            },
            "primary": found.get_pk_constraint(table),
            "foreign": listed(found.get_foreign_keys(table)),
            "unique": listed(found.get_unique_constraints(table)),
            "indexes": listed(found.get_indexes(table)),
        }
        for table in found.get_table_names()
    }


async def seen(store: Store, look: Callable[[Connection], T]) -> T:
    async with store.read() as db:
        return await db.run_sync(look)


@pytest.fixture
async def migrated(blank: str, tmp_path: Path) -> AsyncIterator[Store]:
    """A database that went through every migration."""
    store = Store(database_url(blank, tmp_path))
    await move(store, command.upgrade, "head")
    yield store
    await store.close()


@pytest.mark.both_engines
async def test_migrations_and_metadata_agree(migrated: Store) -> None:
    assert await seen(migrated, difference) == []


@pytest.mark.both_engines
async def test_migrations_and_metadata_agree_on_which_rows_an_index_is_of(migrated: Store) -> None:
    known = {
        index.name: index.info[WHERE]
        for table in metadata.tables.values()
        for index in table.indexes
        if index.info
    }
    assert await seen(migrated, conditions) == known


@pytest.mark.both_engines
async def test_a_new_database_is_what_the_migrations_make(store: Store, migrated: Store) -> None:
    new = await seen(store, shape)
    assert new == await seen(migrated, shape)
    assert await seen(store, conditions) == await seen(migrated, conditions)
    assert set(new) == {*metadata.tables, "alembic_version"}
    assert await schema.current(store) == schema.NEWEST


async def test_of_two_that_find_a_database_empty_one_makes_it(tmp_path: Path) -> None:
    url = database_url("sqlite:///rotwatch.db", tmp_path)
    both = [Store(url), Store(url)]
    assert await asyncio.gather(*map(schema.upgrade, both)) == [(None, schema.NEWEST)] * 2
    for store in both:
        assert await schema.problem(store) is None
        await store.close()


def test_the_program_knows_the_newest_revision() -> None:
    assert revisions()[-1] == schema.NEWEST


async def move(store: Store, way: Callable[[Config, str], None], revision: str) -> None:
    async with store.write() as db:
        await db.run_sync(lambda connection: way(schema.alembic_config(connection), revision))


@pytest.mark.both_engines
async def test_each_migration_goes_down_and_up_again(blank: str, tmp_path: Path) -> None:
    store = Store(database_url(blank, tmp_path))
    await schema.upgrade(store)
    for revision in reversed(revisions()):
        await move(store, command.downgrade, "-1")
        await move(store, command.upgrade, revision)
        await move(store, command.downgrade, "-1")
    async with store.read() as db:
        tables = await db.run_sync(lambda sync: inspect(sync).get_table_names())
    assert set(tables) == {"alembic_version"}
    assert await schema.upgrade(store) == (None, schema.NEWEST)
    await store.close()


AT = datetime(2026, 1, 1, tzinfo=UTC)
RELEASED: dict[str, dict[str, Any]] = {  # a row of each table of the released schema 0001
    "source": {"id": 7, "path": "a.md", "digest": "d", "configured": True, "synced_at": AT},
    "link": {
        "id": 7,
        "url": "https://a.example/1",
        "platform": "generic",
        "host": "a.example",
        "title": "标题",
        "added_at": AT,
        "since": AT,
        "status": "suspect",
        "failures": 2,
        "failing_since": AT,
        "recent": "gg",
        "seen_alive_s": 86400,
        "outcome": "gone",
        "looks": 3,
        "span_id": 7,
        "next_check_at": AT,
        "copy_id": 7,
        "why_then": {"rule": "suspect"},
        "sketch": b"\x00\x01",
        "at_risk": True,
        "lease_until": AT,
    },
    "reference": {"id": 7, "source_id": 7, "link_id": 7, "line": 3, "title": "标题"},
    "span": {
        "id": 7,
        "link_id": 7,
        "vantage": "here",
        "started_at": AT,
        "ended_at": AT,
        "outcome": "gone",
        "reason": "not_found",
        "rule": "generic.gone.404",
        "evidence": "没有",
        "checks": 2,
    },
    "flip": {"id": 7, "link_id": 7, "at": AT, "old": "alive", "new": "suspect", "reason": "not_found"},
    "mark": {"id": 7, "link_id": 7, "at": AT, "word": "recheck", "who": "me", "note": "why"},
    "host": {"host": "a.example", "due_at": AT},
    "pace": {"host": "a.example", "vantage": "here", "not_before": AT, "walls": 1},
    "snapshot": {
        "id": 7,
        "link_id": 7,
        "archive": "wayback",
        "url": "w",
        "original_url": "o",
        "captured_at": AT,
        "origin": "made",
        "grade": "A",
    },
    "archive_job": {
        "id": 7,
        "link_id": 7,
        "archive": "wayback",
        "state": "queued",
        "danger": 0,
        "created_at": AT,
        "not_before": AT,
        "snapshot_id": 7,
    },
    "outbox": {
        "id": 7,
        "kind": "weekly",
        "period": "2026-01-05",
        "subject": "s",
        "message": b"m",
        "state": "sent",
        "created_at": AT,
        "not_before": AT,
        "sent_at": AT,
    },
    "tally": {"day": "2026-01-01", **dict.fromkeys(Tally.__dataclass_fields__, 1)},
    "service": {"name": "archive.org", "data": {"saves": {}}, "updated_at": AT},
}
OVER = {"link": {"seen_alive_s"}}  # what the newest schema has no more


def _fill(connection: Connection) -> None:
    found = MetaData()
    found.reflect(connection)
    assert set(found.tables) - {"alembic_version"} == set(RELEASED)
    for name, row in RELEASED.items():
        table = found.tables[name]
        for column in table.c:  # reflection knows SQLite's JSON and times by other names
            ours = metadata.tables[name].c.get(column.name)
            column.type = column.type if ours is None else ours.type
        connection.execute(table.insert().values(row))


@pytest.mark.both_engines
async def test_a_released_database_is_upgraded_and_has_kept_everything(blank: str, tmp_path: Path) -> None:
    old = Store(database_url(blank, tmp_path))
    await move(old, command.upgrade, "0001")
    async with old.write() as db:
        await db.run_sync(_fill)
    assert await schema.upgrade(old) == ("0001", schema.NEWEST)
    async with old.read() as db:
        assert await db.run_sync(difference) == []
        for name, row in RELEASED.items():
            [kept] = (await db.execute(metadata.tables[name].select())).mappings()
            there = {key: value for key, value in row.items() if key not in OVER.get(name, ())}
            assert {key: kept[key] for key in there} == there
    await old.close()


async def test_upgrading_makes_folder_and_file_for_their_owner_alone(fresh: Store, tmp_path: Path) -> None:
    assert await schema.upgrade(fresh) == (None, schema.NEWEST)
    assert await schema.upgrade(fresh) == (schema.NEWEST, schema.NEWEST)
    assert (tmp_path / "new" / "rotwatch.db").stat().st_mode & 0o077 == 0


async def test_a_missing_database_is_a_problem_that_says_what_to_do(fresh: Store) -> None:
    assert "add a list first" in (await schema.problem(fresh) or "")


async def test_a_database_of_a_newer_program_is_left_alone(store: Store) -> None:
    async with store.write() as db:
        await db.exec_driver_sql("UPDATE alembic_version SET version_num = 'f00d'")
    with pytest.raises(StoreError, match="install the newer rotwatch"):
        await schema.upgrade(store)


async def test_a_file_that_is_no_database_is_one_sentence(tmp_path: Path) -> None:
    file = tmp_path / "rotwatch.db"
    file.write_bytes(b"this is a poem, not a database, and it is long enough to be looked at" * 30)
    store = Store(database_url("sqlite:///rotwatch.db", tmp_path))
    with pytest.raises(StoreError, match="restore it from a backup") as error:
        await schema.upgrade(store)
    await store.close()
    assert "\n" not in str(error.value)
    assert file.read_bytes().startswith(b"this is a poem")


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("mysql://localhost/x", "not supported"),
        ("sqlite://", "in memory"),
        ("nonsense", "cannot be read"),
    ],
)
def test_a_url_that_names_no_database_of_ours_is_one_sentence(url: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=said):
        database_url(url, tmp_path)


def test_a_password_is_never_part_of_the_name(tmp_path: Path) -> None:
    url = database_url("postgresql://reader:hunter2@db.example/rot", tmp_path)
    assert "hunter2" not in url.render_as_string(hide_password=True)
