"""The files of the service: its unit, made from the shipped one for this installation, and its configuration."""

from __future__ import annotations

import os
import re
import stat
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

UNIT = "rotwatch.service"
SHIPPED_PROGRAM = "/opt/rotwatch/bin/rotwatch"
BACK_OFF = "RestartSteps=6\nRestartMaxDelaySec=600\n"  # of systemd from version 254 on
BACK_OFF_SINCE = 254
OF_ITS_OWN = (Path("/tmp"), Path("/var/tmp"))  # noqa: S108 -- the service sees others in their place (PrivateTmp=)
PACKAGE = Path(__file__).resolve().parent

Change = Literal["written", "as it was", "kept", "removed", "not there"]


class ServiceError(Exception):
    """The service cannot be installed or removed; the text says what to do."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where the files of one service are, below ``root`` while it is being put together."""

    unit: Path
    config: Path
    state: Path
    user: bool
    root: Path = Path("/")

    @classmethod
    def of_system(cls, root: Path = Path("/")) -> Place:
        unit, config, state = "etc/systemd/system", "etc/rotwatch/config.toml", "var/lib/rotwatch"
        return cls(root / unit / UNIT, root / config, root / state, user=False, root=root)

    @classmethod
    def of_user(cls, config_home: Path, root: Path = Path("/")) -> Place:
        """``config_home``: ``$XDG_CONFIG_HOME``, else ``~/.config``; the database lies beside the configuration."""
        home = root / config_home.relative_to("/")
        ours = home / "rotwatch"
        return cls(home / "systemd/user" / UNIT, ours / "config.toml", ours, user=True, root=root)

    def installed(self, path: Path) -> Path:
        """The path as it is when ``root`` is the root."""
        return Path("/") / path.relative_to(self.root)


def program() -> Path:
    """The command ``rotwatch`` of this installation. :raises ServiceError: it has none."""
    beside = Path(sys.executable).with_name("rotwatch")
    if not os.access(beside, os.X_OK):
        raise ServiceError(
            f"There is no command {beside}: install rotwatch into a virtual environment (see systemd/README.md)."
        )
    return beside


def unit_text(program: Path, *, user: bool, systemd: int) -> str:
    """The unit for ``program``, with what this ``systemd`` (its version) knows beyond the oldest we write for."""
    text = _shipped(f"systemd/rotwatch{'-user' if user else ''}.service").read_text(encoding="utf-8")
    text = text.replace(SHIPPED_PROGRAM, _quoted(str(program)), 1)
    if systemd >= BACK_OFF_SINCE:
        text = text.replace("RestartSec=10\n", f"RestartSec=10\n{BACK_OFF}", 1)
    return text


def _shipped(name: str) -> Path:
    """A file that is inside an installed package and beside it in a checkout."""
    inside = PACKAGE / name
    return inside if inside.exists() else PACKAGE.parent / name


def _quoted(path: str) -> str:
    """A path as a word of ExecStart= (systemd.service(5), "Command lines")."""
    if "\n" in path:
        raise ServiceError("A path with a line break cannot stand in a unit: install rotwatch elsewhere.")
    word = path.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
    return f'"{word}"' if re.search(r"[\s'\"\\;]", word) else word


def check_reachable(program: Path) -> None:
    """Whether a user without any rights, as the service's is, can start ``program``.

    :raises ServiceError: a folder on the way to it, or to its Python, is closed to others, or hidden by the unit.
    """
    for path in _way_to(program):
        if path in OF_ITS_OWN:
            raise ServiceError(
                f"{program} is below {path}, and the service has a {path} of its own: install rotwatch elsewhere, like "
                f"{SHIPPED_PROGRAM} (python3 -m venv /opt/rotwatch), with a Python that is, too."
            )
        mode = path.stat().st_mode
        if not mode & stat.S_IXOTH:
            raise ServiceError(
                f"{path} is closed to other users, and the service runs as one: install rotwatch in a place "
                f"that is open, like {SHIPPED_PROGRAM} (python3 -m venv /opt/rotwatch), with a Python that is, too."
            )


def _way_to(program: Path) -> Iterator[Path]:
    """Every folder and file on the way to ``program``, to the interpreter beside it, and to what they link to."""
    ends = [program, program.resolve(), Path(sys.executable), Path(sys.executable).resolve()]
    for end in dict.fromkeys(ends):
        yield from reversed(end.parents)
        yield end


def install(place: Place, program: Path, *, systemd: int) -> dict[Path, Change]:
    """Write the unit, and the configuration where there is none; the second time nothing changes.

    :returns: what happened to each file.
    :raises ServiceError: a file cannot be written.
    """
    text = unit_text(program, user=place.user, systemd=systemd)
    config = _shipped("config.toml").read_text(encoding="utf-8")
    return {
        place.unit: _write(place.unit, text, mode=0o644),
        # the service's user is nobody in particular and must read it: secrets go to /etc/credstore
        place.config: "kept"
        if place.config.exists()
        else _write(place.config, config, mode=0o600 if place.user else 0o644),
    }


def _write(file: Path, text: str, *, mode: int) -> Change:
    """A file that is there whole or not at all."""
    try:
        if file.exists() and file.read_text(encoding="utf-8") == text:
            file.chmod(mode)
            return "as it was"
        file.parent.mkdir(mode=0o755 if mode & stat.S_IROTH else 0o700, parents=True, exist_ok=True)
        partial = file.with_name(f"{file.name}.partial")
        partial.write_text(text, encoding="utf-8")
        partial.chmod(mode)
        partial.replace(file)
    except (OSError, UnicodeDecodeError) as error:
        raise _cannot(file, error) from None
    return "written"


def uninstall(place: Place) -> dict[Path, Change]:
    """Remove the unit; configuration and data stay. :raises ServiceError: it cannot be removed."""
    try:
        there = place.unit.exists()
        place.unit.unlink(missing_ok=True)
    except OSError as error:
        raise _cannot(place.unit, error) from None
    return {place.unit: "removed" if there else "not there"}


def _cannot(file: Path, error: Exception) -> ServiceError:
    if isinstance(error, PermissionError):
        return ServiceError(
            f"{file} cannot be changed by this user: use sudo, or rotwatch service … --user for a service of your own."
        )
    return ServiceError(f"{file} cannot be changed ({error}): mend that and try again.")
