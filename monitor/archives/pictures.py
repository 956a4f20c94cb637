"""Which pictures a page shows, and whether what came back is one. Pure.

What the platforms know of their own pages (``data-src``, ``cdn_url`` in scripts, backgrounds) is in
:attr:`monitor.model.Article.pictures`; the usual ways of ordinary sites are added here.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from monitor.model import Article, Page
from monitor.platforms import PLATFORMS, generic
from monitor.platforms.base import host_of, is_host
from monitor.platforms.html import Document
from monitor.urls import NotALink, clean

if TYPE_CHECKING:
    from selectolax.lexbor import LexborNode

MAX_SHOWN = 200  # of one page
MAX_ADDRESS = 2000  # characters
WIDE_ENOUGH = 2000  # pixels: of a choice of widths the largest up to this is kept

_LAZY = ("data-original", "data-lazy-src", "data-actualsrc", "src")
_BEHIND = re.compile(r"""url\(\s*["']?(https?://[^"')\s]{1,2000}|/[^"')\s]{1,2000})""", re.IGNORECASE)
_CANDIDATE = re.compile(r"([^\s,]\S*[^\s,]|[^\s,])(?:\s+(\d{1,6}(?:\.\d+)?)([wx]))?\s*(?:,|$)")
_MAGIC = (
    b"\xff\xd8\xff",
    b"\x89PNG\r\n\x1a\n",
    b"GIF87a",
    b"GIF89a",
    b"BM",
    b"\x00\x00\x01\x00",
    b"II*\x00",
    b"MM\x00*",
)
_BRANDS = (b"avif", b"avis", b"heic", b"heix", b"mif1", b"msf1")


def shown(page: Page, article: Article) -> tuple[str, ...]:
    """The addresses of the pictures that a page shows, in its order, without personal parameters; at most
    :data:`MAX_SHOWN`."""
    cleaned = (_cleaned(address) for address in (*article.pictures, *_elsewhere_named(page)))
    return tuple(dict.fromkeys(address for address in cleaned if address))[:MAX_SHOWN]


def digest_of(addresses: Sequence[str]) -> str:
    """The same for the same pictures: sha256 of their paths. Hosts take turns, and queries count visits."""
    paths = sorted({urlsplit(address).path for address in addresses})
    return hashlib.sha256("\n".join(paths).encode()).hexdigest()


def is_picture(page: Page) -> bool:
    """Whether an answer is a whole picture, by its first bytes: error pages come with any type."""
    if page.http_status != 200 or page.failure is not None or not page.complete:
        return False
    head = page.body[:16]
    if head.startswith(_MAGIC) or (head[:4] == b"RIFF" and head[8:12] == b"WEBP"):
        return True
    if head[4:8] == b"ftyp" and head[8:12] in _BRANDS:
        return True
    kind = page.headers.get("content-type", "").partition(";")[0].strip().lower()
    return kind == "image/svg+xml" and b"<svg" in page.body[:4096]


def _cleaned(address: str) -> str | None:
    try:
        url = clean(address)
    except NotALink:
        return None
    return url if len(url) <= MAX_ADDRESS else None


def _elsewhere_named(page: Page) -> Iterator[str]:
    """Pictures of an ordinary site that are not in ``src`` or ``data-src``."""
    base = page.final_url
    document = Document(page, limit=generic.MAX_CHARACTERS)
    known = any(is_host(host_of(base), platform.HOSTS) for platform in PLATFORMS)
    if known or not document.is_html:
        return
    for node in document.tree.css("body img, body picture source")[: 2 * MAX_SHOWN]:
        for address in _of_node(node):
            if address[:5].lower() != "data:":
                yield generic.absolute(base, address)
    for node in document.tree.css("body [style*='url(']")[:MAX_SHOWN]:
        for address in _BEHIND.findall(node.attributes.get("style") or ""):
            yield generic.absolute(base, address)


def _of_node(node: LexborNode) -> Iterator[str]:
    attributes = node.attributes
    yield from (address for name in _LAZY if (address := attributes.get(name)))
    for name in ("srcset", "data-srcset"):
        if best := _best_of(attributes.get(name) or ""):
            yield best


def _best_of(srcset: str) -> str | None:
    """Of a choice of sizes the largest that is not larger than a screen, else the smallest."""
    choice = [
        (float(size or 1) * (WIDE_ENOUGH / 2 if unit != "w" else 1), address)
        for address, size, unit in _CANDIDATE.findall(srcset[:20_000])
    ]
    fitting = [one for one in choice if one[0] <= WIDE_ENOUGH]
    return max(fitting, default=min(choice, default=(0.0, None)))[1]
