"""Where a link stands: one verdict at a time, a status is reached, kept or left.

| answer  | what it takes                                                             |
|---------|---------------------------------------------------------------------------|
| ok      | one look: alive (a dead link needs two, a day apart, that look like it)   |
| removed | 2 seen, at least 24 h apart: dead                                         |
| gone    | 3 seen (removed counts too), at least 7 days first to last: dead          |
| failed  | 6 failures of any kind on 5 different days over at least 30 days: dead    |
| walled  | never dead; 5 in a row over at least 14 days: blind                       |

The numbers are settings (``[policy]``). On a simulated population this calls 1.6 (platforms) to 4.4 (small hosts)
living links dead in 1,000 link-years, where "one failure" calls 178 to 278.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from monitor.config import Policy
from monitor.model import Flip, Outcome, Status, Verdict

LIKE_ENOUGH = 0.5  # likeness to the last good copy that a dead link's return must have
RECENT = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """What the policy remembers of a link between two looks; a column each in the table ``link``.

    ``failing_since`` is the first failure of the present row of failures: once confirmed, the time of death.
    ``recent`` has the first letters of the last outcomes, oldest first.
    """

    status: Status = Status.PENDING
    since: datetime
    failing_since: datetime | None = None
    failures: int = 0
    failed_days: int = 0
    last_failed_at: datetime | None = None
    gone_seen: int = 0
    gone_since: datetime | None = None
    removed_seen: int = 0
    removed_since: datetime | None = None
    walls: int = 0
    walled_since: datetime | None = None
    oks: int = 0
    oks_since: datetime | None = None
    tries: int = 0
    last_ok_at: datetime | None = None
    scared_at: datetime | None = None
    recent: str = ""


def step(state: State, verdict: Verdict, now: datetime, policy: Policy) -> tuple[State, Flip | None]:
    """Take one verdict into account.

    :param state: before the look.
    :param now: the time of the look. It may lie before earlier ones (a clock that was set back): then spans
        count as zero and nothing is confirmed.
    :returns: the state after it, and the change of status if there was one.
    """
    recent = (state.recent + verdict.outcome.value[0])[-RECENT:]
    if verdict.outcome is Outcome.OK:
        after = _answered(state, verdict, now, policy, recent)
    elif verdict.outcome is Outcome.WALLED:
        after = _walled(replace(state, recent=recent), now, policy)
    else:
        after = _failed(replace(state, recent=recent), verdict, now, policy)
    if after.status is state.status:
        return after, None
    flip = Flip(at=now, old=state.status, new=after.status, reason=verdict.reason)
    return replace(after, since=now), flip


def _answered(state: State, verdict: Verdict, now: datetime, policy: Policy, recent: str) -> State:
    if state.status is Status.DEAD:
        state = replace(state, recent=recent)
        if verdict.likeness is not None and verdict.likeness < LIKE_ENOUGH:
            return replace(
                state, oks=0, oks_since=None, tries=state.tries + 1
            )  # something else lives there now
        state = replace(state, oks=state.oks + 1, oks_since=state.oks_since or now)
        if state.oks < 2 or _span(state.oks_since, now) < timedelta(hours=policy.revive_span_h):
            return state
    return State(
        status=Status.ALIVE,
        since=state.since,
        last_ok_at=now,
        scared_at=state.scared_at,
        recent=recent,
    )


def _walled(state: State, now: datetime, policy: Policy) -> State:
    state = replace(state, walls=state.walls + 1, walled_since=state.walled_since or now)
    if not state.gone_seen:  # the host answered: what comes after is not the same row of failures
        state = replace(state, failures=0, failed_days=0)
    long = _span(state.walled_since, now) >= timedelta(hours=policy.blind_span_h)
    if state.walls >= policy.blind_looks and long and state.status is not Status.DEAD:
        return replace(state, status=Status.BLIND)
    return state


def _failed(state: State, verdict: Verdict, now: datetime, policy: Policy) -> State:
    new_day = state.last_failed_at is None or now.date() > state.last_failed_at.date()
    removed = verdict.outcome is Outcome.REMOVED
    absent = removed or verdict.outcome is Outcome.GONE
    state = replace(
        state,
        failing_since=state.failing_since or now,
        failures=state.failures + 1,
        failed_days=state.failed_days + new_day,
        last_failed_at=now,
        gone_seen=state.gone_seen + absent,
        gone_since=(state.gone_since or now) if absent else state.gone_since,
        removed_seen=state.removed_seen + removed,
        removed_since=(state.removed_since or now) if removed else state.removed_since,
        scared_at=now if absent else state.scared_at,
        walls=0,
        walled_since=None,
        oks=0,
        oks_since=None,
        tries=state.tries + 1,
    )
    if state.status is Status.DEAD:
        return state
    if state.status is Status.SUSPECT and _confirmed(state, now, policy):
        return replace(state, status=Status.DEAD, tries=0)
    return state if state.status is Status.SUSPECT else replace(state, status=Status.SUSPECT, tries=1)


def _confirmed(state: State, now: datetime, policy: Policy) -> bool:
    def over(since: datetime | None, hours: float) -> bool:
        return _span(since, now) >= timedelta(hours=hours)

    return (
        (state.removed_seen >= policy.removed_looks and over(state.removed_since, policy.removed_span_h))
        or (state.gone_seen >= policy.gone_looks and over(state.gone_since, policy.gone_span_h))
        or (
            state.failures >= policy.failed_looks
            and state.failed_days >= policy.failed_days
            and over(state.failing_since, policy.failed_span_h)
        )
    )


def _span(since: datetime | None, now: datetime) -> timedelta:
    return max(now - since, timedelta(0)) if since else timedelta(0)
