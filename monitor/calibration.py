"""Was the predicted risk right? What would have been said of each link some time ago, beside what happened. Pure.

Predictions are not stored: they are made anew, by today's rules, from what was known at that time and nothing later.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby

from monitor.config import Policy
from monitor.policy import Account, Experience, State, assess

DEATHS_NEEDED = 200  # with fewer, chance speaks louder than the model
AHEAD = timedelta(days=90)  # what ``chance_90d`` speaks of
GROUPS = 10


@dataclass(frozen=True, slots=True)
class Past:
    """A link that was alive at some time, as it was known then, and whether it died within :data:`AHEAD`.

    ``reason``: of its last look by then.
    """

    url: str
    platform: str
    account: str | None
    born: datetime
    reason: str
    state: State
    died: bool


@dataclass(frozen=True, slots=True)
class Group:
    """Links with a like chance: how many there are, how many of them were expected to die, and how many did."""

    links: int
    expected: float
    died: int


def predict(
    links: Sequence[Past],
    *,
    accounts: Mapping[str, Account],
    experience: Experience,
    then: datetime,
    policy: Policy,
) -> list[tuple[float, bool]]:
    """The chance of each link to die within :data:`AHEAD` as it was at ``then``, and whether it did.

    :param accounts: what had happened to the links of each account by then; so ``experience``.
    """
    return [
        (
            assess(
                link.state,
                url=link.url,
                platform=link.platform,
                reason=link.reason,
                born=link.born,
                account=accounts.get(link.account or "", Account()),
                experience=experience,
                now=then,
                policy=policy,
            ).chance_90d,
            link.died,
        )
        for link in links
    ]


def grouped(predictions: Sequence[tuple[float, bool]]) -> list[Group]:
    """Ten groups of about equal size, the smallest chances first; like chances stay together, so there may be fewer."""
    groups: list[Group] = []
    part: list[tuple[float, bool]] = []
    for chance, same in groupby(sorted(predictions), key=lambda prediction: prediction[0]):
        part += [(chance, died) for _, died in same]
        if len(part) * GROUPS >= len(predictions):
            groups.append(_group(part))
            part = []
    return [*groups, _group(part)] if part else groups


def _group(part: Sequence[tuple[float, bool]]) -> Group:
    return Group(len(part), sum(chance for chance, _ in part), sum(died for _, died in part))
