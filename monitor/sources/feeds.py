"""Feeds and subscription lists: RSS, Atom, OPML.

A well-formed file goes through expat, guarded by defusedxml; any other is read leniently, tag by tag. Both give the
same events to the same handler. Entities are never expanded beyond HTML's own.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from xml.sax import SAXException
from xml.sax.expatreader import ExpatParser
from xml.sax.handler import ContentHandler
from xml.sax.xmlreader import AttributesImpl

from defusedxml.common import DefusedXmlException
from defusedxml.expatreader import create_parser

from monitor.sources.bare import link_target, unescape
from monitor.sources.html import Lines, Text, tokens
from monitor.sources.rows import Mention, clean_title

# A title may be HTML or plain text, and nothing says which: only tags that titles are known to have are markup.
_MARKUP = re.compile(
    r"</?(?:a|b|br|code|em|font|i|img|mark|p|small|span|strong|sub|sup|u)\b[^<>]*>", re.IGNORECASE
)
_FIELDS = frozenset(("title", "link", "guid", "id", "origlink"))
_MAX_FIELD = 8192
_MAX_DEPTH = 1000


def read(text: str) -> list[Mention]:
    """The entries of an RSS or Atom feed, and the sites and feeds of an OPML file."""
    try:
        return _read_strictly(text)
    except (SAXException, DefusedXmlException, ValueError):
        return _read_leniently(text)


def _read_strictly(text: str) -> list[Mention]:
    parser: ExpatParser = create_parser(forbid_dtd=False, forbid_entities=True, forbid_external=True)
    handler = _Events(parser)
    parser.setContentHandler(handler)
    parser.feed(text)
    parser.close()
    return handler.feed.finished()


def _read_leniently(text: str) -> list[Mention]:
    feed = _Feed()
    lines = Lines(text)
    for token in tokens(text, unseen=frozenset()):
        if isinstance(token, Text):
            feed.text(token.plain)
        elif token.closes:
            feed.end(token.name)
        else:
            feed.start(token.name, token.attributes, lines.at(token.start))
            if token.raw.endswith("/"):
                feed.end(token.name)
    return feed.finished()


class _Events(ContentHandler):
    """Hands expat's events on."""

    def __init__(self, parser: ExpatParser) -> None:
        super().__init__()
        self.feed = _Feed()
        self._parser = parser

    def startElement(self, name: str, attrs: AttributesImpl) -> None:  # noqa: N802
        line = self._parser.getLineNumber() or 1
        self.feed.start(name, {key.lower(): value for key, value in attrs.items()}, line)

    def endElement(self, name: str) -> None:  # noqa: N802
        self.feed.end(name)

    def characters(self, content: str) -> None:
        self.feed.text(content)


@dataclass(slots=True)
class _Item:
    """An RSS item or Atom entry that is open."""

    prefix: str
    depth: int
    line: int
    fields: dict[str, str] = field(default_factory=dict)
    lines: dict[str, int] = field(default_factory=dict)

    def mention(self) -> Mention | None:
        for name in ("origlink", "link", "guid", "id"):
            url = link_target(self.fields.get(name, ""))
            if url:
                title = clean_title(unescape(_MARKUP.sub("", self.fields.get("title", ""))))
                return Mention(url, self.lines[name], title)
        return None


class _Feed:
    """Understands the elements of a feed, also where their nesting is broken."""

    def __init__(self) -> None:
        self._mentions: list[Mention] = []
        self._open: list[str] = []
        self._counts: Counter[str] = Counter()
        self._item: _Item | None = None
        self._field = ""
        self._texts: list[str] = []

    def start(self, name: str, attributes: Mapping[str, str], line: int) -> None:
        name = name.lower()
        prefix, _, local = name.rpartition(":")
        if local in {"item", "entry"}:
            self._finish_item()
            self._item = _Item(prefix, len(self._open) + 1, line)
        elif local == "outline":
            self._add_outline(attributes, line)
        elif self._item and len(self._open) == self._item.depth and local in _FIELDS and not self._field:
            self._start_field(self._item, prefix, local, attributes, line)
        if len(self._open) < _MAX_DEPTH:
            self._open.append(name)
            self._counts[name] += 1

    def end(self, name: str) -> None:
        name = name.lower()
        if not self._counts[name]:
            return
        while self._open:
            closed = self._open.pop()
            self._counts[closed] -= 1
            if self._item and len(self._open) == self._item.depth:
                self._finish_field()
            if self._item and len(self._open) < self._item.depth:
                self._finish_item()
            if closed == name:
                break

    def text(self, content: str) -> None:
        if self._field:
            self._texts.append(content)

    def finished(self) -> list[Mention]:
        """All mentions in their order, with the item that was still open."""
        self._finish_item()
        self._mentions.sort(key=lambda mention: mention.line)
        return self._mentions

    def _start_field(
        self, item: _Item, prefix: str, local: str, attributes: Mapping[str, str], line: int
    ) -> None:
        if prefix != item.prefix and local != "origlink":
            return  # media:title, itunes:title, atom:link: of something else
        if local == "link" and "href" in attributes:
            if attributes.get("rel", "alternate") == "alternate" and "link" not in item.fields:
                item.fields["link"] = attributes["href"]
                item.lines["link"] = line
        elif local not in item.fields and not (local == "guid" and attributes.get("ispermalink") == "false"):
            self._field = local
            self._texts = []
            item.lines[local] = line

    def _finish_field(self) -> None:
        if self._item and self._field:
            self._item.fields[self._field] = "".join(self._texts)[:_MAX_FIELD].strip()
        self._field = ""
        self._texts = []

    def _finish_item(self) -> None:
        self._finish_field()
        mention = self._item.mention() if self._item else None
        if mention:
            self._mentions.append(mention)
        self._item = None

    def _add_outline(self, attributes: Mapping[str, str], line: int) -> None:
        """A subscription is two addresses: the site, and its feed."""
        title = clean_title(attributes.get("title") or attributes.get("text") or "")
        for name in ("url", "htmlurl", "xmlurl"):
            url = link_target(attributes.get(name, ""))
            if url:
                self._mentions.append(Mention(url, line, title))
