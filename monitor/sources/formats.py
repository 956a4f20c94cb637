"""The formats a list may have, and how one is told from another."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePosixPath
from urllib.parse import urlsplit

from monitor.sources import bookmarks, html, text
from monitor.sources.decode import decode
from monitor.sources.rows import Mention

_HEAD = 4096

Reader = Callable[[str], list[Mention]]


def _read_feed(content: str) -> list[Mention]:
    from monitor.sources import feeds  # noqa: PLC0415  (with its XML parser slow to import, and most lists are none)

    return feeds.read(content)


def _read_markdown(content: str) -> list[Mention]:
    from monitor.sources import markdown  # noqa: PLC0415  (likewise)

    return markdown.read(content)


@dataclass(frozen=True, slots=True)
class Format:
    """One format: its reader, the endings of file names and the content types that mean it.

    ``signature`` is what a file of this format, and no other, begins with. ``collected``: a folder that is a
    source is searched for files with these endings; of the others only those with the signature are taken.
    """

    read: Reader
    suffixes: frozenset[str] = frozenset()
    types: frozenset[str] = frozenset()
    signature: re.Pattern[str] | None = None
    collected: bool = True


def _words(words: str) -> frozenset[str]:
    return frozenset(words.split())


_PROLOGUE = r"\s*(?:<\?xml[^>]*>\s*|<!--[^>]*>\s*|<!DOCTYPE[^>]*>\s*)*+"

FORMATS = (
    Format(
        bookmarks.read_netscape,
        signature=re.compile(r"\s*<!DOCTYPE NETSCAPE-Bookmark-file", re.IGNORECASE),
    ),
    Format(
        _read_feed,
        _words(".opml .rss .atom"),
        _words(
            "text/x-opml text/opml application/opml+xml application/rss+xml application/atom+xml application/rdf+xml"
        ),
        re.compile(rf"{_PROLOGUE}<(?:rss|(?:\w+:)?feed|opml|rdf:RDF)[\s>]", re.IGNORECASE),
    ),
    Format(
        bookmarks.read_json,
        _words(".json .jsonl"),
        _words("application/json application/feed+json application/jsonl application/x-ndjson"),
        re.compile(r'\s*\{\s*"(?:checksum|roots|guid)"\s*:'),
        collected=False,
    ),
    Format(
        _read_markdown,
        _words(".md .markdown .mdown .mkd .mkdn .mdwn .mdx .qmd .rmd"),
        _words("text/markdown text/x-markdown text/x-web-markdown"),
    ),
    Format(
        html.read,
        _words(".html .htm .xhtml .shtml"),
        _words("text/html application/xhtml+xml"),
        re.compile(rf"{_PROLOGUE}<(?:html|head|body)[\s>]|\s*<!doctype html", re.IGNORECASE),
    ),
    Format(html.read, _words(".xml"), _words("text/xml application/xml"), collected=False),
    Format(
        text.read_table,
        _words(".csv .tsv"),
        _words("text/csv text/tab-separated-values application/csv"),
    ),
    Format(text.read, _words(".txt .text .textile .rst .org .adoc"), _words("text/x-rst text/x-org")),
)

_ORDINARY_PAGE = html.read
_MARKDOWN_SIGNS = re.compile(r"\]\(\s*https?://|^#{1,6} \S|^ {0,3}```|\A---\n", re.MULTILINE | re.IGNORECASE)


def reader_for(path: str, content: str, content_type: str | None) -> Reader:
    """The reader of a list: by what it begins with, else its content type, else its name, else its looks."""
    head = content[:_HEAD]
    signed = _signed(head)
    if signed and signed.read is not _ORDINARY_PAGE:
        return signed.read
    media_type = _media_type(content_type)
    suffix = _suffix(path)
    by_type = next((known.read for known in FORMATS if media_type in known.types), None)
    by_name = next((known.read for known in FORMATS if suffix in known.suffixes), None)
    if by_type or by_name:
        return by_type or by_name or text.read
    if signed:
        return signed.read
    return _read_markdown if _MARKDOWN_SIGNS.search(content) else text.read


def looks_like_list(data: bytes, content_type: str | None) -> bool:
    """Whether what a URL answered is itself a list of links, rather than a page to watch.

    Feeds, OPML and bookmark files are, however they are declared; plain text, Markdown and CSV are if declared as
    such. An ordinary HTML page is not.
    """
    head = decode(data[:_HEAD], content_type)
    signed = _signed(head)
    if signed:
        return signed.read is not _ORDINARY_PAGE
    media_type = _media_type(content_type)
    if media_type == "text/plain":
        return b"\x00" not in data[:_HEAD] or data.startswith((b"\xff\xfe", b"\xfe\xff"))
    readers = {known.read for known in FORMATS if media_type in known.types and known.collected}
    return bool(readers - {_ORDINARY_PAGE})


_SCROLLS = re.compile(rf"{_PROLOGUE}<(?:rss|(?:\w+:)?feed|rdf:RDF)[\s>]", re.IGNORECASE)


def scrolls(data: bytes, content_type: str | None = None) -> bool:
    """Whether a list shows only its newest entries, as RSS and Atom feeds do: an entry that left is not withdrawn."""
    return _SCROLLS.match(decode(data[:_HEAD], content_type)) is not None


def is_list_name(name: str) -> bool | None:
    """Whether a file found in a folder is a list, by its name; None if only ``is_signed`` can tell."""
    suffix = _suffix(name)
    known = [form.collected for form in FORMATS if suffix in form.suffixes]
    if known:
        return any(known) or None
    return None if not suffix else False


def is_signed(head: bytes) -> bool:
    """Whether the first bytes of a file say that it is a list."""
    return _signed(decode(head[:_HEAD])) is not None


def _signed(head: str) -> Format | None:
    return next((known for known in FORMATS if known.signature and known.signature.match(head)), None)


def _media_type(content_type: str | None) -> str:
    return (content_type or "").partition(";")[0].strip().lower()


def _suffix(path: str) -> str:
    """The ending of a file's name, or of the path of a URL."""
    if path.lower().startswith(("http://", "https://")):
        try:
            path = urlsplit(path).path
        except ValueError:  # a bracket that is no IPv6 address
            return ""
    return PurePosixPath(path.rpartition("/")[2]).suffix.lower()
