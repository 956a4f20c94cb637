"""HTML: the links of a page and the bare addresses in its text. Also the tokens that other formats are read from.

The tokens are those of the HTML standard as far as links go. The scan never goes back: a tag that is not closed
before the end of the file makes text of all that follows it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from monitor.sources.bare import find_urls, link_target, unescape, whole_url
from monitor.sources.rows import Kind, Mention, Row, clean_title, pair

_OPEN = re.compile(r"<(/?)([A-Za-z][\w.\-]*+(?::[A-Za-z_][\w.\-]*+)?)(?=[\s/>])")
_REST = re.compile(r"((?:[\s/]++|=|[^\s/>=]++(?:\s*+=\s*+(?:\"[^\"]*+\"|'[^']*+'|[^\s\"'>][^\s>]*+))?)*+)>")
_ATTRIBUTE = re.compile(
    r"([^\s/>=]++)\s*+=\s*+(?:\"([^\"]*+)\"|'([^']*+)'|([^\s\"'>][^\s>]*+))|[^\s/>=]++|[\s/=]++"
)
_MARKUP = re.compile(r"<(?=[A-Za-z/!?])")
_CDATA = "<![CDATA["
_DECLARATIONS = (("<!--", "-->"), (_CDATA, "]]>"), ("<!", ">"), ("<?", ">"))

_UNSEEN = frozenset(
    ("script", "style", "title", "textarea", "template", "iframe", "xmp", "noembed", "noframes")
)
_HEADINGS = frozenset(("h1", "h2", "h3", "h4", "h5", "h6"))
# fmt: off
_BLOCKS = _HEADINGS | frozenset((
    "address", "article", "aside", "blockquote", "body", "center", "dd", "details", "dialog",
    "div", "dl", "dt", "fieldset", "figcaption", "figure", "footer", "form", "head",
    "header", "hr", "html", "li", "main", "nav", "ol", "option", "p",
    "pre", "section", "select", "summary", "table", "tbody", "tfoot", "thead", "tr",
    "ul",
))
# fmt: on
_CODE = frozenset(("code", "pre", "samp", "kbd"))
_MAX_ANCHOR = 2000


@dataclass(frozen=True, slots=True)
class Tag:
    """A start or end tag at ``start`` in the text; ``raw`` is what stands between its name and ``>``."""

    name: str
    closes: bool
    raw: str
    start: int

    @property
    def attributes(self) -> dict[str, str]:
        """Names in lower case, entities undone; the first of two attributes of one name counts."""
        found: dict[str, str] = {}
        for match in _ATTRIBUTE.finditer(self.raw):
            if match[1]:
                value = next(group for group in match.group(2, 3, 4) if group is not None)
                found.setdefault(match[1].lower(), unescape(value))
        return found


@dataclass(frozen=True, slots=True)
class Text:
    """A stretch of text as it stands in the file, from ``start`` on; ``literal``: it has no entities (CDATA)."""

    raw: str
    start: int
    literal: bool = False

    @property
    def plain(self) -> str:
        """The text with its entities undone."""
        return self.raw if self.literal else unescape(self.raw)


class Unclosed(Exception):  # noqa: N818
    """A tag begins here that nothing closes: what follows is text."""


def tag_at(text: str, start: int) -> tuple[Tag, int] | None:
    """The tag that begins at ``start`` and where it ends, or None if none begins there. Raises Unclosed."""
    opening = _OPEN.match(text, start)
    if not opening:
        return None
    rest = _REST.match(text, opening.end())
    if not rest:
        raise Unclosed
    return Tag(opening[2].lower(), bool(opening[1]), rest[1], start), rest.end()


def tokens(text: str, *, unseen: frozenset[str] = _UNSEEN) -> Iterator[Tag | Text]:
    """Tags and text in their order, without comments and the contents of the elements in ``unseen``."""
    pos = done = 0
    while markup := _MARKUP.search(text, pos):
        start = markup.start()
        try:
            found = _declaration(text, start) if text[start + 1] in "!?" else tag_at(text, start)
        except Unclosed:
            break
        if not found:
            pos = start + 1
            continue
        token, end = found
        if start > done:
            yield Text(text[done:start], done)
        if token:
            yield token
            if isinstance(token, Tag) and token.name in unseen and not token.closes:
                end = _end_of_element(text, token.name, end)
        pos = done = end
    if done < len(text):
        yield Text(text[done:], done)


def _declaration(text: str, start: int) -> tuple[Text | None, int]:
    """Comment, doctype or processing instruction: nothing; CDATA section: its text. Raises Unclosed."""
    opening, closing = next(pair for pair in _DECLARATIONS if text.startswith(pair[0], start))
    end = text.find(closing, start + len(opening))
    if end < 0:
        raise Unclosed
    inside = Text(text[start + len(opening) : end], start + len(opening), literal=True)
    return (inside if opening == _CDATA else None), end + len(closing)


def _end_of_element(text: str, name: str, pos: int) -> int:
    end = re.compile(rf"</{re.escape(name)}(?=[\s/>])", re.IGNORECASE).search(text, pos)
    return end.start() if end else len(text)


class Lines:
    """Line numbers of places in a text, asked for in ascending order."""

    def __init__(self, text: str, first: int = 1) -> None:
        self._text = text
        self._pos = 0
        self._line = first

    def at(self, pos: int) -> int:
        """The line of ``pos``, which is at or after the place that was asked for last."""
        self._line += self._text.count("\n", self._pos, pos)
        self._pos = pos
        return self._line


@dataclass(slots=True)
class _Anchor:
    url: str | None
    line: int
    hint: str  # its title attribute
    texts: list[str] = field(default_factory=list)
    picture: str = ""  # the description of a picture in it

    def mention(self) -> Mention | None:
        if not self.url:
            return None
        text = clean_title("".join(self.texts)[:_MAX_ANCHOR])
        named = next(
            (title for title in (text, self.hint, self.picture) if title and not whole_url(title)), ""
        )
        return Mention(self.url, self.line, clean_title(named))


class _Rows:
    """Gathers the rows of a page: one for each block element or ``<br>``."""

    def __init__(self, text: str, first_line: int) -> None:
        self._text = text
        self._lines = Lines(text, first_line)
        self._done: list[Row] = []
        self._parts: list[str | Mention] = []
        self._anchor: _Anchor | None = None
        self._block = 0
        self._kind = Kind.TEXT
        self._opens_item = False
        self._code = 0

    def gather(self) -> list[Row]:
        for token in tokens(self._text):
            if isinstance(token, Text):
                self._add_text(token)
            elif token.name == "a":
                self._close_anchor()
                if not token.closes:
                    self._open_anchor(token)
            else:
                self._add_tag(token)
        self._close_anchor()
        self._flush()
        return self._done

    def _add_text(self, token: Text) -> None:
        if self._anchor:
            self._anchor.texts.append(token.plain)
        elif self._code and not all(whole_url(line) for line in token.plain.split("\n") if line.strip()):
            self._parts.append(token.plain)
        else:
            done = 0
            for found in find_urls(token.raw):
                self._parts.append(unescape(token.raw[done : found.start]))
                self._parts.append(Mention(found.url, self._lines.at(token.start + found.start)))
                done = found.end
            self._parts.append(unescape(token.raw[done:]))

    def _open_anchor(self, tag: Tag) -> None:
        attributes = tag.attributes
        url = link_target(attributes.get("href", ""))
        self._anchor = _Anchor(url, self._lines.at(tag.start), attributes.get("title", ""))

    def _close_anchor(self) -> None:
        anchor, self._anchor = self._anchor, None
        if anchor:
            self._parts.append(anchor.mention() or "".join(anchor.texts))

    def _add_tag(self, tag: Tag) -> None:
        if tag.name in _CODE:
            self._code = max(0, self._code + (-1 if tag.closes else 1))
        if self._anchor:
            self._add_to_anchor(self._anchor, tag)
        elif tag.name == "br":
            self._flush(same_block=True)
        elif tag.name == "hr":
            self._flush()
            self._done.append(Row([], self._block, Kind.BREAK))
        elif tag.name in {"td", "th"}:
            self._parts.append(" ")
        if tag.name in _BLOCKS and not self._anchor:
            self._flush()
            self._kind = Kind.HEADING if tag.name in _HEADINGS and not tag.closes else Kind.TEXT
            self._opens_item = tag.name == "li" and not tag.closes

    def _add_to_anchor(self, anchor: _Anchor, tag: Tag) -> None:
        """What stands inside a link is its text; but a list item or cell that ends, ends a link left open, too."""
        if tag.name == "img":
            anchor.picture = anchor.picture or tag.attributes.get("alt", "")
        elif tag.name in {"li", "tr", "td"}:
            self._close_anchor()
        elif tag.name in _BLOCKS or tag.name == "br":
            anchor.texts.append(" ")

    def _flush(self, *, same_block: bool = False) -> None:
        parts, self._parts = self._parts, []
        if any(isinstance(part, Mention) or part.strip() for part in parts):
            self._done.append(Row(parts, self._block, self._kind, opens_item=self._opens_item))
            self._opens_item = False
        if not same_block:
            self._block += 1


def html_rows(text: str, first_line: int = 1) -> list[Row]:
    """The rows of a page or a piece of one whose first line has the number ``first_line``."""
    return _Rows(text, first_line).gather()


def read(text: str) -> list[Mention]:
    """The links of an HTML page by their text, and the addresses that stand bare in it."""
    return pair(html_rows(text))
