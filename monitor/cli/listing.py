"""How ``status`` looks on a terminal: lines of at most its width, made as they are asked for.

A status is told by a sign, a word and a colour, so that none of them is needed: no red stands against a green.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import click
from rich.cells import cell_len, set_cell_size

from monitor.cli.words import say
from monitor.dump import PRESERVATION, STATUSES
from monitor.report import words
from monitor.report.clean import clean
from monitor.report.language import Language
from monitor.store.tally import Tally

NARROWEST, WIDE, WIDEST = 40, 110, 220
STATUS_CELLS = 10  # sign, word, and "!" for danger
COPY_CELLS = 19
SIGNS = {"pending": "·", "alive": "✓", "suspect": "?", "dead": "✗", "blind": "~"}
COLOURS: dict[str, dict[str, Any]] = {
    "alive": {"fg": "cyan"},
    "suspect": {"fg": "yellow"},
    "dead": {"fg": "red", "bold": True},
    "blind": {"fg": "blue", "bold": True},
    "pending": {"dim": True},
    "safe": {"fg": "cyan", "bold": True},
    "exposed": {"fg": "yellow", "bold": True},
    "rescued": {"fg": "blue", "bold": True},
    "lost": {"fg": "red", "bold": True},
}


def terminal_width() -> int:
    """In cells; a pipe has none, but ``COLUMNS`` may give it one."""
    return min(max(shutil.get_terminal_size().columns, NARROWEST), WIDEST)


def fitted(text: str, cells: int) -> str:
    """``text`` cleaned of what strangers put into it, exactly ``cells`` wide; a Chinese character takes two."""
    line = clean(text, cells + 1)
    if cell_len(line) > cells:
        line = set_cell_size(line, cells - 1).rstrip() + "…"
    return set_cell_size(line, cells)


def fold(text: str, width: int, indent: int = 0) -> Iterator[str]:
    """``text``, cleaned, as lines of at most ``width`` cells, all but the first indented; cut at blanks where any
    come in time."""
    space = " " * indent
    line = ""
    for word in clean(text, 2000).split(" "):
        rest = word
        if line.strip() and cell_len(line) + 1 + cell_len(rest) > width:
            yield line.rstrip()
            line = space
        line += f" {rest}" if line.strip() else rest
        while cell_len(line) > width:
            part = set_cell_size(line, width).rstrip()
            yield part
            line = space + line[len(part) :]
    if line.strip():
        yield line.rstrip()


def address(url: str) -> str:
    """A URL as people tell it."""
    return url.removeprefix("https://").removeprefix("http://").removeprefix("www.")


def numbers(now: Tally, before: Tally | None, width: int, language: Language = "en") -> Iterator[str]:
    """The four numbers with their change since ``before``, then what they are made of."""
    across, left = (2 if width >= 80 else 1), ""
    for index, name in enumerate(PRESERVATION, start=1):
        number = click.style(f"{getattr(now, name):>9,}", **COLOURS[name])
        moved = words.change(getattr(now, name) - getattr(before, name)) if before else ""
        cell = f"{number} {set_cell_size(say(language, name), 8)}{moved:<7}"
        means = say(language, f"{name}_means")
        if index % across:
            left = f"{cell}{click.style(set_cell_size(means, 14), dim=True)}"
            continue
        yield f"{left}{cell}{click.style(means, dim=True)}"
        left = ""
    parts = kinds(now, STATUSES, language) or say(language, "none_yet")
    total = say(language, "totals", links=now.links, parts=parts, at_risk=now.at_risk)
    since = f" {say(language, 'changes')}" if before else ""
    yield from (click.style(line, dim=True) for line in fold(f"{total}{since}", width))


def kinds(tally: Tally, names: Iterable[str], language: Language) -> str:
    """How many there are of each status, of which there are any."""
    there = [(name, getattr(tally, name)) for name in names if getattr(tally, name)]
    parts = [say(language, "part", count=count, status=say(language, name)) for name, count in there]
    return say(language, "comma").join(parts)


@dataclass(frozen=True, slots=True)
class Listing:
    """The links, each a line of columns where the terminal is wide, else two lines."""

    width: int
    language: Language
    zone: ZoneInfo

    def head(self) -> Iterator[str]:
        if self.width >= WIDE:
            title, place, why = self._columns
            cells = {"status": STATUS_CELLS, "title": title, "address": place, "why": why}
            names = [set_cell_size(self._say(f"head_{name}"), size) for name, size in cells.items()]
            yield click.style(f"{names[0]} {'  '.join([*names[1:], self._say('head_copy')])}", bold=True)

    def link(self, link: Mapping[str, Any]) -> Iterator[str]:
        status = link["status"]
        sign = f"{SIGNS[status]} {self._say(status)}{'!' if link['at_risk'] else ''}"
        sign = click.style(set_cell_size(sign, STATUS_CELLS), **COLOURS[status])
        place, title = address(link["url"]), link["title"] or address(link["url"])
        why, copy = self._why(link), self._copy(link["snapshot"])
        if self.width >= WIDE:
            of_title, of_place, of_why = self._columns
            yield (
                f"{sign} {fitted(title, of_title)}  {click.style(fitted(place, of_place), dim=True)}  "
                f"{fitted(why, of_why)}  {copy}"
            ).rstrip()
            return
        room = self.width - STATUS_CELLS - 1
        yield f"{sign} {fitted(title, room).rstrip()}"
        below, indent = self._say("why_and_copy", why=why, copy=copy), " " * (STATUS_CELLS + 1)
        place = clean(place, 2000)
        if cell_len(place) + 2 + cell_len(below) <= room:
            yield f"{indent}{click.style(place, dim=True)}  {below}"
            return
        yield indent + click.style(
            fitted(place, room).rstrip(), dim=True
        )  # whole where it can be: it names the link
        yield indent + fitted(below, room).rstrip()

    @property
    def _columns(self) -> Sequence[int]:
        room = self.width - STATUS_CELLS - COPY_CELLS - 7
        place = room * 3 // 10
        why = room * 3 // 10
        return room - place - why, place, why

    def _why(self, link: Mapping[str, Any]) -> str:
        """With the time of death, which is that of the first failure; when it was confirmed ``show`` says."""
        if not link["reason"]:
            return self._say("not_looked_at")
        why = words.reason(self.language, link["reason"])
        if link["status"] not in ("dead", "suspect", "blind"):
            return why
        began = link["since"] if link["status"] == "blind" else link["failing_since"] or link["since"]
        return self._say("since", reason=why, at=self._day(began))

    def _copy(self, copy: Mapping[str, Any] | None) -> str:
        if copy and copy["verified"]:
            return self._say("copied_at", at=self._day(copy["captured_at"]))
        return self._say("no_copy")

    def _say(self, key: str, **values: object) -> str:
        return say(self.language, key, **values)

    def _day(self, at: datetime) -> str:
        return words.day(self.language, at, self.zone)
