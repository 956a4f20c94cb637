"""``rotwatch show``: one link, and how all is known."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from monitor.cli.app import App, echo_json, pass_app, run
from monitor.dump import whole_link
from monitor.model import COUNTS

if TYPE_CHECKING:
    from sqlalchemy import Row

    from monitor.config import Report
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
    from monitor.cli.words import say
    from monitor.policy.vantage import dissenting

    report, width, row = app.settings.report, terminal_width(), found.row
    language, moment = report.language, partial(_moment, report)

    def section(title: str, entries: Iterable[str]) -> None:
        lines = [line for entry in entries for line in fold(entry, width - 2, indent=2)]
        if lines:
            click.secho(f"\n{say(language, title)}", bold=True)
            for line in lines:
                click.echo(f"  {line}")

    for line in fold(row.title or "", width):
        click.secho(line, bold=True)
    click.echo("\n".join(fold(row.url, width)))
    status = say(language, row.status)
    danger = say(language, "in_danger", status=status) if row.at_risk and row.status != "dead" else status
    click.echo("\n" + click.style(f"{SIGNS[row.status]} {danger}", **COLOURS[row.status]))
    for line in fold(sentence, width):
        click.echo(line)
    for one in dissenting(found.sightings):
        outcome = say(language, one.outcome)
        only = say(language, "one_place", place=one.vantage, outcome=outcome, at=moment(one.at))
        for line in fold(only, width):
            click.echo(line)
    section("lists", (_place(place, language) for place in found.places))
    events = sorted(_events(found, moment, language), key=lambda event: event[0])
    section("time_line", (f"{moment(at)}  {what}" for at, what in events))
    section("copies", (_copy(one, moment, language) for one in found.snapshots))
    section("jobs", (_job(job, moment) for job in found.jobs))


def _moment(report: Report, at: datetime) -> str:
    from monitor.report import words

    return f"{words.day(report.language, at, report.zone)} {at.astimezone(report.zone):%H:%M}"


def _events(
    found: Whole, moment: Callable[[datetime], str], language: Language
) -> Iterator[tuple[datetime, str]]:
    """What looks saw, how the status changed and what people said, each with its time."""
    from monitor.cli.words import say
    from monitor.report import words

    several = len({span.vantage for span in found.spans}) > 1
    for span in found.spans:
        looks = [say(language, "looks", count=span.checks)]
        looks += [say(language, "until", at=moment(span.ended_at))] if span.checks > 1 else []
        looks += [say(language, "from", place=span.vantage)] if several else []
        seen = say(
            language,
            "seen",
            outcome=say(language, span.outcome),
            reason=words.reason(language, span.reason),
            looks=say(language, "comma").join(looks),
            rule=span.rule,
        )
        yield span.started_at, f"{seen} “{span.evidence}”" if span.evidence else seen
    for flip in found.flips:
        yield flip.at, f"{say(language, flip.old)} → {say(language, flip.new)}"
    for one in found.marks:
        marked = say(language, "marked", word=say(language, one.word), who=one.who)
        yield one.at, f"{marked}: {one.note}" if one.note else marked


def _copy(one: Row[Any], moment: Callable[[datetime], str], language: Language) -> str:
    from monitor.cli.words import say

    grade = "not_judged" if one.grade is None else "verified" if one.grade in COUNTS else "does_not_count"
    return f"{moment(one.captured_at)}  {one.archive} ({say(language, grade)}): {one.url}"


def _job(job: Row[Any], moment: Callable[[datetime], str]) -> str:
    """In archive.org's own words."""
    said = f"{job.archive}: {job.state} {job.code or ''} {job.message or ''}"
    return f"{moment(job.created_at)}  {said}".rstrip()


def _place(place: Mapping[str, Any], language: Language) -> str:
    """Where a list names the link; what was added by hand stands on no line."""
    from monitor.cli.words import say
    from monitor.store.links import BY_HAND

    if place["path"] == BY_HAND:
        return say(language, "by_hand")
    return f"{place['path']}:{place['line']}" if place["line"] else str(place["path"])
