"""Words of strangers made fit for a mail, a terminal and a spreadsheet: titles, URLs, evidence, server answers."""

from __future__ import annotations

import unicodedata
from urllib.parse import quote, urlsplit

JOINER = "\u200d"  # holds an emoji of several parts together
HREF_AT_MOST = 2000  # longer ones are cut by mail programs
_FORMULA = tuple("=+-@＝＋－＠")  # the wide forms too: a Chinese Excel reads them
_URL_SAFE = "%!#$&'()*+,/:;=?@[]~"


def clean(text: str, limit: int = 160) -> str:
    """One line without control, direction or invisible characters, at most ``limit`` characters long.

    Line breaks of every kind become spaces: nothing can begin a header, a row or an escape sequence.
    """
    text = text[: limit * 8]  # what is cut away anyway need not be looked at
    if not text.isprintable():
        text = "".join(" " if char.isspace() else char for char in text if _is_visible(char))
    line = " ".join(text.split())
    if len(line) <= limit:
        return line
    short = line[: limit - 1]
    while short and (short[-1] == JOINER or unicodedata.combining(short[-1])):
        short = short[:-1]
    return short.rstrip() + "…"


def _is_visible(character: str) -> bool:
    if character.isspace() or character == JOINER:
        return True
    # Cc control, Cf format (bidi marks, zero width), Cs surrogates, Co private use
    return unicodedata.category(character) not in {"Cc", "Cf", "Cs", "Co"}


def href(url: str) -> str | None:
    """``url`` fit for a link: http or https only, nothing but plain ASCII; None where it cannot be one."""
    try:
        scheme = urlsplit(url).scheme
        escaped = quote(url, safe=_URL_SAFE)
    except (ValueError, UnicodeEncodeError):
        return None
    return escaped if scheme in {"http", "https"} and len(escaped) <= HREF_AT_MOST else None


def cell(text: str, limit: int = 2000) -> str:
    """``text`` fit for a CSV cell: cleaned, and never a formula for a spreadsheet."""
    line = clean(text, limit)
    return f"'{line}" if line.startswith(_FORMULA) else line
