from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from monitor.archives.answers import Budget
from monitor.archives.ledger import LONGEST, Ledger

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
SPACING = timedelta(seconds=9)


def closed_until(
    ledger: Ledger, now: datetime, *, daily: int = 200, host: str | None = None
) -> datetime | None:
    stop = ledger.no_save_before(now, spacing=SPACING, daily=daily, host=host)
    return stop[0] if stop else None


def test_a_429_pauses_for_a_minute_then_five_then_hours() -> None:
    ledger, waits = Ledger(), []
    for _ in range(6):
        ledger = ledger.too_many(NOON, timedelta(0))
        assert ledger.not_before is not None
        waits.append((ledger.not_before - NOON) / timedelta(minutes=1))
    assert waits == [1, 5, 60, 120, 240, 480]


def test_retry_after_is_obeyed_when_it_is_longer() -> None:
    assert Ledger().too_many(NOON, timedelta(minutes=7)).not_before == NOON + timedelta(minutes=7)
    assert Ledger().too_many(NOON, timedelta(seconds=1)).not_before == NOON + timedelta(minutes=1)
    assert Ledger().too_many(NOON, timedelta(days=900)).not_before == NOON + LONGEST


def test_a_refused_connection_pauses_for_an_hour_and_doubles() -> None:
    once = Ledger().refused(NOON)
    assert once.not_before == NOON + timedelta(hours=1)
    assert once.refused(NOON).not_before == NOON + timedelta(hours=2)


@given(st.integers(0, 10**6))
def test_no_pause_is_longer_than_a_day(failures: int) -> None:
    for paused in (
        Ledger(failures=failures).too_many(NOON, timedelta(0)),
        Ledger(failures=failures).refused(NOON),
        Ledger(unsteady=failures).unanswered(NOON),
    ):
        assert paused.not_before is None or NOON < paused.not_before <= NOON + LONGEST


def test_only_the_third_lost_answer_in_a_row_pauses() -> None:
    twice = Ledger().unanswered(NOON).unanswered(NOON)
    assert twice.not_before is None
    assert not twice.troubled
    thrice = twice.unanswered(NOON)
    assert thrice.not_before == NOON + timedelta(minutes=5)
    assert thrice.troubled
    assert not twice.answered().unanswered(NOON).troubled


def test_submissions_are_spaced() -> None:
    ledger = Ledger().saved(NOON)
    assert closed_until(ledger, NOON) == NOON + SPACING
    assert closed_until(ledger, NOON + SPACING) is None


def test_a_tenth_of_the_budget_stays_untouched_and_archive_orgs_number_wins() -> None:
    ledger = Ledger().told(Budget(used=89, limit=100, available=3), NOON)
    later = NOON + timedelta(minutes=1)
    assert closed_until(ledger, later, daily=5) is None
    spent = ledger.saved(NOON)
    assert closed_until(spent, later, daily=5000) == datetime(2026, 11, 25, tzinfo=UTC)
    assert closed_until(spent, datetime(2026, 11, 25, tzinfo=UTC)) is None


def test_without_a_number_from_archive_org_the_setting_is_the_budget() -> None:
    ledger = Ledger().saved(NOON).saved(NOON)
    assert closed_until(ledger, NOON + timedelta(minutes=1), daily=2) == datetime(2026, 11, 25, tzinfo=UTC)


def test_a_resting_host_does_not_stop_others_and_is_forgotten_afterwards() -> None:
    until = NOON + timedelta(minutes=10)
    ledger = Ledger().stop_host("a.example", until, NOON)
    assert closed_until(ledger, NOON, host="a.example") == until
    assert closed_until(ledger, NOON, host="b.example") is None
    later = ledger.stop_host("b.example", until + timedelta(hours=1), until)
    assert set(later.saves.hosts) == {"b.example"}


def test_new_keys_lift_the_stop_of_the_old_ones() -> None:
    stopped = Ledger().with_keys("old").stop_saves(NOON + timedelta(days=1), "wrong keys")
    assert closed_until(stopped.with_keys("old"), NOON) == NOON + timedelta(days=1)
    assert closed_until(stopped.with_keys("new"), NOON) is None


def test_saves_that_fail_in_a_row_are_counted_until_one_ends_well() -> None:
    ledger = Ledger().save_ended(well=False).save_ended(well=False)
    assert ledger.saves.failed == 2
    assert ledger.saved(NOON).saves.failed == 2, "a submission is no success yet"
    assert ledger.save_ended(well=True).saves.failed == 0
    assert ledger.with_keys("others").saves.failed == 0
