"""Pages that are nothing but a notice: how short they are and what their lines say. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable

from monitor.platforms.html import Document, text_of, tidy

LITTLE = 600  # characters that a notice page shows at most, its navigation included
_LINES = 2_000
_PARAGRAPH = 200
_ELEMENTS = ", ".join(
    f"body {tag}"
    for tag in [
        "h1",
        "h2",
        "h3",
        "h4",
        "p",
        "div",
        "section",
        "li",
        "td",
        "span",
        "strong",
        "b",
        "em",
        "center",
        "a",
        "font",
    ]
)


def is_short(document: Document, limit: int = LITTLE) -> bool:
    """Whether a reader would see next to nothing."""
    return not document.shows(limit + 1)


def has_article(document: Document) -> bool:
    """Whether the page calls a part of itself an article."""
    return document.has("article") or document.has("[itemprop=articleBody]")


def has_prose(document: Document) -> bool:
    """Whether a paragraph is longer than any notice: then the page is about something."""
    return any(len(text_of(node)) > _PARAGRAPH for node in document.tree.css("p, li, blockquote, pre")[:100])


def lines(document: Document) -> tuple[str, ...]:
    """The texts of a short page's elements; empty for a page that has more to say."""
    if document.tree.body is None or not is_short(document, _LINES):
        return ()
    texts = [tidy(text_of(node)) for node in document.tree.css(_ELEMENTS)[:300]]
    own = document.tree.body.text(deep=False)
    return tuple(
        dict.fromkeys(text for text in (*texts, tidy(own), document.visible) if text and len(text) <= 200)
    )


def says(wording: re.Pattern[str], texts: Iterable[str]) -> str:
    """The first text that is the wording and nothing else; empty when none is."""
    return next((text for text in texts if len(text) <= 200 and wording.fullmatch(text)), "")
