from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from monitor.store import Store, database_url, schema


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with the newest schema and nothing in it, to copy: migrating takes longer than most tests."""
    file = tmp_path_factory.mktemp("schema") / "empty.db"

    async def make() -> None:
        store = Store(database_url(f"sqlite:///{file}", file.parent))
        await schema.upgrade(store)
        await store.close()

    asyncio.run(make())
    return file


@pytest.fixture
async def store(empty_database: Path, tmp_path: Path) -> AsyncIterator[Store]:
    """An open store with the newest schema and nothing in it."""
    file = tmp_path / "rotwatch.db"
    shutil.copy(empty_database, file)
    store = Store(database_url(f"sqlite:///{file}", tmp_path))
    yield store
    await store.close()
