from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from monitor.config import Policy
from monitor.model import Status
from monitor.policy import Account, Risk, State, assess, next_look
from monitor.policy.risk import YEAR

NOW = datetime(2026, 6, 1, tzinfo=UTC)
OLD = NOW - timedelta(days=2000)
POLICY = Policy()


def risk(yearly: float) -> Risk:
    return Risk(yearly, 0.0, at_risk_copied=False, at_risk_uncopied=False, reasons=())


def alive(**memory: object) -> State:
    return State(status=Status.ALIVE, since=OLD, **memory)  # type: ignore[arg-type]


def wait(state: State, yearly: float = 0.05, born: datetime = OLD) -> timedelta:
    return next_look(state, risk(yearly), born=born, now=NOW, policy=POLICY).at - NOW


@pytest.mark.parametrize(("yearly", "days"), [(0.02, 47.4), (0.05, 30), (0.20, 15), (0.40, 10.6), (2.0, 4.7)])
def test_the_interval_goes_with_the_root_of_the_risk(yearly: float, days: float) -> None:
    assert wait(alive(), yearly) / timedelta(days=1) == pytest.approx(days, abs=0.1)


def test_the_interval_stays_between_six_hours_and_sixty_days() -> None:
    assert wait(alive(), 1e9) == timedelta(hours=6)
    assert wait(alive(), 1e-9) == timedelta(days=60)


def test_a_young_page_is_looked_at_after_half_its_age() -> None:
    assert wait(alive(), born=NOW - timedelta(days=4)) == timedelta(days=2)
    assert wait(alive(), born=NOW - timedelta(minutes=5)) == timedelta(hours=6)


def test_a_page_from_the_future_is_simply_young() -> None:
    assert wait(alive(), born=NOW + timedelta(days=300)) == timedelta(hours=6)


def test_suspects_climb_the_ladder_and_stay_on_its_last_rung() -> None:
    waits = [wait(State(status=Status.SUSPECT, since=OLD, tries=tries)) for tries in (1, 2, 3, 6, 7, 99)]
    assert [w / timedelta(hours=1) for w in waits] == [6, 24, 72, 240, 240, 240]


def test_the_dead_are_visited_ever_less() -> None:
    waits = [wait(State(status=Status.DEAD, since=OLD, tries=tries)) for tries in (0, 1, 2, 3, 50)]
    assert [w.days for w in waits] == [7, 30, 90, 180, 180]


def test_a_dead_link_that_answers_is_looked_at_again_a_day_later() -> None:
    assert wait(State(status=Status.DEAD, since=OLD, oks=1)) == timedelta(days=1)


def test_walls_are_met_again_ever_less() -> None:
    assert [wait(alive(walls=walls)).days for walls in (1, 2, 3, 4, 9)] == [1, 3, 4, 7, 7]
    assert wait(State(status=Status.BLIND, since=OLD, walls=9)).days == 30


def test_five_walls_on_the_ladder_span_a_fortnight() -> None:
    assert sum(wait(alive(walls=walls)).days for walls in (1, 2, 3, 4)) >= 14


# risk


def assessed(state: State | None = None, **changes: object) -> Risk:
    facts: dict[str, object] = {
        "url": "https://mp.weixin.qq.com/s/rX8L63-jDGJT6lCAj04I3Q",
        "reason": "article",
        "born": OLD,
        "platform": "wechat",
        "account": Account(),
        "experience": {},
        "now": NOW,
        "policy": POLICY,
    }
    return assess(state or alive(), **(facts | changes))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("days", "yearly"), [(1, 2.0), (2, 0.4), (7, 0.12), (30, 0.06), (180, 0.05), (4000, 0.05)]
)
def test_the_risk_starts_from_the_age(days: int, yearly: float) -> None:
    assert assessed(born=NOW - timedelta(days=days)).yearly == yearly


def test_an_account_whose_links_die_endangers_the_rest() -> None:
    account = Account(links=11, dead=4, link_years=6)
    found = assessed(account=account)
    assert found.yearly == pytest.approx(0.05 * 5 / 1.3)
    assert found.chance_90d == pytest.approx(0.0463, abs=0.001)
    assert {
        "code": "account",
        "factor": account.factor(0.05),
        "dead": 4,
        "of": 11,
        "expected": 0.3,
    } in found.reasons


def test_the_factor_of_an_account_has_bounds() -> None:
    assert Account(links=100, dead=100, link_years=1).factor(0.05) == 8.0
    assert Account(links=9000, dead=0, link_years=9000).factor(0.05) == 0.3


def test_an_uncopied_page_is_in_danger_sooner_than_a_copied_one() -> None:
    assert assessed().at_risk_uncopied
    assert not assessed().at_risk_copied


def test_the_chance_shown_is_at_most_a_half() -> None:
    assert assessed(born=NOW, account=Account(links=9, dead=9, link_years=0)).chance_90d == 0.5


def test_signs_multiply_the_risk_and_are_told() -> None:
    scared = alive(scared_at=NOW - timedelta(days=10), recent="ofo")
    found = assessed(scared, reason="home_page")
    assert [reason["code"] for reason in found.reasons] == [
        "age",
        "failed_lately",
        "was_away",
        "lands_elsewhere",
    ]
    assert found.yearly == pytest.approx(0.05 * 3 * 8 * 10)


def test_a_fright_is_forgotten_after_ninety_days() -> None:
    assert assessed(alive(scared_at=NOW - timedelta(days=91))).yearly == 0.05


def test_walls_add_no_risk() -> None:
    assert assessed(alive(walls=4, recent="wwww")).yearly == 0.05


@pytest.mark.parametrize(
    ("query", "temporary"),
    [
        ("src=11&timestamp=1&ver=2&signature=x", True),
        ("tempkey=abc", True),
        ("__biz=MzA&mid=1&idx=1&sn=2", False),
    ],
)
def test_a_signed_address_dies_by_itself(query: str, *, temporary: bool) -> None:
    found = assessed(url=f"https://mp.weixin.qq.com/s?{query}")
    assert any(reason["code"] == "temporary_address" for reason in found.reasons) is temporary
    assert (found.chance_90d == 0.5) is temporary


def test_expected_deaths_follow_the_years_seen_alive() -> None:
    assert Account(links=3, dead=0, link_years=20).expected(0.05) == pytest.approx(1.0)
    assert timedelta(days=365) == YEAR


def test_what_the_list_has_lived_through_moves_the_table() -> None:
    lived = {("wechat", 4): (30, 200.0)}
    assert assessed(experience=lived).yearly == pytest.approx((0.05 * 100 + 30) / 300)
    assert assessed(experience=lived, platform="zhihu").yearly == 0.05


def test_a_temporary_address_is_looked_at_within_hours() -> None:
    state = alive()
    found = assessed(url="https://mp.weixin.qq.com/s?src=11&timestamp=1&ver=2&signature=x")
    assert next_look(state, found, born=OLD, now=NOW, policy=POLICY).at - NOW == timedelta(hours=6)


def test_a_text_that_shrank_is_a_sign() -> None:
    assert assessed(shrunk=True).yearly == pytest.approx(0.2)
    assert assessed(shrunk=True).reasons[-1] == {"code": "shrunk", "factor": 4}
