"""The text of a kept page as paragraphs, and lines that fit a screen. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from monitor.model import Article, Page
from monitor.platforms.base import words
from monitor.platforms.html import Document, tidy

if TYPE_CHECKING:
    from selectolax.lexbor import LexborNode

_CONTAINERS = (
    "#js_content",  # WeChat
    ".Post-RichText, .AnswerItem .RichText, .QuestionAnswer-content .RichText",  # Zhihu
    "#content_views, #article_content",  # CSDN
    "article",
    "main",
    "body",
)
_APART = words(
    "address article aside blockquote body br dd div dl dt fieldset figcaption figure footer form h1 h2 h3 h4 h5 h6"
    " header hr li main nav ol p pre section table tbody td th tr ul"
)
_LEFT_OUT = ["script", "style", "noscript", "template", "nav", "header", "footer", "aside", "svg", "iframe"]
_ENOUGH = 0.9  # of the letters that the platform finds in the page
_LETTERS = re.compile(r"[\W_]+")
_LINE = 100_000  # characters of one paragraph
_CJK = r"\u1100-\u11ff\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\ufe30-\uffef\U00020000-\U0003ffff"
_WORDS = re.compile(rf"\s+|[^\s{_CJK}]+|.")
_NOT_FIRST = frozenset("、。，．：；？！）］｝〕〉》」』】〗〞’”%…—·,.:;?!)]}")
_NOT_LAST = frozenset("（［｛〔〈《「『【〖〝‘“([{")


def paragraphs(page: Page, article: Article) -> list[str]:
    """The article's text in its paragraphs, fit to be shown.

    A page whose text stands in no element that is known here (in its scripts, say) is one paragraph.
    """
    whole = _letters(article.text)
    document = Document(page)
    if document.is_html:
        document.tree.strip_tags(_LEFT_OUT)
        for selector in _CONTAINERS:
            node = document.first(selector)
            found = list(_of(node)) if node is not None else []
            if found and _letters("".join(found)) >= _ENOUGH * whole:
                return found
    return [text] if (text := tidy(article.text, 10 * _LINE)) else []


def wrapped(text: str, width: int, cells: Callable[[str], int]) -> list[str]:
    """``text`` in lines of at most ``width`` columns. Chinese breaks anywhere but before a closing mark and after an
    opening one; words of letters stay whole where they can.

    :param cells: how many columns a text takes.
    """
    lines, line = list[str](), ""
    for piece in _pieces(text):
        if cells(line) + cells(piece.rstrip()) <= width:
            line += piece
            continue
        if line.strip():
            lines.append(line.rstrip())
        line = piece.lstrip()
        while cells(line) > width:  # an address, say
            cut = next(n for n in range(len(line), 0, -1) if n == 1 or cells(line[:n]) <= width)
            lines.append(line[:cut])
            line = line[cut:]
    return [*lines, line.rstrip()] if line.strip() else lines


def _of(node: LexborNode) -> Iterator[str]:
    """The text below an element, parted where a block begins or ends."""
    pieces: list[str] = []
    block: int | None = None
    for inner in node.traverse(include_text=True):
        is_text = inner.tag == "-text"
        if is_text and (mine := _block_of(inner)) == block:
            pieces.append(inner.text_content or "")
            continue
        if is_text or inner.tag == "br":
            yield from _line("".join(pieces))
            pieces, block = [inner.text_content or ""] if is_text else [], mine if is_text else block
    yield from _line("".join(pieces))


def _block_of(node: LexborNode) -> int:
    parent = node.parent
    while parent is not None and parent.tag not in _APART:
        parent = parent.parent
    return parent.mem_id if parent is not None else 0


def _line(text: str) -> Iterator[str]:
    if line := tidy(text, _LINE):
        yield line


def _letters(text: str) -> int:
    return len(_LETTERS.sub("", text))


def _pieces(text: str) -> Iterator[str]:
    """What may not be broken: words, and Chinese characters with the marks that cling to them."""
    held = ""
    for found in _WORDS.finditer(text):
        piece = found[0]
        clings = piece[0] in _NOT_FIRST or (held and held[-1] in _NOT_LAST) or unicodedata.combining(piece[0])
        if held and not clings:
            yield held
            held = ""
        held += piece
    if held:
        yield held
