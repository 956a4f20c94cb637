"""``rotwatch notify``: try the messages that come between the mails."""

from __future__ import annotations

import click

from monitor.cli import CANNOT, FINE
from monitor.cli.app import App, pass_app, run


@click.command("notify", short_help="Try the messages that come between the mails.")
@click.option(
    "--test", "test", is_flag=True, help="Send a test message to every target, and say how it went."
)
@pass_app
def command(app: App, *, test: bool) -> int:
    """Show whom [alerts] names, by number and scheme: the rest of a URL is a secret. With --test, write to them."""
    return run(_notify(app, test=test))


async def _notify(app: App, *, test: bool) -> int:
    from monitor import alerts
    from monitor.config_file import ConfigError
    from monitor.report.language import tell

    settings = app.settings.alerts
    everybody = alerts.targets(settings)
    if not everybody:
        raise ConfigError("Nobody is to be told: name targets in [alerts] urls, see config.toml.")
    alerts.check(settings)
    language, failed = app.settings.report.language, 0
    for target in everybody:
        if not test:
            click.echo(f"{target.name}: told of {', '.join(sorted(settings.on)) or 'nothing'}")
            continue
        why = await alerts.send(target, tell(language, alerts.TEST), tell(language, alerts.TEST_BODY))
        failed += bool(why)
        click.echo(f"{target.name}: {f'failed: {why}' if why else 'sent'}")
    return CANNOT if failed else FINE
