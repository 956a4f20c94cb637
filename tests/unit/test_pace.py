from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from monitor.config import Pace
from monitor.model import Outcome, Page, Reason, Redirect, Verdict
from monitor.policy import Crowd
from monitor.policy.pace import HostPace, after_look, next_gap, on_the_way, together

NOW = datetime(2026, 1, 1, tzinfo=UTC)
EVEN = Pace(default_s=10, jitter=0, hosts={"slow.example": 30})
CROWD = Crowd("+" * 6 + "-" * 4, NOW)


def look(
    pace: HostPace,
    reason: Reason = Reason.PAGE,
    *,
    http_status: int = 200,
    settings: Pace = EVEN,
    **headers: str,
) -> HostPace:
    outcome = {Reason.PAGE: Outcome.OK, Reason.TIMEOUT: Outcome.FAILED}.get(reason, Outcome.WALLED)
    page = Page(
        url="u",
        final_url="u",
        http_status=http_status,
        headers={k.replace("_", "-"): v for k, v in headers.items()},
    )
    verdict = Verdict(outcome=outcome, reason=reason, rule="test")
    return after_look(pace, page, verdict, NOW, settings=settings, chance=random.Random(1))


def wait_s(pace: HostPace) -> float:
    return (pace.not_before - NOW).total_seconds()


def test_a_host_is_asked_at_its_own_spacing_else_the_default() -> None:
    assert wait_s(look(HostPace("slow.example", NOW))) == 30
    assert wait_s(look(HostPace("other.example", NOW))) == 10


def test_jitter_stays_within_its_share() -> None:
    settings = Pace(default_s=100, jitter=0.3)
    chance = random.Random(7)
    gaps = [next_gap(HostPace("a", NOW), settings, chance).total_seconds() for _ in range(500)]
    assert 70 <= min(gaps) < 75
    assert 125 < max(gaps) <= 130


def test_no_pace_is_no_wait() -> None:
    assert wait_s(look(HostPace("a", NOW), settings=Pace(default_s=0))) == 0


@pytest.mark.parametrize("reason", [Reason.CAPTCHA, Reason.RATE_LIMITED, Reason.BLOCKED])
def test_a_host_that_has_had_enough_is_left_alone_for_six_hours_and_asked_half_as_often(
    reason: Reason,
) -> None:
    pace = look(HostPace("slow.example", NOW), reason)
    assert wait_s(pace) == 6 * 3600
    assert (pace.spacing_s, pace.walls, pace.looks_since_wall) == (60, 1, 0)


def test_a_standing_challenge_only_slows() -> None:
    pace = look(HostPace("slow.example", NOW), Reason.CHALLENGE)
    assert wait_s(pace) == 60


@pytest.mark.parametrize("reason", [Reason.LOGIN, Reason.FORBIDDEN, Reason.CLIENT_ONLY])
def test_a_wall_of_one_page_is_nothing_to_the_host(reason: Reason) -> None:
    pace = look(HostPace("slow.example", NOW), reason)
    assert (wait_s(pace), pace.spacing_s) == (30, None)


def test_the_spacing_doubles_up_to_ten_minutes() -> None:
    pace = HostPace("slow.example", NOW)
    for _ in range(20):
        pace = look(pace, Reason.CAPTCHA)
    assert pace.spacing_s == 600


def test_long_peace_makes_us_quicker_but_never_below_ten_seconds() -> None:
    pace = HostPace("slow.example", NOW)
    for _ in range(500):
        pace = look(pace)
    assert pace.spacing_s == pytest.approx(27)
    for _ in range(500 * 20):
        pace = look(pace)
    assert pace.spacing_s == 10


def test_peace_does_not_slow_a_host_that_was_set_faster() -> None:
    pace = HostPace("a", NOW)
    for _ in range(500):
        pace = look(pace, settings=Pace(default_s=2, jitter=0))
    assert pace.spacing_s == 2


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("120", 120),
        ("Thu, 01 Jan 2026 00:05:00 GMT", 300),
        ("Thu, 01 Jan 2015 00:05:00 GMT", 10),
        ("999999999999999999999", 86400),
        ("soon", 10),
        ("-5", 10),
        ("", 10),
    ],
)
def test_retry_after_is_honoured_and_nonsense_is_not(value: str, seconds: float) -> None:
    assert wait_s(look(HostPace("a", NOW), Reason.TIMEOUT, http_status=503, retry_after=value)) == seconds


def test_retry_after_on_a_healthy_page_means_nothing() -> None:
    assert wait_s(look(HostPace("a", NOW), retry_after="3600")) == 10


def test_a_host_that_is_down_is_asked_every_ten_minutes_until_it_answers() -> None:
    pace = HostPace("a", NOW)
    for reason in [Reason.PAGE] * 8 + [Reason.TIMEOUT] * 4:
        pace = look(pace, reason)
    assert pace.answers == CROWD
    assert wait_s(pace) == 600
    assert wait_s(look(pace)) == 10


def test_hosts_with_a_pace_of_their_own_are_left_alone_after_a_redirect_led_there() -> None:
    page = Page(
        url="https://short.example/a",
        final_url="https://free.example/a",
        redirects=(Redirect("https://short.example/a", 301), Redirect("https://slow.example/a", 302)),
    )
    led_to = on_the_way(page, "short.example", NOW, EVEN)
    assert led_to == {"slow.example": NOW + timedelta(seconds=30)}
    assert on_the_way(page, "slow.example", NOW, EVEN) == {}


def test_a_pause_that_another_worker_was_told_to_make_wins_over_our_own_look() -> None:
    walled = HostPace("a", NOW + timedelta(hours=6), spacing_s=60, walls=1)
    ours = HostPace("a", NOW + timedelta(seconds=30), looks_since_wall=4)
    assert together(walled, ours) == walled
    assert together(ours, walled) == walled
    booked = HostPace("a", NOW + timedelta(seconds=50))
    assert together(booked, ours) == replace(ours, not_before=booked.not_before)
