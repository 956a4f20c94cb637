"""``rotwatch check``: look and record, once, and stop."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import click

from monitor.cli import CANNOT
from monitor.cli.app import App, now, pass_app, progress, run, say

if TYPE_CHECKING:
    from monitor.archives.local import LocalArchive
    from monitor.store import Store
    from monitor.sweep import Sweep

HOST_WAIT = timedelta(minutes=15)  # a host that wants more than this is left for another time
POLL_S = 0.25


@click.command("check", short_help="Look and record, once, and stop.")
@click.argument("urls", nargs=-1, metavar="[URL…]")
@click.option("--due", is_flag=True, help="Every link that is due (the default).")
@click.option("--all", "everything", is_flag=True, help="Every watched link.")
@pass_app
def command(app: App, urls: tuple[str, ...], *, due: bool, everything: bool) -> int:
    """Look at URLs, or at what is due, record what was seen, and stop."""
    if bool(urls) + due + everything > 1:
        raise click.UsageError("Give URLs, or --due, or --all: one of them.")
    return run(_check(app, urls, everything=everything))


async def _check(app: App, urls: tuple[str, ...], *, everything: bool) -> int:
    from monitor.counted import counted
    from monitor.lookout import collect_rarely, sweep_of
    from monitor.store import leases, stats, tally

    # SQLite answers in less time than it takes to ask another thread, and its looks are recorded by the hundred
    direct = app.settings.database.url.startswith("sqlite")
    async with app.store(direct=direct) as store, app.fetcher() as fetcher:
        only = await _choose(store, urls, everything=everything)
        local = _local(app)
        sweep = sweep_of(store, fetcher, app.settings, clock=now, worker=leases.worker_name(), local=local)
        sweep.only = only
        async with store.read() as db:
            sweep.experience = await stats.experience(db, now())
        collect_rarely()
        async with sweep:
            code = await _until_done(app, sweep, store)
        async with store.write() as db:
            numbers = await tally.count(db)
            await tally.record(db, numbers, now())
        if local:
            from monitor.archives import retention

            await retention.make_room(store, local, now=now())
    click.echo(
        f"{counted(sweep.looks, 'look')}; "
        f"{numbers.dead} dead, {numbers.suspect} suspect of {counted(numbers.links, 'link')}."
    )
    return code


def _local(app: App) -> LocalArchive | None:
    if not app.settings.archives.local.enabled:
        return None
    from monitor.archives.local import LocalArchive

    return LocalArchive.of(app.settings)


async def _choose(
    store: Store, urls: tuple[str, ...], *, everything: bool
) -> dict[str, frozenset[int]] | None:
    """Make what was asked for due; the links to look at by host, or None for all that is due."""
    from monitor.platforms import identify
    from monitor.store import StoreError, links

    async with store.write() as db:
        if not urls:
            if everything:
                await links.make_due(db, now())
            return None
        identities = [identify(url) for url in urls]
        ids = await links.ids_of(db, [one.url for one in identities], watched=True)
        if unknown := [one.url for one in identities if one.url not in ids]:
            raise StoreError(f"{unknown[0]} is not watched: add it first (rotwatch add URL).")
        await links.make_due(db, now(), urls=list(ids))
    hosts = {one.host for one in identities}
    return {host: frozenset(ids[one.url] for one in identities if one.host == host) for host in hosts}


async def _until_done(app: App, sweep: Sweep, store: Store) -> int:
    """Look until nothing that was due at the start is left, or every host left wants to be left alone."""
    from monitor.store import claims

    started = now()
    async with store.read() as db:
        total = await claims.count_due(db, started, only=sweep.only)
    with progress(app, total, "Looking") as advance:
        shown = 0
        while True:
            await sweep.tick()
            await sweep.room(POLL_S)
            for _ in range(sweep.looks - shown):
                advance()
            shown = sweep.looks
            if sweep.busy:
                continue
            await sweep.settle()
            if not sweep.network.seems_up:
                say(f"Offline, nothing was marked: {sweep.network.detail}")
                return CANNOT
            async with store.read() as db:
                left = await claims.count_due(db, started, only=sweep.only)
                ready = await claims.next_ready(db, vantage=sweep.vantage, now=now(), hosts=sweep.only)
            if not left:
                return 0
            if ready is None or ready[1] - now() > HOST_WAIT:
                say(
                    f"{left} links are left: their hosts want to be left alone{_until(ready)}. The daemon goes on."
                )
                return 0


def _until(ready: tuple[str, datetime] | None) -> str:
    return f" ({ready[0]} until {ready[1]:%Y-%m-%d %H:%M} UTC)" if ready else ""
