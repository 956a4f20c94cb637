"""Which addresses never go to a public archive. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlsplit

from monitor.fetch.guard import internal_name, literal, refusal
from monitor.urls import is_archive


def why_not(url: str, *, exclude_hosts: Sequence[str]) -> str | None:
    """The code of why ``url`` is not submitted: it is an archive's own page, only our network can open it, or its
    host, or one above it, is among ``exclude_hosts``."""
    if is_archive(url):
        return "is-archive"
    host = urlsplit(url).hostname or ""
    if any(f".{host}".endswith(f".{name.lower()}") for name in exclude_hosts):
        return "excluded-host"
    address = literal(host)
    private = refusal(address) is not None if address else internal_name(host)
    return "private-address" if private else None
