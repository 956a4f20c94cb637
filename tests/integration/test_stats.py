from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import insert

from monitor.policy import Account
from monitor.store import Store, stats
from monitor.store.accounts import accounts, all_accounts
from monitor.store.stats import Host
from monitor.store.tables import link, pace, span
from monitor.survival import Life
from tests.integration.test_store_checks import GONE, NOW, OK, add, claim, record

pytestmark = pytest.mark.both_engines

DAY = timedelta(days=1)
END = NOW + 1000 * DAY
Span = tuple[str, float, float, int]
"""Outcome, from day, to day, looks."""


async def lived(
    store: Store,
    *spans: Span,
    born: float = 0,
    dead_since: float | None = None,
    last_ok: float | None = None,
    **columns: Any,
) -> None:
    """A link with that history; days count from NOW, when it was added."""
    oks = [end for outcome, _, end, _ in spans if outcome == "ok"]
    last = last_ok if last_ok is not None else max(oks, default=None)
    async with store.write() as db:
        values = {
            "platform": "wechat",
            "host": "h.example",
            "added_at": NOW,
            "since": NOW,
            "published_at": NOW + born * DAY,
            "status": "alive" if dead_since is None else "dead",
            "failing_since": None if dead_since is None else NOW + dead_since * DAY,
            "last_ok_at": None if last is None else NOW + last * DAY,
        } | columns
        count = len((await db.execute(link.select())).all())
        values.setdefault("url", f"https://h.example/{count}")
        link_id = (await db.execute(insert(link).values(values).returning(link.c.id))).scalar_one()
        for outcome, start, end, checks in spans:
            await db.execute(insert(span).values(_span(link_id, outcome, start, end, checks)))


def _span(link_id: int, outcome: str, start: float, end: float, checks: int) -> dict[str, Any]:
    return {
        "link_id": link_id,
        "vantage": "here",
        "started_at": NOW + start * DAY,
        "ended_at": NOW + end * DAY,
        "outcome": outcome,
        "reason": f"because_{outcome}",
        "rule": "rule",
        "checks": checks,
    }


async def days_alive(store: Store, now: datetime = END) -> dict[tuple[str, int], float]:
    async with store.read() as db:
        found = await stats.experience(db, now)
    return {key: round(years * 365, 3) for key, (_, years) in found.items()}


async def deaths(store: Store, now: datetime = END) -> dict[tuple[str, int], int]:
    async with store.read() as db:
        return {key: died for key, (died, _) in (await stats.experience(db, now)).items() if died}


async def test_an_empty_list_has_no_experience(store: Store) -> None:
    async with store.read() as db:
        assert await stats.experience(db, END) == {}


async def test_exposure_is_cut_where_the_page_grows_into_another_column(store: Store) -> None:
    await lived(store, ("ok", 0, 200, 9))
    assert await days_alive(store) == {("wechat", c): d for c, d in enumerate((2, 5, 23, 150, 20))}


async def test_a_page_published_long_before_is_old_from_the_first_look(store: Store) -> None:
    await lived(store, ("ok", 0, 10, 2), born=-1000)
    assert await days_alive(store) == {("wechat", 4): 10}


async def test_a_page_said_to_be_published_later_than_seen_is_young(store: Store) -> None:
    await lived(store, ("ok", 0, 1, 2), born=5)
    assert await days_alive(store) == {("wechat", 0): 1}


async def test_time_between_two_ways_of_being_alive_was_lived(store: Store) -> None:
    await lived(store, ("ok", 0, 10, 2), ("ok", 30, 40, 2), born=-1000)
    assert await days_alive(store) == {("wechat", 4): 40}


async def test_a_wall_takes_nothing_away_and_adds_nothing(store: Store) -> None:
    await lived(store, ("ok", 0, 10, 2), ("walled", 11, 29, 3), ("ok", 30, 40, 2), born=-1000)
    await lived(store, ("ok", 0, 10, 2), ("walled", 11, 500, 30), born=-1000)
    assert await days_alive(store) == {("wechat", 4): 40 + 10}


async def test_time_around_a_failure_was_not_seen_alive(store: Store) -> None:
    await lived(store, ("ok", 0, 10, 2), ("failed", 20, 20, 1), ("ok", 30, 40, 2), born=-1000)
    assert await days_alive(store) == {("wechat", 4): 10 + 10}


async def test_what_is_later_than_the_moment_asked_for_does_not_count(store: Store) -> None:
    await lived(store, ("ok", 0, 100, 9), ("gone", 110, 120, 3), born=-1000, dead_since=110)
    assert await days_alive(store, NOW + 50 * DAY) == {("wechat", 4): 50}
    assert await deaths(store, NOW + 50 * DAY) == {}
    assert await deaths(store, NOW + 110 * DAY) == {("wechat", 4): 1}


async def test_a_death_counts_at_the_age_of_its_first_failure(store: Store) -> None:
    await lived(store, ("ok", 0, 1, 2), ("removed", 1.5, 9, 2), dead_since=1.5)
    await lived(store, ("ok", 0, 20, 2), ("gone", 21, 40, 3), dead_since=21)
    await lived(store, ("ok", 0, 20, 2), ("gone", 21, 40, 3), dead_since=21, platform="zhihu")
    assert await deaths(store) == {("wechat", 0): 1, ("wechat", 2): 1, ("zhihu", 2): 1}


async def test_a_link_that_was_dead_before_anybody_watched_is_no_death_of_this_list(store: Store) -> None:
    await lived(store, ("gone", 0, 9, 3), dead_since=0)
    async with store.read() as db:
        assert await stats.experience(db, END) == {}
        assert await stats.dead_on_arrival(db) == 1
        assert await stats.lives(db) == []


async def test_real_looks_become_exposure_and_a_death(store: Store) -> None:
    await add(store, 1)
    for day in (0, 40, 80, 130):
        now = NOW + day * DAY
        await record(store, await claim(store, now=now), OK, now=now)
    for day in (180, 181, 184, 188):
        now = NOW + day * DAY
        await record(store, await claim(store, now=now), GONE, now=now)
    assert sum((await days_alive(store)).values()) == 130
    assert await deaths(store) == {("generic", 4): 1}


async def test_a_life_runs_from_the_first_ok_to_the_first_failure_or_the_last_ok(store: Store) -> None:
    await lived(store, ("gone", 0, 1, 2), ("ok", 5, 50, 9))
    await lived(store, ("ok", 0, 30, 3), ("removed", 45, 60, 2), dead_since=45)
    await lived(store, ("walled", 0, 30, 3))
    async with store.read() as db:
        found = await stats.lives(db)
    assert [Life(round(life.days, 3), life.died) for life in found] == [Life(45, False), Life(45, True)]


async def test_looks_are_counted_by_outcome_and_the_late_ones_estimated(store: Store) -> None:
    await lived(store, ("ok", 0, 120, 13), ("walled", 121, 125, 4))
    await lived(store, ("ok", 0, 120, 13))
    await lived(store, ("ok", 0, 10, 2), ("ok", 101, 120, 3))
    async with store.read() as db:
        found = await stats.looks(db, NOW + 100 * DAY)
    # two spans with a look every ten days have two or three of them each in the last twenty days
    assert found == {"ok": (13 + 13 + 2 + 3, 5 + 3), "walled": (4, 4)}


async def test_hosts_with_walls_come_first_with_the_pace_that_survived(store: Store) -> None:
    await lived(store, ("ok", 0, 100, 30), host="calm.example")
    await lived(store, ("ok", 0, 10, 5), ("walled", 11, 12, 2), ("ok", 13, 20, 3), host="strict.example")
    async with store.write() as db:
        slow = {"host": "strict.example", "vantage": "here", "not_before": NOW, "spacing_s": 27.0}
        await db.execute(insert(pace).values(slow | {"looks_since_wall": 3}))
    async with store.read() as db:
        found = await stats.hosts(db)
    assert found == [
        Host("strict.example", "here", looks=10, walled=2, spacing_s=27.0, looks_since_wall=3),
        Host("calm.example", "here", looks=30, walled=0, spacing_s=None, looks_since_wall=30),
    ]


async def as_they_were(store: Store, day: float) -> dict[str, Any]:
    async with store.read() as db:
        return {past.url[-1]: past for past in await stats.as_they_were(db, NOW + day * DAY)}


def ok_until(day: float) -> Sequence[Span]:
    return [("ok", 0, day, 9)]


async def test_the_past_knows_who_died_within_ninety_days_and_who_did_not(store: Store) -> None:
    await lived(store, *ok_until(300))
    await lived(store, *ok_until(150), ("removed", 160, 170, 2), dead_since=160)
    await lived(store, *ok_until(250), ("removed", 260, 270, 2), dead_since=260)
    assert {name: past.died for name, past in (await as_they_were(store, 100)).items()} == {
        "0": False,
        "1": True,
        "2": False,
    }


async def test_the_past_leaves_out_what_was_not_alive_then_or_not_seen_since(store: Store) -> None:
    await lived(store, *ok_until(50), ("removed", 60, 70, 2), dead_since=60)
    await lived(store, *ok_until(90), ("failed", 95, 99, 2), ("ok", 101, 300, 9))
    await lived(store, *ok_until(120), ("walled", 121, 300, 9))
    await lived(store, ("ok", 150, 300, 9))
    assert await as_they_were(store, 100) == {}


async def test_the_past_knows_nothing_of_what_came_later(store: Store) -> None:
    await lived(
        store,
        *(("ok", 0, 20, 3), ("gone", 30, 31, 2), ("walled", 40, 40, 1)),
        *(("ok", 50, 120, 8), ("failed", 130, 131, 2), ("ok", 140, 300, 9)),
    )
    past = (await as_they_were(store, 60))["0"]
    assert past.state.recent == "ggwoo"
    assert past.state.scared_at == NOW + 31 * DAY
    assert (past.reason, past.born, past.account) == ("because_ok", NOW, None)


async def test_accounts_as_they_were_count_only_what_had_happened(store: Store) -> None:
    await lived(store, *ok_until(73), ("gone", 80, 90, 3), dead_since=80, account="a")
    await lived(store, *ok_until(292), account="a", url="https://h.example/x")
    async with store.read() as db:
        before, after = [(await all_accounts(db, NOW + day * DAY))["a"] for day in (73, 292)]
    assert replace(before, link_years=round(before.link_years, 3)) == Account(2, 0, 0.4)
    assert replace(after, link_years=round(after.link_years, 3)) == Account(2, 1, 1.0)


async def test_an_account_has_lived_since_its_pages_were_born_and_the_never_seen_half_as_long(
    store: Store,
) -> None:
    await lived(store, *ok_until(73), born=-292, account="a", url="https://h.example/seen")
    await lived(
        store, ("removed", 0, 2, 2), dead_since=0, account="a", url="https://h.example/dead-on-arrival"
    )
    async with store.read() as db:
        found = (await accounts(db, {"a", "unknown"}, now=END))["a"]
    assert (found.links, found.dead, round(found.link_years, 3)) == (2, 1, 1.5)


async def test_an_account_of_which_nothing_was_ever_seen_alive_has_lived_no_time(store: Store) -> None:
    await lived(store, ("removed", 0, 2, 2), dead_since=0, account="a")
    async with store.read() as db:
        assert await accounts(db, {"a"}, now=END) == {"a": Account(1, 1, 0.0)}
