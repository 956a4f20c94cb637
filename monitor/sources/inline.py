"""The inline part of Markdown: links, autolinks, bare addresses, HTML, and the text around them, in one pass.

markdown-it-py's own inline parser takes quadratic time on hostile input, finds no bare addresses and keeps no lines;
a list needs less of it (no rendering) and more (links that are slightly broken are still links).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from markdown_it.common.utils import normalizeReference

from monitor.sources.bare import (
    ENTITY,
    MAX_URL,
    balanced_length,
    link_target,
    markdown_url_at,
    unescape,
    unescape_markdown,
    whole_url,
)
from monitor.sources.html import Lines, Tag, Unclosed, tag_at
from monitor.sources.rows import Mention, clean_title

_SPECIAL = re.compile(r"[\\`<\]*_~&\n]|!?\[|https?://|www\.", re.IGNORECASE)
_PUNCTUATION = frozenset("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~")
_TICKS = re.compile(r"`+")
_MARKS = re.compile(r"\*+|_+|~+")
_AUTOLINK = re.compile(rf"<([A-Za-z][A-Za-z0-9+.\-]{{1,31}}:[^\s<>]{{1,{MAX_URL}}}+)>")
_OPEN = re.compile(r"\([ \t\n]*+")
_ANGLE = re.compile(r"<([^<>\n]*+)>")
_DESTINATION = re.compile(rf"(?:[^\s\]]|\](?!\()){{0,{MAX_URL}}}+")
_QUOTED = r"\"((?:[^\"\\\n]|\\.)*+)\"|'((?:[^'\\\n]|\\.)*+)'|\(([^()\n]*+)\)"
_CLOSE = re.compile(rf"(?:\s++(?:{_QUOTED}))?\s*+\)")
_LABEL = re.compile(r"\[([^\[\]]{0,999}+)\]")
_MAX_LABEL = 1000
_MAX_TEXT = 2000

NEWLINE = "\n"


@dataclass(frozen=True, slots=True)
class Definition:
    """A link reference definition: its target and title as written."""

    target: str
    title: str


@dataclass(slots=True)
class _Picture:
    """An image: no text of its line, but what a link around it may be called by."""

    description: str


@dataclass(slots=True)
class _Marks:
    """A run of emphasis marks; ``text`` is emptied when it turns out to be half of a pair."""

    text: str
    opens: bool
    closes: bool


_Piece = str | Mention | _Picture | _Marks


@dataclass(slots=True)
class _Bracket:
    """An opening bracket at ``pos`` in the text and ``index`` in the pieces."""

    pos: int
    index: int
    is_image: bool


@dataclass(slots=True)
class _Anchor:
    """An ``<a href>`` that is open."""

    index: int
    url: str
    line: int
    hint: str


def parse(
    text: str, line: int, definitions: Mapping[str, Definition], used: set[str]
) -> list[list[str | Mention]]:
    """The lines of a paragraph that begins at ``line``, each as its text (without markup) and its mentions.

    ``definitions`` are by normalised label; the labels that the text refers to are added to ``used``.
    """
    if not _SPECIAL.search(text):
        return [[text]]
    return _Parser(text, line, definitions, used).parse()


@dataclass(slots=True)
class _Parser:
    text: str
    first_line: int
    definitions: Mapping[str, Definition]
    used: set[str]
    pieces: list[_Piece] = field(default_factory=list)
    brackets: list[_Bracket] = field(default_factory=list)
    inactive: int = 0  # so many of the brackets are around a link, and so cannot be one
    anchor: _Anchor | None = None
    tags_end: bool = False  # a tag was never closed: no tags from there on
    ticks: dict[int, list[int]] | None = None  # places of backtick runs by their length, last first
    lines: Lines = field(init=False)

    def parse(self) -> list[list[str | Mention]]:
        self.lines = Lines(self.text, self.first_line)
        pos = 0
        while special := _SPECIAL.search(self.text, pos):
            start = special.start()
            if start > pos:
                self.pieces.append(self.text[pos:start])
            pos = self._HANDLERS[special[0][0].lower()](self, start)
        self.pieces.append(self.text[pos:])
        self._close_anchor()
        return self._split()

    def _split(self) -> list[list[str | Mention]]:
        rows: list[list[str | Mention]] = [[]]
        _resolve_marks(self.pieces)
        for piece in self.pieces:
            if piece is NEWLINE:
                rows.append([])
            elif isinstance(piece, _Marks):
                rows[-1].append(piece.text)
            elif not isinstance(piece, _Picture):
                rows[-1].append(piece)
        return rows

    def _literal(self, start: int, length: int = 1) -> int:
        self.pieces.append(self.text[start : start + length])
        return start + length

    def _newline(self, start: int) -> int:
        self.pieces.append(NEWLINE)
        return start + 1

    def _backslash(self, start: int) -> int:
        after = self.text[start + 1 : start + 2]
        if after in _PUNCTUATION:
            self.pieces.append(after)
            return start + 2
        return start + 1 if after == "\n" else self._literal(start)

    def _entity(self, start: int) -> int:
        entity = ENTITY.match(self.text, start)
        if not entity:
            return self._literal(start)
        self.pieces.append(unescape(entity[0]))
        return entity.end()

    def _emphasis(self, start: int) -> int:
        run = _MARKS.match(self.text, start)
        end = run.end() if run else start + 1
        before, after = self.text[start - 1 : start] or " ", self.text[end : end + 1] or " "
        inside_word = self.text[start] == "_" and before.isalnum() and after.isalnum()
        opens = not after.isspace() and not inside_word
        self.pieces.append(
            _Marks(self.text[start:end], opens, closes=not before.isspace() and not inside_word)
        )
        return end

    def _address(self, start: int) -> int:
        found = markdown_url_at(self.text, start)
        if not found or not found.url:
            return self._literal(start, found.end - start if found else 1)
        self.pieces.append(Mention(found.url, self.lines.at(start)))
        return found.end

    def _code(self, start: int) -> int:
        """A code span is text, unless it is an address and nothing else."""
        if self.ticks is None:
            self.ticks = {}
            for ticks in reversed(list(_TICKS.finditer(self.text, start))):
                self.ticks.setdefault(len(ticks[0]), []).append(ticks.start())
        run = _TICKS.match(self.text, start)
        length = len(run[0]) if run else 1
        places = self.ticks.get(length, [])
        while places and places[-1] <= start:
            places.pop()
        if not places:
            return self._literal(start, length)
        end = places.pop()
        content = self.text[start + length : end]
        url = whole_url(content)
        self.pieces.append(Mention(url, self.lines.at(start)) if url else content.replace("\n", " "))
        return end + length

    def _angle(self, start: int) -> int:
        autolink = _AUTOLINK.match(self.text, start)
        if autolink:
            url = link_target(unescape(autolink[1]))
            self.pieces.append(Mention(url, self.lines.at(start)) if url else autolink[1])
            return autolink.end()
        if self.text.startswith("<!--", start):
            end = self.text.find("-->", start + 4)
            return end + 3 if end >= 0 else self._literal(start, 4)
        try:
            found = None if self.tags_end else tag_at(self.text, start)
        except Unclosed:
            self.tags_end = True
            found = None
        if not found:
            return self._literal(start)
        tag, end = found
        self._tag(tag)
        return end

    def _tag(self, tag: Tag) -> None:
        if tag.name == "br":
            self.pieces.append(NEWLINE)
        elif tag.name == "img":
            self.pieces.append(_Picture(clean_title(tag.attributes.get("alt", ""))))
        elif tag.name == "a":
            self._close_anchor()
            attributes = {} if tag.closes else tag.attributes
            url = link_target(attributes.get("href", ""))
            if url:
                line = self.lines.at(tag.start)
                self.anchor = _Anchor(len(self.pieces), url, line, attributes.get("title", ""))

    def _close_anchor(self) -> None:
        anchor, self.anchor = self.anchor, None
        if anchor:
            self._link(anchor.index, Mention(anchor.url, anchor.line), anchor.hint)

    def _open_bracket(self, start: int) -> int:
        is_image = self.text[start] == "!"
        self.brackets.append(_Bracket(start, len(self.pieces), is_image))
        return self._literal(start, 1 + is_image)

    def _close_bracket(self, end: int) -> int:
        """A link or image if what the brackets hold is one, else just a bracket."""
        if not self.brackets:
            return self._literal(end)
        bracket = self.brackets.pop()
        active = bracket.is_image or len(self.brackets) >= self.inactive
        self.inactive = min(self.inactive, len(self.brackets))
        target = self._target(bracket, end) if active else None
        if not target:
            return self._literal(end)
        url, hint, after = target
        self.pieces[bracket.index] = ""
        if bracket.is_image:
            self._replace(bracket.index, _Picture(_plain(self.pieces[bracket.index :])))
            return after
        self.inactive = len(self.brackets)
        if url:  # a link to elsewhere than the web is text
            self._link(bracket.index, Mention(url, self.lines.at(end)), hint)
        return after

    def _link(self, index: int, mention: Mention, hint: str) -> None:
        """Put a link in place of the pieces from ``index`` on, which are its text."""
        inside = self.pieces[index:]
        pictures = (piece.description for piece in inside if isinstance(piece, _Picture))
        titles = (_plain(inside), clean_title(unescape_markdown(hint)), *pictures)
        mention.title = next((title for title in titles if title and not whole_url(title)), "")
        self._replace(index, mention)

    def _replace(self, index: int, piece: Mention | _Picture) -> None:
        """Put one piece in place of all from ``index`` on; what was opened among those is closed with them."""
        self.pieces[index:] = [piece]
        while self.brackets and self.brackets[-1].index >= index:
            self.brackets.pop()
        self.inactive = min(self.inactive, len(self.brackets))
        if self.anchor and self.anchor.index > index:
            self.anchor = None

    def _target(self, bracket: _Bracket, end: int) -> tuple[str | None, str, int] | None:
        """What the brackets that close at ``end`` lead to: a web address or None, its title, where the link ends."""
        after = end + 1
        if self.text.startswith("(", after):
            target = self._inline_target(after)
            if target:
                return target
        elif self.text.startswith(("（http", "（HTTP"), after):
            found = markdown_url_at(self.text, after + 1)
            closed = found and self.text.startswith(("）", ")"), found.end)
            return (found.url, "", found.end + bool(closed)) if found and found.url else None
        return self._reference(bracket, end)

    def _inline_target(self, start: int) -> tuple[str | None, str, int] | None:
        opening = _OPEN.match(self.text, start)
        begin = opening.end() if opening else start + 1
        angle = _ANGLE.match(self.text, begin)
        if angle:
            raw, end = angle[1], angle.end()
        else:
            destination = _DESTINATION.match(self.text, begin)
            raw = _balanced(destination[0] if destination else "")
            end = begin + len(raw)
        url = link_target(unescape_markdown(raw))
        close = _CLOSE.match(self.text, end)
        if close:
            return url, close[1] or close[2] or close[3] or "", close.end()
        # The closing parenthesis is missing, or is a Chinese one: the address ends where a bare one would.
        found = markdown_url_at(self.text, begin)
        if not found or not found.url:
            return None
        return found.url, "", found.end + self.text.startswith("）", found.end)

    def _reference(self, bracket: _Bracket, end: int) -> tuple[str | None, str, int] | None:
        if not self.definitions:
            return None
        full = _LABEL.match(self.text, end + 1)
        start = bracket.pos + 1 + bracket.is_image
        own = self.text[start:end] if end - start < _MAX_LABEL else ""
        label = normalizeReference(full[1] if full and full[1] else own)
        definition = self.definitions.get(label)
        if not definition or label.startswith("^"):  # [^1] is a footnote
            return None
        self.used.add(label)
        return link_target(definition.target), definition.title, full.end() if full else end + 1

    _HANDLERS: ClassVar[dict[str, Callable[[_Parser, int], int]]] = {
        "\\": _backslash,
        "`": _code,
        "<": _angle,
        "[": _open_bracket,
        "!": _open_bracket,
        "]": _close_bracket,
        "*": _emphasis,
        "_": _emphasis,
        "~": _emphasis,
        "&": _entity,
        "\n": _newline,
        "h": _address,
        "w": _address,
    }


def _balanced(raw: str) -> str:
    """A link's destination without the parenthesis that closes the link; escaped ones do not count."""
    if "\\" in raw:
        return raw[: balanced_length(re.sub(r"\\.", "__", raw))]
    return raw[: balanced_length(raw)]


def _plain(pieces: list[_Piece]) -> str:
    """The text of a link: its pieces without markup; an address in it is text."""
    _resolve_marks(pieces)
    texts: list[str] = []
    room = _MAX_TEXT
    for piece in pieces:
        text = (
            ""
            if isinstance(piece, _Picture)
            else piece.url
            if isinstance(piece, Mention)
            else _text_of(piece)
        )
        texts.append(text[:room])
        room -= len(texts[-1])
        if room <= 0:
            break
    return clean_title("".join(texts))


def _text_of(piece: str | _Marks) -> str:
    return piece.text if isinstance(piece, _Marks) else piece


def _resolve_marks(pieces: list[_Piece]) -> None:
    """Empty the runs of emphasis marks that make pairs; ``2 * 3`` and ``A*算法`` keep theirs."""
    waiting: dict[str, list[_Marks]] = {}
    for piece in pieces:
        if not isinstance(piece, _Marks) or not piece.text:
            continue
        opened = waiting.get(piece.text)
        if piece.closes and opened:
            opened.pop().text = ""
            piece.text = ""
        elif piece.opens:
            waiting.setdefault(piece.text, []).append(piece)
