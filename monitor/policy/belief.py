"""Whether what a look says is believed: many links that fail together are one event of their host or platform.

- **Host brake**: at least 3 and more than a third of a host's last 10 answers were failures of the host: one outage.
  Until it answers again, for at most 30 days, failures there do not count.
- **Mass-change guard**: of a platform's last 40 looks at links that were alive, at least 8 and more than a quarter
  brought bad news: the platform has more likely changed its pages than massacred them. Until the share has fallen
  below a tenth, for at most 30 days, bad news from it does not count.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from monitor.model import Outcome, Reason, Status, Verdict

DOUBTED_AT_MOST = timedelta(days=30)
HOST_ANSWERS, HOST_FAILURES, HOST_SHARE = 10, 3, 1 / 3
PLATFORM_LOOKS, PLATFORM_BAD, PLATFORM_SHARE, PLATFORM_CALM = 40, 8, 1 / 4, 1 / 10
OF_THE_HOST = frozenset(
    {Reason.TIMEOUT, Reason.DNS, Reason.TLS, Reason.CONNECTION, Reason.SERVER_ERROR, Reason.MAINTENANCE}
)
BAD = frozenset({Outcome.REMOVED, Outcome.GONE, Outcome.FAILED})


class Doubt(StrEnum):
    """Why a look is not believed."""

    OUTAGE = "outage"
    WAVE = "wave"


@dataclass(frozen=True, slots=True)
class Crowd:
    """The last answers of many links together, oldest first, ``-`` where bad; since when they are doubted."""

    recent: str = ""
    since: datetime | None = None

    @property
    def bad(self) -> int:
        return self.recent.count("-")

    def doubted(self, now: datetime) -> bool:
        return self.since is not None and now - self.since < DOUBTED_AT_MOST


def host_after(crowd: Crowd, verdict: Verdict, now: datetime, *, alone: bool = False) -> Crowd:
    """The host's crowd once it has answered; one answer ends an outage.

    :param alone: the link is the only one of its host: then nothing fails together.
    """
    if alone or not _is_the_hosts(verdict):
        return Crowd("+") if crowd.since else Crowd((crowd.recent + "+")[-HOST_ANSWERS:])
    recent = (crowd.recent + "-")[-HOST_ANSWERS:]
    failures = recent.count("-")
    down = failures >= HOST_FAILURES and failures > HOST_SHARE * len(recent)
    return Crowd(recent, crowd.since or (now if down else None))


def platform_after(crowd: Crowd, before: Status, verdict: Verdict, now: datetime) -> Crowd:
    """The platform's crowd once a link that was in status ``before`` was looked at."""
    if before is not Status.ALIVE or verdict.outcome is Outcome.WALLED or _is_the_hosts(verdict):
        return crowd  # an outage is the host brake's business
    recent = (crowd.recent + ("-" if verdict.outcome in BAD else "+"))[-PLATFORM_LOOKS:]
    bad = recent.count("-")
    if crowd.since and crowd.doubted(now):
        calm = len(recent) == PLATFORM_LOOKS and bad < PLATFORM_CALM * PLATFORM_LOOKS
        return Crowd(recent, None if calm else crowd.since)
    wave = bad >= PLATFORM_BAD and bad > PLATFORM_SHARE * len(recent)
    return Crowd(recent, now if wave else None)


def doubt(host: Crowd, platform: Crowd, verdict: Verdict, now: datetime) -> Doubt | None:
    """Why ``verdict`` is not believed; None where it is. Good news and walls always are.

    :param host: its crowd with this answer in it.
    :param platform: its crowd with this look in it.
    """
    if _is_the_hosts(verdict) and host.doubted(now):
        return Doubt.OUTAGE
    if verdict.outcome in BAD and platform.doubted(now):
        return Doubt.WAVE
    return None


def _is_the_hosts(verdict: Verdict) -> bool:
    """Whether an answer says that the host is in trouble, not the link."""
    return verdict.outcome is Outcome.FAILED and verdict.reason in OF_THE_HOST
