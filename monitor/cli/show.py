"""``rotwatch show``: one link, and how all is known."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import click

from monitor.cli.app import App, echo_json, pass_app, run
from monitor.dump import whole_link

if TYPE_CHECKING:
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
    async with app.store() as store, store.read() as db:
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
    from monitor.report import words

    language, zone = app.settings.report.language, app.settings.report.zone

    def moment(at: datetime | None) -> str:
        return words.moment(language, at, zone) if at else "–"

    def section(title: str, lines: list[str]) -> None:
        if lines:
            click.echo(f"\n{click.style(title, bold=True)}")
            for line in lines:
                click.echo(f"  {line}")

    row = found.row
    if row.title:
        click.secho(row.title, bold=True)
    click.echo(row.url)
    click.echo(f"\n{sentence}")
    section("In lists", [f"{place['path']}:{place['line']}" for place in found.places])
    section(
        "History",
        [
            f"{moment(span.started_at)} – {moment(span.ended_at)}  {span.outcome}: "
            f"{words.reason(language, span.reason)} ({span.checks}×, {span.rule}) {span.evidence}".rstrip()
            for span in found.spans
        ],
    )
    section("Changes", [f"{moment(flip.at)}  {flip.old} → {flip.new}" for flip in found.flips])
    section(
        "Marks",
        [f"{moment(one.at)}  {one.word}, by {one.who}: {one.note}".rstrip(": ") for one in found.marks],
    )
    section(
        "Copies",
        [
            f"{moment(one.captured_at)}  {one.archive} ({_grade(one.grade)})  {one.url}"
            for one in found.snapshots
        ],
    )
    section(
        "Archive jobs",
        [
            f"{moment(job.created_at)}  {job.archive}: {job.state} {job.code or ''} {job.message or ''}".rstrip()
            for job in found.jobs
        ],
    )


def _grade(grade: str | None) -> str:
    return {"A": "verified", "B": "verified", None: "not judged yet"}.get(grade, "does not count")
