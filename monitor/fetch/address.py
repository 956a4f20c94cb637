"""URLs as they go over the wire: what a reading list or a ``Location`` header says, made fit to send."""

from __future__ import annotations

import re
from urllib.parse import quote, urljoin, urlsplit

from yarl import URL

from monitor.fetch.errors import LookError
from monitor.model import FailureKind

_CONTROLS = dict.fromkeys((*range(0x20), 0x7F))
_KEPT = "%!$&'()*+,;=:@/-._~"
_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
# What nearly all addresses are: fit to send as they stand.
_PLAIN = re.compile(
    rf"https?://(?=[^/]{{1,253}}/){_LABEL}(?:\.{_LABEL})+"
    r"/[A-Za-z0-9%!$&'()*+,;=:@/._~-]*(?:\?[A-Za-z0-9%!$&'()*+,;=:@/._~?-]+)?"
)


def parse(text: str) -> URL:
    """The URL to send for ``text``: no control characters, no user and password, no fragment, host in ASCII,
    everything that is not allowed in a URL percent-encoded. What is encoded already stays as it is: servers
    tell ``%2F`` from ``/``. Bytes of another encoding (GBK; aiohttp hands them over as surrogates) are kept.

    :raises LookError: no http(s) URL, or its host or port is impossible.
    """
    if _PLAIN.fullmatch(text):
        return URL(text, encoded=True)
    try:
        parts = urlsplit(text.translate(_CONTROLS).strip())
        scheme, host, port = parts.scheme.lower(), parts.hostname or "", parts.port
        authority = URL.build(scheme=scheme, host=host) if host else URL()
    except ValueError:
        raise _refused("the address has no possible host or port") from None
    if scheme not in {"http", "https"}:
        raise _refused("the address is not for http or https")
    if not _is_possible(authority.raw_host or ""):
        raise _refused("the address has no possible host")
    return URL.build(
        scheme=scheme,
        host=authority.host_subcomponent or "",
        port=port,
        path=_quoted(parts.path) or "/",
        query_string=_quoted(parts.query, "?"),
        encoded=True,
    )


def join(base: URL, location: str) -> URL:
    """Where a ``Location`` header seen at ``base`` points to.

    :raises LookError: as :func:`parse`.
    """
    try:
        target = urljoin(str(base), location.translate(_CONTROLS).strip())
    except ValueError:
        raise _refused("the redirect leads to no possible host or port") from None
    return parse(target)


def _is_possible(host: str) -> bool:
    """RFC 1035's lengths: the C library's answer to longer names depends on the machine."""
    return len(host) <= 253 and all(0 < len(label) < 64 for label in host.rstrip(".").split("."))


def _refused(detail: str) -> LookError:
    return LookError(FailureKind.GUARD, detail)


def _quoted(text: str, also: str = "") -> str:
    return quote(text.encode("utf-8", "surrogateescape"), safe=_KEPT + also)
