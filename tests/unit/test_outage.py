from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta

import pytest

from monitor.outage import LONGEST_S, Outage
from monitor.store import StoreError

NOW = datetime(2026, 1, 1, tzinfo=UTC)
AWAY = StoreError("The database is away.", passing=True)


class Time:
    """Both clocks of a process, driven together."""

    def __init__(self) -> None:
        self.passed_s = 0.0

    def now(self) -> datetime:
        return NOW + timedelta(seconds=self.passed_s)

    def monotonic(self) -> float:
        return self.passed_s


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def outage(time: Time) -> Outage:
    return Outage(time.now, time.monotonic)


def test_the_rests_grow_to_half_a_minute(outage: Outage, time: Time) -> None:
    rests = []
    for _ in range(8):
        outage.failed(AWAY)
        began = time.passed_s
        while outage.rests:
            time.passed_s += 0.5
        rests.append(time.passed_s - began)
    assert rests == [1, 2, 4, 8, 16, LONGEST_S, LONGEST_S, LONGEST_S]


def test_many_that_fail_together_are_one_failure(outage: Outage, time: Time) -> None:
    for _ in range(64):
        outage.failed(AWAY)
    time.passed_s = 1
    assert not outage.rests


def test_it_is_told_once_when_it_begins_and_once_when_it_ends(
    outage: Outage, time: Time, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    for _ in range(5):
        outage.failed(AWAY)
        time.passed_s += 60
    outage.answered()
    outage.answered()
    assert [record.message for record in caplog.records] == [
        "The database is away. Trying again until it answers.",
        "The database answers again, after 0:05:00.",
    ]


def test_it_says_since_when_and_that_nothing_is_lost(outage: Outage) -> None:
    assert (str(outage), outage.rests) == ("", False)
    outage.failed(AWAY)
    assert str(outage) == (
        "Waiting for the database since 2026-01-01 00:00:00Z, nothing is lost: The database is away."
    )
    outage.answered()
    assert (str(outage), outage.rests, outage.since) == ("", False, None)
