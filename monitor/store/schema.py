"""The schema and its migrations (Alembic, in ``migrations/``; shipped inside the wheel).

An empty database gets the newest schema at once, as Alembic's documentation has it; the tests see to it that the
migrations lead to the same.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Column, Connection, MetaData, PrimaryKeyConstraint, String, Table, text

from monitor.store.engine import Store, StoreError
from monitor.store.tables import WHERE, metadata

if TYPE_CHECKING:  # Alembic is slow to import, and a start-up needs it only when there is something to do
    from alembic.config import Config

NEWEST = "0002"  # the revision this program was written for
PACKAGE = Path(__file__).resolve().parent.parent
VERSION = Table(  # Alembic's own
    "alembic_version",
    MetaData(),
    Column("version_num", String(32), nullable=False),
    PrimaryKeyConstraint("version_num", name="alembic_version_pkc"),
)


def migrations_folder() -> Path:
    """Where the migrations are: inside an installed package, beside it in a checkout."""
    inside = PACKAGE / "migrations"
    return inside if inside.is_dir() else PACKAGE.parent / "migrations"


def alembic_config(connection: Connection | None = None) -> Config:
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(migrations_folder()))
    config.attributes["connection"] = connection
    return config


def tables_in(dialect: str) -> MetaData:
    """The tables, their indexes of some rows told which, in the words of ``dialect``."""
    for index in (index for table in metadata.tables.values() for index in table.indexes):
        if WHERE in index.info:
            index.dialect_options[dialect]["where"] = text(index.info[WHERE])
    return metadata


async def current(store: Store) -> str | None:
    """The revision of the database; None when it has no schema yet."""
    async with store.read() as db:
        return await db.run_sync(_revision)


def _revision(connection: Connection) -> str | None:
    if not connection.dialect.has_table(connection, "alembic_version"):
        return None
    revision: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return revision


async def upgrade(store: Store) -> tuple[str | None, str]:
    """Bring the schema up to date; does nothing when it is.

    :returns: the revisions before and after.
    :raises StoreError: the database was made by a newer program, or cannot be used.
    """
    _make_folder(store)
    before = await current(store)
    if before is None:
        async with store.write() as db:
            await db.run_sync(_create)
    elif before != NEWEST:
        await _migrate(store, before)
    return before, NEWEST


def _create(connection: Connection) -> None:
    if _revision(connection) is not None:  # another process was first
        return
    tables_in(connection.dialect.name).create_all(connection, checkfirst=False)
    VERSION.create(connection, checkfirst=True)
    connection.execute(VERSION.insert().values(version_num=NEWEST))


async def _migrate(store: Store, before: str) -> None:
    from alembic import command  # noqa: PLC0415
    from alembic.util import CommandError  # noqa: PLC0415

    try:
        async with store.write() as db:
            await db.run_sync(lambda connection: command.upgrade(alembic_config(connection), NEWEST))
    except CommandError:
        raise StoreError(
            f"The database {store.name} has the schema {before}, which this version does not know: "
            "install the newer rotwatch that made it."
        ) from None


def _make_folder(store: Store) -> None:
    """A new SQLite database is for its owner alone: it tells what somebody reads."""
    if not store.is_sqlite:
        return
    file = Path(str(store.url.database))
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        if not file.exists():
            os.close(os.open(file, os.O_CREAT | os.O_WRONLY, 0o600))
    except OSError as error:
        raise StoreError(
            f"The database {file} cannot be created ({error.strerror}): "
            "choose a folder this user may write to."
        ) from None


async def problem(store: Store) -> str | None:
    """What keeps this program from using the database as it is, one sentence; None when nothing does.

    :raises StoreError: the database cannot be opened.
    """
    if store.is_sqlite and not Path(str(store.url.database)).exists():
        return f"There is no database {store.name} yet: add a list first (rotwatch add FILE)."
    revision = await current(store)
    if revision == NEWEST:
        return None
    found = f"has the schema {revision}, not {NEWEST}" if revision else "is empty"
    return f"The database {store.name} {found}: run rotwatch db upgrade."
