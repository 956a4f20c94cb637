"""What the commands share: settings, the open store, the clock, and how things are printed."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

import click

from monitor.dump import as_json

if TYPE_CHECKING:
    from rich.console import Console

    from monitor.config import Settings
    from monitor.fetch import Fetcher
    from monitor.store import Store


def now() -> datetime:
    """The real clock."""
    return datetime.now(UTC)


@dataclass
class App:
    """The global options, and what is opened from them when a command asks."""

    config_file: str | None
    database: str | None
    verbose: bool

    @cached_property
    def settings(self) -> Settings:
        from monitor.config_file import load

        return load(self.config_file, database=self.database)

    @asynccontextmanager
    async def store(self, *, create: bool = False) -> AsyncIterator[Store]:
        """The database, ready to use.

        :param create: make it, or bring its schema up to date; else an old or missing one is an error.
        :raises StoreError: it cannot be used.
        """
        from monitor.store import Store, StoreError, database_url, schema

        store = Store(database_url(self.settings.database.url, self.settings.state_directory))
        try:
            if create:
                await schema.upgrade(store)
            elif problem := await schema.problem(store):
                raise StoreError(problem)
            yield store
        finally:
            await store.close()

    @asynccontextmanager
    async def fetcher(self) -> AsyncIterator[Fetcher]:
        from monitor.fetch import Fetcher

        async with Fetcher(self.settings.network, base=self.settings.home) as fetcher:
            yield fetcher

    @cached_property
    def out(self) -> Console:
        """Tables and coloured text for stdout."""
        from rich.console import Console

        return Console(highlight=False, soft_wrap=False)

    @cached_property
    def err(self) -> Console:
        """Progress and messages."""
        from rich.console import Console

        return Console(stderr=True, highlight=False)


pass_app = click.make_pass_decorator(App)


def run(work: Coroutine[Any, Any, int | None]) -> int:
    """Run a command's work to its end; its result is the exit code."""
    return asyncio.run(work) or 0


def echo_json(value: Any, *, indent: int | None = None) -> None:
    """One JSON document on stdout."""
    click.echo(as_json(value, indent=indent))


def say(text: str) -> None:
    """A message for the person, on stderr."""
    click.echo(text, err=True)


@contextmanager
def progress(app: App, total: int | None, what: str) -> Iterator[Callable[[], None]]:
    """A progress bar on stderr, where that is a terminal; gives what to call after each step."""
    if not sys.stderr.isatty():
        yield lambda: None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=app.err, transient=True) as bar:
        task = bar.add_task(what, total=total)
        yield lambda: bar.advance(task)
