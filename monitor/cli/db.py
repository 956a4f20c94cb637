"""``rotwatch db``: the schema, and a consistent online backup."""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import click

from monitor.cli import BAD_NEWS
from monitor.cli.app import App, pass_app, progress, run

if TYPE_CHECKING:
    from sqlalchemy import URL

    from monitor.store import Store


@click.group("db", short_help="The database: upgrade, current, backup, copy.")
def command() -> None:
    """The database: its schema, a backup, a move to another one."""


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


@command.command("copy")
@click.argument("source", metavar="FROM")
@click.argument("target", metavar="TO")
@pass_app
def copy_command(app: App, source: str, target: str) -> int:
    """Move a list, history and all, to another database: FROM and TO are URLs, TO is new or empty.

    Stop the daemon first, or what it sees meanwhile stays behind. Set [database] url to TO afterwards.
    """
    return run(_move(app, source, target))


async def _move(app: App, source: str, target: str) -> int:
    from monitor.store import Store, StoreError, copy, database_url, schema

    old, new = (Store(database_url(url, app.settings.state_directory)) for url in (source, target))
    try:
        if problem := await schema.problem(old):
            raise StoreError(problem)
        await schema.upgrade(new)
        with progress(app, await copy.count(old), "Copying") as advance:
            copied = await copy.copy(old, new, carried=advance)
    finally:
        await old.close()
        await new.close()
    links, spans = copied.rows["link"], copied.rows["span"]
    click.echo(f"{new.name} has all of it: {links} links, {spans} spans of history, {copied.total} rows.")
    return 0


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
        await asyncio.to_thread(_copy if store.is_sqlite else _dump, store, file)
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


def _without_password(url: URL) -> str:
    """The URL for a command line, which everybody may see."""
    from sqlalchemy import URL

    # set() takes None for "leave it as it is"
    bare = URL.create("postgresql", url.username, None, url.host, url.port, url.database, url.query)
    return bare.render_as_string()


def _dump(store: Store, file: Path) -> None:
    """PostgreSQL's own tool writes what its ``pg_restore`` reads. The password goes by the environment."""
    from monitor.store import StoreError

    program = shutil.which("pg_dump")
    if program is None:
        raise StoreError(
            "PostgreSQL is backed up by its own pg_dump, which is not here: apt install postgresql-client, or run "
            "pg_dump --format=custom on the server."
        )
    partial = file.with_name(file.name + ".partial")
    url = _without_password(store.url)
    secret = {"PGPASSWORD": store.url.password} if store.url.password else {}
    try:
        os.close(os.open(partial, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600))
        command = [program, "--format=custom", f"--file={partial}", f"--dbname={url}"]
        done = subprocess.run(command, env=os.environ | secret, capture_output=True, text=True, check=False)  # noqa: S603
        if done.returncode:
            said = " ".join(done.stderr.split())
            raise StoreError(f"The backup to {file} failed ({said}): see what the message names.")
        partial.replace(file)
    except OSError as error:
        raise StoreError(
            f"The backup to {file} failed ({error}): check that there is room and it is writable."
        ) from None
    finally:
        partial.unlink(missing_ok=True)
