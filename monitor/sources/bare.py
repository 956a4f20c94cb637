"""Web addresses: those that stand bare in a text, and those that are the target of a link.

Every function here takes time linear in its text, whatever the text holds.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

MAX_URL = 4096
"""Characters. What is longer is data in the guise of an address, not a page to watch."""
_FIRST_LOOK = 256  # nearly all are shorter; to look at MAX_URL from every place in a long run would be slow

# Han, kana, bopomofo and hangul letters: where these follow an address without a space, the sentence goes on.
_CJK = (
    "\u3005-\u3007\u3041-\u309f\u30a1-\u30fa\u30fc-\u30ff\u3105-\u312f\u3400-\u4dbf\u4e00-\u9fff"
    "\uac00-\ud7a3\uf900-\ufaff\U00020000-\U0003ffff"
)
_OTHER = rf"(?![{_CJK}])[^\W\x00-\x7f]"  # ü, ß, д …: letters that are written inside addresses
_ASCII = r"A-Za-z0-9\-._~:?@!$'()*+,;%^\[\]"  # all that RFC 3986 allows, less the separators / = # &
_BACKSLASHED = r"\\(?:x26|u0026)(?:amp;)?"  # an ampersand in a script dump
_ESCAPED = r"\\[!-/:-@\[-`{-~]"  # a Markdown editor's backslash before punctuation

_HOST = (
    rf"(?:\[[0-9A-Fa-f:.]{{2,45}}\]|(?=[^\W_])(?:[{_CJK}][{_CJK}A-Za-z0-9\-]*+)?"
    rf"(?:(?:[A-Za-z0-9\-_.]|{_OTHER})++(?:(?<=[.\-])[{_CJK}][{_CJK}A-Za-z0-9\-]*+)?)*+)(?::[0-9]{{1,5}})?"
)
_BEGINS = re.compile(r"https?://|www\.", re.IGNORECASE)


# These take long to compile, and a list without bare addresses needs none of them.
@cache
def _head() -> re.Pattern[str]:
    return re.compile(rf"((?i:https?://)|(?<![\w@./\-])(?i:www\.)(?=\w)){_HOST}")


@cache
def _tail(*more: str) -> re.Pattern[str]:
    """Path, query and fragment. CJK letters belong to them only from the start of a segment or value on:
    ``/wiki/深度学习`` but not ``/s/abc这篇文章``."""
    cjk = rf"(?<=[/=#&])[{_CJK}](?:[{_CJK}{_ASCII}]|{_OTHER})*+"
    parts = "|".join((rf"[{_ASCII}/=#&]++", _OTHER, _BACKSLASHED, *more, cjk))
    return re.compile(rf"(?=[/?#])(?:{parts})*+")


_RUN = re.compile(r"[^\s<>\"]*+")

ENTITY = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
_BEFORE_SEMICOLON = re.compile(r"(?:&#?|\\)\w{1,31}\Z")
# Escaped markup and emphasis end an address.
_ENDING = re.compile(r"&(?:lt|gt|quot|apos|nbsp|#39|#34|#x27|#x22|#60|#62|#160);|\*\*", re.IGNORECASE)
_AMPERSAND = re.compile(_BACKSLASHED)
_ESCAPE = re.compile(_ESCAPED)
_TRAILING = ".,:;!?'*~(["
_BRACKET = re.compile(r"[()\[\]]")
_CLOSERS = {")": "(", "]": "["}

_UNFIT = re.compile("[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufffd\ud800-\udfff]")
_TARGET = re.compile(r"https?://(?:[^\s/?#@]*@)?[\w\[][^<>\"]*", re.IGNORECASE)
_NO_SCHEME = re.compile(r"(?://|(?=www\.))(?=\w[\w\-]*(?:\.\w[\w\-]*)+)", re.IGNORECASE)


class Found(NamedTuple):
    """A bare address: where it stands in the text, and what it is with its escapes undone (empty: not one)."""

    start: int
    end: int
    url: str


def unescape(text: str) -> str:
    """Undo HTML entities, but only those that end in a semicolon: ``&timestamp=1`` is no ``×``."""
    if "&" not in text:
        return text
    return ENTITY.sub(lambda entity: html.unescape(entity[0]), text)


def unescape_markdown(text: str) -> str:
    """Undo Markdown's backslash escapes and HTML entities."""
    return unescape(_ESCAPE.sub(lambda escape: escape[0][1], text) if "\\" in text else text)


def find_urls(text: str) -> Iterator[Found]:
    """The bare addresses of ``text`` in their order."""
    pos = 0
    while (begin := _BEGINS.search(text, pos)) and (head := _head().search(text, begin.start())):
        found = _complete(text, head)
        if found.url:
            yield found
        pos = found.end


def markdown_url_at(text: str, pos: int) -> Found | None:
    """What begins like a bare address at ``pos`` in a Markdown text, its backslash escapes undone.

    None if nothing does; ``url`` is empty if it is no address to watch.
    """
    head = _head().match(text, pos)
    return _complete(text, head, is_markdown=True) if head else None


def whole_url(text: str) -> str | None:
    """The address that is all of ``text`` but for space around it, if it is one."""
    text = text.strip()
    head = _head().match(text) if _BEGINS.match(text) else None
    found = _complete(text, head) if head else None
    return found.url or None if found and found.end == len(text) else None


def link_target(raw: str) -> str | None:
    """The address in the target of a link, as written, or None if it does not lead to the web.

    ``//host/…`` and ``www.host/…`` are taken for web addresses that lack their scheme; relative paths,
    anchors, ``mailto:``, ``javascript:`` and the like are not.
    """
    url = _UNFIT.sub("", raw[: 2 * MAX_URL]).strip()
    missing = _NO_SCHEME.match(url)
    if missing:
        url = ("https:" if missing[0] else "http://") + url
    return url if len(url) <= MAX_URL and _TARGET.fullmatch(url) else None


def _complete(text: str, head: re.Match[str], *, is_markdown: bool = False) -> Found:
    """The address that begins with ``head``; ``url`` is empty if it is none, and ``end`` where to look on."""
    start, end = head.span()
    if not _is_public_name(head):
        return Found(start, head.end(1), "")
    tail = _tail(_ESCAPED) if is_markdown else _tail()
    for limit in (_FIRST_LOOK, MAX_URL):
        rest = tail.match(text, end, end + limit)
        whole = text[start : rest.end() if rest else end]
        length = _own_length(whole)
        if length < len(whole) or len(whole) < end - start + limit:
            break
    raw = _trimmed(whole[:length])
    if start and text[start - 1] == "_":  # emphasis; else an underscore at the end is the address's own
        raw = raw.rstrip("_")
    if len(raw) > MAX_URL:
        run = _RUN.match(text, start + len(whole))
        return Found(start, run.end() if run else start + len(whole), "")
    url = _AMPERSAND.sub("&", raw) if "\\" in raw else raw
    url = unescape_markdown(url) if is_markdown else unescape(url)
    if head[1][0] in "wW":
        url = "http://" + url
    return Found(start, start + len(raw), url)


def _is_public_name(head: re.Match[str]) -> bool:
    """Whether the host is more than a word: ``http://localhost`` and ``http://your-host`` in a text are examples."""
    host = head[0][len(head[1]) :]
    if host.startswith("["):
        return True
    labels = host.partition(":")[0].rstrip(".").split(".", 5)
    return len(labels) > 1 and all(labels)


def _own_length(whole: str) -> int:
    """How much of ``whole`` comes before markup or a bracket that the address does not open."""
    ending = _ENDING.search(whole)
    return balanced_length(whole[: ending.start()] if ending else whole)


def _trimmed(raw: str) -> str:
    """Cut the punctuation that follows an address without belonging to it."""
    kept = raw.rstrip(_TRAILING)
    if raw.startswith(";", len(kept)) and _BEFORE_SEMICOLON.search(kept[-34:]):
        kept += ";"
    return kept


def balanced_length(raw: str) -> int:
    """How much of ``raw`` comes before the first closing bracket that was never opened."""
    depth = {"(": 0, "[": 0}
    for bracket in _BRACKET.finditer(raw):
        char = bracket[0]
        if char in depth:
            depth[char] += 1
            continue
        depth[_CLOSERS[char]] -= 1
        if depth[_CLOSERS[char]] < 0:
            return bracket.start()
    return len(raw)
