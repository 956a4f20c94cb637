"""The Wayback Machine: look-ups, the capture index (CDX), Save Page Now 2 and playback.

Every answer that is not clearly "there is one" or "there is none" is *unknown*, and means neither.
"""

from __future__ import annotations

import json
import random
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from urllib.parse import urldefrag, urlencode

from monitor.archives import answers
from monitor.archives.answers import Answer, Budget, Refused, Unanswered
from monitor.archives.capture import Capture, at_address, moment, same_page
from monitor.archives.gate import Gate, Kind
from monitor.model import Page

LOOK_UP_S, SUBMIT_S, PLAYBACK_S = 30, 60, 60
SMALL = 64 * 1024  # bytes: look-ups, states
INDEX = 512 * 1024
_EXCLUDED = (b"AdministrativeAccessControlException", b"RobotAccessControlException", b"has been excluded")


@dataclass(frozen=True, slots=True)
class Found:
    """Captures, the most wanted first; at least one."""

    captures: tuple[Capture, ...]


@dataclass(frozen=True, slots=True)
class NoCapture:
    """archive.org says that it has none."""


@dataclass(frozen=True, slots=True)
class Excluded:
    """archive.org neither saves nor shows this site."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """No answer that tells; ``why`` in a few words."""

    why: str


LookUp = Found | NoCapture | Excluded | Unknown


@dataclass(frozen=True, slots=True)
class Played:
    """The archived answer: status, headers and body are those of the page when it was saved."""

    page: Page


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """This capture is not there; the Wayback Machine points to another. Normal in the first minutes."""

    capture: Capture


@dataclass(frozen=True, slots=True)
class NotThere:
    pass


Playback = Played | Elsewhere | NotThere | Excluded | Unknown


class Wayback:
    """Asks one question a call. All calls raise :class:`~monitor.archives.gate.Paused`."""

    def __init__(self, gate: Gate) -> None:
        self.gate = gate
        self.base = gate.settings.base_url

    # look-ups

    async def newest(self, url: str) -> LookUp:
        """The newest capture of ``url``, whatever it shows."""
        page = await self.gate.request(
            Kind.LOOK_UP, f"{self.base}/web/{urldefrag(url).url}", timeout_s=LOOK_UP_S, max_bytes=SMALL
        )
        if _is_excluded(page):
            return Excluded()
        if page.failure is None and page.http_status in (301, 302, 303, 307, 308):
            capture = at_address(page.headers.get("location", ""), base=self.base)
            if capture is None:
                return Unknown("the look-up leads to no capture")
            # capitals are merged there: the answer may be about another page
            return Found((capture,)) if same_page(capture.original, url) else await self.captures(url)
        if page.failure is None and page.http_status == 404:
            return NoCapture()
        return Unknown(_what(page))

    async def captures(self, url: str, *, before: datetime | None = None, limit: int = 10) -> LookUp:
        """Captures that were no error when they were saved, newest first.

        :param before: only those that are older.
        """
        query = {
            "url": urldefrag(url).url,
            "output": "json",
            "fl": "timestamp,original,statuscode",
            "filter": r"statuscode:200|-",  # "-" is a capture with the bytes of an older one
            "limit": str(-limit),
        }
        if before is not None:
            query["to"] = before.strftime("%Y%m%d%H%M%S")
        address = f"{self.base}/cdx/search/cdx?{urlencode(query)}"
        page = await self.gate.request(Kind.LOOK_UP, address, timeout_s=LOOK_UP_S, max_bytes=INDEX)
        if _is_excluded(page):
            return Excluded()
        if page.failure or page.http_status != 200:
            return Unknown(_what(page))
        found = _index(page.body)
        if found is None:
            return Unknown("the capture index cannot be read")
        wanted = {
            one for one in found if same_page(one.original, url) and (before is None or one.at < before)
        }
        ordered = sorted(wanted, key=lambda one: one.at, reverse=True)
        return Found(tuple(ordered[:limit])) if ordered else NoCapture()

    # Save Page Now 2

    async def submit(self, url: str, *, without_scripts: bool = False) -> Answer:
        """Ask for a capture. An :class:`~monitor.archives.answers.Unanswered` may have been heard all the same."""
        form = {"url": url, "skip_first_archive": "1"}
        if without_scripts:
            form["js_behavior_timeout"] = "0"
        page = await self.gate.request(
            Kind.SAVE,
            f"{self.base}/save",
            method="POST",
            form=form,
            headers=self._headers(),
            timeout_s=SUBMIT_S,
            max_bytes=SMALL,
        )
        return answers.submitted(page)

    async def poll(self, job_ids: Sequence[str]) -> dict[str, Answer]:
        """The state of each job, asked in one request."""
        address, form = f"{self.base}/save/status", {"job_ids": ",".join(job_ids)}
        if len(job_ids) == 1:
            address, form = f"{address}/{job_ids[0]}", {}
        page = await self.gate.request(
            Kind.POLL,
            address,
            method="POST" if form else "GET",
            form=form or None,
            headers=self._headers(),
            timeout_s=LOOK_UP_S,
            max_bytes=SMALL,
        )
        return answers.polled(page, list(job_ids))

    async def budget(self) -> Budget | Refused | Unanswered:
        """What the account may still do today: proves keys and network, and costs nothing."""
        noise = random.randrange(10**9)  # noqa: S311  (against caches)
        page = await self.gate.request(
            Kind.POLL,
            f"{self.base}/save/status/user?_t={noise}",
            headers=self._headers(),
            timeout_s=LOOK_UP_S,
            max_bytes=SMALL,
        )
        return answers.budget(page)

    async def trouble(self) -> str | None:
        """What Save Page Now says is the matter with it; None when all is well."""
        page = await self.gate.request(
            Kind.POLL,
            f"{self.base}/save/status/system",
            headers={"Accept": "application/json"},
            timeout_s=LOOK_UP_S,
            max_bytes=SMALL,
        )
        return answers.trouble(page)

    def _headers(self) -> dict[str, str]:
        settings = self.gate.settings
        access, secret = settings.access_key.get_secret_value(), settings.secret_key.get_secret_value()
        return {"Accept": "application/json", "Authorization": f"LOW {access}:{secret}"}

    # playback

    async def play(self, capture: Capture, *, meant: str) -> Playback:
        """Open a capture as it was saved.

        :param meant: the link's own address: what the page is judged as.
        """
        page = await self.gate.request(Kind.PLAYBACK, capture.url(self.base, "id_"), timeout_s=PLAYBACK_S)
        if _is_excluded(page):
            return Excluded()
        if "memento-datetime" in page.headers and page.failure is None:
            return Played(_as_it_was(page, capture, meant, self.base))
        if page.failure is None and page.http_status in (301, 302, 303, 307, 308):
            other = at_address(page.headers.get("location", ""), base=self.base)
            return (
                Elsewhere(other)
                if other and other != capture
                else Unknown("playback leads to no other capture")
            )
        if page.failure is None and page.http_status == 404:
            return NotThere()
        return Unknown(_what(page))


def _as_it_was(page: Page, capture: Capture, meant: str, base: str) -> Page:
    """The archived answer as if it had come from the site. An archived redirect ends where it points to."""
    original = {
        name.removeprefix("x-archive-orig-"): value
        for name, value in page.headers.items()
        if name.startswith("x-archive-orig-")
    }
    target = at_address(page.headers.get("location", ""), base=base) if "location" in page.headers else None
    headers = {"content-type": page.headers.get("content-type", "")} | original
    final = target.original if target else capture.original
    return replace(page, url=meant, final_url=final, headers=headers, redirects=())


def _index(body: bytes) -> list[Capture] | None:
    """The captures in a CDX answer; None when it is none. Rows that name no capture are left out."""
    try:
        rows = json.loads(body or b"[]")
    except (ValueError, RecursionError):
        return None
    if not isinstance(rows, list) or not all(isinstance(row, list) for row in rows):
        return None
    captures = []
    for row in rows[1:]:
        if len(row) == 3 and all(isinstance(value, str) for value in row) and row[2] in ("200", "-"):
            when = moment(row[0])
            if when is not None:
                captures.append(Capture(when, row[1]))
    return captures


def _is_excluded(page: Page) -> bool:
    error = page.headers.get("x-archive-wayback-runtime-error", "").encode()
    if "memento-datetime" in page.headers:
        return False
    return any(sign in error or sign in page.body[:SMALL] for sign in _EXCLUDED)


def _what(page: Page) -> str:
    return page.failure.detail if page.failure else f"HTTP {page.http_status}"


def unseen(found: Found, known: Collection[str], base: str) -> Capture | None:
    """The first capture whose address is not among ``known``."""
    return next((capture for capture in found.captures if capture.url(base) not in known), None)
