"""What a page means: one module a platform, and the rules that hold on any host. Pure.

Values in, values out: a :class:`~monitor.model.Page` and what is known, a :class:`~monitor.model.Verdict` back. Nothing
here raises on what a page contains.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from functools import lru_cache
from urllib.parse import urlunsplit

from monitor.model import Article, Identity, Known, Outcome, Page, Reason, Verdict
from monitor.platforms import csdn, generic, transport, wechat, zhihu
from monitor.platforms.base import Platform, host_of, is_host, parts_of
from monitor.platforms.html import Document, tidy
from monitor.platforms.likeness import likeness
from monitor.urls import NotALink, clean

__all__ = ["PLATFORMS", "Platform", "Reading", "article", "enough", "identify", "judge", "probe_url"]

PLATFORMS: tuple[Platform, ...] = (
    wechat,
    zhihu,
    csdn,
    generic,  # last: it takes every host
)
_NOTHING = Known()
MAX_ACCOUNT = 200  # characters


def identify(raw: str) -> Identity:
    """Which page an address means, the same for every way to write it.

    Raises :class:`monitor.urls.NotALink` for what cannot be fetched over http(s); its text is for the user.
    """
    url = clean(raw)
    for _ in range(4):  # a wall's own address leads to the article's, rarely on another platform
        platform = _of_host(host_of(url))
        canonical = platform.canonical(url)
        if canonical == url:
            return Identity(url, platform.NAME, host_of(url), platform.account(url))
        url = clean(canonical)
    raise NotALink("The address leads from one to the next without end; give the address of the page itself.")


class Reading:
    """A page as the rules read it, parsed once for all that is asked of it."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self._platform = _of_page(page)
        self._document = _document(page, self._platform)

    def judge(self, known: Known = _NOTHING) -> Verdict:
        """What came back, and how that is known. The body may be a prefix."""
        page = self.page
        if page.failure is not None:
            return self._broken_off(known) or transport.from_failure(page.failure)
        verdict = self._platform.judge(self._document, known)
        if verdict.outcome is not Outcome.OK:
            return verdict
        if known.sketch and verdict.likeness is None and page.complete:
            text = self._platform.article(self._document).text
            verdict = replace(verdict, likeness=likeness(known.sketch, text))
        if not verdict.moved_to and (target := _moved_to(page)):
            verdict = replace(verdict, moved_to=target)
        return verdict

    def _broken_off(self, known: Known) -> Verdict | None:
        """A failure after a status: only structure that was already there, or a wall, still speaks."""
        if self.page.http_status is not None and self.page.body:
            verdict = self._platform.judge(self._document, known)
            if verdict.reason is Reason.ARTICLE or verdict.outcome is Outcome.WALLED:
                return verdict
        return None

    def article(self, verdict: Verdict) -> Article | None:
        """The readable text and what it says about itself; None for a page that was not judged ``ok``."""
        if self.page.failure is not None or verdict.outcome is not Outcome.OK:
            return None
        # known by its text or title: the platform's own containers are not there
        platform = self._platform if verdict.reason is Reason.ARTICLE else generic
        found = platform.article(self._document)
        account = tidy(found.account, MAX_ACCOUNT) or None if found.account else None
        return found if account == found.account else replace(found, account=account)


def judge(page: Page, known: Known = _NOTHING) -> Verdict:
    """What came back, and how that is known. ``page.body`` may be a prefix."""
    return Reading(page).judge(known)


def article(page: Page, verdict: Verdict) -> Article | None:
    """The readable text of a page and what it says about itself; None for a page that was not judged ``ok``."""
    return Reading(page).article(verdict)


def enough(page: Page) -> bool:
    """Whether more bytes of the body could not change the verdict; asked while a page is being read."""
    platform = _of_page(page)
    return platform.enough(_document(page, platform))


def probe_url(url: str) -> str | None:
    """A neighbour of the address that nobody has made: the last part of its path as 25 letters drawn from its hash.

    None where the answer would prove nothing: platforms with rules of their own, and front pages.
    """
    parts = parts_of(url)
    directory, _, last = parts.path.rstrip("/").rpartition("/")
    if not last or _of_host(host_of(url)) is not generic:
        return None
    number = int.from_bytes(hashlib.sha256(url.encode("utf-8", "replace")).digest(), "big")
    letters = "".join(chr(ord("a") + number // 26**place % 26) for place in range(25))
    tail = "/" if parts.path.endswith("/") else ""
    return urlunsplit((parts.scheme, parts.netloc, f"{directory}/{letters}{tail}", "", ""))


def _document(page: Page, platform: Platform) -> Document:
    return Document(page, limit=generic.MAX_CHARACTERS) if platform is generic else Document(page)


@lru_cache(maxsize=4096)
def _of_host(host: str) -> Platform:
    return next((platform for platform in PLATFORMS if is_host(host, platform.HOSTS)), generic)


def _of_page(page: Page) -> Platform:
    """By where it ended, so a shortened address is judged as what it stands for; else by what was asked for."""
    ended = _of_host(host_of(page.final_url))
    return ended if ended is not generic else _of_host(host_of(page.url))


def _moved_to(page: Page) -> str | None:
    """Where permanent redirects (301, 308 all the way) led, if that is another page."""
    if not page.redirects or any(hop.http_status not in {301, 308} for hop in page.redirects):
        return None
    try:
        asked, ended = identify(page.url).url, identify(page.final_url).url
    except NotALink:
        return None
    return None if asked == ended or generic.is_home(ended) else ended
