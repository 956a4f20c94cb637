from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from monitor.report.why import RULES, why

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
ZONE = ZoneInfo("UTC")


@dataclass
class Row:
    status: str = "alive"
    since: datetime = NOW - timedelta(days=100)
    outcome: str | None = "ok"
    reason: str | None = "article"
    failing_since: datetime | None = None
    failures: int = 0
    walls: int = 0
    last_checked_at: datetime | None = NOW
    last_ok_at: datetime | None = NOW
    next_check_at: datetime | None = NOW + timedelta(days=15)
    why_then: Mapping[str, Any] | None = field(
        default_factory=lambda: {"rule": "risk", "every_s": 15 * 86400}
    )
    risk_reasons: list[Any] | None = field(default_factory=lambda: [{"code": "age", "yearly": 0.05}])
    watched: bool = True
    ignored: bool = False


def said(row: Row, language: Any = "en", died_of: str | None = None) -> str:
    return why(row, language=language, zone=ZONE, died_of=died_of)


def test_a_living_link_tells_its_risk_and_its_next_look() -> None:
    assert said(Row()) == (
        "Alive: the article is there (seen 1 Jun 2026). "
        "Next look 16 Jun 2026, every 15 days: of 100 pages like this about 5 die within a year."
    )


def test_an_account_that_dies_is_told_with_its_numbers() -> None:
    account = {"code": "account", "factor": 4.0, "dead": 4, "of": 11, "expected": 0.3}
    row = Row(risk_reasons=[{"code": "age", "yearly": 0.05}, account])
    assert (
        "about 5 die within a year, those of its account 4.0 times as often (4 of 11 dead, 0.3 expected)"
        in said(row)
    )


def test_a_wall_before_a_living_article_is_not_told_as_life() -> None:
    row = Row(
        outcome="walled", reason="captcha", last_ok_at=NOW - timedelta(days=20), why_then={"rule": "walled"}
    )
    assert said(row) == (
        "Alive: the article is there (seen 12 May 2026). "
        "Its last look met a captcha, which says nothing. Next look 16 Jun 2026."
    )


def test_a_wall_before_a_dead_link_is_not_what_it_died_of() -> None:
    row = Row(
        status="dead",
        outcome="walled",
        reason="captcha",
        failing_since=NOW - timedelta(days=9),
        why_then={"rule": "dead"},
    )
    sentence = said(row, died_of="deleted_by_author")
    assert sentence.startswith("Dead since 23 May 2026: deleted by its author;")


def test_a_suspect_tells_since_when_and_how_often() -> None:
    row = Row(
        status="suspect",
        outcome="gone",
        reason="not_found",
        failing_since=NOW,
        failures=2,
        why_then={"rule": "suspect"},
    )
    assert said(row).startswith(
        "Suspect: not found; failing since 1 Jun 2026, 2 times so far, not confirmed yet."
    )


def test_a_blind_link_says_that_nothing_can_be_said() -> None:
    row = Row(status="blind", outcome="walled", reason="captcha", walls=7, why_then={"rule": "walled"})
    assert said(row).startswith(
        "Nothing can be said: a captcha, 7 looks in a row; the article may well be there."
    )


def test_one_hour_is_no_plural() -> None:
    then = {"rule": "risk", "every_s": 3600}
    assert "every 1 hour:" in said(Row(why_then=then))
    assert "间隔 1 小时" in said(Row(why_then=then), "zh")


@pytest.mark.parametrize("rule", sorted(RULES))
@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("status", ["pending", "alive", "suspect", "dead", "blind"])
def test_every_rule_is_a_whole_sentence_in_both_languages(status: str, language: str, rule: str) -> None:
    row = Row(status=status, why_then={"rule": rule, "every_s": 3600}, failing_since=NOW)
    sentence = said(row, language)
    assert "{" not in sentence
    assert "None" not in sentence
    assert sentence.endswith((".", "。"))


def test_a_link_out_of_every_list_says_so() -> None:
    assert said(replace(Row(), watched=False)).endswith("No list mentions it any more; it is not watched.")
    assert said(replace(Row(), ignored=True)).endswith("You asked to ignore it.")
