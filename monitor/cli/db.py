"""``rotwatch db``: the schema, and a consistent online backup."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import click

from monitor.cli import BAD_NEWS
from monitor.cli.app import App, pass_app, run

if TYPE_CHECKING:
    from monitor.store import Store


@click.group("db", short_help="The database: upgrade, current, backup.")
def command() -> None:
    """The database: its schema, and a backup."""


@command.command()
@pass_app
def upgrade(app: App) -> int:
    """Bring the schema up to date; `run` and `add` do it too."""
    return run(_upgrade(app))


async def _upgrade(app: App) -> int:
    from monitor.store import Store, database_url, schema

    store = Store(database_url(app.settings.database.url, app.settings.state_directory))
    try:
        before, after = await schema.upgrade(store)
    finally:
        await store.close()
    what = "is up to date" if before == after else f"went from {before or 'nothing'} to {after}"
    click.echo(f"The schema of {store.name} {what} ({after}).")
    return 0


@command.command()
@pass_app
def current(app: App) -> int:
    """Show the schema's revision; exit 1 when it is not the one this program needs."""
    return run(_current(app))


async def _current(app: App) -> int:
    from monitor.store import Store, database_url, schema

    store = Store(database_url(app.settings.database.url, app.settings.state_directory))
    try:
        problem = await schema.problem(store)
    finally:
        await store.close()
    click.echo(problem or f"{schema.NEWEST} (up to date)")
    return BAD_NEWS if problem else 0


@command.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@pass_app
def backup(app: App, file: Path) -> int:
    """Write a consistent copy of the database to FILE while everything goes on."""
    if file.exists():
        raise click.UsageError(f"{file} exists: name a file that is not there yet.")
    return run(_backup(app, file))


async def _backup(app: App, file: Path) -> int:
    async with app.store() as store:
        if not store.is_sqlite:
            raise click.UsageError("Back up PostgreSQL with its own tool: pg_dump --format=custom DATABASE.")
        await asyncio.to_thread(_copy, store, file)
    click.echo(f"{file}: {file.stat().st_size} bytes.")
    return 0


def _copy(store: Store, file: Path) -> None:
    from monitor.store import StoreError

    partial = file.with_name(file.name + ".partial")
    try:
        with (
            closing(sqlite3.connect(str(store.url.database))) as source,
            closing(sqlite3.connect(partial)) as copy,
        ):
            partial.chmod(0o600)
            source.backup(copy)
        partial.replace(file)
    except (sqlite3.Error, OSError) as error:
        partial.unlink(missing_ok=True)
        raise StoreError(
            f"The backup to {file} failed ({error}): check that there is room and it is writable."
        ) from None
