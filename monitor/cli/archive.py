"""``rotwatch archive``: ask for copies now."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import click

from monitor.cli import BAD_NEWS, CANNOT, FINE
from monitor.cli.app import App, now, pass_app, run, say, waiting_bar

if TYPE_CHECKING:
    from datetime import datetime

    from monitor.archives.queue import ArchiveQueue
    from monitor.network import Network
    from monitor.store import Store

POLL_S = 1.0
URGENT = 0


@click.command("archive", short_help="Ask for copies now.")
@click.argument("urls", nargs=-1, metavar="[URL…]")
@click.option("--wait", is_flag=True, help="Stay until each has a verified copy or an honest word why not.")
@pass_app
def command(app: App, urls: tuple[str, ...], *, wait: bool) -> int:
    """Ask the Wayback Machine for copies of URLs; without any, of every link that has no verified copy.

    The requests go into the queue that the daemon works off; with --wait this command works it off itself. That
    takes an hour and more: a fresh capture cannot be opened at once.
    """
    return run(_archive(app, urls, wait=wait))


async def _archive(app: App, urls: tuple[str, ...], *, wait: bool) -> int:
    from monitor.archives.answers import KEYS

    wayback = app.settings.archives.wayback
    if not wayback.enabled:
        say("The Wayback Machine is switched off: set [archives.wayback] enabled = true.")
        return CANNOT
    async with app.store() as store:
        added, queued = await _enqueue(app, store, urls)
        click.echo(await _what_is_queued(store, len(added), len(queued)))
        wanted = added | queued
        if wanted and not wayback.has_keys:
            say(f"Without keys archive.org often refuses to save. {KEYS}")
        if wanted and not wait and (hindrance := await _hindrance(app, store)):
            say(hindrance)
        if not wait or not wanted:
            return FINE
        async with _working(app, store) as (queue, network):
            online = await _work_off(app, queue, network, wanted)
        code = await _tell(app, store, wanted)
    if not online:
        say(f"Offline, archive.org is not asked: {network.detail} What is left stays queued.")
        return CANNOT
    return code


async def _enqueue(app: App, store: Store, urls: tuple[str, ...]) -> tuple[set[int], set[int]]:
    """Ask for copies: the links that have a job now, and those that had one already."""
    from monitor.archives.plan import plan
    from monitor.platforms import identify
    from monitor.store import StoreError, archives, links

    if not urls:
        async with store.read() as db:
            queued = await archives.open_links(db)
        return await plan(store, app.settings.archives.wayback, now()), queued
    canonical = [identify(url).url for url in urls]
    async with store.write() as db:
        known = await links.ids_of(db, canonical)
        if unknown := [url for url in canonical if url not in known]:
            raise StoreError(f"{unknown[0]} is not watched: add it first (rotwatch add URL).")
        ids = set(known.values())
        added = await archives.enqueue(db, ids, archive=archives.WAYBACK, danger=URGENT, now=now())
        return added, ids - added


async def _what_is_queued(store: Store, added: int, queued: int) -> str:
    from monitor.counted import counted
    from monitor.store import tally

    if added or not queued:
        parts = [f"{counted(added, 'link')} queued for a copy"] if added else []
    else:
        parts = [f"{counted(queued, 'link')} already queued; nothing new to ask for"]
    if added and queued:
        parts.append(f"{queued} already queued")
    async with store.read() as db:
        unseen = (await tally.count(db)).pending
    if unseen:
        parts.append(f"{counted(unseen, 'link')} not seen yet (rotwatch check)")
    if not parts:
        return "Nothing to ask for: each link has a copy at archive.org, or a reason why not (rotwatch show URL)."
    return f"{'; '.join(parts)}."


async def _hindrance(app: App, store: Store) -> str:
    """Why what is queued is not asked for soon; empty where nothing is known that hinders it."""
    from monitor.fetch import Connectivity
    from monitor.store import service, workers

    async with store.read() as db:
        live = await workers.live(db, now())
        network = await service.get(db, service.NETWORK)
    if any("archive" in one.roles.split(",") for one in live):
        if network is None or not network.failures:
            return ""
        return f"Offline, archive.org is asked when the network is back: {network.note or 'no answer'}"
    async with app.fetcher() as fetcher:
        reach = await Connectivity(fetcher, app.settings.network.anchors).online()
    if not reach.online:
        return (
            "Offline, archive.org is asked when the network is back and a daemon runs (rotwatch run): "
            f"{reach.detail}"
        )
    return "No daemon runs that asks for copies: start one (rotwatch run), or call this with --wait."


@asynccontextmanager
async def _working(app: App, store: Store) -> AsyncIterator[tuple[ArchiveQueue, Network]]:
    """A queue of our own; at the end, however it comes, its jobs are free for the daemon."""
    from monitor.archives.queue import ArchiveQueue
    from monitor.fetch import Connectivity
    from monitor.network import Network
    from monitor.store.leases import end_turns, worker_name

    async with app.fetcher() as fetcher:
        queue = ArchiveQueue(store, fetcher, app.settings, now, worker_name())
        turns = asyncio.create_task(_keep_turns(queue))
        try:
            yield queue, Network(Connectivity(fetcher, app.settings.network.anchors), store, now)
        finally:
            turns.cancel()
            await asyncio.wait([turns])
            await queue.give_back()
            async with store.write() as db:
                await end_turns(db, queue.worker)


async def _keep_turns(queue: ArchiveQueue) -> None:
    """A save may take longer than a turn lasts."""
    from monitor.member import TELLS_EVERY_S, TURN
    from monitor.store.leases import keep_turns

    while True:
        await asyncio.sleep(TELLS_EVERY_S)
        async with queue.store.write() as db:
            await keep_turns(db, queue.worker, now=now(), until=now() + TURN)


async def _work_off(app: App, queue: ArchiveQueue, network: Network, wanted: Collection[int]) -> bool:
    """Work until no wanted link has an open job; False when we are offline."""
    from monitor.member import ARCHIVE_TURN, TURN
    from monitor.store import archives, leases

    with waiting_bar(app, len(wanted), "Copying") as show:
        while await network.up():
            # while a daemon has the turn it does the work, and we wait for it
            worked = await leases.take_turn(
                queue.store, ARCHIVE_TURN, holder=queue.worker, now=now(), until=now() + TURN
            )
            worked = worked and await queue.tick()
            async with queue.store.read() as db:
                left = (await archives.open_links(db)).intersection(wanted)
            if not left:
                return True
            show(len(wanted) - len(left), await _waiting(app, queue))
            if not worked:
                await asyncio.sleep(POLL_S)
    return False


async def _waiting(app: App, queue: ArchiveQueue) -> str:
    from monitor.archives.waiting import waiting
    from monitor.store import archives

    async with queue.store.read() as db:
        jobs = await archives.standing(db)
    return waiting(
        jobs,
        pause=await queue.gate.closed(),
        no_saves=await queue.gate.saves_closed(),
        now=now(),
        say=lambda at: _moment(app, at, "%H:%M"),
    )


async def _tell(app: App, store: Store, ids: Collection[int]) -> int:
    """The final table; exit code 1 when archive.org has no verified copy of one of them."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    from monitor.store import archives

    async with store.read() as db:
        rows = await archives.last_jobs(db, sorted(ids))
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("Link", overflow="fold", ratio=2)
    table.add_column("Result", no_wrap=True)
    table.add_column("Copy", overflow="fold", ratio=1)
    table.add_column("Where, or why not", overflow="fold", ratio=3)
    for row in rows:
        verified = row.state == archives.JobState.VERIFIED
        where = row.copy_url if verified and row.copy_url else row.message or row.code or ""
        table.add_row(Text(row.title or row.url), row.state.replace("_", " "), _copy(app, row), Text(where))
    app.out.print(table)
    return FINE if all(row.state == archives.JobState.VERIFIED for row in rows) else BAD_NEWS


def _copy(app: App, row: Any) -> str:
    """The copy that counts, in whichever archive it is."""
    if row.copy_url is None:
        return "none"
    return f"{row.grade}, {row.archive}, {_moment(app, row.captured_at, '%Y-%m-%d')}"


def _moment(app: App, at: datetime, form: str) -> str:
    return at.astimezone(app.settings.report.zone).strftime(form)
