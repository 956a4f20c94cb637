"""A host whose worker breaks at once is left alone for longer and longer."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from monitor.rests import FIRST, LONGEST, Rests

NOW = datetime(2026, 3, 2, tzinfo=UTC)


def test_a_rest_doubles_with_every_failure_up_to_its_longest() -> None:
    rests, now, seen = Rests(), NOW, []
    for _ in range(12):
        rests.broke("a.example", now)
        began = now
        while rests.at(now):
            now += FIRST
        seen.append(now - began)
    assert seen[:4] == [FIRST, 2 * FIRST, 4 * FIRST, 8 * FIRST]
    assert seen[-1] == LONGEST


def test_who_works_again_begins_anew_and_others_never_rest() -> None:
    rests = Rests()
    for _ in range(5):
        rests.broke("a.example", NOW)
    assert rests.at(NOW) == {"a.example"}
    rests.worked("a.example")
    rests.worked("b.example")
    assert rests.at(NOW) == set()
    rests.broke("a.example", NOW)
    assert rests.at(NOW + FIRST - timedelta(seconds=1)) == {"a.example"}
    assert rests.at(NOW + FIRST) == set()
