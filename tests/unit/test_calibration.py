from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from monitor.calibration import Group, Past, grouped, predict
from monitor.config import Policy
from monitor.model import Status
from monitor.policy import Account, State

THEN = datetime(2026, 1, 1, tzinfo=UTC)
PAST = Past(
    url="https://a.example/1",
    platform="generic",
    account="a",
    born=THEN - timedelta(days=1000),
    reason="page",
    state=State(status=Status.ALIVE, since=THEN, recent="ooooo"),
    died=False,
)


def chance(past: Past, account: Account | None = None) -> float:
    accounts = {"a": account} if account else {}
    [(found, died)] = predict([past], accounts=accounts, experience={}, then=THEN, policy=Policy())
    assert died is past.died
    return found


def test_an_old_page_with_no_sign_has_the_chance_of_the_prior_table() -> None:
    assert chance(PAST) == pytest.approx(0.0123, abs=1e-4)  # 1 - exp(-0.05 * 90 / 365)


def test_signs_of_that_time_raise_the_chance() -> None:
    scared = replace(PAST.state, scared_at=THEN - timedelta(days=10))
    assert chance(replace(PAST, state=scared)) > 5 * chance(PAST)
    assert chance(PAST, Account(links=5, dead=3, link_years=1)) > 3 * chance(PAST)


def test_groups_are_of_equal_size_and_the_safest_comes_first() -> None:
    predictions = [(number / 1000, number >= 90) for number in reversed(range(100))]
    groups = grouped(predictions)
    assert [group.links for group in groups] == [10] * 10
    assert [group.died for group in groups] == [0] * 9 + [10]
    assert groups[0].expected == pytest.approx(0.045)
    assert groups[9].expected == pytest.approx(0.945)


def test_few_links_make_few_groups_and_none_are_lost() -> None:
    groups = grouped([(0.1, True), (0.2, False), (0.3, True)])
    assert groups == [Group(1, 0.1, 1), Group(1, 0.2, 0), Group(1, 0.3, 1)]
    assert grouped([]) == []


def test_links_with_the_same_chance_are_never_told_apart() -> None:
    same = [(0.1, False)] * 70 + [(0.1, True)] * 5
    assert grouped([*same, *[(0.2, True)] * 25]) == [
        Group(75, pytest.approx(7.5), 5),  # type: ignore[arg-type]
        Group(25, pytest.approx(5.0), 25),  # type: ignore[arg-type]
    ]
