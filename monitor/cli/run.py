"""``rotwatch run``: the daemon."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from monitor import __version__
from monitor.cli.app import App, now, pass_app, run, say

if TYPE_CHECKING:
    from monitor.daemon import Daemon


class Roles(click.ParamType[frozenset[str]]):
    """A comma-separated list of roles."""

    name = "R,…"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> frozenset[str]:
        from monitor.config import ROLES

        wanted = frozenset(part.strip() for part in str(value).split(",") if part.strip())
        if not wanted or not wanted <= set(ROLES):
            self.fail(f"{value!r} is not a list of {', '.join(ROLES)}.", param, ctx)
        return wanted


@click.command("run", short_help="The daemon: what systemd starts.")
@click.option(
    "--role", "roles", type=Roles(), help="What to do of the work: check, archive, report; else all."
)
@pass_app
def command(app: App, roles: frozenset[str] | None) -> int:
    """Watch until told to stop (SIGTERM, Ctrl-C): look at what is due, get copies made, mail the weekly report.

    SIGHUP reads the configuration again; one that cannot be used is refused and changes nothing.
    """
    app.roles = roles
    return run(_run(app))


def _as_called(app: App) -> str:
    """How this program is called from here: by its name where the shell finds it, else by its path."""
    words = ["rotwatch" if shutil.which("rotwatch") else os.path.relpath(sys.argv[0])]
    words += ["--config", app.config_file] if app.config_file else []
    words += ["--database", app.database] if app.database else []
    return shlex.join(words)


async def _run(app: App) -> int:
    from monitor import logs
    from monitor.lookout import collect_rarely
    from monitor.process import Signals, serve

    collect_rarely()
    logs.set_up(verbose=app.verbose)
    signals = Signals()
    current: App | None = app
    while current:
        async with _opened(current) as daemon:
            await _greet(current, daemon, again=current is not app)
            current = await serve(daemon, signals, lambda: _reread(app))
    return 0


@asynccontextmanager
async def _opened(app: App) -> AsyncIterator[Daemon]:
    from monitor.daemon import Daemon

    async with app.store(create=True) as store, app.fetcher() as fetcher:
        yield Daemon(store, fetcher, app.settings, clock=now, roles=app.roles)


async def _reread(app: App) -> App:
    """The configuration as it is now, proved by building all of it once."""
    fresh = replace(app)
    async with _opened(fresh):
        return fresh


async def _greet(app: App, daemon: Daemon, *, again: bool) -> None:
    from monitor import logs
    from monitor.counted import counted
    from monitor.outage import patiently
    from monitor.store import links

    async def count() -> int:
        async with daemon.store.read() as db:
            return await links.watched(db)

    watched = await patiently("start", count)
    say(f"rotwatch {__version__} watches {counted(watched, 'link')}; database {daemon.store.name}.")
    if again or logs.to_journal():
        return
    program = _as_called(app)
    say(f"What died, what is in danger, what is copied:  {program} status")
    say(f"One link, its history and why:                 {program} show URL")
    say(f"Is everything as it should be:                 {program} doctor")
    if not watched and not app.settings.sources:
        say(
            f"Nothing to watch yet: {program} add FILE, or name a list under [[sources]] in the configuration."
        )
