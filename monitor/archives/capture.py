"""A capture at the Wayback Machine: its time, its address, and whether it is of the page that was meant. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import unquote, urljoin, urlsplit

from monitor.platforms import identify

_ADDRESS = re.compile(r"/web/(\d{14})(?:[a-z]{2}_)?/(.+)", re.DOTALL)
_SCHEME = re.compile(r"(https?):/+(?=[^/])", re.IGNORECASE)
_WALLS = ("/mp/wappoc_appmsgcaptcha", "/account/unhuman", "/signin", "/login")


@dataclass(frozen=True, slots=True)
class Capture:
    """One capture of ``original``, the address that was saved, at a time of whole seconds."""

    at: datetime
    original: str

    @property
    def timestamp(self) -> str:
        return self.at.strftime("%Y%m%d%H%M%S")

    def url(self, base: str, modifier: str = "") -> str:
        """Where it opens. ``modifier`` ``id_`` gives the bytes as they were saved."""
        return f"{base}/web/{self.timestamp}{modifier}/{self.original}"


def moment(timestamp: str) -> datetime | None:
    """The time of a 14-digit timestamp; None when it is none."""
    if len(timestamp) != 14 or not timestamp.isascii() or not timestamp.isdigit():
        return None
    try:
        return datetime.strptime(timestamp, "%Y%m%d%H%M%S").replace(tzinfo=UTC)
    except ValueError:
        return None


def at_address(address: str, *, base: str) -> Capture | None:
    """The capture that an address of the Wayback Machine means; a relative one counts from ``base``."""
    match = _ADDRESS.search(urljoin(f"{base}/", address))
    when = moment(match[1]) if match else None
    if match is None or when is None:
        return None
    # some servers on the way merge the two slashes of the inner address
    return Capture(when, _SCHEME.sub(r"\1://", match[2], count=1))


def same_page(one: str, other: str) -> bool:
    """Whether two addresses are one page up to scheme, ``www.``, default port, trailing slash and personal
    parameters. Capitals of the path count: the Wayback Machine merges them, WeChat does not."""
    try:
        return _plain(one) == _plain(other) or identify(one).url == identify(other).url
    except ValueError:  # what nobody can fetch is no page
        return False


def _plain(url: str) -> tuple[str, str, str]:
    parts = urlsplit(url)
    host = (parts.hostname or "").removeprefix("www.")
    return host, unquote(parts.path.rstrip("/")), unquote(parts.query)


def is_wall(original: str, meant: str) -> bool:
    """Whether a capture of ``meant`` landed at a captcha, a login or the front page: known before it is opened."""
    if same_page(original, meant):
        return False
    parts = urlsplit(original)
    walled = parts.path.startswith(_WALLS) or (parts.hostname or "").startswith("passport.")
    return walled or (parts.path in ("", "/") and not parts.query)
