"""``rotwatch archive``: ask for copies now."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from monitor.cli import BAD_NEWS, CANNOT, FINE
from monitor.cli.app import App, now, pass_app, progress, run, say

if TYPE_CHECKING:
    from monitor.store import Store

POLL_S = 1.0
URGENT = 0


@click.command("archive", short_help="Ask for copies now.")
@click.argument("urls", nargs=-1, metavar="[URL…]")
@click.option("--wait", is_flag=True, help="Stay until each has a verified copy or an honest word why not.")
@pass_app
def command(app: App, urls: tuple[str, ...], *, wait: bool) -> int:
    """Ask the Wayback Machine for copies of URLs; without any, of every link that has no verified copy.

    The requests go into the queue that the daemon works off; with --wait this command works it off itself.
    """
    return run(_archive(app, urls, wait=wait))


async def _archive(app: App, urls: tuple[str, ...], *, wait: bool) -> int:
    if not app.settings.archives.wayback.enabled:
        say("The Wayback Machine is switched off: set [archives.wayback] enabled = true.")
        return CANNOT
    async with app.store() as store:
        ids = await _enqueue(app, store, urls)
        click.echo(f"{len(ids)} links are in the queue for a copy.")
        if not wait or not ids:
            return FINE
        await _work_off(app, store, ids)
        return await _tell(app, store, ids)


async def _enqueue(app: App, store: Store, urls: tuple[str, ...]) -> list[int]:
    from monitor.platforms import identify
    from monitor.store import StoreError, archives, links
    from monitor.store.archives import WAYBACK

    exclude = app.settings.archives.wayback.exclude_hosts
    async with store.write() as db:
        if not urls:
            total = await links.watched(db)
            wanted = await archives.uncovered(db, now=now(), limit=total, exclude_hosts=exclude)
            for danger in {danger for _, _, danger in wanted}:
                ids = [link_id for link_id, _, of in wanted if of == danger]
                await archives.enqueue(db, ids, archive=WAYBACK, danger=danger, now=now())
            return [link_id for link_id, _, _ in wanted]
        canonical = [identify(url).url for url in urls]
        known = await links.ids_of(db, canonical)
        if unknown := [url for url in canonical if url not in known]:
            raise StoreError(f"{unknown[0]} is not watched: add it first (rotwatch add URL).")
        ids = list(known.values())
        await archives.enqueue(db, ids, archive=WAYBACK, danger=URGENT, now=now())
        return ids


async def _work_off(app: App, store: Store, ids: Sequence[int]) -> None:
    from monitor.archives.queue import ArchiveQueue
    from monitor.store import archives
    from monitor.store.leases import worker_name

    async with app.fetcher() as fetcher:
        queue = ArchiveQueue(store, fetcher, app.settings, now, worker_name())
        done = 0
        with progress(app, len(ids), "Copying") as advance:
            while done < len(ids):
                worked = await queue.tick()
                async with store.read() as db:
                    finished = len(ids) - await archives.open_jobs_of(db, ids)
                for _ in range(finished - done):
                    advance()
                done = finished
                if not worked and done < len(ids):
                    await asyncio.sleep(POLL_S)


async def _tell(app: App, store: Store, ids: Sequence[int]) -> int:
    """The final table; exit code 1 when a link is left without a verified copy."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    from monitor.store import archives

    async with store.read() as db:
        rows = await archives.last_jobs(db, ids)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in ("Link", "Result", "Why"):
        table.add_column(name)
    for row in rows:
        table.add_row(Text(row.title or row.url), row.state, Text(row.message or row.code or ""))
    app.out.print(table)
    return FINE if all(row.state == archives.JobState.VERIFIED for row in rows) else BAD_NEWS
