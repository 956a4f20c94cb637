"""A page as a document: decoded when first read, parsed when first asked, never beyond what is safe to parse. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from w3lib.encoding import html_body_declared_encoding, http_content_type_encoding, read_bom

from monitor.model import Page
from monitor.platforms.limits import MAX_CHARACTERS, parsable_length

if TYPE_CHECKING:
    from selectolax.lexbor import LexborHTMLParser, LexborNode

_Answer = TypeVar("_Answer")

EVIDENCE_LENGTH = 300
_BOILERPLATE = ["nav", "header", "footer", "aside", "svg", "iframe"]
_NOT_TEXT = ["script", "style", "noscript", "template"]
_META_NAMES = ("property", "name", "itemprop")
_REFRESH = "http-equiv"
_RUNS = re.compile(r"(?i)\s*(?:|module|(?:text|application)/(?:x-)?(?:java|ecma)script)\s*(?:;.*)?")
_SPACE = re.compile(r"[\s\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]+")
_ASTRAY = re.compile(r"[\ud800-\udfff\x00]+")
_LONG = 10_000  # characters
_MAX_TEXT = 1_000_000  # characters of markup; a longer text says nothing more about the page


def tidy(text: str, limit: int = EVIDENCE_LENGTH) -> str:
    """One line for people: white space collapsed, what cannot be printed out, cut at ``limit`` characters."""
    start = text[: limit * 20]
    if start.isprintable():  # then its only white space is the space itself
        line = " ".join(start.split())
    else:
        line = "".join(character for character in _SPACE.sub(" ", start) if character.isprintable()).strip()
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"


class once(Generic[_Answer]):  # noqa: N801 -- used as a decorator
    """``functools.cached_property`` without its lock, which costs more than many of the answers."""

    def __init__(self, work: Callable[[Any], _Answer]) -> None:
        self._work = work
        self._name = work.__name__
        self.__doc__ = work.__doc__

    def __get__(self, instance: object, owner: type | None = None) -> _Answer:
        answer = instance.__dict__[self._name] = self._work(instance)
        return answer


class Document:
    """The readable side of a :class:`Page`. Every answer is worked out once."""

    def __init__(self, page: Page, *, limit: int = MAX_CHARACTERS) -> None:
        self.page = page
        self._limit = limit

    @once
    def is_html(self) -> bool:
        """Whether it should be read as HTML: said so, or nothing said and it looks so."""
        kind = self.page.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind in {"", "application/octet-stream"}:
            start = decode(self.page.body[:2048], None).lstrip("\ufeff \t\r\n").lower()
            return (start.startswith("<") and not start.startswith("<?xml")) or "<html" in start
        return kind in {"text/html", "application/xhtml+xml"} or (
            kind == "text/plain" and self._looks_like_html
        )

    @property
    def _looks_like_html(self) -> bool:
        start = self.page.body[:512].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
        return start.startswith((b"<!doctype html", b"<html"))

    @once
    def markup(self) -> str:
        """The decoded body, at most ``limit`` characters; of what is no text at all only a beginning."""
        body, declared = self.page.body, self.page.headers.get("content-type")
        if len(body) > 4 * _SAMPLE:
            sample = decode(body[:_SAMPLE], declared)
            if sample.count("\ufffd") > len(sample) / 3:
                return sample
        return decode(body[: 4 * self._limit], declared)[: self._limit]

    @once
    def safe(self) -> str:
        """As much of the markup as is safe to parse."""
        return self.markup[: parsable_length(self.markup)]

    @once
    def state(self) -> Any:
        """The JSON that a page's own scripts start from (``js-initialData``); None when there is none."""
        return self.json("script#js-initialData")

    @once
    def tree(self) -> LexborHTMLParser:
        """The parsed page, or as much of it as is safe to parse."""
        return _parse(self.safe)

    def first(self, selector: str) -> LexborNode | None:
        """The first element that a CSS selector finds."""
        if selector.isalnum():  # a mere name is found several times quicker than a selector
            return next(iter(self.tree.tags(selector)), None)
        return self.tree.css_first(selector)

    def has(self, selector: str) -> bool:
        """Whether a CSS selector finds anything."""
        return self.first(selector) is not None

    def text(self, selector: str) -> str:
        """The text of the first element found, on one line; empty when there is none."""
        node = self.first(selector)
        return tidy(text_of(node)) if node is not None else ""

    def attribute(self, selector: str, name: str) -> str:
        """An attribute of the first element found; empty when there is none."""
        node = self.first(selector)
        return (node.attributes.get(name) or "").strip() if node is not None else ""

    def may_hold(self, mark: str) -> bool:
        """Whether to query for what has this mark: a short page is quicker searched than queried, a long one is not."""
        return len(self.markup) > _LONG or mark in self.markup

    def meta(self, name: str) -> str:
        """The content of a ``<meta>`` by name, property or itemprop."""
        for kind in _META_NAMES:
            if said := self._metas.get((kind, name)):
                return tidy(said, 1000)
        return ""

    @once
    def refresh(self) -> str:
        """When the page sends its reader elsewhere and where, as it says it; empty when it does not."""
        return self._metas.get((_REFRESH, "refresh"), "")

    @once
    def _metas(self) -> dict[tuple[str, str], str]:
        """By attribute and its value: the content of the first ``<meta>`` that has it."""
        first: dict[tuple[str, str], str] = {}
        for node in self.tree.tags("meta"):
            fields = node.attributes
            content = (fields.get("content") or "").strip()
            for kind in _META_NAMES:
                if value := fields.get(kind):
                    first.setdefault((kind, value), content)
            if value := fields.get(_REFRESH):
                first.setdefault((_REFRESH, value.lower()), content)
        return first

    @once
    def title(self) -> str:
        """The text of ``<title>``, rather the page's own than a drawing's."""
        titles = self.tree.tags("title")
        own = [node for node in titles if (above := node.parent) is not None and above.tag == "head"]
        for node in (*own[:1], *titles[:1]):
            if text := tidy(text_of(node)):
                return text
        return ""

    @once
    def headings(self) -> tuple[str, ...]:
        """Title and headings: where a page says what it is."""
        found = (tidy(text_of(node)) for node in self.tree.css("h1, h2, h3")[:12])
        return tuple(text for text in (self.title, *found) if text)

    @once
    def scripts(self) -> tuple[str, ...]:
        """The source of every inline script that a browser would run; data in script elements is none."""
        inline = (
            node for node in self.tree.tags("script") if _RUNS.fullmatch(node.attributes.get("type") or "")
        )
        return tuple(code for node in inline if (code := node.text(deep=True)).strip())

    @once
    def visible(self) -> str:
        """All text a reader could see, on one line."""
        return self._text_without(_NOT_TEXT) if self._has_boilerplate else self._main

    @once
    def readable(self) -> str:
        """The main text: the body without navigation, header, footer and asides."""
        if not self.is_html:
            kind = self.page.headers.get("content-type", "")
            return self.markup if kind.startswith("text/") else ""
        return self._main

    def shows(self, characters: int) -> bool:
        """Whether a reader sees so many characters: of a long page the main text tells, without its frame."""
        return len(self._main) >= characters or len(self.visible) >= characters

    @once
    def _main(self) -> str:
        return self._text_without(_NOT_TEXT + _BOILERPLATE)

    @once
    def _has_boilerplate(self) -> bool:
        return any(map(self.tree.tags, _BOILERPLATE))

    def _text_without(self, names: list[str]) -> str:
        # A tree of its own: stripping would take the elements from under the rules. To copy is quicker than to parse.
        tree = self.tree.clone() if len(self.safe) <= _MAX_TEXT else _parse(self.safe[:_MAX_TEXT])
        tree.strip_tags(names)
        return one_line(tree.body)

    def json(self, selector: str) -> Any:
        """The JSON inside the first element found; None when there is none or it is broken."""
        node = self.tree.css_first(selector)
        return parse_json(node.text(deep=True)) if node is not None else None

    def json_ld(self, key: str) -> str:
        """A string of that key in the page's JSON-LD, wherever it stands."""
        if not self.may_hold("ld+json"):
            return ""
        for node in self.tree.css('script[type="application/ld+json"]')[:5]:
            for item in _dicts(parse_json(node.text(deep=True))):
                if isinstance(value := item.get(key), str):
                    return value
        return ""


def text_of(node: LexborNode) -> str:
    """All text below an element, pieces parted by a space."""
    return node.text(deep=True, separator=" ")


def one_line(node: LexborNode | None) -> str:
    """All text below an element however long it is, white space collapsed."""
    return " ".join(text_of(node).split()) if node is not None else ""


def parse_json(text: str) -> Any:
    """What the JSON says, or None: hostile JSON may be broken or nested without end."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _dicts(value: Any, depth: int = 4) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
        value = list(value.values())
    if isinstance(value, list) and depth:
        for item in value[:50]:
            yield from _dicts(item, depth - 1)


def _parse(markup: str) -> LexborHTMLParser:
    from selectolax.lexbor import LexborHTMLParser  # noqa: PLC0415 -- many commands judge nothing

    if "\0" in markup or not _is_encodable(markup):  # to ask is a hundred times quicker than to search
        markup = _ASTRAY.sub("\ufffd", markup)
    return LexborHTMLParser(markup or "<html></html>")


def _is_encodable(text: str) -> bool:
    """Whether a text is free of surrogates."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def decode(body: bytes, content_type: str | None) -> str:
    """A body as text: BOM, then UTF-8 if it is that, then what the header or the page itself declares, then GB 18030.

    Valid UTF-8 goes before declarations, since saved copies of GBK pages keep their old ``<meta charset>``.
    Undecodable bytes become U+FFFD.
    """
    encoding, bom = read_bom(body)
    if encoding is not None and bom is not None:
        return body[len(bom) :].decode(encoding, "replace")
    if (text := _utf8(body)) is not None:
        return text
    sample = body[:_SAMPLE]
    inside = html_body_declared_encoding(sample)
    declared = http_content_type_encoding(content_type) or inside
    names = [
        "gb18030" if name in _CHINESE else name for name in (declared, inside, "gb18030", "utf-8") if name
    ]
    best = min(dict.fromkeys(names), key=lambda name: sample.decode(name, "replace").count("\ufffd"))
    return body.decode(best, "replace")


_SAMPLE = 16_384
_CHINESE = frozenset({"gb2312", "gbk", "gb18030", "hz"})


def _utf8(body: bytes) -> str | None:
    """The body read as UTF-8, None where it is not; a character cut in two at the end is no error."""
    try:
        return body.decode()
    except UnicodeDecodeError as error:
        return body.decode("utf-8", "replace") if error.reason == "unexpected end of data" else None
