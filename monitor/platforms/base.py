"""What a platform is, and how its rules say what they found. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol
from urllib.parse import SplitResult, urlsplit

from monitor.model import Article, Known, Outcome, Reason, Verdict
from monitor.platforms.html import Document, tidy


class Platform(Protocol):
    """A module of :mod:`monitor.platforms`: the facts of one platform as functions."""

    NAME: str
    HOSTS: tuple[str, ...]

    def canonical(self, url: str) -> str:
        """The platform's own form of a clean URL."""

    def account(self, url: str) -> str | None:
        """Who published it, where the canonical URL tells."""

    def judge(self, document: Document, known: Known) -> Verdict:
        """What the page means. Something answered: ``http_status`` or a body is there."""

    def enough(self, document: Document) -> bool:
        """Whether more bytes could not change the verdict."""

    def article(self, document: Document) -> Article:
        """What a page judged ``ok`` holds."""


@dataclass(frozen=True, slots=True)
class Notice:
    """A wording and what it means. Only ever held against the text of a page's own error element."""

    wording: re.Pattern[str]
    outcome: Outcome
    reason: Reason
    rule: str

    def found(self, evidence: str, document: Document) -> Verdict:
        return found(self.outcome, self.reason, self.rule, evidence, title=document.title)


def found(
    outcome: Outcome,
    reason: Reason,
    rule: str,
    evidence: str = "",
    *,
    title: str | None = None,
    moved_to: str | None = None,
) -> Verdict:
    """A verdict whose evidence and title are fit to be shown."""
    return Verdict(
        outcome=outcome,
        reason=reason,
        rule=rule,
        evidence=tidy(evidence),
        title=tidy(title) or None if title else None,
        moved_to=moved_to,
    )


def first_match(text: str, notices: Iterable[Notice]) -> Notice | None:
    """The first notice whose wording the text has."""
    return next((notice for notice in notices if notice.wording.search(text)), None)


def one_of(*names: str) -> str:
    """A pattern for one of the names, not as the end of a longer one.

    ``\\b`` comes after the name: what begins with a letter is searched for several times as fast.
    """
    return "(?:" + "|".join(rf"{name}(?<=\b{name})" for name in names) + ")"


def words(text: str) -> frozenset[str]:
    return frozenset(text.split())


def parts_of(url: str) -> SplitResult:
    """The parts of a URL that a page or a caller gave; all empty where it is none."""
    try:
        return urlsplit(url)
    except ValueError:
        return SplitResult("", "", "", "", "")


@lru_cache(maxsize=256)  # asked several times of the same page
def host_of(url: str) -> str:
    """The host of a URL in lower case, empty where there is none."""
    return parts_of(url).hostname or ""


def path_of(url: str) -> str:
    """The path of a URL, empty where there is none."""
    return parts_of(url).path


def is_host(host: str, owners: tuple[str, ...]) -> bool:
    """Whether a host is one of the owners or below one."""
    # the first question is one step for all owners, and hardly any host gets past it
    return host.endswith(owners) and any(host == owner or host.endswith("." + owner) for owner in owners)
