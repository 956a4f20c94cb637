"""``rotwatch probe``: look now, store nothing."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from monitor.cli import CANNOT, verdicts
from monitor.cli.app import App, echo_json, pass_app, progress, run, say

if TYPE_CHECKING:
    from monitor.fetch import Fetcher
    from monitor.model import Reference


@click.command("probe", short_help="Look at URLs now, storing nothing.")
@click.argument("targets", nargs=-1, required=True, metavar="URL|FILE…")
@click.option("--json", "as_json", is_flag=True, help="One JSON line a link.")
@click.option("--concurrency", type=click.IntRange(1, 1000), help="Hosts at once [default: the config's].")
@click.option("--pace", type=click.FloatRange(0), help="Seconds between looks at a host; 0 = none.")
@pass_app
def command(
    app: App, targets: tuple[str, ...], *, as_json: bool, concurrency: int | None, pace: float | None
) -> int:
    """Look at each URL, or each link of each list, and print a verdict as soon as it is known."""
    return run(_probe(app, targets, as_json=as_json, concurrency=concurrency, pace=pace))


async def _probe(
    app: App, targets: tuple[str, ...], *, as_json: bool, concurrency: int | None, pace: float | None
) -> int:
    places = asyncio.Semaphore(concurrency or app.settings.network.concurrency)
    seen: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    async with app.fetcher() as fetcher:
        if down := await _offline(app, fetcher):
            say(f"Offline, nothing was looked at: {down}")
            return CANNOT
        by_host = await _read(targets, fetcher)
        total = sum(map(len, by_host.values()))
        async with asyncio.TaskGroup() as hosts:
            for host, references in by_host.items():
                gap_s = (
                    app.settings.pace.hosts.get(host, app.settings.pace.default_s) if pace is None else pace
                )
                hosts.create_task(_look_at_host(fetcher, references, gap_s, places, seen))
            with progress(app, total, "Looking") as advance:
                for _ in range(total):
                    line = await seen.get()
                    echo_json(line) if as_json else verdicts.show(line)
                    advance()
    return 0


async def _offline(app: App, fetcher: Fetcher) -> str | None:
    """Why our own network is down; None when it is up, or nobody is to be asked."""
    from monitor.fetch import Connectivity

    reach = await Connectivity(fetcher, app.settings.network.anchors).online()
    return None if reach.online else reach.detail


async def _read(targets: tuple[str, ...], fetcher: Fetcher) -> dict[str, list[Reference]]:
    """What is to be looked at, by host: a host is asked one thing at a time."""
    from monitor.platforms import identify
    from monitor.sources.sync import lists_of
    from monitor.urls import NotALink

    by_host: dict[str, list[Reference]] = {}
    for target in targets:
        async for _, loaded in lists_of(target, base=Path.cwd(), fetcher=fetcher):
            for reference in loaded.references:
                try:
                    host = identify(reference.url).host
                except NotALink as why:
                    say(f"Not a link: {reference.url[:200]} ({why})")
                    continue
                by_host.setdefault(host, []).append(reference)
    return by_host


async def _look_at_host(
    fetcher: Fetcher,
    references: list[Reference],
    gap_s: float,
    places: asyncio.Semaphore,
    seen: asyncio.Queue[dict[str, Any]],
) -> None:
    from monitor.look import observe
    from monitor.model import Known
    from monitor.platforms import identify

    async def wait() -> None:
        await asyncio.sleep(gap_s)

    for position, reference in enumerate(references):
        if position:
            await wait()
        async with places:
            known = Known(title=reference.title or None)
            url = identify(reference.url).url
            found = await observe(fetcher, url, known, full=False, wait=wait)
        seen.put_nowait(verdicts.line(found.page, found.verdict, url=reference.url))
