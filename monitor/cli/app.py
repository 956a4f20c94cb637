"""What the commands share: settings, the open store, the clock, and how things are printed."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

import click

from monitor.dump import as_json

if TYPE_CHECKING:
    from rich.console import Console

    from monitor.config import Settings
    from monitor.fetch import Fetcher
    from monitor.model import Page
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
    roles: frozenset[str] | None = None  # of the daemon; else those of the settings

    @cached_property
    def settings(self) -> Settings:
        from monitor.config_file import load

        return load(self.config_file, database=self.database)

    @asynccontextmanager
    async def store(self, *, create: bool = False, direct: bool = False) -> AsyncIterator[Store]:
        """The database, ready to use.

        :param create: make it, or bring its schema up to date; else an old or missing one is an error.
        :param direct: for a command that only asks: see :class:`monitor.store.Store`.
        :raises StoreError: it cannot be used.
        """
        from monitor.store import Store, StoreError, database_url, schema

        url = database_url(self.settings.database.url, self.settings.state_directory)
        store = Store(url, direct=direct)
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

    @asynccontextmanager
    async def lazy_fetcher(self) -> AsyncIterator[LazyFetcher]:
        async with AsyncExitStack() as stack:
            yield LazyFetcher(self, stack)

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


class LazyFetcher:
    """A fetcher for lists. Most of them are files: the client, slow to make, is made when it is asked for."""

    def __init__(self, app: App, stack: AsyncExitStack) -> None:
        self._app, self._stack = app, stack
        self._fetcher: Fetcher | None = None

    async def fetch(self, url: str) -> Page:
        """:raises ConfigError: ``network.ca_file`` or ``network.proxy`` cannot be used."""
        if self._fetcher is None:
            self._fetcher = await self._stack.enter_async_context(self._app.fetcher())
        return await self._fetcher.fetch(url)


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


class Advance(Protocol):
    """Called when so many steps are done."""

    def __call__(self, steps: int = 1, /) -> None: ...


@contextmanager
def progress(app: App, total: int | None, what: str) -> Iterator[Advance]:
    """A progress bar on stderr, where that is a terminal; gives what to call after each step."""
    if not sys.stderr.isatty():
        yield lambda steps=1, /: None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=app.err, transient=True) as bar:
        task = bar.add_task(what, total=total)
        yield lambda steps=1, /: bar.advance(task, steps)


@contextmanager
def waiting_bar(app: App, total: int, what: str) -> Iterator[Callable[[int, str], None]]:
    """Like :func:`progress`, for work that waits for others; gives what to call with how much is done and what is
    waited for now. Elsewhere than on a terminal each new reason is a line."""
    if not sys.stderr.isatty():
        last = ""

        def tell(done: int, reason: str) -> None:
            nonlocal last
            if reason != last:
                say(f"{what}: {done} of {total}. {reason}")
            last = reason

        yield tell
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, TextColumn("{task.fields[reason]}"), console=app.err, transient=True) as bar:
        task = bar.add_task(what, total=total, reason="")
        yield lambda done, reason: bar.update(task, completed=done, reason=reason)
