"""What one place alone sees: bad news that a second place, where there is one, must see too before it counts. Pure.

A site may turn away one country or one address range with a plain 404. So

- a suspect dies only once another live vantage has seen it fail, too, since it began to fail; a vantage that meets
  nothing but walls there has no say;
- bad news of a living link from a vantage that was contradicted the last time is held until another has looked.

With one vantage nothing of this applies.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from monitor.model import Outcome, Status, Verdict
from monitor.policy.belief import BAD
from monitor.policy.schedule import NextLook
from monitor.policy.status import State

ASKED_WITHIN = timedelta(minutes=10)  # how soon another vantage is to look


@dataclass(frozen=True, slots=True)
class Sighting:
    """The last look at a link from one vantage."""

    vantage: str
    outcome: Outcome
    at: datetime

    @property
    def is_bad(self) -> bool:
        return self.outcome in BAD


@dataclass(frozen=True, slots=True)
class Place:
    """Where a look is made from: ``here``; ``others``: the vantages that live besides; what was ``seen`` before."""

    here: str = ""
    others: frozenset[str] = frozenset()
    seen: tuple[Sighting, ...] = ()


NOWHERE = Place()


def alone(before: State, after: State, verdict: Verdict, place: Place) -> bool:
    """Whether what a look brought must wait for the word of another vantage.

    :param before: the link's state before the look. :param after: what the look would make of it.
    """
    if not place.others or verdict.outcome not in BAD or before.status is Status.DEAD:
        return False
    elsewhere = [one for one in place.seen if one.vantage in place.others]
    if after.status is Status.DEAD:
        since = before.failing_since
        asked = [one for one in elsewhere if since is not None and one.at >= since]
        if any(one.is_bad for one in asked):
            return False
        silent = {one.vantage for one in asked if one.outcome is Outcome.WALLED}
        return silent != place.others
    mine = next((one for one in place.seen if one.vantage == place.here), None)
    contradicted = (
        mine is not None
        and mine.is_bad
        and any(one.outcome is Outcome.OK and one.at > mine.at for one in elsewhere)
    )
    return before.failing_since is None and contradicted


def held(before: State, after: State) -> State:
    """The state of a link while another vantage is asked: a suspect stays one, a living link is as it was."""
    if before.failing_since is None:
        return before
    return replace(after, status=before.status, since=before.since, tries=before.tries + 1)


def ask_elsewhere(now: datetime, here: str) -> NextLook:
    """The next look at a link that only ``here`` sees fail."""
    wait_s = round(ASKED_WITHIN.total_seconds())
    return NextLook(now + ASKED_WITHIN, {"rule": "elsewhere", "every_s": wait_s, "vantage": here})


def dissenting(seen: Iterable[Sighting]) -> list[Sighting]:
    """The vantages whose last look failed where another's later one found the article."""
    last = list(seen)
    found = max((one.at for one in last if one.outcome is Outcome.OK), default=None)
    return [one for one in last if one.is_bad and found is not None and found > one.at]
