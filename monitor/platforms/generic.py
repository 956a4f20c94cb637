"""Ordinary sites: no structure to count on, so tombstones, the neighbour's answer, likeness and the title. Pure.

Facts: docs/platforms.md, "Ordinary sites"; docs/policy.md, "Is it the article?".
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from urllib.parse import urljoin

from monitor.model import Article, Known, Outcome, Page, Reason, Verdict
from monitor.platforms import transport, walls
from monitor.platforms.base import found, host_of, parts_of, path_of
from monitor.platforms.html import Document, tidy
from monitor.platforms.likeness import DRIFTED, SAME, is_same_title, likeness, resemblance
from monitor.platforms.soft404 import soft_404
from monitor.platforms.tombstones import whole_site
from monitor.urls import NotALink, clean

NAME = "generic"
HOSTS: tuple[str, ...] = ()

MAX_CHARACTERS = 1_500_000  # nothing beyond changes a verdict
_ENOUGH_TO_COMPARE = 20  # letters; a shell that scripts will fill has fewer
_LOGIN_HOST = re.compile(r"(?:^|\.)(?:passport|login|signin|sso|auth|accounts)\.")
_LOGIN_PATH = re.compile(
    r"(?i)/(?:log[-_]?in|sign[-_]?in|wp-login|passport|sso|cas/login|oauth2?/authorize|users?/sign_in)(?:[/.]|$)"
)
_LOGIN_QUERY = re.compile(r"(?i)(?:^|&)mod=logging(?:&|$)")
_HOME = re.compile(r"(?i)/(?:[a-z]{2}(?:[-_][a-z]{2,4})?/?)?(?:(?:index|default|home|main)(?:\.\w{2,5})?)?/?")
_WHOLE = re.compile(r"(?a)https?://[\w.-]+/[\w./%~@:+,=&!-]*(?:\?[\w./%~@:+,=&!-]+)?")
_SEPARATORS = re.compile(r"\s[|\-–—·_:»]\s|[|_]|\s?[-–—]{2,}\s?")


def canonical(url: str) -> str:
    """What holds for every site is done by :func:`monitor.urls.clean`."""
    return url


def account(url: str) -> str | None:
    """The host: the pages of a site die together."""
    return host_of(url) or None


def judge(document: Document, known: Known) -> Verdict:
    """Walls before statuses, statuses before words, proof of the same text before any suspicion."""
    page = document.page
    titled = known.title is not None and document.is_html and same_title(known.title, document)
    if (
        verdict := walls.wall(document)
        or whole_site(document, titled=titled)
        or transport.from_status(document)
    ):
        return verdict
    if not page.body.strip() and page.complete:
        return found(Outcome.FAILED, Reason.EMPTY, "generic.failed.empty", "an empty answer")
    alike = likeness(known.sketch, document.readable) if known.sketch and known.sketch.total else None
    if alike is not None and alike >= DRIFTED:
        return _ok(Reason.SAME_TEXT, document, alike)
    if verdict := elsewhere(document):
        return verdict
    if verdict := soft_404(document, titled=titled) or _like_its_neighbour(document, known.probe):
        return verdict
    if alike is not None and not titled and page.complete:
        evidence = document.title or document.readable
        return found(
            Outcome.FAILED, Reason.OTHER_PAGE, "generic.failed.other_page", evidence, title=document.title
        )
    return _ok(Reason.SAME_TITLE if titled else Reason.PAGE, document, alike)


def enough(document: Document) -> bool:
    """An ordinary page is read whole: its tombstone may be anywhere and its likeness needs all text."""
    return len(document.page.body) >= 4 * MAX_CHARACTERS


def _ok(reason: Reason, document: Document, alike: float | None) -> Verdict:
    title = document.title  # is tidy
    return Verdict(
        outcome=Outcome.OK,
        reason=reason,
        rule=f"generic.ok.{reason}",
        evidence=title or tidy(document.readable or document.page.headers.get("content-type", "")),
        title=title or None,
        likeness=alike,
    )


def same_title(recorded: str, document: Document) -> bool:
    """Whether one of the page's own titles is the recorded one, with or without the site's name behind it."""
    return is_same_title(recorded, _titles(document))


def _titles(document: Document) -> Iterator[str]:
    """The page's own titles and their pieces; each is looked up only when those before it were others."""
    yield from _pieces(document.title)
    if (heading := document.text("h1")) != document.title:
        yield from _pieces(heading)
    if (shared := document.meta("og:title")) not in (document.title, heading):
        yield from _pieces(shared)


def _pieces(title: str) -> Iterator[str]:
    yield title
    yield from _SEPARATORS.split(title)


# --- where it led --------------------------------------------------------------------------------------------------


def elsewhere(document: Document) -> Verdict | None:
    """A redirect to a login form or from a deep address to the site's front page."""
    page = document.page
    if not page.final_url or _same_address(page.url, page.final_url):
        return None
    if is_login(page.final_url) and not is_login(page.url):
        return found(
            Outcome.WALLED,
            Reason.LOGIN,
            "generic.walled.login",
            tidy(_place(page.final_url)),
            title=document.title,
        )
    if is_home(page.final_url) and _is_deep(page.url, page.final_url):
        evidence = document.title or _place(page.final_url)  # without parameters: some are personal
        return found(
            Outcome.FAILED, Reason.HOME_PAGE, "generic.failed.home_page", evidence, title=document.title
        )
    return None


def _is_deep(asked: str, ended: str) -> bool:
    """Whether the front page cannot be what was asked for. A short link on another host may well mean it."""
    if is_home(asked):
        return False
    path = path_of(asked).strip("/")
    one, other = host_of(asked).removeprefix("www."), host_of(ended).removeprefix("www.")
    same_site = one.endswith(other) or other.endswith(one) or one.split(".")[-2:] == other.split(".")[-2:]
    return same_site or "/" in path or "." in path or len(path) > 15


def is_login(url: str) -> bool:
    """Whether an address is a login form's."""
    parts = parts_of(url)
    return bool(
        _LOGIN_HOST.search(host_of(url)) or _LOGIN_PATH.search(parts.path) or _LOGIN_QUERY.search(parts.query)
    )


def is_home(url: str) -> bool:
    """Whether an address is a site's front page (of any language)."""
    try:
        parts = parts_of(clean(url))
    except NotALink:
        return False
    return not parts.query and not parts.fragment and _HOME.fullmatch(parts.path) is not None


def _place(url: str) -> str:
    return host_of(url) + path_of(url)


def _same_address(one: str, other: str) -> bool:
    try:
        return one == other or clean(one) == clean(other)
    except NotALink:
        return False


def _like_its_neighbour(document: Document, probe: Page | None) -> Verdict | None:
    """A made-up neighbour that gets the same answer: the site says "not found" with status 200."""
    if probe is None or probe.failure is not None or probe.http_status != 200:
        return None
    beside = Document(probe, limit=MAX_CHARACTERS)
    if walls.wall(beside):
        return None
    page = document.page
    landed_together = _same_address(page.final_url, probe.final_url) and not _same_address(
        probe.url, probe.final_url
    )
    readable = len(re.sub(r"[\W\d_]", "", document.readable[:200])) >= _ENOUGH_TO_COMPARE
    alike = resemblance(document.readable, beside.readable) if readable else 0.0
    if not landed_together and (alike < SAME or _is_shell(document)):
        return None
    evidence = document.title or document.readable
    return found(Outcome.GONE, Reason.SOFT_404, "generic.gone.like_neighbour", evidence, title=document.title)


def _is_shell(document: Document) -> bool:
    """A page that its scripts will fill looks the same at every address."""
    return len(document.readable) < 400 and document.has(
        "#app, #root, #__next, #__nuxt, app-root, [data-reactroot]"
    )


# --- the article ---------------------------------------------------------------------------------------------------


def article(document: Document) -> Article:
    """The body without navigation, header, footer and asides; what its meta data says about it."""
    base = document.page.final_url or document.page.url
    pictures = document.tree.tags("img")[:200] if document.is_html else []
    sources = (node.attributes.get("data-src") or node.attributes.get("src") or "" for node in pictures)
    title = document.meta("og:title") or document.title
    return Article(
        text=document.readable,
        title=title or None,
        account=host_of(base) or None,
        published_at=published_at(document),
        pictures=tuple(
            dict.fromkeys(absolute(base, source) for source in sources if source[:5] != "data:" and source)
        ),
    )


def published_at(document: Document) -> datetime | None:
    """When the page says that it was published."""
    return parse_time(
        document.meta("article:published_time")
        or document.json_ld("datePublished")
        or document.meta("datePublished")
        or (document.attribute("article time[datetime]", "datetime") if document.has("time") else "")
    )


def absolute(base: str, address: str) -> str:
    """An address on a page as a whole URL; itself where it is too broken to join."""
    if _WHOLE.fullmatch(address):  # to join it would change nothing, at ten times the cost
        return address
    try:
        return urljoin(base, address.strip())
    except ValueError:
        return address


def parse_time(text: str) -> datetime | None:
    """A time as pages write it, aware and in UTC; one without a zone is read as UTC."""
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text.strip())
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None
