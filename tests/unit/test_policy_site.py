from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from monitor.config import Policy, Shutdown
from monitor.model import Status
from monitor.policy import Account, Registration, Risk, Site, State, assess, next_look
from monitor.policy.site import announced
from monitor.report import words
from monitor.report.language import Language
from monitor.report.why import why
from tests.unit.test_why import Row

NOW = datetime(2026, 6, 1, tzinfo=UTC)
DAY = timedelta(days=1)
OLD = NOW - 4000 * DAY
ALIVE = State(status=Status.ALIVE, since=OLD, oks=1)


def assessed(site: Site) -> Risk:
    return assess(
        ALIVE,
        url="https://blog.example.org/a",
        platform="generic",
        reason="page",
        born=OLD,
        account=Account(),
        experience={},
        now=NOW,
        policy=Policy(),
        site=site,
    )


def registered(*statuses: str, days: float = 200, asked: float = 1) -> Site:
    return Site(Registration(NOW - asked * DAY, NOW + days * DAY, frozenset(statuses)))


def closing(day: date, note: str = "") -> Site:
    return Site(closes=Shutdown(host="example.org", date=day, note=note))


def factors(risk: Risk) -> list[tuple[str, float]]:
    return [(reason["code"], reason["factor"]) for reason in risk.reasons[1:]]


@pytest.mark.parametrize(
    ("site", "expected"),
    [
        (registered(days=200), []),
        (registered(days=31), []),
        (registered(days=29), [("domain_expires", 2)]),
        (registered(days=-20), [("domain_expires", 2)]),
        (registered(days=-4000), []),  # a made-up date
        (registered("client hold"), []),
        (registered("redemption period", days=-40), [("domain_ending", 30)]),
        (registered("redemption period", "pending delete"), [("domain_ending", 30)]),
        (registered("pending delete", days=5, asked=91), []),  # long not heard of
        (Site(Registration(NOW)), []),
        (Site(certificate_expired_since=NOW - 7 * DAY), []),
        (Site(certificate_expired_since=NOW - 8 * DAY), [("certificate_expired", 5)]),
    ],
)
def test_only_what_is_known_of_a_sites_end_is_a_sign(site: Site, expected: list[tuple[str, float]]) -> None:
    risk = assessed(site)
    assert factors(risk) == expected
    product = expected[0][1] if expected else 1
    assert risk.yearly == pytest.approx(0.05 * product)


@pytest.mark.parametrize(
    ("days", "chance"), [(1, 0.9), (30, 0.9), (90, 0.9), (180, 1 - 0.1**0.5), (365, 1 - 0.1 ** (90 / 365))]
)
def test_an_announced_end_is_believed_at_nine_in_ten_by_its_date(days: int, chance: float) -> None:
    risk = assessed(closing((NOW + days * DAY).date()))
    assert risk.chance_90d == pytest.approx(chance)


def test_the_looks_come_closer_as_the_end_nears() -> None:
    waits = []
    for days in (700, 365, 90, 30, 5, 1, 0, -20):
        risk = assessed(closing((NOW + days * DAY).date()))
        waits.append(next_look(ALIVE, risk, born=OLD, now=NOW, policy=Policy()).at - NOW)
    assert waits == sorted(waits, reverse=True)
    assert waits[0] < 10 * DAY
    assert waits[-1] == timedelta(hours=6)


def test_a_known_end_is_a_risk_however_far_and_with_a_copy_too() -> None:
    risk = assessed(closing(date(2046, 1, 1)))
    assert risk.chance_90d < Policy().at_risk_chance
    assert risk.at_risk_copied
    assert risk.at_risk_uncopied


def test_an_end_that_did_not_come_is_forgotten_after_a_month() -> None:
    assert assessed(closing((NOW - 31 * DAY).date())) == assessed(Site())
    assert factors(assessed(closing((NOW - 30 * DAY).date())))


def test_the_closest_announcement_counts_for_a_host_and_all_below() -> None:
    wide = Shutdown(host="example.org", date=date(2027, 1, 1))
    close = Shutdown(host=".Blog.Example.org", date=date(2026, 9, 1))
    assert announced("blog.example.org", [wide, close]) == close
    assert announced("a.blog.example.org", [close, wide]) == close
    assert announced("www.example.org", [wide, close]) == wide
    assert announced("badexample.org", [wide, close]) is None


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("en", ["Its site is to close on 1 Mar 2027. Said on its front page."]),
        ("zh", ["其所在网站将于2027年3月1日关闭。Said on its front page."]),
    ],
)
def test_an_announced_end_is_told(language: Language, said: list[str]) -> None:
    risk = assessed(closing(date(2027, 3, 1), "Said on its front page."))
    assert words.signs(language, Status.ALIVE, risk.reasons) == said
    row = Row(risk_reasons=[dict(reason) for reason in risk.reasons])
    assert why(row, language=language, zone=ZoneInfo("UTC")).endswith(said[0])
    assert said[0] not in why(
        Row(status="dead", risk_reasons=row.risk_reasons), language=language, zone=ZoneInfo("UTC")
    )


@pytest.mark.parametrize(
    ("site", "en", "zh"),
    [
        (registered(days=9), "The domain of its site expires on 10 Jun 2026.", "域名于2026年6月10日到期"),
        (registered("pending delete"), "was not renewed and is being deleted", "没有续费"),
        (
            Site(certificate_expired_since=NOW - 20 * DAY),
            "has been expired since 12 May 2026 at least",
            "至少从2026年5月12日起",
        ),
    ],
)
def test_each_sign_is_told_in_both_languages(site: Site, en: str, zh: str) -> None:
    reasons: Any = assessed(site).reasons
    assert en in words.signs("en", Status.ALIVE, reasons)[0]
    assert zh in words.signs("zh", Status.ALIVE, reasons)[0]
