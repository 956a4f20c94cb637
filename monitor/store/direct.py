"""SQLAlchemy's asyncio extension without asyncio: the driver is called from this thread and answers at once.

For commands that ask a few questions and wait for nothing else meanwhile. The extension imports the ORM and, for
SQLite, hands every question to another thread: a fifth of the time of ``rotwatch status``. Here is what the store's
operations use of it, under the same names, so that there is one set of operations.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from typing import Any, TypeVar

from sqlalchemy import URL, Connection, CursorResult, Dialect, Engine, Executable, Row, create_engine

T = TypeVar("T")
DRIVERS = {"sqlite+aiosqlite": "sqlite+pysqlite"}  # psycopg serves both


def direct_engine(url: URL, **options: Any) -> DirectEngine:
    """:param options: as ``create_engine`` takes them."""
    return DirectEngine(
        create_engine(url.set(drivername=DRIVERS.get(url.drivername, url.drivername)), **options)
    )


class DirectEngine:
    """Stands for an ``AsyncEngine``."""

    def __init__(self, engine: Engine) -> None:
        self.sync_engine = engine

    def execution_options(self, **options: Any) -> DirectEngine:
        return DirectEngine(self.sync_engine.execution_options(**options))

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[DirectConnection]:
        with self.sync_engine.begin() as connection:
            yield DirectConnection(connection)

    async def dispose(self) -> None:
        self.sync_engine.dispose()


class DirectConnection:
    """Stands for an ``AsyncConnection``."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    @property
    def dialect(self) -> Dialect:
        return self._connection.dialect

    async def execute(self, statement: Executable, parameters: Any = None) -> CursorResult[Any]:
        return self._connection.execute(statement, parameters)

    async def exec_driver_sql(self, statement: str, parameters: Any = None) -> CursorResult[Any]:
        return self._connection.exec_driver_sql(statement, parameters)

    async def run_sync(self, work: Callable[..., T], *arguments: Any) -> T:
        return work(self._connection, *arguments)

    @asynccontextmanager
    async def stream(self, statement: Executable) -> AsyncIterator[DirectRows]:
        options = {"stream_results": True}
        with closing(self._connection.execute(statement, execution_options=options)) as rows:
            yield DirectRows(rows)


class DirectRows:
    """Stands for an ``AsyncResult``."""

    def __init__(self, rows: CursorResult[Any]) -> None:
        self._rows = rows

    async def partitions(self, size: int) -> AsyncIterator[list[Row[Any]]]:
        for part in self._rows.partitions(size):
            yield list(part)
