from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.archives import steps
from monitor.archives.answers import Accepted, Class, Pending, Refused, Rest, Saved, Unanswered
from monitor.archives.capture import Capture
from monitor.archives.verify import Graded
from monitor.model import Outcome, Reason, Status, Verdict
from monitor.store.archives import FINISHED, NEVER, Job, JobState

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


def job(**values: Any) -> Job:
    defaults: dict[str, Any] = {
        "id": 1,
        "link_id": 1,
        "state": JobState.QUEUED,
        "danger": 5,
        "created_at": NOW,
        "not_before": NOW,
        "submitted_at": None,
        "remote_id": None,
        "attempts": 0,
        "code": None,
        "message": None,
        "snapshot_id": None,
        "url": "https://example.com/",
        "host": "example.com",
        "title": "",
        "status": Status.ALIVE,
        "failing_since": None,
        "changed_at": None,
        "sketch": None,
        "wanted": True,
    }
    return Job(**(defaults | values))


def sent() -> Job:
    return steps.about_to_submit(job(code="no-capture"), NOW)


def after(before: Job, answer: Any, now: datetime = NOW) -> Job:
    return steps.after_answer(before, answer, now, poll_every_s=5)


def test_a_submission_is_an_unknown_outcome_until_it_is_answered() -> None:
    assert sent().state is JobState.OUTCOME_UNKNOWN
    assert sent().not_before == NOW + timedelta(minutes=5)
    answered = after(sent(), Accepted("spn2-1"))
    assert (answered.state, answered.remote_id) == (JobState.SUBMITTED, "spn2-1")
    assert answered.not_before == NOW + timedelta(seconds=5)


def test_polls_grow_by_1_4_up_to_15_seconds_and_end_after_ten_minutes() -> None:
    polled, now, waits = after(sent(), Accepted("a")), NOW, []
    while polled.state is JobState.SUBMITTED:
        waits.append((polled.not_before - now).total_seconds())
        now = polled.not_before
        polled = after(polled, Pending(), now)
    assert waits[:5] == pytest.approx([5, 7, 9.8, 13.72, 15])
    assert max(waits) == 15
    assert polled.state is JobState.OUTCOME_UNKNOWN
    assert timedelta(minutes=10) <= now - NOW < timedelta(minutes=11)


def test_a_poll_without_an_answer_neither_ends_nor_fails_the_job() -> None:
    polled = after(after(sent(), Accepted("a")), Unanswered("HTTP 502"), NOW + timedelta(seconds=9))
    assert (polled.state, polled.remote_id, polled.attempts) == (JobState.SUBMITTED, "a", 0)


@pytest.mark.parametrize(("kind", "tries"), [(Class.TRANSIENT, 5), (Class.ODD, 2)])
def test_each_class_has_its_number_of_tries(kind: Class, tries: int) -> None:
    waiting, waits = job(), []
    for _ in range(tries):
        waiting = after(waiting, Refused("some-code", kind))
        waits.append(waiting.not_before - NOW)
    assert waiting.state is JobState.FAILED
    longest = timedelta(hours=24)
    assert waits[:-1] == [min(timedelta(minutes=15 * 4**n), longest) for n in range(tries - 1)]


def test_a_permanent_refusal_is_parked_for_good() -> None:
    parked = after(job(), Refused("blocked", Class.PERMANENT, "no"))
    assert (parked.state, parked.code, parked.not_before) == (JobState.FAILED, "blocked", NEVER)


@pytest.mark.parametrize("kind", [Class.HOST, Class.ACCOUNT, Class.OPERATOR])
def test_what_is_not_the_links_fault_costs_it_no_try(kind: Class) -> None:
    waiting = job()
    for _ in range(50):
        waiting = after(waiting, Refused("some-code", kind, rest=Rest.SHORT))
    assert (waiting.state, waiting.attempts) == (JobState.QUEUED, 0)


def test_look_ups_that_do_not_answer_cost_no_try_and_do_not_go_on_for_ever() -> None:
    waiting, now, count = job(), NOW, 0
    while not waiting.looked_up:
        waiting = steps.look_up_unknown(waiting, "HTTP 503", now)
        now, count = max(now, waiting.not_before), count + 1
        assert waiting.attempts == 0
    assert timedelta(days=3) < now - NOW < timedelta(days=5)
    assert count < 20


def test_an_answer_of_trouble_for_all_is_no_try_of_one_link() -> None:
    assert steps.not_saved(sent(), NOW, troubled=True).attempts == 0
    assert steps.not_saved(sent(), NOW, troubled=False).attempts == 1


def test_only_a_capture_since_the_submission_is_ours() -> None:
    def saved(**ago: float) -> Saved:
        return Saved(Capture(NOW - timedelta(**ago), "https://example.com/"))

    assert steps.is_ours(sent(), saved(seconds=-30))
    assert steps.is_ours(sent(), saved(seconds=60)), "clocks differ"
    assert not steps.is_ours(sent(), saved(minutes=45)), "waybackpy takes an old capture for a success"
    assert not steps.is_ours(job(), saved(seconds=0))


def graded(grade: str) -> Graded:
    outcome = Outcome.WALLED if grade == "X" else Outcome.OK
    return Graded(grade, Verdict(outcome=outcome, reason=Reason.CAPTCHA, rule="wechat.wall.captcha"), "why")


@pytest.mark.parametrize(
    ("grade", "made", "state"),
    [
        ("A", True, JobState.VERIFIED),
        ("B", False, JobState.VERIFIED),
        ("X", True, JobState.CAPTURED_WALL),
        ("C", True, JobState.FAILED),
        ("X", False, JobState.QUEUED),
        ("C", False, JobState.QUEUED),
    ],
)
def test_only_a_good_grade_verifies_and_bad_captures_of_others_lead_on(
    grade: str, made: bool, state: JobState
) -> None:
    waiting = job(state=JobState.CAPTURED, snapshot_id=7, submitted_at=NOW if made else None)
    opened = steps.after_grading(waiting, graded(grade), NOW)
    assert opened.state is state
    assert not opened.looked_up or opened.state in FINISHED


def test_a_wall_is_tried_again_after_a_month_but_not_for_the_dead() -> None:
    for status, again in ((Status.ALIVE, NOW + timedelta(days=30)), (Status.DEAD, NEVER)):
        opened = steps.after_grading(job(status=status, submitted_at=NOW), graded("X"), NOW)
        assert opened.not_before == again


def test_a_capture_that_never_opens_is_looked_up_anew() -> None:
    waiting = job(state=JobState.CAPTURED, snapshot_id=7, code="made")
    for _ in range(steps.PLAYBACKS):
        assert waiting.state is JobState.CAPTURED
        waiting = steps.not_played(waiting, "not there", NOW, wait=timedelta(hours=1))
    assert (waiting.state, waiting.looked_up) == (JobState.QUEUED, False)
    ours = job(state=JobState.CAPTURED, snapshot_id=7, submitted_at=NOW, attempts=steps.PLAYBACKS - 1)
    assert steps.not_played(ours, "not there", NOW, wait=timedelta(hours=1)).state is JobState.FAILED


def test_a_capture_of_which_nothing_can_be_said_stays_and_is_opened_later() -> None:
    waiting, now, count = job(state=JobState.CAPTURED, snapshot_id=7, submitted_at=NOW), NOW, 0
    while waiting.state is JobState.CAPTURED:
        waiting = steps.playback_unknown(waiting, "HTTP 200 without a memento", now)
        now, count = max(now, waiting.not_before), count + 1
    assert (waiting.state, waiting.code, waiting.snapshot_id) == (JobState.FAILED, "playback-unknown", 7)
    assert count < 30


answers = st.one_of(
    st.builds(Accepted, st.text(max_size=9), st.timedeltas(timedelta(0), timedelta(hours=900))),
    st.just(Pending()),
    st.builds(Unanswered, st.text(max_size=9)),
    st.builds(
        Refused, st.text(max_size=9), st.sampled_from(Class), st.text(), st.none() | st.sampled_from(Rest)
    ),
)


@given(
    st.sampled_from([JobState.QUEUED, JobState.SUBMITTED, JobState.OUTCOME_UNKNOWN]),
    answers,
    st.integers(0, 9),
    st.timedeltas(timedelta(0), timedelta(days=30)),
)
def test_no_answer_leaves_a_job_without_a_next_step(
    state: JobState, answer: Any, attempts: int, later: timedelta
) -> None:
    before = replace(sent(), state=state, attempts=attempts)
    then = after(before, answer, NOW + later)
    assert then.state in FINISHED or then.not_before >= min(NOW + later, before.not_before)
    assert then.state not in (JobState.VERIFIED, JobState.CAPTURED)
    assert then.attempts >= attempts
    assert (then.state is JobState.SUBMITTED) <= (isinstance(answer, Accepted) or state is JobState.SUBMITTED)
