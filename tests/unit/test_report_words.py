from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from monitor.model import Reason, Status
from monitor.report import words

SHANGHAI = ZoneInfo("Asia/Shanghai")
MOMENT = datetime(2026, 11, 23, 0, 5, tzinfo=UTC)


def test_every_reason_code_has_words_in_both_languages() -> None:
    assert set(words.REASONS) == set(Reason)
    for code in Reason:
        assert words.reason("en", code).isascii() or code == Reason.SOFT_404
        assert any("\u4e00" <= character <= "\u9fff" for character in words.reason("zh", code))


def test_a_reason_of_a_newer_version_is_shown_as_it_is() -> None:
    assert words.reason("en", "eaten_by_a_dog") == "eaten by a dog"


def test_a_sign_of_another_version_is_left_out() -> None:
    assert words.sign("en", {"code": "comet"}) is None
    assert words.sign("en", {"code": "account"}) is None
    assert words.sign("en", {"code": "age", "yearly": "often"}) is None


def test_signs_are_sentences_with_their_numbers() -> None:
    found = {"code": "account", "factor": 8.0, "dead": 4, "of": 11, "expected": 0.3}
    assert words.sign("en", found) == "4 of the 11 other links of its account are dead."
    assert words.sign("en", {**found, "dead": 1}) == "1 of the 11 other links of its account is dead."
    young = {"code": "age", "yearly": 2.0, "days": 1}
    assert words.sign("en", young) == "About 86 of 100 pages of its age are gone a year later."
    assert words.sign("zh", young) == "这个年龄的页面，100 个中约有 86 个会在一年内消失。"


OLD = {"code": "age", "yearly": 0.05, "days": 900}
YOUNG = {"code": "age", "yearly": 2.0, "days": 1}
DYING_ACCOUNT = {"code": "account", "factor": 8.0, "dead": 4, "of": 11, "expected": 0.3}
AWAY = {"code": "was_away", "factor": 8}
ELSEWHERE = {"code": "lands_elsewhere", "factor": 10}


@pytest.mark.parametrize(
    ("status", "found", "told"),
    [
        (Status.ALIVE, [OLD], [OLD]),
        (Status.ALIVE, [OLD, DYING_ACCOUNT], [DYING_ACCOUNT]),
        (Status.ALIVE, [YOUNG, DYING_ACCOUNT, AWAY], [YOUNG, DYING_ACCOUNT]),
        (Status.ALIVE, [OLD, {**DYING_ACCOUNT, "factor": 0.3, "dead": 0}], [OLD]),
        (Status.ALIVE, [OLD, AWAY], [AWAY]),
        (Status.SUSPECT, [OLD, AWAY, {"code": "failed_lately", "factor": 3, "times": 1}], []),
        (Status.SUSPECT, [YOUNG, AWAY, ELSEWHERE], [YOUNG, ELSEWHERE]),
    ],
)
def test_only_what_endangers_a_link_is_told_and_no_failure_twice(
    status: Status, found: list[dict[str, Any]], told: list[dict[str, Any]]
) -> None:
    assert words.signs("en", status, found) == [words.sign("en", one) for one in told]


def test_times_are_those_of_the_zone() -> None:
    assert words.moment("en", MOMENT, SHANGHAI) == "Mon 23 Nov 2026 08:05"
    assert words.moment("zh", MOMENT, SHANGHAI) == "2026年11月23日 周一 08:05"
    assert words.day("en", MOMENT, ZoneInfo("America/New_York")) == "22 Nov 2026"


@pytest.mark.parametrize(("difference", "shown"), [(3, "+3"), (-2, "−2"), (0, "±0")])
def test_a_change_has_its_sign(difference: int, shown: str) -> None:
    assert words.change(difference) == shown
