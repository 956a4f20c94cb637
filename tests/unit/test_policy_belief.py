from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.model import Outcome, Reason, Status, Verdict
from monitor.policy import Crowd, Doubt, doubt, host_after, platform_after

NOW = datetime(2026, 1, 1, tzinfo=UTC)
CALM = Crowd()


def verdict(outcome: Outcome, reason: Reason) -> Verdict:
    return Verdict(outcome=outcome, reason=reason, rule="test")


OK = verdict(Outcome.OK, Reason.ARTICLE)
DOWN = verdict(Outcome.FAILED, Reason.TIMEOUT)
NOTICE = verdict(Outcome.FAILED, Reason.UNAVAILABLE)
REMOVED = verdict(Outcome.REMOVED, Reason.DELETED_BY_AUTHOR)
GONE = verdict(Outcome.GONE, Reason.NOT_FOUND)
WALL = verdict(Outcome.WALLED, Reason.CAPTCHA)


def host(*answers: Verdict, crowd: Crowd = CALM) -> Crowd:
    for answer in answers:
        crowd = host_after(crowd, answer, NOW)
    return crowd


def platform(*looks: Verdict, before: Status = Status.ALIVE, crowd: Crowd = CALM) -> Crowd:
    for look in looks:
        crowd = platform_after(crowd, before, look, NOW)
    return crowd


def test_two_failures_are_no_outage_and_three_in_a_row_are() -> None:
    assert host(DOWN, DOWN).since is None
    assert host(DOWN, DOWN, DOWN).since == NOW


def test_three_failures_among_many_answers_are_no_outage() -> None:
    assert host(*[OK] * 7, DOWN, DOWN, DOWN).since is None
    assert host(*[OK] * 6, DOWN, DOWN, DOWN, DOWN).since == NOW


def test_one_answer_ends_an_outage() -> None:
    assert host(DOWN, DOWN, DOWN, OK) == Crowd("+")
    assert host(DOWN, DOWN, DOWN, WALL) == Crowd("+")


def test_a_notice_about_one_page_is_not_the_hosts_failure() -> None:
    assert host(*[NOTICE] * 10).since is None


def test_failures_of_a_host_that_is_down_are_not_believed() -> None:
    down = host(DOWN, DOWN, DOWN)
    assert doubt(down, CALM, DOWN, NOW) is Doubt.OUTAGE
    assert doubt(down, CALM, NOTICE, NOW) is None
    assert doubt(down, CALM, OK, NOW) is None


def test_after_thirty_days_an_outage_counts() -> None:
    down = host(DOWN, DOWN, DOWN)
    assert doubt(down, CALM, DOWN, NOW + timedelta(days=29.9)) is Doubt.OUTAGE
    assert doubt(down, CALM, DOWN, NOW + timedelta(days=30)) is None


@pytest.mark.parametrize("bad", [REMOVED, GONE, NOTICE])
def test_a_wave_of_bad_news_on_a_platform_is_not_believed(bad: Verdict) -> None:
    wave = platform(*[OK] * 20, *[bad] * 8)
    assert wave.since == NOW
    assert doubt(CALM, wave, bad, NOW) is Doubt.WAVE
    assert doubt(CALM, wave, OK, NOW) is None
    assert doubt(CALM, wave, WALL, NOW) is None


def test_ordinary_dying_is_no_wave() -> None:
    assert platform(*([OK] * 9 + [REMOVED]) * 30).since is None


def test_only_links_that_were_alive_make_a_wave() -> None:
    for status in (Status.PENDING, Status.SUSPECT, Status.DEAD, Status.BLIND):
        assert platform(*[REMOVED] * 100, before=status) == CALM


def test_a_captcha_wave_is_no_news() -> None:
    assert platform(*[WALL] * 100) == CALM


def test_a_wave_ends_when_the_news_is_good_again() -> None:
    wave = platform(*[OK] * 20, *[REMOVED] * 20)
    assert platform(*[OK] * 36, crowd=wave).since == NOW
    assert platform(*[OK] * 37, crowd=wave).since is None


def test_a_wave_that_does_not_end_is_believed_after_thirty_days() -> None:
    wave = platform(*[REMOVED] * 40)
    assert doubt(CALM, wave, REMOVED, NOW + timedelta(days=30)) is None


@given(st.lists(st.sampled_from([OK, DOWN, NOTICE, REMOVED, GONE, WALL]), max_size=120))
def test_memory_is_bounded_and_good_news_is_always_believed(looks: list[Verdict]) -> None:
    down, wave = host(*looks), platform(*looks)
    assert len(down.recent) <= 10
    assert len(wave.recent) <= 40
    assert doubt(down, wave, OK, NOW) is None
