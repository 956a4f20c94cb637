"""The database as one object: opens it, gives transactions, and turns its errors into sentences."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, nullcontext, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from sqlalchemy import URL, Connection, event, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from monitor.store.direct import direct_engine

if TYPE_CHECKING:  # it imports the ORM, which a ``direct`` store does without
    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

BUSY_TIMEOUT_S = 15
CLOSING_S = 5
# a server that vanished without a word is given up on, instead of being waited for till the end of days
NETWORK = {
    "connect_timeout": 10,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
    "application_name": "rotwatch",
}
DRIVERS = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+psycopg"}


class StoreError(Exception):
    """The database cannot be used; the text says why and what to do.

    ``passing``: it may be over soon (locked, away, full), so that the same may be tried again.
    """

    def __init__(self, text: str, *, passing: bool = False) -> None:
        super().__init__(text)
        self.passing = passing


class DatabaseUrlError(StoreError):
    """``[database] url`` names no database that can be used."""


def database_url(url: str, state_directory: Path) -> URL:
    """The URL for SQLAlchemy: the async driver chosen, a relative SQLite path put below ``state_directory``.

    :raises DatabaseUrlError: not a URL of a database we can use.
    """
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise DatabaseUrlError(
            "The database URL cannot be read: write it like sqlite:///rotwatch.db or postgresql://user@host/name."
        ) from None
    # libpq takes a password among the parameters, too; in its own place it is known as what is never shown
    if given := parsed.query.get("password"):
        password = given if isinstance(given, str) else given[-1]
        parsed = parsed.difference_update_query(["password"]).set(password=password)
    backend = parsed.get_backend_name()
    if backend not in DRIVERS:
        raise DatabaseUrlError(f"A {backend} database is not supported: use sqlite:/// or postgresql://.")
    parsed = parsed.set(drivername=DRIVERS[backend])
    if backend == "sqlite":
        if parsed.database in (None, "", ":memory:"):
            raise DatabaseUrlError(
                "A database in memory forgets everything: give a file, like sqlite:///rotwatch.db."
            )
        parsed = parsed.set(database=str(state_directory / Path(str(parsed.database)).expanduser()))
    return parsed


class Store:
    """An open database. ``read()`` and ``write()`` each give a connection inside one transaction.

    :param direct: call the driver from this thread: for a command that asks a few questions and waits for nothing
        else meanwhile. It starts faster and costs no hop between threads; what runs beside it stands still.
    """

    def __init__(self, url: URL, *, direct: bool = False) -> None:
        self.url = url
        self.is_sqlite = url.get_backend_name() == "sqlite"
        self._place: tuple[int, int] | None = None  # device and inode of the file of SQLite
        self._threads: list[threading.Thread] = []  # one a connection to SQLite
        self.engine = _engine(url, self._threads, direct=direct)
        self._reader = self.engine
        if not self.is_sqlite:
            self._reader = self.engine.execution_options(isolation_level="REPEATABLE READ")
        self._writer = self.engine.execution_options(writing=True)
        # SQLite has one writer; waiting here is fair, waiting in its busy handler is a lottery.
        self._writing = asyncio.Lock() if self.is_sqlite else nullcontext()
        self._open = 0  # transactions
        self._idle = asyncio.Event()
        self._idle.set()

    @property
    def name(self) -> str:
        """The database for people: never with a password."""
        return str(self.url.database) if self.is_sqlite else self.url.render_as_string(hide_password=True)

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """A consistent view. :raises StoreError: the database fails."""
        async with self._transaction(self._reader) as connection:
            yield connection

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncConnection]:
        """Committed at the end, rolled back on an exception. :raises StoreError: the database fails."""
        async with self._writing, self._transaction(self._writer) as connection:
            yield connection

    @asynccontextmanager
    async def _transaction(self, engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
        self._open += 1
        self._idle.clear()
        try:
            async with engine.begin() as connection:
                yield connection
        except (DBAPIError, PoolTimeoutError, sqlite3.Error) as error:
            passing = isinstance(
                error, OperationalError | InterfaceError | PoolTimeoutError | sqlite3.OperationalError
            )
            raise StoreError(_sentence(error, self.name), passing=passing) from error
        finally:
            self._open -= 1
            if not self._open:
                self._idle.set()

    async def answers(self) -> bool:
        """Whether the database answers at all."""
        try:
            await self.ping()
        except StoreError:
            return False
        return True

    async def ping(self) -> None:
        """:raises StoreError: the database does not answer."""
        async with self.read() as db:
            await db.execute(text("SELECT 1"))
        if self.is_sqlite:
            self._check_place()

    def _check_place(self) -> None:
        """SQLite goes on writing into a file that was taken away or replaced, where nobody finds it.

        :raises StoreError: at our path is not the file that was there the first time.
        """
        with suppress(FileNotFoundError):
            there = Path(str(self.url.database)).stat()
            self._place = self._place or (there.st_dev, there.st_ino)
            if self._place == (there.st_dev, there.st_ino):
                return
        raise StoreError(
            f"The database {self.name} was moved or replaced while it was open: put it back, or stop rotwatch "
            "before you restore one."
        )

    async def close(self) -> None:
        """Wait for the transactions that are open, a while; then let go of the database."""
        with suppress(TimeoutError):
            async with asyncio.timeout(CLOSING_S):
                await self._idle.wait()
        await self.engine.dispose()
        # the thread of a connection that was broken off reports to our event loop: it must be over before the loop is
        if self._threads:
            await asyncio.to_thread(_join, self._threads)


def _join(threads: list[threading.Thread]) -> None:
    for thread in threads:
        thread.join(CLOSING_S)


def _engine(url: URL, threads: list[threading.Thread], *, direct: bool) -> AsyncEngine:
    is_sqlite = url.get_backend_name() == "sqlite"
    options: dict[str, Any] = (
        {"connect_args": {"timeout": BUSY_TIMEOUT_S}}
        if is_sqlite
        else {"pool_pre_ping": True, "connect_args": NETWORK}
    )
    try:
        if direct:
            engine = cast("AsyncEngine", direct_engine(url, **options))
        else:
            from sqlalchemy.ext.asyncio import create_async_engine  # noqa: PLC0415

            if is_sqlite:
                options["connect_args"]["async_creator_fn"] = _creator(threads)
            engine = create_async_engine(url, **options)
    except ModuleNotFoundError:
        raise StoreError("PostgreSQL needs its driver: pip install 'rotwatch[postgresql]'.") from None
    if not is_sqlite:
        event.listen(engine.sync_engine, "connect", _take_any_text)
        return engine

    @event.listens_for(engine.sync_engine, "connect")
    def prepare(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # the driver must not begin transactions behind our back
        cursor = connection.cursor()
        for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON", "temp_store=MEMORY"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def begin(connection: Connection) -> None:
        # a read that turns into a write fails with "database is locked" at once: say it at the start
        writing = connection.get_execution_options().get("writing", False)
        # through SQLAlchemy it would cost as much as the statement that follows
        cursor = connection.connection.cursor()
        cursor.execute("BEGIN IMMEDIATE" if writing else "BEGIN")
        cursor.close()

    return engine


def _creator(threads: list[threading.Thread]) -> Callable[..., Any]:
    """How a connection of aiosqlite is made; its thread is known from the first on, should it be broken off at once."""
    import aiosqlite  # noqa: PLC0415

    def create(*arguments: Any, **options: Any) -> Any:
        connection = aiosqlite.connect(*arguments, **options)
        thread = connection._thread  # noqa: SLF001  (nothing else tells it; SQLAlchemy takes it from there, too)
        thread.daemon = True
        threads[:] = [one for one in threads if one.is_alive()] + [thread]
        return connection

    return create


def _take_any_text(connection: Any, _record: Any) -> None:
    """PostgreSQL refuses a text with a NUL in it, and half of a surrogate pair; hostile pages have both."""
    from psycopg.types.string import StrDumper  # noqa: PLC0415

    class AnyText(StrDumper):
        def dump(self, obj: str) -> bytes:
            return obj.replace("\0", "\ufffd").encode("utf-8", "replace")

    getattr(connection, "driver_connection", connection).adapters.register_dumper(str, AnyText)


def _sentence(error: Exception, name: str) -> str:
    cause = error.orig if isinstance(error, DBAPIError) else error
    said = " ".join(str(cause).split())
    mends = (
        ("readonly", "make the file and its folder writable for this user"),
        ("read-only", "make the file and its folder writable for this user"),
        ("unable to open", "check that its folder exists and this user may write there"),
        ("not a database", "restore it from a backup, or move it away to begin anew"),
        ("disk i/o error", "check the disk, and that the path is a file"),
        ("malformed", "restore it from a backup, or move it away to begin anew"),
        ("disk is full", "make room on the disk"),
        ("locked", "another program holds it; end that program or wait"),
        ("no such table", "run: rotwatch db upgrade"),
        ("no such column", "run: rotwatch db upgrade"),
        ("does not exist", "create the database, then run: rotwatch db upgrade"),
        ("connection", "check that the server runs and the URL is right"),
    )
    mend = next((mend for sign, mend in mends if sign in said.lower()), "see what the message names")
    return f"The database {name} cannot be used ({said}): {mend}."
