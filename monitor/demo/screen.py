"""The demo on a terminal: a screen that changes, or a line a week; and what is said at the end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any
from zoneinfo import ZoneInfo

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text as Line
from sqlalchemy import Row

from monitor.demo.play import Now, Played, Wish
from monitor.demo.reckoning import Agreement
from monitor.demo.words import LOSSES, NEWS, OUTCOMES, TEXT, TROUBLES
from monitor.model import Status
from monitor.report import words
from monitor.report.language import Language, tell
from monitor.store.tally import Tally

UTC = ZoneInfo("UTC")
FOUR = (("safe", "bold green"), ("exposed", "bold yellow"), ("rescued", "bold green"), ("lost", "bold red"))
STYLES = {"died": "red", "back": "green", "suspect": "yellow", "acquitted": "green", "blind": "blue"}


def kind_of(flip: Row[Any]) -> str | None:
    """What a change of status means to a reader, a key of :data:`monitor.demo.words.NEWS`; None where it is no news."""
    old, new = flip.old, flip.new
    if new == Status.DEAD:
        return "died"
    if new == Status.ALIVE:
        return {Status.DEAD: "back", Status.SUSPECT: "acquitted"}.get(old)
    return {Status.SUSPECT: "suspect", Status.BLIND: "blind"}.get(new)


class Lines:
    """A line a week, for a file or a pipe."""

    frame_s: float | None = None

    def __init__(self, console: Console, wish: Wish) -> None:
        self._console, self._wish = console, wish

    def frame(self, now: Now) -> None:
        """Nothing: the week has its line."""

    def week(self, now: Now) -> None:
        language = self._wish.language
        numbers = {name: getattr(now.tally, name) for name, _ in FOUR}
        day = words.day(language, now.at, UTC)
        kinds = Counter(kind_of(one) for one in now.news)
        parts = [tell(language, TEXT["week_line"], week=now.week, day=day, **numbers)]
        parts += [
            tell(language, TEXT[key], count=kinds[kind])
            for kind, key in (("died", "week_died"), ("back", "week_back"))
            if kinds[kind]
        ]
        parts += [tell(language, TROUBLES[one.kind]) for one in now.troubles]
        self._console.print("  ".join(parts), soft_wrap=True, markup=False)


class Changing:
    """A screen that is drawn over; the caller enters ``live``."""

    frame_s: float | None = 0.2  # each costs as much as a look

    def __init__(self, console: Console, wish: Wish) -> None:
        self._wish = wish
        self.live = Live(console=console, auto_refresh=False, transient=True)

    def week(self, now: Now) -> None:
        """The frames show it."""

    def frame(self, now: Now) -> None:
        self.live.update(self._drawn(now), refresh=True)

    def _drawn(self, now: Now) -> RenderableType:
        language, wish = self._wish.language, self._wish
        week = tell(language, TEXT["week"], week=min(now.week + 1, wish.weeks), weeks=wish.weeks)
        head = Table.grid(padding=(0, 2))
        head.add_row(
            Line(words.moment(language, now.at, UTC), style="bold"),
            week,
            ProgressBar(total=wish.weeks, completed=now.week, width=26),
        )
        troubles = [Line(f"⚠ {tell(language, TROUBLES[one.kind])}", style="yellow") for one in now.troubles]
        spent = tell(
            language, TEXT["spent"], looks=now.spent.looks, saves=now.spent.saves, mails=now.spent.mails
        )
        calm = Line(tell(language, TEXT["nothing_wrong"]), style="dim")
        return Group(
            Line(tell(language, TEXT["head"]), style="dim"),
            head,
            Line(),
            four_numbers(now.tally, wish),
            Line(spent, style="dim"),
            *(troubles or [calm]),
            Line(),
            *self._news(now),
        )

    def _news(self, now: Now) -> Iterator[Line]:
        for flip in reversed(now.news):
            kind = kind_of(flip)
            if kind is None:
                continue
            said = f"{words.day(self._wish.language, flip.at, UTC)}  {tell(self._wish.language, NEWS[kind])}"
            line = Line(f"{said}: ", style=STYLES[kind], no_wrap=True, overflow="ellipsis")
            line.append(flip.title or flip.url, style="default")
            if kind != "acquitted":
                line.append(f"  {words.reason(self._wish.language, flip.reason)}", style="dim")
            yield line


def four_numbers(numbers: Tally, wish: Wish) -> Table:
    """The four numbers as on every page of rotwatch."""
    table = Table(box=None, padding=(0, 3, 0, 0), show_header=False)
    cells = [
        Line.assemble(
            (f"{getattr(numbers, name):>6} ", style),
            f"{words.say(wish.language, name)} ",
            (words.say(wish.language, f"{name}_means"), "dim"),
        )
        for name, style in FOUR
    ]
    table.add_row(*cells[:2])
    table.add_row(*cells[2:])
    return table


def ending(played: Played, *, seconds: float) -> Iterator[RenderableType]:
    """What is said at the end: where the list stands, and how that compares with what was acted."""
    wish, reckoning = played.wish, played.reckoning
    language = wish.language
    if not played.is_whole:
        yield Line(tell(language, TEXT["stopped"], week=played.week + 1, weeks=wish.weeks), style="yellow")
    yield four_numbers(played.tally, wish)
    spent = played.spent
    yield Line(
        tell(
            language,
            TEXT["took"],
            looks=spent.looks,
            saves=spent.saves,
            mails=spent.mails,
            seconds=round(seconds),
        ),
        style="dim",
    )
    yield Line()
    agree = reckoning.verdicts[Agreement.AGREES]
    yield Line(tell(language, TEXT["verdicts"], links=reckoning.links, agree=agree), style="bold")
    yield from _others(played)
    yield from _deaths(played)
    yield from _lost(played)


def _others(played: Played) -> Iterator[Line]:
    """The verdicts that do not agree: those that are wrong, and those that nothing can be said of yet."""
    language, verdicts = played.wish.language, played.reckoning.verdicts
    if wrong := verdicts[Agreement.WRONG]:
        yield Line(tell(language, TEXT["wrong"], count=wrong), style="bold red")
    kinds = (Agreement.CONFIRMING, Agreement.UNSEEN, Agreement.WALLED)
    unsettled = {str(kind): verdicts[kind] for kind in kinds if verdicts[kind]}
    if count := sum(unsettled.values()):
        why = _listed(language, unsettled)
        yield Line(tell(language, TEXT["unsettled"], count=count, why=why))


def _listed(language: Language, counts: Mapping[str, int]) -> str:
    """What became of some, in the order of :data:`monitor.demo.words.OUTCOMES`."""
    parts = [tell(language, text, count=counts[name]) for name, text in OUTCOMES.items() if name in counts]
    return ("，" if language == "zh" else ", ").join(parts)


def _deaths(played: Played) -> Iterator[Line]:
    language, reckoning = played.wish.language, played.reckoning
    if reckoning.false_deaths:
        yield Line(tell(language, TEXT["false"], count=len(reckoning.false_deaths)), style="bold red")
        yield from (Line(f"  {url}") for url in reckoning.false_deaths)
    else:
        yield Line(tell(language, TEXT["no_false"]))
    if counts := reckoning.of_deaths:
        said = _listed(language, {"found": 0} | counts)
        yield Line(said + ("。" if language == "zh" else "."))
    notice, confirm = reckoning.days["to_notice"], reckoning.days["to_confirm"]
    if notice and confirm:
        values = {"noticed": notice["median"], "noticed_most": notice["longest"]}
        yield Line(
            tell(language, TEXT["days"], **values, sure=confirm["median"], sure_most=confirm["longest"])
        )
    returns = reckoning.returns
    if returns["acted"]:
        yield Line(tell(language, TEXT["returns"], count=returns["acted"], found=returns["found"]))


def _lost(played: Played) -> Iterator[Line]:
    language = played.wish.language
    for why, count in Counter(one.why for one in played.reckoning.lost).items():
        yield Line(tell(language, TEXT["lost"], count=count, why=tell(language, LOSSES[why])))
