"""Saving without keys, by waybackpy: it knows the old form ``GET /save/<url>`` and how to read its answer.

Its own network side is left out. It knows no time-out, sends up to eight requests where one is refused, sleeps in
between, and cannot be told of a proxy, a certificate authority or a host's address. So the one request it is allowed
goes through the gate like everything else, and the address it comes back with is only believed once it was opened.
"""

from __future__ import annotations

import asyncio
import logging
import warnings
from urllib.parse import urljoin

from requests import RequestException
from requests.structures import CaseInsensitiveDict
from waybackpy import WaybackMachineSaveAPI
from waybackpy.exceptions import WaybackError

from monitor.archives.answers import KEYS, Answer, Class, Refused, Rest, Saved, Unanswered
from monitor.archives.capture import at_address
from monitor.archives.gate import Gate, Kind, Paused
from monitor.model import Page

log = logging.getLogger(__name__)

DEADLINE_S = 180.0
REQUEST_S = 170.0
WANTS_KEYS = f"archive.org saves only with keys. {KEYS}"
_PUBLIC = "https://web.archive.org"  # the only host that waybackpy sees captures on


class _OneRequest(WaybackMachineSaveAPI):
    """waybackpy with its request made by us. Runs in a thread; the request runs in the loop."""

    def __init__(self, gate: Gate, url: str, loop: asyncio.AbstractEventLoop) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # it asks for the time the old way
            super().__init__(url, user_agent=gate.user_agent, max_tries=1)
        self._gate, self._loop = gate, loop
        self.page: Page | None = None

    def get_save_request_headers(self) -> None:
        base = self._gate.settings.base_url
        asking = self._gate.request(
            Kind.SAVE, f"{base}/save/{self.url}", timeout_s=REQUEST_S, max_bytes=64 * 1024
        )
        self.page = asyncio.run_coroutine_threadsafe(asking, self._loop).result(DEADLINE_S)
        headers = dict(self.page.headers)
        landed = headers.get("location") or headers.get("content-location") or ""
        # its Link header names the capture after this one, too, and waybackpy may choose that
        headers.pop("link", None)
        self.headers = CaseInsensitiveDict(headers)
        self.status_code = self.page.http_status
        self.response_url = urljoin(f"{base}/", landed).replace(base, _PUBLIC, 1) if landed else ""


class Anonymous:
    """One save at a time."""

    def __init__(self, gate: Gate) -> None:
        self.gate = gate
        self._one = asyncio.Lock()

    async def save(self, url: str) -> Answer:
        """Save ``url`` and wait for it.

        :raises Paused: the gate is closed.
        """
        async with self._one:
            return await self._save(_OneRequest(self.gate, url, asyncio.get_running_loop()))

    async def _save(self, saving: _OneRequest) -> Answer:
        try:
            async with asyncio.timeout(DEADLINE_S):
                address = await asyncio.to_thread(saving.save)
        except Paused:
            raise
        except TimeoutError:
            return Unanswered("The save did not end in time.")
        except (WaybackError, RequestException, ValueError) as error:
            log.debug("waybackpy: %s", type(error).__name__, extra={"action": "save"})
            return _why_not(saving.page)
        capture = at_address(address, base=self.gate.settings.base_url)
        return Saved(capture) if capture else _why_not(saving.page)


def _why_not(page: Page | None) -> Answer:
    """The answer when waybackpy found no capture in it."""
    status = page.http_status if page else None
    if status in (401, 403):
        return Refused("keys-wanted", Class.OPERATOR, WANTS_KEYS)
    if status == 509:
        return Refused("user-session-limit", Class.ACCOUNT, "Too many sessions.", Rest.MOMENT)
    if status == 404:
        return Refused("not-found", Class.PERMANENT, "archive.org could not find the page.")
    detail = page.failure.detail if page and page.failure else f"HTTP {status} without a capture"
    return Unanswered(f"The save brought no capture: {detail}.")
