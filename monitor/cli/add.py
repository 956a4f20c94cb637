"""``rotwatch add``: watch what lists and URLs name."""

from __future__ import annotations

import gc
from dataclasses import asdict
from pathlib import Path

import click

from monitor.cli.app import App, echo_json, now, pass_app, run, say

SHOWN = 10
YOUNG = 200_000  # objects; their memory is bounded by it
NO_LINKS = (
    "No links found in {target}: an address begins with http:// or https://, and Markdown code is left out unless it is"
    " addresses only."
)


@click.command("add", short_help="Watch the links of lists, or single URLs.")
@click.argument("targets", nargs=-1, required=True, metavar="TARGET…")
@click.option("--json", "as_json", is_flag=True, help="The result as one JSON object.")
@pass_app
def command(app: App, targets: tuple[str, ...], *, as_json: bool) -> int:
    """Watch what TARGETs name: URLs, files, folders, globs, feeds.

    A list is remembered: the daemon reads it again when it changes. Adding it twice adds nothing.
    """
    return run(_add(app, targets, as_json=as_json))


async def _add(app: App, targets: tuple[str, ...], *, as_json: bool) -> int:
    # a list is many objects and hardly a cycle among them: a tenth of the time went into looking for some
    gc.set_threshold(YOUNG)
    from monitor.sources.sync import add
    from monitor.urls import told

    async with app.store(create=True, direct=True) as store, app.lazy_fetcher() as fetcher:
        summary = await add(store, targets, base=Path.cwd(), now=now(), fetcher=fetcher)
    from monitor.counted import counted

    if as_json:
        echo_json({name: value for name, value in asdict(summary).items() if name != "empty"})
        return 0
    if not summary.references and summary.skipped:
        raise click.UsageError(f"{summary.skipped[0]['url']} cannot be watched: {summary.skipped[0]['why']}")
    click.echo(
        f"{counted(summary.references, 'reference')}: {counted(summary.links_added, 'link')} added, "
        f"{summary.links_known:,} known before."
    )
    for target in summary.empty:
        say(NO_LINKS.format(target=told(target)))
    for skipped in summary.skipped[:SHOWN]:
        say(f"Not watched: {skipped['url']} ({skipped['why']})")
    if len(summary.skipped) > SHOWN:
        say(f"… and {len(summary.skipped) - SHOWN} more; --json lists all.")
    return 0
