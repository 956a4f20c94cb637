"""``rotwatch read``: the kept text in the terminal, from the local archive, offline."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from monitor.cli import BAD_NEWS, FINE
from monitor.cli.app import App, pass_app, run, say

if TYPE_CHECKING:
    from monitor.model import Page
    from monitor.store import Store
    from monitor.store.snapshots import Kept

WIDEST = 80  # columns: longer lines are hard to read


@click.command("read", short_help="Read a kept page in the terminal.")
@click.argument("url")
@click.option(
    "--html",
    "target",
    metavar="FILE",
    type=click.Path(dir_okay=False, allow_dash=True, path_type=Path),
    help="Write the page as it was kept into FILE instead; - is stdout.",
)
@pass_app
def command(app: App, url: str, target: Path | None) -> int:
    """Read the copy of a page that rotwatch kept itself; it needs no network.

    Of a dead page the last copy from before its death is shown.
    """
    return run(_read(app, url, target))


async def _read(app: App, url: str, target: Path | None) -> int:
    from monitor.archives.local import LocalArchive
    from monitor.archives.picture_queue import page_of
    from monitor.platforms import identify
    from monitor.store import parts, snapshots

    canonical = identify(url).url
    local = LocalArchive.of(app.settings)
    async with app.store() as store:
        link_id = await _link(store, canonical)
        async with local.reading():
            async with store.read() as db:
                kept = max(
                    await snapshots.local_copies(db, link_ids=[link_id]),
                    key=lambda one: one.worth,
                    default=None,
                )
                elsewhere = await snapshots.verified_elsewhere(db, link_id)
                pictures = await parts.pictures_of(db, kept.id) if kept else 0
            if kept is None:
                say(_nothing(canonical, elsewhere))
                return BAD_NEWS
            record = await asyncio.to_thread(local.record, kept.file, kept.offset, kept.length)
    page = page_of(record, canonical)
    if target is not None:
        return _write(target, page)
    _show(app, kept, page, pictures)
    return FINE


async def _link(store: Store, url: str) -> int:
    from monitor.store import StoreError, links

    async with store.read() as db:
        known = await links.ids_of(db, [url])
    if url not in known:
        raise StoreError(f"{url} is not watched: add it first (rotwatch add URL).")
    return known[url]


def _nothing(url: str, elsewhere: str | None) -> str:
    if elsewhere:
        return f"There is no local copy of {url}. A verified one is at {elsewhere}"
    return f"There is no copy of {url}: the daemon keeps one at its first look at the living page (rotwatch run)."


def _write(target: Path, page: Page) -> int:
    from monitor.archives.local import LocalArchiveError

    try:
        with click.open_file(str(target), "wb") as file:
            file.write(page.body)
    except OSError as error:
        raise LocalArchiveError(
            f"{target} cannot be written ({error.strerror}): choose another file."
        ) from error
    return FINE


def _show(app: App, kept: Kept, page: Page, pictures: int) -> None:
    from rich.cells import cell_len

    from monitor import platforms
    from monitor.archives import reading
    from monitor.model import Article
    from monitor.report import words

    report = app.settings.report
    article = platforms.article(page, platforms.judge(page)) or Article(text="")
    width = min(app.out.width, WIDEST)
    when = words.moment(report.language, kept.captured_at, report.zone)
    about = [f"Kept {when}", _grade(kept)]
    if kept.pictures:
        about.append(f"{pictures} of {kept.pictures} pictures")
    blocks = [
        "\n".join(
            [
                *(
                    click.style(line, bold=True)
                    for line in reading.wrapped(_title(kept, article.title), width, cell_len)
                ),
                kept.link_url,
                *(click.style(line, dim=True) for line in reading.wrapped(", ".join(about), width, cell_len)),
            ]
        ),
        *("\n".join(reading.wrapped(one, width, cell_len)) for one in reading.paragraphs(page, article)),
    ]
    if len(blocks) == 1:
        blocks.append(
            "The page has no text. Its pictures are in the export (rotwatch export --wacz FILE URL)."
        )
    text = "\n\n".join(blocks) + "\n"
    if sys.stdout.isatty() and text.count("\n") >= app.out.height:
        click.echo_via_pager(text)
    else:
        click.echo(text, nl=False)


def _title(kept: Kept, own: str | None) -> str:
    from monitor.platforms.html import tidy

    return tidy(own or kept.title) or kept.link_url


def _grade(kept: Kept) -> str:
    return f"verified ({kept.grade})" if kept.counts else "not verified: too little text to be sure"
