"""How fast one host may be asked from one vantage: spacing with jitter, pauses after walls, ``Retry-After``. Pure.

For WeChat article pages 10 s between looks held, 5 s was safe, 2 s was not, and a block lasted about 6 h (reports of
2018): hence a start at 30 s, a pause of 6 h after a captcha, a spacing that doubles then and shrinks slowly in peace.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

from monitor.config import Pace
from monitor.model import Outcome, Page, Reason, Verdict
from monitor.policy.belief import Crowd, host_after

PAUSING = frozenset({Reason.CAPTCHA, Reason.RATE_LIMITED, Reason.BLOCKED})  # the host has had enough of us
SLOWING = PAUSING | {Reason.CHALLENGE}
PEACE_LOOKS = 500
QUICKER = 0.9
FLOOR_S = 10
RETRY_AFTER_AT_MOST = timedelta(days=1)
A_PAUSE = timedelta(minutes=10)  # so much later than our own next look is no spacing: another has met a wall


@dataclass(frozen=True, slots=True)
class HostPace:
    """One row of the table ``pace``. ``answers``: the host's last ones, and whether it is down."""

    host: str
    not_before: datetime
    spacing_s: float | None = None
    walls: int = 0
    looks_since_wall: int = 0
    answers: Crowd = field(default_factory=Crowd)


def spacing_s(pace: HostPace, settings: Pace) -> float:
    """Seconds between two looks at the host, before jitter."""
    return settings.hosts.get(pace.host, settings.default_s) if pace.spacing_s is None else pace.spacing_s


def next_gap(pace: HostPace, settings: Pace, chance: random.Random) -> timedelta:
    """The wait before the next look at the host: its spacing, up to ``jitter`` shorter or longer."""
    spread = settings.jitter * (2 * chance.random() - 1)
    return timedelta(seconds=spacing_s(pace, settings) * (1 + spread))


def after_look(
    pace: HostPace,
    page: Page,
    verdict: Verdict,
    now: datetime,
    *,
    settings: Pace,
    chance: random.Random,
    alone: bool = False,
    gap: timedelta | None = None,
) -> HostPace:
    """The host's pace once a look is done.

    :param gap: the wait that was drawn and booked when the look began. To draw again would make it longer: the longer
        of the two counts.
    :param alone: the link is the only one of its host.
    """
    answers = host_after(pace.answers, verdict, now, alone=alone)
    walls, peace, spacing = 0, pace.looks_since_wall + 1, pace.spacing_s
    if verdict.outcome is Outcome.WALLED and verdict.reason in SLOWING:
        walls, peace = pace.walls + 1, 0
        spacing = min(spacing_s(pace, settings) * 2, settings.max_spacing_s)
    elif peace % PEACE_LOOKS == 0:
        spacing = _quicker(pace, settings)
    after = HostPace(pace.host, now, spacing, walls, peace, answers)
    wait = next_gap(after, settings, chance) if gap is None or walls else gap
    if walls and verdict.reason in PAUSING:
        wait = max(wait, timedelta(seconds=settings.wall_pause_s))
    if answers.doubted(now):
        wait = max(wait, timedelta(seconds=settings.outage_pause_s))
    return replace(after, not_before=now + max(wait, retry_after(page, now)))


def on_the_way(page: Page, host: str, now: datetime, settings: Pace) -> dict[str, datetime]:
    """When hosts with a pace of their own that a look at ``host`` was led to may be asked next."""
    if not page.redirects and page.final_url == page.url:
        return {}
    met = {urlsplit(url).hostname for url in (*(hop.url for hop in page.redirects), page.final_url)} - {
        host,
        None,
    }
    return {name: now + timedelta(seconds=settings.hosts[name]) for name in met if name in settings.hosts}


def together(kept: HostPace, ours: HostPace) -> HostPace:
    """What is known of a host that several workers of one vantage ask: nobody hurries it against another's word.

    :param kept: as another may have left it.
    :param ours: after our own look. Where the other was told to pause, what it learned stays, too.
    """
    if kept.not_before > ours.not_before + A_PAUSE:
        return kept
    return replace(ours, not_before=max(kept.not_before, ours.not_before))


def _quicker(pace: HostPace, settings: Pace) -> float:
    now_s = spacing_s(pace, settings)
    return min(now_s, max(FLOOR_S, now_s * QUICKER))


def retry_after(page: Page, now: datetime) -> timedelta:
    """What the host itself asks for, in seconds or as a date; nonsense counts as nothing."""
    text = page.headers.get("retry-after", "").strip()
    if page.http_status not in (429, 503) or not text:
        return timedelta(0)
    if text.isascii() and text.isdigit():
        wait = timedelta(seconds=min(int(text[:9]), 10**8))
    else:
        try:
            wait = parsedate_to_datetime(text) - now
        except (ValueError, TypeError):
            return timedelta(0)
    return min(max(wait, timedelta(0)), RETRY_AFTER_AT_MOST)
