"""A report as text, HTML and CSV; pure: the same report gives the same bytes."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC
from functools import cache
from zoneinfo import ZoneInfo

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from monitor.report.clean import cell
from monitor.report.gather import Report
from monitor.report.view import is_cut, view
from monitor.report.words import Language, say
from monitor.store.report import Change, Entry, Refusal

ZIPPED_FROM = 1_000_000  # bytes: mail servers refuse big mails for good
HEADINGS = ("advice", "elsewhere")
COLUMNS = ("section", "title", "url", "at", "reason", "evidence", "copy", "lists")


@dataclass(frozen=True, slots=True)
class Attachment:
    """``mime`` is the type, like ``text/csv``."""

    name: str
    mime: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Rendered:
    """A report in one language: one line of subject, and twice the same content."""

    subject: str
    text: str
    html: str
    attachment: Attachment | None


def render(report: Report, language: Language, zone: ZoneInfo) -> Rendered:
    """The report for people in ``language``, times in ``zone``; lists that the page cuts are attached whole."""
    attachment = _attachment(report, zone)
    seen = view(report, language, zone, attachment.name if attachment else "")
    values = {"view": seen, "headings": {name: say(language, name) for name in HEADINGS}}
    return Rendered(
        subject=seen.subject,
        text=_templates().get_template("weekly.txt").render(values),
        html=_templates().get_template("weekly.html").render(values).lstrip(),
        attachment=attachment,
    )


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


def _attachment(report: Report, zone: ZoneInfo) -> Attachment | None:
    """The lists that are longer than the page shows, whole."""
    lists: dict[str, Sequence[Change] | Sequence[Refusal]] = {
        "died": report.died,
        "came_back": report.came_back,
        "newly_blind": report.newly_blind,
        "refused": report.refused,
    }
    rows = [row for name, entries in lists.items() if is_cut(entries) for row in _rows(name, entries)]
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
