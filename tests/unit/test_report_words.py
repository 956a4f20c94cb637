from __future__ import annotations

from datetime import UTC, datetime
from string import Formatter
from zoneinfo import ZoneInfo

import pytest

from monitor.model import Reason
from monitor.report import words

SHANGHAI = ZoneInfo("Asia/Shanghai")
MOMENT = datetime(2026, 11, 23, 0, 5, tzinfo=UTC)


def test_every_reason_code_has_words_in_both_languages() -> None:
    assert set(words.REASONS) == set(Reason)
    for english, chinese in words.REASONS.values():
        assert english.isprintable()
        assert any("\u4e00" <= character <= "\u9fff" for character in chinese)


@pytest.mark.parametrize("table", [words.TEXT, words.SIGNS])
def test_both_languages_of_a_text_tell_the_same_values(table: dict[str, tuple[str, str]]) -> None:
    for english, chinese in table.values():
        wanted, given = (
            {name for _, name, _, _ in Formatter().parse(t)} - {None} for t in (english, chinese)
        )
        assert wanted == given, english


def test_a_reason_of_a_newer_version_is_shown_as_it_is() -> None:
    assert words.reason("en", "eaten_by_a_dog") == "eaten by a dog"


def test_a_sign_of_another_version_is_left_out() -> None:
    assert words.sign("en", {"code": "comet"}) is None
    assert words.sign("en", {"code": "account"}) is None
    assert words.sign("en", {"code": "age", "yearly": "often"}) is None


def test_signs_are_sentences_with_their_numbers() -> None:
    found = {"code": "account", "factor": 8.0, "dead": 4, "of": 11, "expected": 0.3}
    assert words.sign("en", found) == "Of the 11 other links of its account 4 are dead."
    assert words.sign("zh", {"code": "age", "yearly": 0.4, "days": 3}) == "这个年龄的页面每年约有 40% 失效。"


def test_times_are_those_of_the_zone() -> None:
    assert words.moment("en", MOMENT, SHANGHAI) == "Mon 23 Nov 2026 08:05"
    assert words.moment("zh", MOMENT, SHANGHAI) == "2026年11月23日 周一 08:05"
    assert words.day("en", MOMENT, ZoneInfo("America/New_York")) == "22 Nov 2026"


@pytest.mark.parametrize(("difference", "shown"), [(3, "+3"), (-2, "−2"), (0, "±0")])
def test_a_change_has_its_sign(difference: int, shown: str) -> None:
    assert words.change(difference) == shown
