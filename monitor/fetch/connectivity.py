"""Whether our own network works: asked before a sweep's failures are believed."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import urljoin, urlsplit

from monitor.fetch.client import Fetcher
from monitor.fetch.errors import OutOfResourcesError
from monitor.fetch.guard import literal
from monitor.model import FailureKind, Page

ANSWER_S = 10.0
ANSWER_BYTES = 16 * 1024

_CAPTIVE = "somebody else answers in its place"
_SECOND_LEVELS = {"com", "net", "org", "gov", "edu", "ac", "co"}


@dataclass(frozen=True, slots=True)
class Reach:
    """Whether we are online, and one sentence that says how that is known."""

    online: bool
    detail: str


class Connectivity:
    """Asks several independent anchors at once; one proper answer is enough.

    An answer is proper when the anchor itself gave it: its certificate holds, and it does not send us to the
    site of somebody else, as the captive portal of a hotel does. Over plain http a portal can pretend to be
    anybody, so anchors should be https.

    :param anchors: URLs; without any, our own network is never doubted.
    """

    def __init__(self, fetcher: Fetcher, anchors: Sequence[str]) -> None:
        self._fetcher = fetcher
        self._anchors = tuple(anchors)

    async def online(self) -> Reach:
        """Ask now. How often is the caller's business."""
        if not self._anchors:
            return Reach(online=True, detail="Our own network is not checked: no anchors are set.")
        tasks = [asyncio.create_task(self._ask(anchor)) for anchor in self._anchors]
        faults: dict[str, str] = {}
        try:
            for answer in asyncio.as_completed(tasks):
                host, fault = await answer
                if fault is None:
                    return Reach(online=True, detail=f"{host} answers.")
                faults[host] = fault
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        return Reach(online=False, detail=_offline(faults))

    async def _ask(self, anchor: str) -> tuple[str, str | None]:
        host = urlsplit(anchor).hostname or anchor
        try:
            page = await self._fetcher.fetch(
                anchor, method="HEAD", follow=False, timeout_s=ANSWER_S, max_bytes=ANSWER_BYTES
            )
        except OutOfResourcesError as error:
            return host, str(error).rstrip(".")
        return host, _fault(page)


def _fault(page: Page) -> str | None:
    """What is wrong with an anchor's answer; None when it is proper."""
    if page.failure:
        if page.failure.kind is FailureKind.TLS:
            return f"{_CAPTIVE} ({page.failure.detail})"
        return page.failure.detail
    if page.http_status == HTTPStatus.NETWORK_AUTHENTICATION_REQUIRED:
        return "the network wants us to log in"
    status = page.http_status or 0
    target = urlsplit(urljoin(page.url, page.headers.get("location", ""))).hostname or ""
    if 300 <= status < 400 and _site(target) != _site(urlsplit(page.url).hostname or ""):
        return f"{_CAPTIVE} (we are sent to {target})"
    return None if 200 <= status < 500 else f"it answers {status}"


def _site(host: str) -> str:
    """The registered domain, well enough for anchors: ``www.example.com.cn`` → ``example.com.cn``."""
    labels = host.rstrip(".").lower().split(".")
    if literal(host):
        return host
    size = 3 if len(labels[-1]) == 2 and labels[-2:-1] and labels[-2] in _SECOND_LEVELS else 2
    return ".".join(labels[-size:])


def _offline(faults: dict[str, str]) -> str:
    captive = [host for host, fault in faults.items() if fault.startswith(_CAPTIVE)]
    host = captive[0] if captive else next(iter(faults))
    hint = "; log in to the network or mend it" if captive else ""
    return f"None of {len(faults)} anchors answers: {host}: {faults[host]}{hint}."
