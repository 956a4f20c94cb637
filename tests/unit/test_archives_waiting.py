from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from monitor.archives.gate import Paused
from monitor.archives.waiting import waiting
from monitor.store.archives import JobState, Standing

NOW = datetime(2026, 11, 24, 8, tzinfo=UTC)
SOON = NOW + timedelta(minutes=61)
PAUSE = Paused(SOON, "archive.org says that we ask too often (429).")
LIMIT = Paused(SOON, "today's budget of 27000 captures is spent")


def said(*jobs: Standing, pause: Paused | None = None, no_saves: Paused | None = None) -> str:
    return waiting(jobs, pause=pause, no_saves=no_saves, now=NOW, say=lambda at: f"{at:%H:%M}")


def test_a_pause_comes_before_all_else() -> None:
    due = Standing(JobState.QUEUED, to_submit=False, count=9, first=NOW)
    assert said(due, pause=PAUSE, no_saves=LIMIT) == f"{PAUSE.why} Nothing is asked before 09:01."


def test_a_spent_budget_is_named_only_when_nothing_else_can_be_done() -> None:
    to_submit = Standing(JobState.QUEUED, to_submit=True, count=3, first=NOW)
    to_open = Standing(JobState.CAPTURED, to_submit=False, count=1, first=NOW)
    assert said(to_submit, no_saves=LIMIT) == f"Nothing is submitted before 09:01: {LIMIT.why}"
    assert said(to_submit, to_open, no_saves=LIMIT) == "Asking archive.org."
    assert said(to_submit) == "Asking archive.org for captures."


@pytest.mark.parametrize(
    ("state", "sentence"),
    [
        (JobState.CAPTURED, "Captures to open once they are there: 4, the first at 09:01."),
        (JobState.SUBMITTED, "Captures that archive.org is making: 4."),
        (
            JobState.OUTCOME_UNKNOWN,
            "An answer was lost: at 09:01 it is looked up whether the page was saved.",
        ),
        (JobState.QUEUED, "archive.org gave no answer that tells: asked again at 09:01."),
    ],
)
def test_what_is_due_next_is_said(state: JobState, sentence: str) -> None:
    later = Standing(JobState.QUEUED, to_submit=True, count=1, first=SOON + timedelta(days=1))
    assert said(later, Standing(state, to_submit=False, count=4, first=SOON)) == sentence


def test_when_all_is_done_there_is_nothing_to_wait_for() -> None:
    assert said() == "Nothing is left to wait for."
