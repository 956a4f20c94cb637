"""Markdown: CommonMark with tables, front matter, and the habits of people who keep lists."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import groupby
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.token import Token

from monitor.sources.bare import link_target, whole_url
from monitor.sources.html import html_rows
from monitor.sources.inline import Definition, parse
from monitor.sources.rows import Kind, Mention, Row, best_cell, clean_title, is_label, pair

_MAX_BLOCKS = 8_000_000
"""Characters. Above this only blank lines make structure: markdown-it-py needs up to 10 s for 1 MB of tiny items."""

_FENCE = re.compile(r"(---|\+\+\+)[ \t]*\n")
_MAX_FRONT_MATTER = 65_536
_PAIR = re.compile(r"[ \t]*([A-Za-z_][\w\-]*)[ \t]*[:=][ \t]*(.*)")
_ADDRESS_KEYS = frozenset(("link", "url", "source", "source_url", "original", "original_url", "external_url"))
# Jekyll's code blocks, made into fences that nothing inside them closes; one line stays one line.
_HIGHLIGHT = re.compile(r"^[ ]{0,3}\{%-?[ ]*(?:end)?highlight\b[^\n]*$", re.MULTILINE)
_HIGHLIGHT_FENCE = "~" * 40
_MAY_HOLD_LINKS = re.compile(r"https?:|www\.|//", re.IGNORECASE)
# What a text holds if a rule of block structure can ever apply to it. The others are left out: each rule that is
# there is tried on each line, which was most of the time that a plain list took.
_SIGNS = {
    "table": re.compile(r"\|"),
    "code": re.compile(r"\t|[ ]{4}"),
    "fence": re.compile(r"```|~~~"),
    "blockquote": re.compile(r">"),
    "hr": re.compile(r"([*_-])[ \t]*+\1[ \t]*+\1"),
    "reference": re.compile(r"\]:"),
    "html_block": re.compile(r"<"),
    "heading": re.compile(r"#"),
    "lheading": re.compile(r"[=-][ \t]*+$", re.MULTILINE),
}


class _Blocks(MarkdownIt):
    """markdown-it-py reduced to block structure, with addresses left as they were written.

    :param idle: the rules that are left out.
    """

    def __init__(self, idle: frozenset[str]) -> None:
        super().__init__("commonmark", {"maxNesting": 40})
        self.enable("table")
        self.block.ruler.disable(idle)
        self.core.ruler.disable(["inline", "text_join"])

    def normalizeLink(self, url: str) -> str:  # noqa: N802
        return url

    def validateLink(self, url: str) -> bool:  # noqa: N802
        return bool(url)


@lru_cache(maxsize=64)
def _blocks(idle: frozenset[str]) -> _Blocks:
    return _Blocks(idle)


def _idle(text: str) -> frozenset[str]:
    return frozenset(rule for rule, sign in _SIGNS.items() if not sign.search(text))


def read(text: str) -> list[Mention]:
    """The links and bare addresses of a Markdown file, also those that only a definition or the front matter has.

    Images are no links. Code is left out, unless a block or span of it is addresses and nothing else.
    """
    if not _MAY_HOLD_LINKS.search(text):
        return []
    first, matter = _front_matter(text)
    body, line = text[first:], text.count("\n", 0, first) + 1
    if len(body) > _MAX_BLOCKS:
        return matter + pair(_paragraph_rows(body, line))
    if "highlight" in body:
        body = _HIGHLIGHT.sub(_HIGHLIGHT_FENCE, body)
    mentions = matter + _Reader(body, line).read()
    mentions.sort(key=lambda mention: mention.line)
    return mentions


def _front_matter(text: str) -> tuple[int, list[Mention]]:
    """Where the text goes on after its front matter, and the articles the front matter is about.

    A note about one article has its address in a ``link``, ``url`` or ``source`` key and its title beside it.
    """
    fence = _FENCE.match(text)
    if not fence:
        return 0, []
    closing = re.compile(rf"^(?:{re.escape(fence[1])}|\.\.\.)[ \t]*$\n?", re.MULTILINE)
    end = closing.search(text, fence.end(), fence.end() + _MAX_FRONT_MATTER)
    if not end:
        return 0, []
    title = ""
    mentions: list[Mention] = []
    for number, raw in enumerate(text[fence.end() : end.start()].split("\n"), 2):
        entry = _PAIR.fullmatch(raw)
        value = entry[2].strip().strip("\"'").strip() if entry else ""
        if not entry or not value:
            continue
        if entry[1].lower() == "title" and not title:
            title = clean_title(value)
        elif entry[1].lower() in _ADDRESS_KEYS:
            url = whole_url(value) or (link_target(value) if value.isascii() and " " not in value else None)
            mentions += [Mention(url, number)] if url else []
    for mention in mentions:
        mention.title = title
    return end.end(), mentions


def _paragraph_rows(text: str, line: int) -> Iterator[Row]:
    """Rows of a text too large for block structure: its paragraphs are what blank lines part."""
    for block, (filled, group) in enumerate(groupby(text.split("\n"), key=lambda raw: bool(raw.strip()))):
        lines = list(group)
        if filled:
            for parts in parse("\n".join(lines), line, {}, set()):
                yield Row(parts, block)
        line += len(lines)


class _Reader:
    """Turns block tokens into rows."""

    def __init__(self, text: str, first_line: int) -> None:
        environment: dict[str, Any] = {}
        self._tokens = _blocks(_idle(text)).parse(text, environment)
        self._first_line = first_line
        self._references: dict[str, dict[str, Any]] = environment.get("references", {})
        self._duplicates: list[dict[str, Any]] = environment.get("duplicate_refs", [])
        self._definitions = {
            label: Definition(entry["href"], entry["title"]) for label, entry in self._references.items()
        }
        self._used: set[str] = set()
        self._rows: list[Row] = []
        self._container: tuple[int, ...] = ()
        self._block = 0
        self._opens_item = False
        self._kind = Kind.TEXT

    def read(self) -> list[Mention]:
        index = 0
        while index < len(self._tokens):
            token = self._tokens[index]
            if token.type == "table_open":
                index = self._table(index)
            else:
                self._token(token)
                index += 1
        return pair(self._rows) + list(self._unused_definitions())

    def _token(self, token: Token) -> None:
        kind = token.type
        if kind in {"list_item_open", "blockquote_open"}:
            self._block += 1
            self._container = (*self._container, self._block)
            self._opens_item = kind == "list_item_open"
        elif kind in {"list_item_close", "blockquote_close"}:
            self._container = self._container[:-1]
            self._opens_item = False
        elif kind == "heading_open":
            self._kind = Kind.HEADING
        elif kind == "inline":
            self._inline(token)
        elif kind in {"fence", "code_block"}:
            self._code(token)
        elif kind == "html_block":
            self._html(token)
        elif kind == "hr":
            self._break()

    def _line(self, token: Token) -> int:
        return self._first_line + (token.map[0] if token.map else 0)

    def _parse(self, token: Token) -> list[list[str | Mention]]:
        return parse(token.content, self._line(token), self._definitions, self._used)

    def _inline(self, token: Token) -> None:
        self._block += 1
        for parts in self._parse(token):
            row = Row(parts, self._block, self._kind, self._container, self._opens_item)
            self._rows.append(row)
            self._opens_item = False
        self._kind = Kind.TEXT

    def _break(self) -> None:
        self._block += 1
        self._rows.append(Row([], self._block, Kind.BREAK))

    def _code(self, token: Token) -> None:
        """Code counts only if every line of it is an address."""
        lines = token.content.split("\n")
        urls = [(number, whole_url(line)) for number, line in enumerate(lines) if line.strip()]
        if not urls or not all(url for _, url in urls):
            self._break()
            return
        self._block += 1
        first = self._line(token) + (token.type == "fence")
        for number, url in urls:
            if url:
                self._rows.append(
                    Row([Mention(url, first + number)], self._block, Kind.TEXT, self._container)
                )

    def _html(self, token: Token) -> None:
        rows = html_rows(token.content, self._line(token))
        offset = self._block + 1
        for row in rows:
            row.block += offset
            row.container = self._container
        self._rows += rows
        self._block = max([offset, *(row.block for row in rows)])

    def _table(self, index: int) -> int:
        """Read the table that begins at ``index``; returns the index after it."""
        header: list[str] = []
        cells: list[list[str | Mention]] = []
        self._break()
        while (token := self._tokens[index]).type != "table_close":
            if token.type == "inline":
                cells.append([part for row in self._parse(token) for part in row])
            elif token.type == "tr_close":
                texts = [
                    clean_title("".join(part for part in cell if isinstance(part, str))) for cell in cells
                ]
                self._table_row(cells, texts, header)
                header = header or texts
                cells = []
            index += 1
        self._break()
        return index + 1

    def _table_row(
        self, cells: Sequence[list[str | Mention]], texts: Sequence[str], header: Sequence[str]
    ) -> None:
        """Each cell is a row of its own; what it leaves untitled has the title of the table's row."""
        mentions: list[Mention] = []
        for cell in cells:
            self._block += 1
            mentions += pair([Row(cell, self._block)])
        untitled = [mention for mention in mentions if not mention.title or is_label(mention.title)]
        title = best_cell(texts, header) if untitled else ""
        for mention in untitled:
            mention.title = title or mention.title
        if mentions:
            self._block += 1
            self._rows.append(Row(list(mentions), self._block, Kind.BREAK))

    def _unused_definitions(self) -> Iterator[Mention]:
        """Definitions that no text refers to are entries of a list, too."""
        unused = [entry for label, entry in self._references.items() if label not in self._used]
        for entry in (*unused, *self._duplicates):
            url = link_target(entry["href"])
            if url:
                yield Mention(url, self._first_line + entry["map"][0], clean_title(entry["title"]))
