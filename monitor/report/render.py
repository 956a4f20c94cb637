"""A report as text, HTML and CSV; pure: the same report gives the same bytes."""

from __future__ import annotations

import base64
import csv
import io
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC
from functools import cache
from zoneinfo import ZoneInfo

import css_inline
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from monitor.report.clean import cell
from monitor.report.gather import Report
from monitor.report.language import Language
from monitor.report.picture import draw
from monitor.report.view import view
from monitor.report.words import say
from monitor.store.report import Change, Entry, Refusal

ZIPPED_FROM = 1_000_000  # bytes: mail servers refuse big mails for good
CLIPPED_FROM = 100_000  # bytes of HTML: Gmail shows 102 kB and hides the rest
SHOWN = (25, 12, 6, 3, 1)  # of a list of changes: as many as fit; the whole list is attached
PICTURE_ID = "history@rotwatch"
HEADINGS = ("advice", "elsewhere", "history", "caption")
COLUMNS = ("section", "title", "url", "at", "reason", "evidence", "copy", "lists")


@dataclass(frozen=True, slots=True)
class Attachment:
    """``mime`` is the type, like ``text/csv``."""

    name: str
    mime: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Rendered:
    """A report in one language: one line of subject, and twice the same content.

    ``picture`` is a PNG, or None; the HTML shows it by its ``PICTURE_ID``.
    """

    subject: str
    text: str
    html: str
    picture: bytes | None
    attachment: Attachment | None

    @property
    def page(self) -> str:
        """The HTML as a file of its own, with the picture in it."""
        image = base64.b64encode(self.picture or b"").decode()
        return self.html.replace(f"cid:{PICTURE_ID}", f"data:image/png;base64,{image}")


def render(report: Report, language: Language, zone: ZoneInfo) -> Rendered:
    """The report for people in ``language``, times in ``zone``; lists that the page cuts are attached whole."""
    picture = draw(report.days, report.weeks)
    for shown in SHOWN:
        attachment = _attachment(report, zone, shown)
        seen = view(report, language, zone, shown=shown, attachment=attachment.name if attachment else "")
        values = {
            "view": seen,
            "headings": {name: say(language, name) for name in HEADINGS},
            "picture": f"cid:{PICTURE_ID}" if picture else "",
        }
        html = _html(values)
        if len(html.encode()) < CLIPPED_FROM:
            break
    text = _templates().get_template("weekly.txt").render(values)
    return Rendered(subject=seen.subject, text=text, html=html, picture=picture, attachment=attachment)


def _html(values: Mapping[str, object]) -> str:
    page = _templates().get_template("weekly.html").render(values)
    return css_inline.inline(page, keep_style_tags=False, load_remote_stylesheets=False)


@cache
def _templates() -> Environment:
    return Environment(
        loader=PackageLoader("monitor.report"),
        autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def _attachment(report: Report, zone: ZoneInfo, shown: int) -> Attachment | None:
    """The lists that are longer than the page shows, whole."""
    lists: dict[str, Sequence[Change] | Sequence[Refusal]] = {
        "died": report.died,
        "came_back": report.came_back,
        "newly_blind": report.newly_blind,
        "refused": report.refused,
    }
    rows = [row for name, entries in lists.items() if len(entries) > shown for row in _rows(name, entries)]
    if not rows:
        return None
    file = io.StringIO(newline="")
    writer = csv.writer(file)
    writer.writerow(COLUMNS)
    writer.writerows(rows)
    name = f"rotwatch-{report.end.astimezone(zone):%Y-%m-%d}.csv"
    content = file.getvalue().encode("utf-8-sig")  # the mark tells Excel that it is UTF-8
    if len(content) < ZIPPED_FROM:
        return Attachment(name, "text/csv", content)
    return Attachment(f"{name}.zip", "application/zip", _zipped(name, content))


def _rows(section: str, entries: Iterable[Change | Refusal]) -> Iterable[list[str]]:
    for entry in entries:
        reason, evidence = (
            (entry.reason, entry.evidence) if isinstance(entry, Change) else (entry.code, entry.message)
        )
        copy = entry.copy.url if entry.copy else ""
        values = (
            entry.title,
            entry.url,
            f"{entry.at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
            reason,
            evidence,
            copy,
            _lists(entry),
        )
        yield [section, *map(cell, values)]


def _lists(entry: Entry) -> str:
    return " ".join(f"{place.path}:{place.line}" for place in entry.references)


def _zipped(name: str, content: bytes) -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr(zipfile.ZipInfo(name), content, compress_type=zipfile.ZIP_DEFLATED)
    return archive.getvalue()
