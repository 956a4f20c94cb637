"""Bookmarks: the Netscape file that every browser exports, and JSON files (Chrome's own, Firefox's backup, feeds)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

from monitor.sources.bare import link_target, whole_url
from monitor.sources.html import Lines, Tag, Text, tokens
from monitor.sources.rows import Mention, clean_title

_TOKEN = re.compile(r'[{}\[\]]|"((?:[^"\\]|\\.)*+)(?:"(\s*+:)?)?', re.DOTALL)  # a string may lack its end
_URL_KEYS = frozenset(("url", "uri", "href", "link", "external_url"))
_MAX_DEPTH = 1000
_TITLE_KEYS = frozenset(("name", "title", "text"))


def read_netscape(text: str) -> list[Mention]:
    """The bookmarks of a Netscape bookmark file, as Chrome, Firefox and Safari export it."""
    mentions: list[Mention] = []
    lines = Lines(text)
    title: list[str] | None = None
    for token in tokens(text):
        if isinstance(token, Text):
            if title is not None:
                title.append(token.plain)
        elif token.name in {"a", "dt", "dd", "dl", "h3"}:
            if title is not None:
                mentions[-1].title = clean_title("".join(title))
                title = None
            url = _bookmark_url(token)
            if url:
                mentions.append(Mention(url, lines.at(token.start)))
                title = []
    if title is not None:
        mentions[-1].title = clean_title("".join(title))
    return mentions


def _bookmark_url(tag: Tag) -> str | None:
    return link_target(tag.attributes.get("href", "")) if tag.name == "a" and not tag.closes else None


@dataclass(slots=True)
class _Scope:
    """An object or array that is open: what is known of the bookmark it may be."""

    is_object: bool
    key: str = ""
    url: str = ""
    title: str = ""
    line: int = 0


def read_json(text: str) -> list[Mention]:
    """Every object with a web address (``url``, ``uri``, ``href``, ``link``) and every address in an array.

    The file is read token by token, without building its tree: a file cut short or nested without end is read
    as far as it goes.
    """
    mentions = list(_json_mentions(text))
    mentions.sort(key=lambda mention: mention.line)
    return mentions


def _json_mentions(text: str) -> Iterator[Mention]:
    lines = Lines(text)
    scopes = [_Scope(is_object=False)]
    for token in _TOKEN.finditer(text):
        mark = token[0]
        scope = scopes[-1]
        if len(scopes) > _MAX_DEPTH:
            break
        if mark in "{[":
            scopes.append(_Scope(is_object=mark == "{"))
        elif mark in "}]":
            if scope.url:
                yield Mention(scope.url, scope.line, scope.title)
            if len(scopes) > 1:
                scopes.pop()
        elif token[2]:
            scope.key = token[1]
        elif scope.is_object:
            _take(scope, token[1], lines.at(token.start()))
        else:
            url = whole_url(_unquoted(token[1]))
            if url:
                yield Mention(url, lines.at(token.start()))
    for scope in reversed(scopes):
        if scope.url:
            yield Mention(scope.url, scope.line, scope.title)


def _take(scope: _Scope, raw: str, line: int) -> None:
    """Keep the value of the key that was read last, if it says something of a bookmark."""
    key, scope.key = scope.key, ""
    if key in _URL_KEYS and not scope.url:
        scope.url = link_target(_unquoted(raw)) or ""
        scope.line = line
    elif key in _TITLE_KEYS and not scope.title:
        scope.title = clean_title(_unquoted(raw))


def _unquoted(raw: str) -> str:
    try:
        return str(json.loads(f'"{raw}"', strict=False)) if "\\" in raw else raw
    except ValueError:
        return raw
