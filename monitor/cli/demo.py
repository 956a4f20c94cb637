"""``rotwatch demo``: some months of a reading list's life in about a minute, offline."""

from __future__ import annotations

import asyncio
import shlex
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import click

from monitor.cli import BAD_NEWS, CANNOT, FINE, INTERRUPTED
from monitor.cli.app import App, echo_json, pass_app, run, say

if TYPE_CHECKING:
    from monitor.demo.play import Played, Screen, Wish

NEEDED = ("trustme", "aiosmtpd")  # the ``demo`` extra


@click.command("demo", short_help="Some months of a list's life in a minute, offline.")
@click.option(
    "--weeks", type=click.IntRange(1, 260), default=26, show_default=True, help="How long it lasts."
)
@click.option(
    "--links",
    type=click.IntRange(1, 20_000),
    default=81,
    show_default=True,
    help="81 is the example list; any other number is made up.",
)
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True, help="Decides what happens.")
@click.option(
    "--language",
    type=click.Choice(["en", "zh"]),
    default="en",
    show_default=True,
    help="Of screen and mail.",
)
@click.option(
    "--keep",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Keep database, copies, mails and log in DIR; else nothing is left behind.",
)
@click.option("--json", "as_json", is_flag=True, help="The numbers and the truth, as one JSON object.")
@pass_app
def command(
    app: App, *, weeks: int, links: int, seed: int, language: str, keep: Path | None, as_json: bool
) -> int:
    """Act the web of a reading list on this machine, let months pass, and hold the verdicts against what was acted.

    Needs no network, no keys and no configuration, and touches nothing outside its own folder.
    """
    if app.config_file or app.database:
        raise click.UsageError(
            "The demo has its own configuration and database: leave out --config and --database."
        )
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        say(f"Error: The demo needs {' and '.join(missing)}: pip install 'rotwatch[demo]'.")
        return CANNOT
    from monitor.demo.play import Wish

    wish = Wish(links=links, weeks=weeks, seed=seed, language="zh" if language == "zh" else "en")
    with _folder(keep) as folder:
        return run(_demo(app, wish, folder, kept=keep is not None, as_json=as_json))


@contextmanager
def _folder(keep: Path | None) -> Iterator[Path]:
    if keep is None:
        with tempfile.TemporaryDirectory(prefix="rotwatch-demo-") as name:
            yield Path(name)
        return
    folder = keep.expanduser().absolute()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        is_used = any(folder.iterdir())
    except OSError as error:
        raise click.UsageError(f"{keep} cannot be used ({error.strerror}): choose another folder.") from None
    if is_used:
        raise click.UsageError(f"{keep} is not empty: choose a new folder.")
    yield folder


async def _demo(app: App, wish: Wish, folder: Path, *, kept: bool, as_json: bool) -> int:
    from monitor.demo.play import play
    from monitor.demo.screen import Changing, Lines

    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, stop.set)
    began = time.monotonic()
    changing = Changing(app.err, wish) if sys.stderr.isatty() else None
    screen: Screen = changing or Lines(app.err, wish)
    with changing.live if changing else nullcontext():
        played = await play(wish, folder, screen, stop)
    if as_json:
        echo_json(played.as_dict(), indent=2)
    else:
        _print(app, played, folder, seconds=time.monotonic() - began, kept=kept)
    if stop.is_set():
        return INTERRUPTED
    return BAD_NEWS if played.reckoning.disagrees else FINE


def _print(app: App, played: Played, folder: Path, *, seconds: float, kept: bool) -> None:
    from monitor.demo.screen import ending
    from monitor.demo.words import TEXT
    from monitor.report.language import tell

    for part in ending(played, seconds=seconds):
        app.out.print(part)
    app.out.print()
    language = played.wish.language
    if not kept:
        app.out.print(tell(language, TEXT["not_kept"]), style="dim", markup=False)
        return
    app.out.print(tell(language, TEXT["kept"], folder=folder), markup=False, soft_wrap=True)
    command = f"rotwatch --config {shlex.quote(str(folder / 'config.toml'))}"
    for more in ("status", "status --status dead", "show URL", "stats"):
        app.out.print(f"  {command} {more}", markup=False, soft_wrap=True)
