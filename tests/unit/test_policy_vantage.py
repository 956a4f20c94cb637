from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from monitor.config import Policy
from monitor.model import Flip, Outcome, Reason, Status, Verdict
from monitor.policy import State, step
from monitor.policy.vantage import (
    ASKED_WITHIN,
    NOWHERE,
    Place,
    Sighting,
    alone,
    ask_elsewhere,
    dissenting,
    held,
)

NOW = datetime(2026, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)
GONE = Verdict(outcome=Outcome.GONE, reason=Reason.NOT_FOUND, rule="generic.gone.404")
WALLED = Verdict(outcome=Outcome.WALLED, reason=Reason.CAPTCHA, rule="generic.walled.captcha")
OK = Verdict(outcome=Outcome.OK, reason=Reason.PAGE, rule="generic.ok.page")
POLICY = Policy()


def saw(vantage: str, outcome: Outcome, day: float) -> Sighting:
    return Sighting(vantage, outcome, NOW + day * DAY)


def place(*seen: Sighting, others: tuple[str, ...] = ("there",)) -> Place:
    return Place("here", frozenset(others), seen)


def last_look_of_a_suspect() -> tuple[State, State, Flip | None]:
    """Gone on the days 0, 4 and 8, all seen from here: the third look would confirm it."""
    state = State(status=Status.ALIVE, since=NOW - 100 * DAY)
    for day in (0, 4):
        state, _ = step(state, GONE, NOW + day * DAY, POLICY)
    after, flip = step(state, GONE, NOW + 8 * DAY, POLICY)
    assert (state.status, after.status) == (Status.SUSPECT, Status.DEAD)
    return state, after, flip


def test_with_one_vantage_nothing_waits() -> None:
    before, after, _ = last_look_of_a_suspect()
    assert not alone(before, after, GONE, NOWHERE)


@pytest.mark.parametrize(
    ("seen", "waits"),
    [
        ((), True),
        ((saw("there", Outcome.GONE, 4),), False),
        ((saw("there", Outcome.FAILED, 4),), False),
        ((saw("there", Outcome.GONE, -1),), True),  # before it began to fail here
        ((saw("there", Outcome.WALLED, 4),), False),  # it was asked, and has no say
        ((saw("there", Outcome.WALLED, -1),), True),
        ((saw("there", Outcome.OK, 4),), True),
        ((saw("elsewhere", Outcome.GONE, 4),), True),  # a vantage that lives no more
    ],
)
def test_a_suspect_dies_only_when_a_second_living_vantage_has_seen_it_fail(
    seen: tuple[Sighting, ...], *, waits: bool
) -> None:
    before, after, _ = last_look_of_a_suspect()
    assert alone(before, after, GONE, place(*seen)) is waits


def test_of_three_vantages_one_that_meets_walls_does_not_speak_for_the_third() -> None:
    before, after, _ = last_look_of_a_suspect()
    walled = saw("there", Outcome.WALLED, 4)
    assert alone(before, after, GONE, place(walled, others=("there", "far")))
    assert not alone(
        before, after, GONE, place(walled, saw("far", Outcome.WALLED, 5), others=("there", "far"))
    )
    assert not alone(before, after, GONE, place(walled, saw("far", Outcome.GONE, 5), others=("there", "far")))


def test_while_it_waits_a_suspect_stays_one_and_keeps_what_was_seen() -> None:
    before, after, _ = last_look_of_a_suspect()
    kept = held(before, after)
    assert (kept.status, kept.since, kept.gone_seen) == (Status.SUSPECT, before.since, 3)
    confirmed, flip = step(kept, GONE, NOW + 8.1 * DAY, POLICY)  # the other vantage sees the same
    assert flip is not None
    assert confirmed.status is Status.DEAD
    assert not alone(
        kept, confirmed, GONE, Place("there", frozenset({"here"}), (saw("here", Outcome.GONE, 8),))
    )


def test_bad_news_from_a_vantage_that_was_contradicted_waits_for_another() -> None:
    alive = State(status=Status.ALIVE, since=NOW, last_ok_at=NOW)
    after, _ = step(alive, GONE, NOW + 9 * DAY, POLICY)
    contradicted = place(saw("here", Outcome.GONE, 1), saw("there", Outcome.OK, 2))
    assert alone(alive, after, GONE, contradicted)
    assert held(alive, after) == alive
    assert not alone(alive, after, GONE, place(saw("here", Outcome.OK, 1), saw("there", Outcome.OK, 2)))
    assert not alone(alive, after, GONE, place(saw("here", Outcome.GONE, 2), saw("there", Outcome.OK, 1)))


@pytest.mark.parametrize("verdict", [OK, WALLED])
def test_good_news_and_walls_never_wait(verdict: Verdict) -> None:
    before, _, _ = last_look_of_a_suspect()
    after, _ = step(before, verdict, NOW + 8 * DAY, POLICY)
    assert not alone(before, after, verdict, place())


def test_what_is_dead_already_does_not_wait() -> None:
    _, dead, _ = last_look_of_a_suspect()
    after, _ = step(dead, GONE, NOW + 40 * DAY, POLICY)
    assert not alone(dead, replace(after), GONE, place())


def test_another_vantage_is_asked_soon() -> None:
    then = ask_elsewhere(NOW, "here")
    assert then.at == NOW + ASKED_WITHIN
    assert (then.why["rule"], then.why["vantage"]) == ("elsewhere", "here")


def test_a_vantage_dissents_when_another_found_the_article_after_it_failed_there() -> None:
    here, there = saw("here", Outcome.GONE, 1), saw("there", Outcome.OK, 2)
    assert dissenting([here, there]) == [here]
    assert dissenting([here, saw("there", Outcome.OK, 0)]) == []
    assert dissenting([here, saw("there", Outcome.GONE, 2)]) == []
    assert dissenting([]) == []
