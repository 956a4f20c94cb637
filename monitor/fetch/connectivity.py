"""Whether our own network works: asked before a sweep's failures are believed."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from urllib.parse import urljoin, urlsplit

from monitor.fetch.client import Fetcher
from monitor.fetch.errors import OutOfResourcesError
from monitor.fetch.guard import literal
from monitor.model import Clock, FailureKind, Page

ANSWER_S = 10.0
ANSWER_BYTES = 16 * 1024

CLOCK_OFF = timedelta(hours=1)  # from here on spans of days are measured wrongly, and certificates judged so

_CLOCK = "our own clock is"
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
    :param clock: ours, which an anchor's Date must agree with. While it is wrong nothing can be believed either: a
        jump of a month would make three looks of a day a death of a month.
    """

    def __init__(self, fetcher: Fetcher, anchors: Sequence[str], clock: Clock | None = None) -> None:
        self._fetcher, self._clock = fetcher, clock
        self.anchors = tuple(anchors)

    async def online(self) -> Reach:
        """Ask now. How often is the caller's business."""
        if not self.anchors:
            return Reach(online=True, detail="Our own network is not checked: no anchors are set.")
        tasks = [asyncio.create_task(self._ask(anchor)) for anchor in self.anchors]
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
        return host, _fault(page) or self._clock_fault(page)

    def _clock_fault(self, page: Page) -> str | None:
        if self._clock is None or (said := date_of(page)) is None:
            return None
        off = self._clock() - said
        if abs(off) < CLOCK_OFF:
            return None
        hours = abs(off) / timedelta(hours=1)
        size = f"{hours / 24:.0f} days" if hours >= 48 else f"{hours:.0f} hours"
        return f"{_CLOCK} {size} {'ahead' if off > timedelta(0) else 'behind'}"


def date_of(page: Page) -> datetime | None:
    """The time in the Date header of an answer; None where it says none."""
    try:
        said = parsedate_to_datetime(page.headers.get("date", ""))
    except (ValueError, TypeError):
        return None
    return said if said.tzinfo else None


def _fault(page: Page) -> str | None:
    """What is wrong with an anchor's answer; None when it is proper."""
    if page.failure:
        if page.failure.kind in (FailureKind.TLS, FailureKind.EXPIRED):
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
    clocks = [host for host, fault in faults.items() if fault.startswith(_CLOCK)]
    if clocks:
        return (
            f"{faults[clocks[0]].capitalize()}, says {clocks[0]}: set it, or switch on time synchronisation."
        )
    captive = [host for host, fault in faults.items() if fault.startswith(_CAPTIVE)]
    host = captive[0] if captive else next(iter(faults))
    hint = "; log in to the network or mend it" if captive else ""
    return f"None of {len(faults)} anchors answers: {host}: {faults[host]}{hint}."
