"""A platform's page whose structure no rule knows: most likely the platform has built its pages anew."""

from __future__ import annotations

from dataclasses import replace

from monitor.model import Known, Outcome, Reason, Verdict
from monitor.platforms.base import found
from monitor.platforms.generic import same_title
from monitor.platforms.html import Document
from monitor.platforms.likeness import DRIFTED, likeness

SOME_TEXT = 200  # characters: less is an empty page, whatever its layout


def unknown(document: Document, known: Known, platform: str, *, title_counts: bool = True) -> Verdict | None:
    """What can be said of it: alive by its text or title, else nothing; None for a page without text.

    A new layout must never look like a massacre, so it is a wall: it says nothing about the article.

    :param title_counts: whether the platform never shows a title without its article.
    """
    readable, title = document.readable, document.title
    alike = likeness(known.sketch, readable) if known.sketch and known.sketch.total else None
    if alike is not None and alike >= DRIFTED:
        verdict = found(
            Outcome.OK, Reason.SAME_TEXT, f"{platform}.ok.same_text", title or readable, title=title
        )
        return replace(verdict, likeness=alike)
    if len(readable) < SOME_TEXT:
        return None
    if title_counts and known.title and same_title(known.title, document):
        verdict = found(Outcome.OK, Reason.SAME_TITLE, f"{platform}.ok.same_title", title, title=title)
        return replace(verdict, likeness=alike)
    rule = f"{platform}.walled.unknown_layout"
    return found(Outcome.WALLED, Reason.UNKNOWN_LAYOUT, rule, readable, title=title)
