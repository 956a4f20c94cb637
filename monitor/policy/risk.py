"""How likely a page is to die: a yearly risk from its age, its account and its signs, and why.

Pages die young or slowly: of shared links 11 % are gone in the first year, about 7 % a year later
(SalahEldeen and Nelson 2012); of all pages 8 % in the first year, 38 % after ten (Pew 2024). Deaths cluster by
account: links whose account mates died at more than 20 % were dead ten times as often as links with none.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from monitor.config import Policy
from monitor.model import Reason
from monitor.policy import site as sites
from monitor.policy.site import Site
from monitor.policy.status import State

YEAR = timedelta(days=365)
YOUNGER_THAN_DAYS = (2, 7, 30, 180, math.inf)
SHRUNK_FACTOR = 4
CHANCE_SHOWN_AT_MOST = 0.5  # the model is too high above about 10 %
CHANCE_BY_ITS_END = 0.9  # of the pages of a site, gone by the day that it is to close
TEMPORARY_MARKS = {"signature", "tempkey"}
AHEAD = timedelta(days=90)
UNKNOWN_SITE = Site()
ELSEWHERE = (Reason.HOME_PAGE, Reason.OTHER_PAGE)


@dataclass(frozen=True, slots=True)
class Account:
    """What happened to the links of one account: how many are dead, over how many years that they lived."""

    links: int = 0
    dead: int = 0
    link_years: float = 0.0

    @classmethod
    def lived(cls, *, links: int, dead: int, seen: int, unseen: int, seen_years: float) -> Account:
        """An account of ``links`` links, ``dead`` of them dead.

        :param seen: links that were seen alive at least once; they lived ``seen_years`` from their births on.
        :param unseen: links that were dead at their first look. Nobody knows how long they lived: half as long as
            the others are taken for each, or their deaths would count against the account and their lives not.
        """
        return cls(links, dead, seen_years * (1 + unseen / (2 * seen)) if seen else 0.0)

    def expected(self, yearly_risk: float) -> float:
        """Deaths that the table expects in that time."""
        return self.link_years * yearly_risk

    def factor(self, yearly_risk: float) -> float:
        """How much more often its links die than the table says, within 0.3 and 8."""
        return min(8.0, max(0.3, (1 + self.dead) / (1 + self.expected(yearly_risk))))


@dataclass(frozen=True, slots=True)
class Risk:
    """``reasons``: what made the risk, each ``{"code", "factor", …}``; the first is the page's age.

    Whether it is at risk depends on whether a verified copy exists, which may change between two looks.
    """

    yearly: float
    chance_90d: float
    at_risk_copied: bool
    at_risk_uncopied: bool
    reasons: tuple[Mapping[str, Any], ...]


Experience = Mapping[tuple[str, int], tuple[int, float]]
"""What this list has lived through: (deaths, link-years seen alive) by platform and column of age."""


def column_of(age: timedelta) -> int:
    """The column of the tables for a page of that age."""
    days = age / timedelta(days=1)
    return next(column for column, limit in enumerate(YOUNGER_THAN_DAYS) if days < limit)


def table_risk(platform: str, column: int, experience: Experience, policy: Policy) -> float:
    """The yearly risk of a page of that platform and age: the prior, moved by what was lived through."""
    deaths, years = experience.get((platform, column), (0, 0.0))
    weight = policy.prior_link_years[column]
    return (policy.yearly_risk[column] * weight + deaths) / (weight + years)


def assess(
    state: State,
    *,
    url: str,
    platform: str,
    reason: str | None,
    born: datetime,
    account: Account,
    experience: Experience,
    now: datetime,
    policy: Policy,
    shrunk: bool = False,
    site: Site = UNKNOWN_SITE,
) -> Risk:
    """The risk of a link that is not dead.

    :param reason: the reason code of the last look.
    :param born: when the page was published, else when the link was added.
    :param account: the other links of its account.
    :param shrunk: its text is less than half of what it was.
    :param site: what is known of the site that it stands on.
    """
    age = max(now - born, timedelta(0))
    yearly = table_risk(platform, column_of(age), experience, policy)
    usual = table_risk(platform, len(YOUNGER_THAN_DAYS) - 1, experience, policy)
    reasons: list[Mapping[str, Any]] = [{"code": "age", "yearly": yearly, "days": age.days}]
    for sign in (
        *sites.signs(site, now),
        *_signs(state, url=url, reason=reason, account=account, usual=usual, now=now),
    ):
        yearly *= sign["factor"]
        reasons.append(sign)
    if shrunk:
        yearly *= SHRUNK_FACTOR
        reasons.append({"code": "shrunk", "factor": SHRUNK_FACTOR})
    chance = min(CHANCE_SHOWN_AT_MOST, _chance(yearly))
    closing = _closing_rate(site, now)
    if site.closes and closing:
        chance = max(chance, min(CHANCE_BY_ITS_END, _chance(closing)))
        day, factor = site.closes.date.isoformat(), (yearly + closing) / yearly
        reasons.insert(1, {"code": "shutdown", "factor": factor, "date": day, "note": site.closes.note})
    return Risk(
        yearly + closing,
        chance,
        bool(closing) or chance >= policy.at_risk_chance,
        bool(closing) or chance >= policy.at_risk_chance_uncopied,
        tuple(reasons),
    )


def _closing_rate(site: Site, now: datetime) -> float:
    """Deaths a year at which :data:`CHANCE_BY_ITS_END` of a closing site's pages are gone by its day."""
    left = sites.time_left(site.closes.date, now) if site.closes else None
    return -math.log(1 - CHANCE_BY_ITS_END) / (left / YEAR) if left else 0.0


def _chance(yearly: float) -> float:
    return 1 - math.exp(-yearly * AHEAD / YEAR)


def _signs(
    state: State, *, url: str, reason: str | None, account: Account, usual: float, now: datetime
) -> list[Mapping[str, Any]]:
    signs: list[Mapping[str, Any]] = []
    factor = account.factor(usual)
    if account.links and not math.isclose(factor, 1, abs_tol=0.05):
        expected = round(account.expected(usual), 2)
        lived = {"dead": account.dead, "of": account.links, "expected": expected}
        signs.append({"code": "account", "factor": factor, **lived})
    failed = state.recent.count("f")
    if 1 <= failed <= 2:
        signs.append({"code": "failed_lately", "factor": 3, "times": failed})
    if state.scared_at and now - state.scared_at < timedelta(days=90):
        signs.append({"code": "was_away", "factor": 8})
    if reason in ELSEWHERE:
        signs.append({"code": "lands_elsewhere", "factor": 10})
    if is_temporary(url):
        signs.append({"code": "temporary_address", "factor": 100})
    return signs


def is_temporary(url: str) -> bool:
    """A signed WeChat address from a search page: it dies by itself within about a day."""
    if not any(mark in url for mark in TEMPORARY_MARKS):  # nearly always, and much cheaper
        return False
    parts = urlsplit(url)
    names = {name for name, _ in parse_qsl(parts.query)}
    return parts.hostname == "mp.weixin.qq.com" and not names.isdisjoint(TEMPORARY_MARKS)
