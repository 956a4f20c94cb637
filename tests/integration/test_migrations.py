from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect

from monitor.store import Store, StoreError, database_url, schema
from monitor.store.tables import metadata


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


async def test_migrations_and_metadata_agree(store: Store) -> None:
    async with store.read() as db:
        assert await db.run_sync(difference) == []


def test_the_program_knows_the_newest_revision() -> None:
    assert revisions()[-1] == schema.NEWEST


async def move(store: Store, way: Callable[[Config, str], None], revision: str) -> None:
    async with store.write() as db:
        await db.run_sync(lambda connection: way(schema.alembic_config(connection), revision))


async def test_each_migration_goes_down_and_up_again(store: Store) -> None:
    for revision in reversed(revisions()):
        await move(store, command.downgrade, "-1")
        await move(store, command.upgrade, revision)
        await move(store, command.downgrade, "-1")
    async with store.read() as db:
        tables = await db.run_sync(lambda sync: inspect(sync).get_table_names())
    assert set(tables) == {"alembic_version"}
    assert await schema.upgrade(store) == (None, schema.NEWEST)


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
