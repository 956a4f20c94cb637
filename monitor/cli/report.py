"""``rotwatch report``: the weekly report, now, on the terminal, in a file or by mail."""

from __future__ import annotations

from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from monitor.cli.app import App, echo_json, now, pass_app, run, say
from monitor.cli.durations import DURATION

if TYPE_CHECKING:
    from monitor.report.gather import Report
    from monitor.report.render import Rendered
    from monitor.store import Store

SUFFIXES = (".html", ".txt", ".eml")


@click.command("report")
@click.option("--since", type=DURATION, default="7d", show_default=True, help="How far back: 24h, 7d, 4w.")
@click.option("--json", "as_json", is_flag=True, help="The report as one JSON document.")
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write it to FILE: .html, .txt, or .eml for the whole mail.",
)
@click.option("--send", is_flag=True, help="Mail it now; the weekly mail comes all the same.")
@pass_app
def command(app: App, since: timedelta, out: Path | None, *, as_json: bool, send: bool) -> int:
    """The weekly report: what died, what is in danger, what was saved."""
    if as_json + send + (out is not None) > 1:
        raise click.UsageError("Choose one of --json, --out and --send.")
    if out is not None and out.suffix.lower() not in SUFFIXES:
        raise click.UsageError(f"{out} has no known ending: end it with .html, .txt or .eml.")
    return run(_report(app, since, out, as_json=as_json, send=send))


async def _report(app: App, since: timedelta, out: Path | None, *, as_json: bool, send: bool) -> None:
    from monitor.report.gather import gather

    moment = now()
    if send:
        _need_recipients(app)
    async with app.store(direct=not send) as store:
        async with store.read() as db:
            report = await gather(db, app.settings, start=moment - since, end=moment)
        if send:
            await _send(app, store, report)
        elif out is not None:
            _write(app, report, out)
        elif as_json:
            echo_json(asdict(report), indent=2)
        else:
            click.echo(_render(app, report).text, nl=False)


def _need_recipients(app: App) -> None:
    from monitor.config_file import ConfigError
    from monitor.report import mail

    if not mail.sends(app.settings.report.email):
        raise ConfigError("There is nobody to mail to: set report.email.host and report.email.recipients.")


def _render(app: App, report: Report) -> Rendered:
    from monitor.report.render import render

    return render(report, app.settings.report.language, app.settings.report.zone)


async def _send(app: App, store: Store, report: Report) -> None:
    from monitor.report.outbox import send_now
    from monitor.store.leases import worker_name

    await send_now(store, app.settings, report, worker_name(), now)
    say(f"Sent to {', '.join(app.settings.report.email.recipients)}.")


def _write(app: App, report: Report, out: Path) -> None:
    from monitor.report.outbox import once

    suffix = out.suffix.lower()
    if suffix == ".eml":
        content = once(report, app.settings).message
    else:
        rendered = _render(app, report)
        content = (rendered.page if suffix == ".html" else rendered.text).encode()
    try:
        out.write_bytes(content)
    except OSError as error:
        raise click.UsageError(f"{out} cannot be written ({error.strerror}): choose another file.") from None
    say(f"Wrote {out}.")
