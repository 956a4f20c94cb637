"""``rotwatch export``: local copies as one file that other programs play."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from monitor.cli import BAD_NEWS, FINE
from monitor.cli.app import App, now, pass_app, progress, run, say
from monitor.cli.durations import DURATION

if TYPE_CHECKING:
    from monitor.archives.local import LocalArchive
    from monitor.archives.wacz import Copy, Exported
    from monitor.store import Store

PROBLEMS_SHOWN = 10


@click.command("export", short_help="Local copies as one WACZ file.")
@click.argument("urls", nargs=-1, metavar="[URL…]")
@click.option(
    "--wacz",
    "target",
    metavar="FILE",
    required=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="The file to write.",
)
@click.option("--since", type=DURATION, metavar="7d", help="Only copies that were kept since then.")
@pass_app
def command(app: App, urls: tuple[str, ...], target: Path, *, since: timedelta | None) -> int:
    """Write the local copies of URLs, pictures and redirects too, into one WACZ file; without any URL, all of them.

    It opens in ReplayWeb.page (https://replayweb.page, offline too) and with pywb.
    """
    return run(_export(app, urls, target, since))


async def _export(app: App, urls: tuple[str, ...], target: Path, since: timedelta | None) -> int:
    from monitor.archives.local import LocalArchive
    from monitor.counted import counted

    local = LocalArchive.of(app.settings)
    async with app.store() as store, local.reading():
        copies = await _copies(store, urls, since)
        if not copies:
            say(
                "There is no local copy to export: pages are kept when rotwatch looks at them (rotwatch run)."
            )
            return BAD_NEWS
        exported = await asyncio.to_thread(_write, app, target, local, copies)
    click.echo(
        f"{target}: {counted(exported.pages, 'page')}, {exported.records - exported.pages:,} pictures and redirects,"
        f" {exported.size / 1e6:.1f} MB"
    )
    return _tell(exported)


def _write(app: App, target: Path, local: LocalArchive, copies: list[Copy]) -> Exported:
    from monitor.archives import wacz

    with progress(app, len(copies), "Exporting") as advance:
        return wacz.write(target, local, copies, now=now(), advance=advance)


def _tell(exported: Exported) -> int:
    for problem in exported.problems[:PROBLEMS_SHOWN]:
        say(problem)
    if len(exported.problems) > PROBLEMS_SHOWN:
        say(f"… and {len(exported.problems) - PROBLEMS_SHOWN} more.")
    return BAD_NEWS if exported.problems else FINE


async def _copies(store: Store, urls: tuple[str, ...], since: timedelta | None) -> list[Copy]:
    """What to export; a URL that is not watched is an error."""
    from monitor.archives.wacz import Copy
    from monitor.platforms import identify
    from monitor.store import StoreError, links, parts, snapshots

    canonical = [identify(url).url for url in urls]
    async with store.read() as db:
        known = await links.ids_of(db, canonical) if canonical else {}
        if unknown := [url for url in canonical if url not in known]:
            raise StoreError(f"{unknown[0]} is not watched: add it first (rotwatch add URL).")
        kept = await snapshots.local_copies(
            db, link_ids=list(known.values()) if urls else None, since=now() - since if since else None
        )
        records = {one.id: [(one.file, one.offset, one.length)] for one in kept}
        for part in await parts.of(db, list(records)):
            records[part.snapshot_id].append((part.file, part.offset, part.length))
    return [Copy(one.original_url, one.captured_at, one.title, tuple(records[one.id])) for one in kept]
