"""Cookies for the length of one redirect chain: many sites send in circles whoever does not bring them back."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from yarl import URL

_MAX_COOKIES = 50  # a host; RFC 6265, section 6.1, asks no more of a browser
_MAX_BYTES = 4096  # a cookie


class Cookies:
    """What each host set, sent back to that host only. Paths and ends of life do not matter for so short a time."""

    def __init__(self) -> None:
        self._by_host: defaultdict[str, dict[str, str]] = defaultdict(dict)

    def take(self, url: URL, fields: Iterable[str]) -> None:
        """:param fields: the ``Set-Cookie`` headers of the answer at ``url``."""
        kept = self._by_host[url.raw_host or ""]
        for text in fields:
            pair = text.partition(";")[0].strip()
            name, equals, _ = pair.partition("=")
            fits = len(pair) <= _MAX_BYTES and (name in kept or len(kept) < _MAX_COOKIES)
            if equals and name.strip() and fits and pair.isascii() and pair.isprintable():
                kept[name] = pair

    def header(self, url: URL) -> str:
        """The ``Cookie`` header for a request; empty without cookies."""
        return "; ".join(self._by_host.get(url.raw_host or "", {}).values())
