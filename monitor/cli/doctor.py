"""``rotwatch doctor``: is everything as it should be, and what to mend."""

from __future__ import annotations

from dataclasses import asdict

import click

from monitor.cli import BAD_NEWS, FINE
from monitor.cli.app import App, echo_json, now, pass_app, run

STYLES = {"ok": "green", "warning": "yellow", "failed": "red"}


@click.command("doctor", short_help="Is everything as it should be, and what to mend.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@pass_app
def command(app: App, *, as_json: bool) -> int:
    """Check configuration, database, network, archive.org, mail, clock and service; exit 1 if anything failed."""
    return run(_doctor(app, as_json=as_json))


async def _doctor(app: App, *, as_json: bool) -> int:
    from monitor import doctor

    findings = [finding async for finding in doctor.examine(app.config_file, app.database, now)]
    if as_json:
        echo_json({"checks": [asdict(finding) for finding in findings]}, indent=2)
    else:
        for finding in findings:
            click.echo(
                f"{click.style(f'{finding.level:8}', fg=STYLES[finding.level])}{finding.name}: {finding.found}"
            )
            if finding.mend:
                click.echo(f"        → {finding.mend}")
    return BAD_NEWS if any(finding.level == "failed" for finding in findings) else FINE
