"""``rotwatch show``: one link, and how all is known."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from monitor.cli.app import App, echo_json, pass_app, run
from monitor.dump import whole_link
from monitor.model import COUNTS

if TYPE_CHECKING:
    from monitor.report.language import Language
    from monitor.store.overview import Whole


@click.command("show", short_help="One link: history, evidence, copies and why.")
@click.argument("url")
@click.option("--json", "as_json", is_flag=True, help="As one JSON object.")
@pass_app
def command(app: App, url: str, *, as_json: bool) -> int:
    """Show one link: where it stands and why, its history with evidence, its copies, the next look."""
    return run(_show(app, url, as_json=as_json))


async def _show(app: App, url: str, *, as_json: bool) -> int:
    from monitor.platforms import identify
    from monitor.report.why import why
    from monitor.store import StoreError, overview

    canonical = identify(url).url
    async with app.store(direct=True) as store, store.read() as db:
        found = await overview.whole(db, canonical)
    if found is None:
        raise StoreError(f"{canonical} is not watched: add it first (rotwatch add URL).")
    report = app.settings.report
    sentence = why(found.row, language=report.language, zone=report.zone, died_of=found.died_of)
    if as_json:
        echo_json(whole_link(found, sentence), indent=2)
    else:
        _print(app, found, sentence)
    return 0


def _print(app: App, found: Whole, sentence: str) -> None:
    from monitor.cli.listing import COLOURS, SIGNS, fold, terminal_width
    from monitor.policy.vantage import dissenting
    from monitor.report import words

    report, width = app.settings.report, terminal_width()

    def moment(at: datetime) -> str:
        return f"{words.day(report.language, at, report.zone)} {at.astimezone(report.zone):%H:%M}"

    def section(title: str, entries: Iterable[str]) -> None:
        lines = [line for entry in entries for line in fold(entry, width - 2, indent=2)]
        if lines:
            click.secho(f"\n{title}", bold=True)
            for line in lines:
                click.echo(f"  {line}")

    row = found.row
    for line in fold(row.title or "", width):
        click.secho(line, bold=True)
    click.echo("\n".join(fold(row.url, width)))
    sign = click.style(f"{SIGNS[row.status]} {row.status}", **COLOURS[row.status])
    danger = click.style(" (in danger)", bold=True) if row.at_risk and row.status != "dead" else ""
    click.echo(f"\n{sign}{danger}")
    for line in fold(sentence, width):
        click.echo(line)
    for one in dissenting(found.sightings):
        only = f"Only from {one.vantage} it fails ({one.outcome}, {moment(one.at)}): another place has seen it since."
        for line in fold(only, width):
            click.echo(line)
    section(
        "In lists",
        (f"{place['path']}:{place['line']}" if place["line"] else place["path"] for place in found.places),
    )
    events = sorted(_events(found, moment, report.language), key=lambda event: event[0])
    section("Time line", (f"{moment(at)}  {what}" for at, what in events))
    section(
        "Copies",
        (
            f"{moment(one.captured_at)}  {one.archive} ({_grade(one.grade)}): {one.url}"
            for one in found.snapshots
        ),
    )
    section(
        "Archive jobs",
        (
            f"{moment(job.created_at)}  {job.archive}: {job.state} {job.code or ''} {job.message or ''}".rstrip()
            for job in found.jobs
        ),
    )


def _events(
    found: Whole, moment: Callable[[datetime], str], language: Language
) -> Iterator[tuple[datetime, str]]:
    """What looks saw, how the status changed and what people said, each with its time."""
    from monitor.report import words

    several = len({span.vantage for span in found.spans}) > 1
    for span in found.spans:
        place = f", from {span.vantage}" if several else ""
        until = f", until {moment(span.ended_at)}" if span.checks > 1 else ""
        looks = "1 look" if span.checks == 1 else f"{span.checks} looks"
        seen = f" “{span.evidence}”" if span.evidence else ""
        reason = words.reason(language, span.reason)
        yield span.started_at, f"{span.outcome}: {reason} ({looks}{until}{place}) [{span.rule}]{seen}"
    for flip in found.flips:
        yield flip.at, f"{flip.old} → {flip.new}"
    for one in found.marks:
        yield one.at, f"marked {one.word} by {one.who}" + (f": {one.note}" if one.note else "")


def _grade(grade: str | None) -> str:
    if grade is None:
        return "not judged yet"
    return "verified" if grade in COUNTS else "does not count"


def _place(place: Mapping[str, Any]) -> str:
    """Where a list names the link; what was added by hand stands on no line."""
    return f"{place['path']}:{place['line']}" if place["line"] else str(place["path"])
