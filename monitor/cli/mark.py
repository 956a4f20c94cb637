"""``rotwatch mark``: what a person knows better."""

from __future__ import annotations

import getpass
import os
from typing import TYPE_CHECKING

import click

from monitor.cli.app import App, now, pass_app, run
from monitor.dump import zulu

if TYPE_CHECKING:
    from monitor.store.marks import Marked

LONGEST_NOTE = 300


@click.command("mark", short_help="Say yourself what a link is: dead, alive, to ignore.")
@click.argument("urls", nargs=-1, required=True, metavar="URL…")
@click.option("--dead", is_flag=True, help="It is gone: looked at now and then, in case it comes back.")
@click.option("--alive", is_flag=True, help="It is there: its failures are forgotten, the next look is soon.")
@click.option("--ignore", is_flag=True, help="No more looks and no copies, until --recheck.")
@click.option("--recheck", is_flag=True, help="Look again now; ends --ignore.")
@click.option("--note", default="", metavar="TEXT", help="Why; kept with the word.")
@pass_app
def command(
    app: App, urls: tuple[str, ...], *, dead: bool, alive: bool, ignore: bool, recheck: bool, note: str
) -> int:
    """Say what a link is. It is kept with your name and the time; what later looks see counts as ever."""
    said = {"dead": dead, "alive": alive, "ignore": ignore, "recheck": recheck}
    words = [word for word, wanted in said.items() if wanted]
    if len(words) != 1:
        raise click.UsageError("Say one of --dead, --alive, --ignore and --recheck.")
    note = "".join(letter for letter in " ".join(note.split()) if letter.isprintable())
    if len(note) > LONGEST_NOTE:
        raise click.UsageError(f"The note has {len(note)} characters: make it {LONGEST_NOTE} at most.")
    return run(_mark(app, urls, words[0], note))


async def _mark(app: App, urls: tuple[str, ...], said: str, note: str) -> int:
    from monitor.platforms import identify
    from monitor.store import marks

    word = marks.Word(said)
    canonical = [identify(url).url for url in urls]
    policy = app.settings.policy
    async with app.store() as store, store.write() as db:
        marked = await marks.put(db, canonical, word, who=_who(), note=note, now=now(), policy=policy)
    for one in marked:
        click.echo(f"{one.after} {one.url}: {_what_follows(one)}")
    return 0


def _who() -> str:
    """The person at the keyboard, behind sudo too."""
    try:
        return os.environ.get("SUDO_USER") or getpass.getuser()
    except (KeyError, OSError):  # a container's user has no name
        return f"user {os.getuid()}"


def _what_follows(marked: Marked) -> str:
    before = f"was {marked.before}; " if marked.before is not marked.after else ""
    if marked.ignored:
        return f"{before}ignored, until you say --recheck"
    if not marked.watched:
        return f"{before}not looked at, no list mentions it any more"
    return f"{before}next look {zulu(marked.next_check_at) if marked.next_check_at else 'unknown'}"
