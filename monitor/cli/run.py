"""``rotwatch run``: the daemon."""

from __future__ import annotations

import os
import shlex
import shutil
import sys

import click

from monitor import __version__
from monitor.cli.app import App, now, pass_app, run, say


@click.command("run", short_help="The daemon: what systemd starts.")
@pass_app
def command(app: App) -> int:
    """Watch until told to stop (SIGTERM, Ctrl-C): look at what is due, get copies made, mail the weekly report."""
    return run(_run(app))


def _as_called(app: App) -> str:
    """How this program is called from here: by its name where the shell finds it, else by its path."""
    words = ["rotwatch" if shutil.which("rotwatch") else os.path.relpath(sys.argv[0])]
    words += ["--config", app.config_file] if app.config_file else []
    words += ["--database", app.database] if app.database else []
    return shlex.join(words)


async def _run(app: App) -> int:
    from monitor import logs
    from monitor.daemon import Daemon, serve, told_to_stop
    from monitor.store import links

    logs.set_up(verbose=app.verbose)
    stop = told_to_stop()
    async with app.store(create=True) as store, app.fetcher() as fetcher:
        daemon = Daemon(store, fetcher, app.settings, clock=now)
        async with store.read() as db:
            watched = await links.watched(db)
        program = _as_called(app)
        say(f"rotwatch {__version__} watches {watched} links; database {store.name}.")
        say(f"What died, what is in danger, what is copied:  {program} status")
        say(f"One link, its history and why:                 {program} show URL")
        say(f"Is everything as it should be:                 {program} doctor")
        if not watched and not app.settings.sources:
            say(
                f"Nothing to watch yet: {program} add FILE, or name a list under [[sources]] in the configuration."
            )
        await serve(daemon, stop)
    return 0
