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
from monitor.policy.status import State

YEAR = timedelta(days=365)
YOUNGER_THAN_DAYS = (2, 7, 30, 180, math.inf)
YEARLY_RISK = (2.0, 0.40, 0.12, 0.06, 0.05)
CHANCE_SHOWN_AT_MOST = 0.5  # the model is too high above about 10 %
TEMPORARY_MARKS = {"signature", "tempkey"}
ELSEWHERE = (Reason.HOME_PAGE, Reason.OTHER_PAGE)


@dataclass(frozen=True, slots=True)
class Account:
    """What happened to the links of one account: how many are dead, over how many years seen alive."""

    links: int = 0
    dead: int = 0
    link_years: float = 0.0

    @property
    def expected(self) -> float:
        """Deaths that the table expects in that time."""
        return self.link_years * YEARLY_RISK[-1]

    @property
    def factor(self) -> float:
        return min(8.0, max(0.3, (1 + self.dead) / (1 + self.expected)))


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


def assess(
    state: State,
    *,
    url: str,
    reason: str | None,
    born: datetime,
    account: Account,
    now: datetime,
    policy: Policy,
) -> Risk:
    """The risk of a link that is not dead.

    :param reason: the reason code of the last look.
    :param born: when the page was published, else when the link was added.
    :param account: the other links of its account.
    """
    age = max(now - born, timedelta(0))
    column = next(i for i, days in enumerate(YOUNGER_THAN_DAYS) if age < timedelta(days=1) * min(days, 10**6))
    yearly = YEARLY_RISK[column]
    reasons: list[Mapping[str, Any]] = [{"code": "age", "yearly": yearly, "days": age.days}]
    for sign in _signs(state, url=url, reason=reason, account=account, now=now):
        yearly *= sign["factor"]
        reasons.append(sign)
    chance = min(CHANCE_SHOWN_AT_MOST, 1 - math.exp(-yearly * timedelta(days=90) / YEAR))
    return Risk(
        yearly,
        chance,
        chance >= policy.at_risk_chance,
        chance >= policy.at_risk_chance_uncopied,
        tuple(reasons),
    )


def _signs(
    state: State, *, url: str, reason: str | None, account: Account, now: datetime
) -> list[Mapping[str, Any]]:
    signs: list[Mapping[str, Any]] = []
    if account.links and not math.isclose(account.factor, 1, abs_tol=0.05):
        expected = round(account.expected, 2)
        signs.append(
            {
                "code": "account",
                "factor": account.factor,
                "dead": account.dead,
                "of": account.links,
                "expected": expected,
            }
        )
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
    parts = urlsplit(url)
    names = {name for name, _ in parse_qsl(parts.query)}
    return parts.hostname == "mp.weixin.qq.com" and not names.isdisjoint(TEMPORARY_MARKS)
