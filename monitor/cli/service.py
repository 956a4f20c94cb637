"""``rotwatch service``: make systemd start it, or no longer."""

from __future__ import annotations

import os
import re
import shutil
import stat
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import click

from monitor.cli.app import say

if TYPE_CHECKING:
    from monitor.service_files import Change, Place

USER = click.option("--user", is_flag=True, help="A service of your own instead of the machine's.")
ROOT = click.option(
    "--root",
    metavar="DIR",
    default="/",
    type=click.Path(path_type=Path, file_okay=False),
    help="Put the files below DIR, for an image or a package; systemd is not told.",
)
ALL_OF_US = Path("/run/systemd/system")  # is there where systemd runs


@click.group("service", short_help="Install or uninstall the systemd service.")
def command() -> None:
    """The systemd service: its unit and its configuration."""


@command.command()
@USER
@ROOT
def install(*, user: bool, root: Path) -> int:
    """Write unit and configuration (one that is there is kept), and tell what to do next."""
    from monitor import service_files

    place = _place(root, user=user)
    _refuse_without_rights(user=user, root=root)
    program = service_files.program()
    if not user and root == Path("/"):
        service_files.check_reachable(program)
    _tell(place, service_files.install(place, program, systemd=_systemd_version()))
    config, ctl = place.installed(place.config), _systemctl(user=user)
    again = f"{program} --config {config}" if user else "rotwatch"
    if not user and not place.config.stat().st_mode & stat.S_IROTH:
        say(f"The service cannot read {config}: move its secrets to /etc/credstore, then chmod 644 it.")
    say("Next:")
    say(f"  name your lists under [[sources]] in {config}")
    if user:
        say("  loginctl enable-linger        # it runs while you are logged out, too")
    else:
        say("  secrets go into files of /etc/credstore, see systemd/README.md")
    say(f"  {ctl} daemon-reload")
    say(f"  {ctl} enable --now rotwatch")
    say(f"  {ctl} status rotwatch   # and: {again} doctor")
    return 0


@command.command()
@USER
@ROOT
def uninstall(*, user: bool, root: Path) -> int:
    """Stop the service and remove its unit; configuration and data stay."""
    from monitor import service_files

    place = _place(root, user=user)
    _refuse_without_rights(user=user, root=root)
    runs = root == Path("/") and ALL_OF_US.is_dir()
    if runs and place.unit.exists():
        _tell_systemd("disable", "--now", service_files.UNIT, user=user)
    _tell(place, service_files.uninstall(place))
    if runs:
        _tell_systemd("daemon-reload", user=user)
    for path in (place.config, place.state):
        if path.exists():
            say(f"Kept: {place.installed(path)}")
    return 0


def _place(root: Path, *, user: bool) -> Place:
    from monitor.service_files import Place

    root = root.absolute()
    if not user:
        return Place.of_system(root)
    config_home = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    return Place.of_user(config_home.absolute(), root)


def _refuse_without_rights(*, user: bool, root: Path) -> None:
    from monitor.service_files import ServiceError

    if root == Path("/") and not user and os.geteuid() != 0:
        raise ServiceError(
            "Only root may change the machine's services: use sudo, or --user for a service of your own."
        )


def _tell(place: Place, changes: dict[Path, Change]) -> None:
    for path, change in changes.items():
        say(f"{change:>10}  {place.installed(path)}")


def _systemctl(*, user: bool) -> str:
    return "systemctl --user" if user else "systemctl"


def _systemd_version() -> int:
    """Of this machine; 0 where there is none, as in an image that is being built."""
    if not (systemctl := shutil.which("systemctl")):
        return 0
    said = subprocess.run([systemctl, "--version"], capture_output=True, text=True, check=False).stdout  # noqa: S603
    match = re.match(r"systemd (\d+)", said)
    return int(match[1]) if match else 0


def _tell_systemd(*words: str, user: bool) -> None:
    from monitor.service_files import ServiceError

    line = [*_systemctl(user=user).split(), *words]
    done = subprocess.run(line, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        said = " ".join(done.stderr.split())
        raise ServiceError(f"{' '.join(line)} failed ({said}): mend that, then call this again.")
