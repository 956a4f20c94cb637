"""``rotwatch status``: the four numbers, and the links that matter."""

from __future__ import annotations

import csv
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, aclosing
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import click

from monitor.cli import BAD_NEWS, FINE
from monitor.cli.app import App, now, pass_app, run, say
from monitor.cli.durations import DURATION
from monitor.dump import PRESERVATION, STATUSES, status_text, zulu

if TYPE_CHECKING:
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
FORMULA = ("=", "+", "-", "@", "\t", "\r")  # a spreadsheet would run a cell that begins so


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
@click.option(
    "--fail-on", type=FailOn(), default=frozenset(), metavar="S,…", help="Exit 1 if there is any such link."
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
    fail_on: frozenset[str],
) -> int:
    """Show the four numbers, then the links that matter, most dangerous first."""
    from monitor.store.overview import Filter

    if as_json and as_csv:
        raise click.UsageError("Choose --json or --csv.")
    chosen = Filter(
        statuses=frozenset(statuses),
        platform=platform,
        at_risk=at_risk,
        since=now() - since if since is not None else None,
    )
    return run(_status(app, chosen, as_json=as_json, as_csv=as_csv, fail_on=fail_on))


async def _status(app: App, chosen: Filter, *, as_json: bool, as_csv: bool, fail_on: frozenset[str]) -> int:
    from monitor.store import overview, service, tally

    async with app.store() as store, store.read() as db, AsyncExitStack() as opened:
        numbers = await tally.count(db)
        links = await opened.enter_async_context(aclosing(overview.stream(db, chosen)))
        if as_json:
            async for piece in status_text(numbers, links, now()):
                click.echo(piece, nl=False)
        elif as_csv:
            await _print_csv(links)
        else:
            network = await service.get(db, service.NETWORK)
            if network is not None and network.note:
                say(f"Offline since {zulu(network.updated_at)}, nothing is marked: {network.note}")
            _print_numbers(app, numbers)
            await _print_table(app, links, chosen)
        asked = await tally.count(db, chosen.condition)
    return BAD_NEWS if any(getattr(asked, word) for word in fail_on) else FINE


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
    if value is None:
        return ""
    if isinstance(value, datetime):
        return zulu(value)
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return f"'{text}" if text.startswith(FORMULA) else text


def _print_numbers(app: App, numbers: Tally) -> None:
    from rich.table import Table

    four = Table(box=None, padding=(0, 3, 0, 0), show_header=False)
    for left, right in (("safe", "exposed"), ("rescued", "lost")):
        cells = []
        for name, style in (
            (left, "bold green"),
            (right, "bold yellow" if right == "exposed" else "bold red"),
        ):
            cells.append(f"[{style}]{getattr(numbers, name):>6}[/] {name}")
        four.add_row(*cells)
    app.out.print(four)
    parts = [f"{getattr(numbers, name)} {name}" for name in STATUSES if getattr(numbers, name)]
    app.out.print(
        f"{numbers.links} links: {', '.join(parts) or 'none yet'}; {numbers.at_risk} at risk\n", style="dim"
    )


async def _print_table(app: App, links: AsyncIterator[dict[str, Any]], chosen: Filter) -> None:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    from monitor.report import words

    everything = bool(chosen.statuses or chosen.platform or chosen.at_risk or chosen.since)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, expand=True)
    table.add_column("", no_wrap=True)
    table.add_column("Title", ratio=3, overflow="fold")
    table.add_column("Why", ratio=2, overflow="fold")
    table.add_column("Copy", no_wrap=True)
    language, zone = app.settings.report.language, app.settings.report.zone
    left_out = shown = 0
    async for link in links:
        if not everything and (shown >= SHOWN or not _matters(link)):
            left_out += 1
            continue
        shown += 1
        copy = link["snapshot"]
        table.add_row(
            Text(link["status"] + ("!" if link["at_risk"] else ""), style=STYLES[link["status"]]),
            Text(link["title"] or link["url"]),
            Text(words.reason(language, link["reason"]) if link["reason"] else "not looked at yet"),
            Text(words.day(language, copy["captured_at"], zone) if copy and copy["verified"] else "none"),
        )
    if shown:
        app.out.print(table)
    if not shown and everything:
        app.out.print("No link is like that.", style="dim")
    elif not shown and left_out:
        app.out.print("Nothing died and nothing is in danger. --json or --csv lists all links.", style="dim")
    elif left_out:
        app.out.print(
            f"… and {left_out} more; --json or --csv lists all, --status and --at-risk choose.", style="dim"
        )


STYLES = {"dead": "bold red", "suspect": "yellow", "blind": "blue", "alive": "green", "pending": "dim"}


def _matters(link: dict[str, Any]) -> bool:
    return link["status"] in ("dead", "suspect", "blind") or (link["at_risk"] and not link["snapshot"])
