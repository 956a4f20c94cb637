"""``rotwatch stats``: what the list has lived through, and how well it was foreseen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import click

from monitor.cli.app import App, echo_json, now, pass_app, run

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

    from monitor.config import Policy, Settings

AGES = ("< 2 d", "2-7 d", "7-30 d", "30-180 d", "older")
LASTING_DAYS = {30: "30 days", 90: "90 days", 365: "1 year", 730: "2 years", 1825: "5 years"}
LATELY = timedelta(days=30)
HOSTS_SHOWN = 15


@click.command("stats", short_help="What the list has lived through: deaths, looks, walls.")
@click.option("--json", "as_json", is_flag=True, help="As one JSON object.")
@pass_app
def command(app: App, *, as_json: bool) -> int:
    """Show deaths beside what was expected, how long links last, what looks were spent, and who walls."""
    return run(_stats(app, as_json=as_json))


async def _stats(app: App, *, as_json: bool) -> int:
    async with app.store(direct=True) as store, store.read() as db:
        found = await _gather(db, app.settings, now())
    if as_json:
        echo_json(found, indent=2)
    else:
        _print(app, found)
    return 0


async def _gather(db: AsyncConnection, settings: Settings, at: datetime) -> dict[str, Any]:
    from monitor.store import stats

    experience = await stats.experience(db, at)
    deaths = sum(died for died, _ in experience.values())
    looks = await stats.looks(db, at - LATELY)
    return {
        "generated_at": at,
        "deaths": _deaths(experience, settings.policy),
        "dead_at_first_look": await stats.dead_on_arrival(db),
        "survival": await _survival(db),
        "looks": {
            outcome: {"total": total, "last_30_days": late}
            for outcome, (total, late) in sorted(looks.items())
        },
        "hosts": await _hosts(db, settings, at),
        "calibration": await _calibration(db, settings.policy, at, deaths),
    }


def _deaths(experience: Mapping[tuple[str, int], tuple[int, float]], policy: Policy) -> list[dict[str, Any]]:
    from monitor.policy.risk import table_risk

    return [
        {
            "platform": platform,
            "age": AGES[column],
            "deaths": died,
            "link_years": years,
            "yearly": died / years if years else None,
            "prior": policy.yearly_risk[column],
            "learned": table_risk(platform, column, experience, policy),
        }
        for (platform, column), (died, years) in sorted(experience.items())
    ]


async def _survival(db: AsyncConnection) -> dict[str, Any]:
    from monitor.store import stats
    from monitor.survival import NotInstalledError, curve

    lives = await stats.lives(db)
    found: dict[str, Any] = {"links": len(lives), "deaths": sum(life.died for life in lives)}
    try:
        points = curve(lives, list(LASTING_DAYS))
    except NotInstalledError as problem:
        return found | {"points": None, "problem": str(problem)}
    return found | {"points": [asdict(point) for point in points], "problem": None}


async def _hosts(db: AsyncConnection, settings: Settings, at: datetime) -> list[dict[str, Any]]:
    from monitor.policy.pace import HostPace, spacing_s
    from monitor.store import stats

    return [
        asdict(one) | {"spacing_s": spacing_s(HostPace(one.host, at, spacing_s=one.spacing_s), settings.pace)}
        for one in await stats.hosts(db)
    ]


async def _calibration(db: AsyncConnection, policy: Policy, at: datetime, deaths: int) -> dict[str, Any]:
    """Predictions made at the last moment of which every link's next look has told the outcome."""
    from monitor import calibration
    from monitor.store import stats
    from monitor.store.accounts import all_accounts

    found: dict[str, Any] = {"deaths": deaths, "deaths_needed": calibration.DEATHS_NEEDED, "groups": None}
    if deaths < calibration.DEATHS_NEEDED:
        return found
    then = at - calibration.AHEAD - timedelta(hours=policy.max_interval_h)
    predictions = calibration.predict(
        await stats.as_they_were(db, then),
        accounts=await all_accounts(db, then),
        experience=await stats.experience(db, then),
        then=then,
        policy=policy,
    )
    groups = [asdict(group) for group in calibration.grouped(predictions)]
    return found | {"predicted_at": then, "groups": groups}


def _print(app: App, found: Mapping[str, Any]) -> None:
    _print_deaths(app, found["deaths"], found["dead_at_first_look"])
    _print_survival(app, found["survival"])
    _print_looks(app, found["looks"])
    _print_hosts(app, found["hosts"])
    _print_calibration(app, found["calibration"])


def _print_deaths(app: App, rows: Sequence[Mapping[str, Any]], unwatched: int) -> None:
    _title("Deaths by platform and age, with the years that links were seen alive")
    if rows:
        heads = ("Platform", "Age", "Deaths", "Link-years", "A year", "Prior", "Learned")
        _table(
            app,
            heads,
            [
                (
                    row["platform"],
                    row["age"],
                    f"{row['deaths']:,}",
                    f"{row['link_years']:,.1f}",
                    "–" if row["yearly"] is None else f"{row['yearly']:.1%}",
                    f"{row['prior']:.0%}",
                    f"{row['learned']:.1%}",
                )
                for row in rows
            ],
            left=2,
        )
    else:
        click.echo("Nothing yet: no link was seen alive twice, and none died.")
    if unwatched:
        click.echo(f"Dead at their first look, and not counted: {unwatched:,}.")


def _print_survival(app: App, found: Mapping[str, Any]) -> None:
    _title("How long links last, from the first time they were seen alive")
    if found["problem"]:
        click.echo(found["problem"])
        return
    click.echo(f"{found['links']:,} links seen alive, {found['deaths']:,} of them died.")
    if not found["points"]:
        click.echo("The first point comes once a link was watched for 30 days.")
        return
    heads = ("After", "Still there", "95 % band", "Watched so long")
    rows = [
        (
            LASTING_DAYS[point["days"]],
            f"{point['alive']:.1%}",
            "–" if point["low"] is None else f"{point['low']:.1%} – {point['high']:.1%}",
            f"{point['watched']:,}",
        )
        for point in found["points"]
    ]
    _table(app, heads, rows, left=1)


def _print_looks(app: App, found: Mapping[str, Any]) -> None:
    _title("Looks spent")
    if not found:
        click.echo("None yet.")
        return
    rows = [(outcome, one["total"], one["last_30_days"]) for outcome, one in found.items()]
    rows.append(("all", sum(total for _, total, _ in rows), sum(late for _, _, late in rows)))
    heads = ("Outcome", "Ever", "Last 30 days, about")
    _table(app, heads, [(word, f"{total:,}", f"{late:,}") for word, total, late in rows], left=1)


def _print_hosts(app: App, found: Sequence[Mapping[str, Any]]) -> None:
    _title("Walls by host, and the pace that survived")
    if not found:
        click.echo("No host was looked at yet.")
        return
    several = len({one["vantage"] for one in found}) > 1
    heads = ("Host", *(("From",) if several else ()), "Looks", "Walls", "Since the last", "Seconds apart")
    rows = [
        (
            one["host"],
            *((one["vantage"],) if several else ()),
            f"{one['looks']:,}",
            f"{one['walled']:,}",
            f"{one['looks_since_wall']:,}",
            f"{one['spacing_s']:.0f}",
        )
        for one in found[:HOSTS_SHOWN]
    ]
    _table(app, heads, rows, left=1 + several)
    if len(found) > HOSTS_SHOWN:
        click.echo(f"… and {len(found) - HOSTS_SHOWN:,} more with fewer walls or looks; --json lists all.")


def _print_calibration(app: App, found: Mapping[str, Any]) -> None:
    _title("Was the risk foreseen?")
    if found["groups"] is None:
        click.echo(
            f"{found['deaths']:,} deaths so far; from {found['deaths_needed']} on, what was foreseen is shown here."
        )
    elif not found["groups"]:
        click.echo("Nothing to compare yet: no link was watched for long enough.")
    else:
        click.echo(f"Links alive on {found['predicted_at']:%Y-%m-%d}, by their chance to die within 90 days.")
        heads = ("Group", "Links", "Chance", "Deaths foreseen", "Deaths", "Happened")
        rows = [
            (
                str(number),
                f"{group['links']:,}",
                f"{group['expected'] / group['links']:.1%}",
                f"{group['expected']:,.1f}",
                f"{group['died']:,}",
                f"{group['died'] / group['links']:.1%}",
            )
            for number, group in enumerate(found["groups"], start=1)
        ]
        _table(app, heads, rows, left=0)


def _title(text: str) -> None:
    click.secho(f"\n{text}", bold=True)


def _table(app: App, heads: Sequence[str], rows: Sequence[Sequence[str]], *, left: int) -> None:
    """A table; columns after the first ``left`` are numbers."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for index, head in enumerate(heads):
        number = index >= left
        table.add_column(head, justify="right" if number else "left", no_wrap=number, overflow="fold")
    for row in rows:
        table.add_row(*map(Text, row))
    app.out.print(table)
