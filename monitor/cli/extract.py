"""``rotwatch extract``: what lists mention, storing nothing."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from monitor.cli.add import NO_LINKS
from monitor.cli.app import App, echo_json, pass_app, run, say

if TYPE_CHECKING:
    from monitor.model import Reference


@click.command("extract", short_help="Show the links of lists, storing nothing.")
@click.argument("targets", nargs=-1, required=True, metavar="TARGET…")
@pass_app
def command(app: App, targets: tuple[str, ...]) -> int:
    """Read TARGETs as `add` does and print one JSON line a link; nothing is stored."""
    return run(_extract(app, targets))


async def _extract(app: App, targets: tuple[str, ...]) -> int:
    from monitor.sources.sync import lists_of
    from monitor.urls import told

    async with app.lazy_fetcher() as fetcher:
        for target in targets:
            found = 0
            async for _, loaded in lists_of(target, base=Path.cwd(), fetcher=fetcher):
                found += len(loaded.references)
                for reference in loaded.references:
                    _print(reference)
            if not found:
                say(NO_LINKS.format(target=told(target)))
    return 0


def _print(reference: Reference) -> None:
    from monitor.platforms import identify
    from monitor.urls import NotALink

    try:
        canonical = identify(reference.url).url
    except NotALink as why:
        say(f"Not a link: {reference.url[:200]} ({why})")
        return
    echo_json(
        {
            "url": reference.url,
            "canonical_url": canonical,
            "title": reference.title,
            "source": reference.source,
            "line": reference.line,
        }
    )
