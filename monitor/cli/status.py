"""``rotwatch status``: the four numbers, and the links that matter."""

from __future__ import annotations

import csv
import gc
import sys
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
from contextlib import aclosing
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import click

from monitor.cli import BAD_NEWS, FINE
from monitor.cli.app import App, now, pass_app, run
from monitor.cli.durations import DURATION
from monitor.dump import PRESERVATION, STATUSES, status_text, zulu

if TYPE_CHECKING:
    from sqlalchemy import Row
    from sqlalchemy.ext.asyncio import AsyncConnection

    from monitor.config import Report
    from monitor.report.language import Language
    from monitor.store.overview import Filter
    from monitor.store.tally import Tally

CSV_COLUMNS = (
    *("url", "title", "platform", "status", "since", "last_checked_at", "next_check_at", "outcome", "reason"),
    *(
        "evidence",
        "at_risk",
        "chance_90d",
        "snapshot_url",
        "snapshot_captured_at",
        "snapshot_verified",
        "sources",
    ),
)
SHOWN = 40  # links in the table when nothing was filtered
A_WEEK = timedelta(days=7)
CELL_AT_MOST = 32_000  # characters; a spreadsheet cuts at 32,767
WATCHED_EVERY_S = 5


class FailOn(click.ParamType[frozenset[str]]):
    """A comma-separated list of statuses and of the four numbers."""

    name = "S,…"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> frozenset[str]:
        if isinstance(value, frozenset):
            return value
        wanted = frozenset(part.strip() for part in str(value).split(",") if part.strip())
        known = (*STATUSES, "at_risk", *PRESERVATION)
        for word in wanted:
            if word not in known:
                self.fail(f"{word!r} is not one of {', '.join(known)}.", param, ctx)
        return wanted


def _known_platform(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    if value is None:
        return None
    from monitor.platforms import PLATFORMS

    names = [platform.NAME for platform in PLATFORMS]
    if value not in names:
        raise click.BadParameter(f"{value!r} is not one of {', '.join(names)}.")
    return value


@click.command("status", short_help="What died, what is in danger, what is copied.")
@click.option("--json", "as_json", is_flag=True, help="Everything, as one JSON object.")
@click.option("--csv", "as_csv", is_flag=True, help="The links, as CSV.")
@click.option(
    "--status", "statuses", multiple=True, type=click.Choice(STATUSES), help="Only these; repeatable."
)
@click.option(
    "--platform", metavar="P", help="Only wechat, zhihu, csdn or generic.", callback=_known_platform
)
@click.option("--at-risk", is_flag=True, help="Only links in danger.")
@click.option("--since", type=DURATION, metavar="7d", help="Only links whose status changed since then.")
@click.option("--all", "everything", is_flag=True, help="All links, not only those that matter.")
@click.option(
    "--fail-on", type=FailOn(), default=frozenset(), metavar="S,…", help="Exit 1 if there is any such link."
)
@click.option(
    "--watch",
    type=click.FloatRange(min=0.5),
    is_flag=False,
    flag_value=WATCHED_EVERY_S,
    metavar="[SECONDS]",
    help=f"Show it anew every so often [{WATCHED_EVERY_S}], until Ctrl-C.",
)
@pass_app
def command(
    app: App,
    *,
    as_json: bool,
    as_csv: bool,
    statuses: tuple[str, ...],
    platform: str | None,
    at_risk: bool,
    since: timedelta | None,
    everything: bool,
    fail_on: frozenset[str],
    watch: float | None,
) -> int:
    """Show the four numbers, then the links that matter, most dangerous first."""
    if watch is None:
        gc.disable()  # what follows is over in a moment, and a tenth of it went into finding nothing to collect
    from monitor.store.overview import Filter

    if as_json and as_csv:
        raise click.UsageError("Choose --json or --csv.")
    if watch is not None and (as_json or as_csv or not sys.stdout.isatty()):
        raise click.UsageError(
            "--watch draws on a terminal: leave it out for files, pipes, --json and --csv."
        )
    chosen = Filter(
        statuses=frozenset(statuses),
        platform=platform,
        at_risk=at_risk,
        since=now() - since if since is not None else None,
    )
    listed = chosen if everything or chosen != Filter() else replace(chosen, matters=True)
    if watch is not None:
        return run(_watch(app, listed, every_s=watch))
    return run(_status(app, chosen, listed, as_json=as_json, as_csv=as_csv, fail_on=fail_on))


async def _status(
    app: App, chosen: Filter, listed: Filter, *, as_json: bool, as_csv: bool, fail_on: frozenset[str]
) -> int:
    from monitor.store import overview, tally

    async with app.store(direct=True) as store, store.read() as db:
        if as_json:
            numbers = await tally.count(db)
            async with aclosing(overview.stream(db, chosen)) as links:
                async for piece in status_text(numbers, links, now()):
                    click.echo(piece, nl=False)
        elif as_csv:
            async with aclosing(overview.stream(db, chosen)) as links:
                await _print_csv(links)
        else:
            async with aclosing(_lines(app, db, listed)) as lines:
                async for line in lines:
                    click.echo(line)
        asked = await tally.count(db, chosen.condition) if fail_on else None
    return BAD_NEWS if any(getattr(asked, word) for word in fail_on) else FINE


async def _watch(app: App, listed: Filter, *, every_s: float) -> int:
    """Draw the status again and again, as much of it as the terminal holds, until it is interrupted."""
    import asyncio

    from rich.live import Live
    from rich.text import Text

    async with app.store(direct=True) as store:
        with Live(console=app.out, screen=True, auto_refresh=False) as live:
            while True:
                room = app.out.height - 1
                shown: list[str] = []
                async with store.read() as db, aclosing(_lines(app, db, listed)) as lines:
                    async for line in lines:
                        shown.append(line)
                        if len(shown) == room:
                            break
                live.update(Text.from_ansi("\n".join(shown), no_wrap=True, overflow="crop"), refresh=True)
                await asyncio.sleep(every_s)


async def _lines(app: App, db: AsyncConnection, listed: Filter) -> AsyncGenerator[str, None]:
    """The status for people: numbers, what stands still and why, and the links, as the database gives them."""
    from monitor.cli import listing
    from monitor.store import overview, service, tally, workers

    at, report, width = now(), app.settings.report, listing.terminal_width()
    all_links, live = await tally.count(db), await workers.live(db, at)
    for line in listing.numbers(all_links, await tally.around(db, at - A_WEEK), width, report.language):
        yield line
    for part in listing.fold(_daemons(live, at, report.language), width):
        yield click.style(part, dim=True)
    for line in _pauses(await service.named(db, ""), at, report, watched=bool(live)):
        for part in listing.fold(line, width):
            yield click.style(part, fg="yellow")
    table = listing.Listing(width, report.language, report.zone)
    shown, limit = 0, SHOWN if listed.matters else None
    async with aclosing(overview.stream(db, listed, limit=limit, also=["failing_since"])) as links:
        async for link in links:
            for line in () if shown else ("", *table.head()):
                yield line
            shown += 1
            for line in table.link(link):
                yield line
    matter = await tally.count(db, listed.condition) if listed.matters else None
    for part in listing.fold(_last_words(listed, shown, matter, all_links.pending, report.language), width):
        yield click.style(part, dim=True)


def _last_words(listed: Filter, shown: int, matter: Tally | None, unseen: int, language: Language) -> str:
    """What the table does not show. ``matter``: how many links there are that should be known of; ``unseen``: that
    were never looked at."""
    from monitor.cli.listing import kinds
    from monitor.cli.words import say

    if matter and matter.links > shown:
        of_each = kinds(matter, ("suspect", "dead", "blind"), language)
        return say(language, "more", count=matter.links - shown, kinds=of_each)
    if shown:
        return ""
    if not listed.matters:
        return say(language, "no_such")
    return say(language, "well_so_far", count=unseen) if unseen else say(language, "well")


def _daemons(live: Sequence[Row[Any]], at: datetime, language: Language) -> str:
    from monitor.cli.words import say

    if not live:
        return say(language, "no_daemon")
    places = say(language, "comma").join(sorted({one.vantage for one in live}))
    seconds = max(0, round((at - max(one.seen_at for one in live)).total_seconds()))
    return say(language, "daemons", count=len(live), places=places, seconds=seconds)


def _pauses(services: Sequence[Row[Any]], at: datetime, report: Report, *, watched: bool) -> Iterator[str]:
    """What stands still, and why; ``watched``: by a daemon, so that it is so now."""
    from monitor.cli.words import say
    from monitor.report.words import moment
    from monitor.store.service import NETWORK

    language, zone = report.language, report.zone
    for one in services:
        name = one.name.partition(":")[2] or one.name
        if one.name == NETWORK and one.failures:
            key, since = "offline" if watched else "was_offline", moment(language, one.updated_at, zone)
            yield say(language, key, at=since, note=one.note or say(language, "no_answer"))
        elif one.not_before and one.not_before > at:
            until, note = moment(language, one.not_before, zone), one.note or say(language, "wished")
            yield say(language, "rests", name=name, at=until, note=note)
        elif one.failures and one.note:
            yield say(language, "trouble", name=name, note=one.note)


async def _print_csv(links: AsyncIterator[dict[str, Any]]) -> None:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(CSV_COLUMNS)
    async for link in links:
        copy = link["snapshot"] or {}
        flat = link | {
            "chance_90d": link["risk"]["chance_90d"],
            "snapshot_url": copy.get("url"),
            "snapshot_captured_at": copy.get("captured_at"),
            "snapshot_verified": copy.get("verified"),
            "sources": " ".join(f"{place['path']}:{place['line']}" for place in link["sources"]),
        }
        writer.writerow([_cell(flat[name]) for name in CSV_COLUMNS])


def _cell(value: Any) -> str:
    from monitor.report.clean import cell

    if value is None:
        return ""
    if isinstance(value, datetime):
        return zulu(value)
    if isinstance(value, bool):
        return str(value).lower()
    return cell(str(value), CELL_AT_MOST)
