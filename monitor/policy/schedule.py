"""When to look next.

A live link: ``interval = base * sqrt(0.05 / yearly_risk)`` within 6 h and 60 days. The square root, because the
mean delay is half the interval, so that for a fixed number of looks ``sum(risk * interval)`` is smallest when the
interval goes with ``1 / sqrt(risk)``. Suspect, dead and walled links climb a ladder of waits each.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from monitor.config import Policy
from monitor.model import Status
from monitor.policy.belief import Doubt
from monitor.policy.risk import Risk
from monitor.policy.status import State

USUAL_RISK = 0.05
YOUNG = timedelta(days=30)
DOUBTED_WAIT = {Doubt.OUTAGE: timedelta(hours=6), Doubt.WAVE: timedelta(days=1)}
MATES_WITHIN = timedelta(days=1)  # a mate died: the account's other links are due by then


@dataclass(frozen=True, slots=True)
class NextLook:
    """``why``: the rule that set the time and its inputs, for ``show``."""

    at: datetime
    why: Mapping[str, Any]


def next_look(
    state: State, risk: Risk, *, born: datetime, now: datetime, policy: Policy, doubt: Doubt | None = None
) -> NextLook:
    """The next look at a link.

    :param state: after the last look, which was at ``now``.
    :param born: when the page was published, else when the link was added.
    :param doubt: why the last look was not believed.
    """
    if doubt is not None:
        return _after(doubt, DOUBTED_WAIT[doubt], now)
    if state.status is Status.DEAD:
        if state.oks:
            return _after("came_back", timedelta(hours=policy.revive_span_h), now)
        return _after("dead", _rung(policy.dead_retry_h, state.tries), now, tries=state.tries)
    if state.walls:
        wait = _rung(policy.walled_retry_h, state.walls - 1)
        if state.status is Status.BLIND:
            wait = max(wait, timedelta(hours=policy.base_interval_h))
        return _after("walled", wait, now, walls=state.walls)
    if state.status is Status.SUSPECT:
        return _after("suspect", _rung(policy.suspect_retry_h, state.tries - 1), now, tries=state.tries)
    return _by_risk(risk, born=born, now=now, policy=policy)


def _by_risk(risk: Risk, *, born: datetime, now: datetime, policy: Policy) -> NextLook:
    if any(reason["code"] == "temporary_address" for reason in risk.reasons):
        return _after("temporary", timedelta(hours=policy.min_interval_h), now)
    shortest, longest = timedelta(hours=policy.min_interval_h), timedelta(hours=policy.max_interval_h)
    interval = timedelta(hours=policy.base_interval_h) * math.sqrt(USUAL_RISK / risk.yearly)
    interval = min(max(interval, shortest), longest)
    age = max(now - born, timedelta(0))
    young = max(shortest, age / 2)
    if age < YOUNG and young < interval:
        return _after("young", young, now, yearly_risk=risk.yearly)
    return _after("risk", interval, now, yearly_risk=risk.yearly)


def _rung(ladder_h: tuple[float, ...], step: int) -> timedelta:
    return timedelta(hours=ladder_h[min(max(step, 0), len(ladder_h) - 1)])


def _after(rule: str, wait: timedelta, now: datetime, **inputs: Any) -> NextLook:
    return NextLook(now + wait, {"rule": rule, "every_s": round(wait.total_seconds()), **inputs})
