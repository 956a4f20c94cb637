from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.config import Policy
from monitor.model import Flip, Outcome, Reason, Status, Verdict
from monitor.policy import State, step

START = datetime(2026, 1, 1, tzinfo=UTC)
POLICY = Policy()
REASONS = {
    Outcome.OK: Reason.ARTICLE,
    Outcome.REMOVED: Reason.DELETED_BY_AUTHOR,
    Outcome.GONE: Reason.NOT_FOUND,
    Outcome.FAILED: Reason.TIMEOUT,
    Outcome.WALLED: Reason.CAPTCHA,
}


def verdict(outcome: str, likeness: float | None = None) -> Verdict:
    kind = Outcome(outcome)
    return Verdict(outcome=kind, reason=REASONS[kind], rule=f"test.{kind}", likeness=likeness)


def after(*looks: tuple[float, str], state: State | None = None) -> State:
    """The state after looks, each (days since the start, outcome)."""
    state = state or State(since=START)
    for days, outcome in looks:
        state, _ = step(state, verdict(outcome), START + timedelta(days=days), POLICY)
    return state


def test_the_first_ok_makes_a_link_alive() -> None:
    state, flip = step(State(since=START), verdict("ok"), START, POLICY)
    assert state.status is Status.ALIVE
    assert flip == Flip(at=START, old=Status.PENDING, new=Status.ALIVE, reason="article")


@pytest.mark.parametrize("outcome", ["removed", "gone", "failed"])
def test_no_single_look_kills(outcome: str) -> None:
    assert after((0, outcome)).status is Status.SUSPECT
    assert after((0, "ok"), (400, outcome)).status is Status.SUSPECT


def test_two_removal_notices_a_day_apart_are_a_death() -> None:
    assert after((0, "ok"), (1, "removed"), (1.9, "removed")).status is Status.SUSPECT
    dead = after((0, "ok"), (1, "removed"), (1.9, "removed"), (2, "removed"))
    assert dead.status is Status.DEAD
    assert dead.since == START + timedelta(days=2)


def test_the_time_of_death_is_the_first_failure() -> None:
    dead = after((0, "ok"), (1, "failed"), (3, "removed"), (5, "removed"))
    assert dead.status is Status.DEAD
    assert dead.failing_since == START + timedelta(days=1)


def test_three_404s_over_a_week_are_a_death() -> None:
    assert after((0, "gone"), (3, "gone"), (6.9, "gone")).status is Status.SUSPECT
    assert after((0, "gone"), (3, "removed"), (7, "gone")).status is Status.DEAD
    assert after((0, "gone"), (8, "gone")).status is Status.SUSPECT


def test_six_failures_on_five_days_over_a_month_are_a_death() -> None:
    looks = [(float(day), "failed") for day in (0, 6, 12, 18, 24)]
    assert after(*looks, (29.9, "failed")).status is Status.SUSPECT
    assert after(*looks, (30, "failed")).status is Status.DEAD


def test_six_failures_on_too_few_days_are_no_death() -> None:
    looks = [
        (0.0, "failed"),
        (0.1, "failed"),
        (0.2, "failed"),
        (0.3, "failed"),
        (0.4, "failed"),
        (40.0, "failed"),
    ]
    assert after(*looks).status is Status.SUSPECT


def test_an_ok_forgets_all_failures() -> None:
    state = after((0, "removed"), (0.5, "ok"), (3, "removed"))
    assert state.status is Status.SUSPECT
    assert state.removed_seen == 1
    assert state.failing_since == START + timedelta(days=3)


def test_a_captcha_never_ages_into_dead() -> None:
    state = after(*((float(day), "walled") for day in range(400)))
    assert state.status is Status.BLIND


def test_walls_between_failures_neither_count_nor_acquit() -> None:
    state = after((0, "removed"), (0.5, "walled"), (1.5, "removed"))
    assert state.status is Status.DEAD
    assert (
        after((0, "gone"), *((float(day), "walled") for day in range(1, 6)), (7, "gone")).status
        is Status.SUSPECT
    )


def test_a_wall_ends_a_row_of_failures_but_keeps_when_it_began() -> None:
    rows = [(float(7 * week), outcome) for week, outcome in enumerate(["failed", "failed", "walled"] * 30)]
    assert after((-1, "ok"), *rows).status is Status.SUSPECT
    state = after((0, "failed"), (1, "failed"), (2, "walled"))
    assert (state.failures, state.failed_days, state.failing_since) == (0, 0, START)


def test_five_walls_within_a_fortnight_are_not_blindness_yet() -> None:
    assert after((0, "ok"), *((1 + day / 2, "walled") for day in range(10))).status is Status.ALIVE
    assert after((0, "ok"), *((1 + 4.0 * day, "walled") for day in range(5))).status is Status.BLIND


def test_a_blind_link_sees_again_with_one_ok() -> None:
    blind = after(*((4.0 * day, "walled") for day in range(6)))
    assert blind.status is Status.BLIND
    assert after((40, "ok"), state=blind).status is Status.ALIVE


def test_the_dead_do_not_turn_blind() -> None:
    dead = after((0, "removed"), (2, "removed"))
    assert after(*((3.0 + 5 * day, "walled") for day in range(20)), state=dead).status is Status.DEAD


def test_a_dead_link_comes_back_with_two_oks_a_day_apart() -> None:
    dead = after((0, "removed"), (2, "removed"))
    assert after((9, "ok"), (9.5, "ok"), state=dead).status is Status.DEAD
    assert after((9, "ok"), (10, "ok"), state=dead).status is Status.ALIVE
    assert after((9, "ok"), (9.5, "gone"), (10.2, "ok"), state=dead).status is Status.DEAD


def test_other_content_at_a_dead_address_is_no_return() -> None:
    state = after((0, "removed"), (2, "removed"))
    for day in (9, 11, 13):
        state, flip = step(state, verdict("ok", likeness=0.1), START + timedelta(days=day), POLICY)
        assert (state.status, flip) == (Status.DEAD, None)


def test_the_last_five_outcomes_are_remembered() -> None:
    looks = [
        (float(day), outcome) for day, outcome in enumerate(("ok", "failed", "ok", "walled", "gone", "ok"))
    ]
    assert after(*looks).recent == "fowgo"


outcomes = st.sampled_from([outcome.value for outcome in Outcome])
gaps = st.floats(min_value=-400, max_value=400, allow_nan=False)


@given(st.lists(gaps, max_size=60))
def test_no_sequence_of_walls_alone_reaches_dead(steps: list[float]) -> None:
    state, now = State(since=START), START
    for days in steps:
        now += timedelta(days=days)
        state, _ = step(state, verdict("walled"), now, POLICY)
        assert state.status in (Status.PENDING, Status.BLIND)


@given(st.lists(st.tuples(gaps, outcomes), max_size=60))
def test_whatever_happens_death_has_enough_witnesses(looks: list[tuple[float, str]]) -> None:
    """No clock and no order of answers makes a death with fewer than two failures since the last ok."""
    state, now, failures = State(since=START), START, 0
    for days, outcome in looks:
        now += timedelta(days=days)
        before = state.status
        state, flip = step(state, verdict(outcome), now, POLICY)
        failures = 0 if outcome == "ok" else failures + (outcome in ("removed", "gone", "failed"))
        assert (flip is not None) == (state.status is not before)
        if flip and state.status is Status.DEAD:
            assert before is Status.SUSPECT
            assert failures >= 2
            assert outcome in ("removed", "gone", "failed")


@given(
    st.lists(st.tuples(st.floats(-5, -0.001), st.sampled_from(["removed", "gone", "failed"])), max_size=20)
)
def test_a_clock_that_only_runs_backwards_kills_nothing(looks: list[tuple[float, str]]) -> None:
    state, now = State(since=START), START
    for days, outcome in looks:
        now += timedelta(days=days)
        state, _ = step(state, verdict(outcome), now, POLICY)
    assert state.status in (Status.PENDING, Status.SUSPECT)


def test_a_step_leaves_what_it_was_given_alone() -> None:
    before = State(since=START)
    copy = replace(before)
    step(before, verdict("gone"), START, POLICY)
    assert before == copy
