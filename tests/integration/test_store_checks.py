from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from monitor.config import Policy
from monitor.look import Observation, decide
from monitor.model import Article, Identity, Outcome, Page, Reason, Status, Verdict
from monitor.policy import Crowd
from monitor.policy.pace import HostPace
from monitor.store import Store, checks, claims, links
from monitor.store import pace as paces
from monitor.store.claims import Due
from monitor.store.links import Mention
from monitor.store.tables import flip, link, span

pytestmark = pytest.mark.both_engines

NOW = datetime(2026, 1, 1, tzinfo=UTC)
LEASE = timedelta(minutes=1)
OK = Verdict(outcome=Outcome.OK, reason=Reason.PAGE, rule="generic.ok.page", evidence="Title")
GONE = Verdict(outcome=Outcome.GONE, reason=Reason.NOT_FOUND, rule="generic.gone.404", evidence="404")


async def add(store: Store, count: int, *, host: str = "a.example", account: str | None = None) -> None:
    mentions = [
        Mention(Identity(f"https://{host}/{i}", "generic", host, account), f"Title {i}", i)
        for i in range(count)
    ]
    async with store.write() as db:
        await links.sync_source(db, f"{host}.md", mentions, now=NOW)


async def claim(store: Store, worker: str = "w", *, now: datetime = NOW, limit: int = 100) -> list[Due]:
    claimed = await claims.claim(store, {"a.example": limit}, worker=worker, now=now, lease=LEASE)
    return claimed["a.example"]


async def record(
    store: Store, dues: list[Due], verdict: Verdict, worker: str = "w", *, now: datetime = NOW
) -> list[checks.Look]:
    looks = [
        decide(due, Observation(Page(url=due.url, final_url=due.url), verdict), now, Policy()) for due in dues
    ]
    async with store.write() as db:
        return await checks.record(db, looks, worker=worker, vantage="here")


async def ready(store: Store, now: datetime = NOW, busy: tuple[str, ...] = ()) -> list[str]:
    async with store.read() as db:
        return await claims.ready_hosts(db, vantage="here", now=now, busy=busy, limit=10)


async def rows(store: Store, table: Any) -> list[Any]:
    async with store.read() as db:
        return list(await db.execute(select(table)))


async def test_a_claimed_link_is_nobody_elses(store: Store) -> None:
    await add(store, 3)
    mine, theirs = await claim(store, "me", limit=2), await claim(store, "they")
    assert [due.url[-1] for due in mine + theirs] == ["2", "1", "0"]  # the youngest first
    assert await claim(store, "third") == []


async def test_a_lease_that_ends_gives_the_link_back(store: Store) -> None:
    await add(store, 1)
    await claim(store, "the killed")
    assert await ready(store, NOW + LEASE / 2) == []
    assert await ready(store, NOW + LEASE) == ["a.example"]
    assert len(await claim(store, "the next", now=NOW + LEASE)) == 1


async def test_a_renewed_lease_goes_on(store: Store) -> None:
    await add(store, 1)
    dues = await claim(store, "me")
    await claims.renew(store, {due.id for due in dues}, worker="me", until=NOW + 3 * LEASE)
    assert await claim(store, "they", now=NOW + 2 * LEASE) == []


async def test_a_claim_whose_confirmation_was_lost_is_not_renewed_with_the_others(store: Store) -> None:
    await add(store, 2)
    (unheard,), (known,) = await claim(store, "me", limit=1), await claim(store, "me", limit=1)
    await claims.renew(store, {known.id}, worker="me", until=NOW + 3 * LEASE)
    assert [due.id for due in await claim(store, "they", now=NOW + 2 * LEASE)] == [unheard.id]


async def test_a_link_that_was_given_back_is_not_renewed(store: Store) -> None:
    await add(store, 1)
    dues = await claim(store, "me")
    await claims.give_back(store, dues, worker="me", now=NOW)
    await claims.renew(store, {dues[0].id}, worker="me", until=NOW + 3 * LEASE)
    assert len(await claim(store, "they")) == 1


async def test_what_is_given_back_is_due_as_before(store: Store) -> None:
    await add(store, 2)
    dues = await claim(store, "me")
    await claims.give_back(store, dues, worker="me", now=NOW)
    assert await ready(store) == ["a.example"]
    assert len(await claim(store, "they")) == 2


async def test_a_look_whose_lease_was_lost_is_not_recorded(store: Store) -> None:
    await add(store, 1)
    dues = await claim(store, "slow")
    again = await claim(store, "quick", now=NOW + LEASE)
    assert await record(store, again, OK, "quick", now=NOW + LEASE)
    assert await record(store, dues, GONE, "slow", now=NOW + LEASE) == []
    assert [row.outcome for row in await rows(store, span)] == ["ok"]


async def test_equal_answers_are_one_span_that_grows(store: Store) -> None:
    await add(store, 1)
    for day in (0, 40, 80):
        now = NOW + timedelta(days=day)
        await record(store, await claim(store, now=now), OK, now=now)
    [row] = await rows(store, span)
    assert (row.started_at, row.ended_at, row.checks) == (NOW, NOW + timedelta(days=80), 3)
    assert (row.vantage, row.rule, row.evidence) == ("here", "generic.ok.page", "Title")


async def test_another_answer_begins_another_span_and_a_flip_when_the_status_changes(store: Store) -> None:
    await add(store, 1)
    await record(store, await claim(store), OK)
    later = NOW + timedelta(days=40)
    await record(store, await claim(store, now=later), GONE, now=later)
    assert [(row.outcome, row.checks) for row in await rows(store, span)] == [("ok", 1), ("gone", 1)]
    assert [(row.old, row.new, row.at) for row in await rows(store, flip)] == [
        ("pending", "alive", NOW),
        ("alive", "suspect", later),
    ]


async def test_a_whole_batch_is_recorded_with_the_right_spans(store: Store) -> None:
    await add(store, 50)
    dues = await claim(store)
    assert len(await record(store, dues, OK)) == 50
    found = {row.id: row.span_id for row in await rows(store, link)}
    assert {row.id: row.link_id for row in await rows(store, span)} == {s: li for li, s in found.items()}


async def test_after_a_look_the_host_is_due_with_its_next_link(store: Store) -> None:
    await add(store, 2)
    first = await claim(store, limit=1)
    await record(store, first, OK)
    assert await ready(store) == ["a.example"]
    await record(store, await claim(store), OK)
    assert await ready(store) == []
    [due_at] = {row.next_check_at for row in await rows(store, link)}
    assert await ready(store, due_at) == ["a.example"]


async def test_a_busy_or_resting_host_is_not_ready(store: Store) -> None:
    await add(store, 1)
    assert await ready(store, busy=("a.example",)) == []
    async with store.write() as db:
        await paces.put(db, [HostPace("a.example", NOW + LEASE)], vantage="here")
    assert await ready(store) == []
    assert await ready(store, NOW + LEASE) == ["a.example"]


async def test_the_pace_of_a_host_survives(store: Store) -> None:
    kept = HostPace("a.example", NOW, spacing_s=60, walls=2, looks_since_wall=0, answers=Crowd("++-", NOW))
    async with store.write() as db:
        await paces.put(db, [kept], vantage="here")
        await paces.put(db, [kept], vantage="here")
    async with store.read() as db:
        assert await paces.get(db, "a.example", vantage="here", now=NOW) == kept
        assert await paces.get(db, "a.example", vantage="there", now=NOW) == HostPace("a.example", NOW)


async def test_unwatched_and_ignored_links_are_left_alone(store: Store) -> None:
    await add(store, 2)
    async with store.write() as db:
        await db.execute(link.update().where(link.c.id == 1).values(watched=False))
        await db.execute(link.update().where(link.c.id == 2).values(ignored=True))
    assert await claim(store) == []
    assert await ready(store) == []


async def test_when_a_mate_disappears_the_rest_of_the_account_is_looked_at_within_a_day(store: Store) -> None:
    await add(store, 3, account="gh_1")
    async with store.write() as db:
        await db.execute(link.update().values(added_at=NOW - timedelta(days=2000)))
    await record(store, await claim(store), OK)
    later = NOW + timedelta(days=1)
    async with store.write() as db:
        await links.make_due(db, later, urls=["https://a.example/0"])
    await record(store, await claim(store, now=later), GONE, now=later)
    mates = [row for row in await rows(store, link) if row.url[-1] in "12"]
    assert [row.next_check_at for row in mates] == [later + timedelta(days=1)] * 2
    assert mates[0].why_then == {"rule": "mate", "url": "https://a.example/0"}


async def test_a_poisonous_link_waits_before_it_may_break_us_again(store: Store) -> None:
    await add(store, 1)
    [due] = await claim(store)
    hour = NOW + timedelta(hours=1)
    await claims.postpone(store, due, worker="w", until=hour)
    assert await ready(store) == []
    assert await ready(store, hour) == ["a.example"]


async def test_the_accounts_history_comes_with_the_claim(store: Store) -> None:
    await add(store, 4, account="gh_1")
    async with store.write() as db:
        await db.execute(link.update().where(link.c.id == 1).values(status="dead"))
        lived = {"published_at": NOW - timedelta(days=365), "last_ok_at": NOW, "failing_since": NOW}
        await db.execute(link.update().values(lived))
    due = (await claim(store))[-1]
    assert (due.mates.links, due.mates.dead, round(due.mates.link_years, 3)) == (4, 1, 4.0)


async def test_the_most_overdue_for_its_own_interval_comes_first(store: Store) -> None:
    await add(store, 3)
    day = timedelta(days=1)
    async with store.write() as db:
        for link_id, last, due in ((1, -30 * day, -day), (2, -2 * day, -day), (3, -9 * day, -day)):
            values = {"last_checked_at": NOW + last, "next_check_at": NOW + due, "looks": 1}
            await db.execute(link.update().where(link.c.id == link_id).values(**values))
    assert [due.id for due in await claim(store)] == [2, 3, 1]


async def test_a_new_list_does_not_hide_a_suspect_that_is_overdue(store: Store) -> None:
    await add(store, 1000)
    async with store.write() as db:
        values = {
            "last_checked_at": NOW - timedelta(hours=13),
            "next_check_at": NOW - timedelta(hours=7),
            "looks": 1,
        }
        await db.execute(link.update().where(link.c.id == 1).values(**values))
    first, second = await claim(store, limit=2)
    assert (first.id, second.id) == (1, 1000)


async def test_mates_are_hurried_once_and_not_by_every_look_at_the_dead(store: Store) -> None:
    await add(store, 2, account="gh_1")
    async with store.write() as db:
        await db.execute(link.update().values(added_at=NOW - timedelta(days=2000)))
        await db.execute(link.update().where(link.c.id == 1).values(status="dead", looks=5))
    await record(store, [due for due in await claim(store) if due.id == 2], OK)
    later = NOW + timedelta(days=1)
    async with store.write() as db:
        await links.make_due(db, later, urls=["https://a.example/0"])
    await record(store, await claim(store, now=later), GONE, now=later)
    [mate] = [row for row in await rows(store, link) if row.id == 2]
    assert mate.why_then["rule"] == "risk"


def dead(due: Due) -> Due:
    return replace(due, state=replace(due.state, status=Status.DEAD), sketch=None)


async def test_what_lives_at_a_dead_address_is_not_taken_for_the_article(store: Store) -> None:
    await add(store, 1)
    [due] = await claim(store)
    article = Article(text="Something else entirely lives here now, and it is long enough to be kept." * 3)
    page = Page(url=due.url, final_url=due.url, http_status=200)
    assert decide(dead(due), Observation(page, OK, article), NOW, Policy()).sketch is None
    other = replace(OK, likeness=0.1)
    assert decide(due, Observation(page, other, article), NOW, Policy()).sketch is None
    assert decide(due, Observation(page, OK, article), NOW, Policy()).sketch is not None
