"""What several daemons on one database keep together: the pace, the turns, who lives, what each place saw."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from monitor.config import Policy
from monitor.look import Observation, decide
from monitor.member import TURN, Member
from monitor.model import Page, Verdict
from monitor.policy.pace import HostPace
from monitor.policy.vantage import Place
from monitor.store import Store, checks, claims, leases, vantages, workers
from monitor.store import pace as paces
from monitor.store.tables import link, span, turn
from tests.integration.test_store_checks import GONE, LEASE, OK, add, rows

pytestmark = pytest.mark.both_engines

NOW = datetime(2026, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)
GAP = timedelta(seconds=30)
HOUR = timedelta(hours=1)


@pytest.fixture
async def other(store: Store) -> AsyncIterator[Store]:
    """The same database as another process has it open."""
    other = Store(store.url)
    yield other
    await other.close()


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


def member(store: Store, clock: Clock, name: str, vantage: str = "here", roles: str = "check") -> Member:
    return Member(store, clock, name=name, vantage=vantage, roles=frozenset(roles.split(",")))


async def test_a_daemon_that_begins_says_in_its_log_who_else_uses_the_database(
    store: Store, other: Store, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    clock = Clock()
    first, second = member(store, clock, "a"), member(other, clock, "b", "there")
    await first.notice_others()
    await first.tell()
    await first.notice_others()
    assert caplog.messages == []
    await second.notice_others()
    machine = first.me.machine
    assert caplog.messages == [
        f"Another daemon uses this database already: here on {machine} since 2026-01-01 00:00Z; the work is shared."
    ]


# the pace


async def book(store: Store, now: datetime = NOW) -> HostPace | None:
    async with store.write() as db:
        ours = HostPace("a.example", NOW)
        return await paces.book(db, ours, until=now + GAP, vantage="here", now=now)


@pytest.mark.parametrize("known", [False, True])
async def test_of_workers_that_want_a_host_at_once_one_gets_the_turn(
    store: Store, other: Store, *, known: bool
) -> None:
    if known:
        async with store.write() as db:
            await paces.put(db, [HostPace("a.example", NOW - DAY)], vantage="here")
    got = await asyncio.gather(*(book(each) for each in (store, other) * 8))
    assert got.count(None) == 1
    assert {left.not_before for left in got if left} == {NOW + GAP}
    assert await book(other, NOW + GAP) is None


async def test_another_vantage_has_a_pace_of_its_own(store: Store) -> None:
    assert await book(store) is None
    async with store.write() as db:
        assert (
            await paces.book(db, HostPace("a.example", NOW), until=NOW + GAP, vantage="there", now=NOW)
            is None
        )


async def test_a_late_record_does_not_take_back_what_another_has_booked(store: Store) -> None:
    await book(store, NOW + GAP)
    async with store.write() as db:
        await paces.put(db, [HostPace("a.example", NOW + GAP / 2)], vantage="here")
        assert (await paces.get(db, "a.example", vantage="here", now=NOW)).not_before == NOW + 2 * GAP


async def test_a_wall_that_one_worker_met_holds_for_all(store: Store) -> None:
    await book(store)
    walled = HostPace("a.example", NOW + 6 * HOUR, spacing_s=60, walls=1)
    async with store.write() as db:
        await paces.put(db, [walled], vantage="here")
        await paces.put(db, [HostPace("a.example", NOW + GAP, looks_since_wall=9)], vantage="here")
        assert await paces.get(db, "a.example", vantage="here", now=NOW) == walled
    left = await book(store, NOW + GAP)
    assert left is not None
    assert left.walls == 1


async def test_a_host_that_a_look_was_led_to_is_not_asked_too_soon(store: Store) -> None:
    walled = HostPace("slow.example", NOW, spacing_s=60, walls=1)
    async with store.write() as db:
        await paces.put(db, [walled], vantage="here")
        for until in (NOW + GAP, NOW + GAP / 2):
            await paces.hold(db, {"slow.example": until, "new.example": until}, vantage="here")
        kept = await paces.get(db, "slow.example", vantage="here", now=NOW)
        new = await paces.get(db, "new.example", vantage="here", now=NOW)
    assert kept == replace(walled, not_before=NOW + GAP)
    assert new.not_before == NOW + GAP


# turns


async def test_one_daemon_at_a_time_has_a_turn_and_another_takes_over_when_it_dies(
    store: Store, other: Store
) -> None:
    clock = Clock()
    one, two = member(store, clock, "one"), member(other, clock, "two")
    assert [await one.has_turn("archive.org"), await two.has_turn("archive.org")] == [True, False]
    clock.now += TURN / 2
    await one.tell()  # it lives, and keeps its turn
    clock.now += TURN / 2 + GAP
    assert not await two.has_turn("archive.org")
    clock.now += TURN  # nothing is heard of it any more
    assert [await two.has_turn("archive.org"), await one.has_turn("archive.org")] == [True, False]


async def test_of_many_that_want_a_turn_at_once_one_gets_it(store: Store, other: Store) -> None:
    clock = Clock()
    wanting = [member(each, clock, f"w{number}") for number, each in enumerate((store, other) * 6)]
    assert sum(await asyncio.gather(*(each.has_turn("archive.org") for each in wanting))) == 1


async def test_one_that_ends_in_order_leaves_its_turn_and_its_name(store: Store) -> None:
    clock = Clock()
    one = member(store, clock, "one")
    await one.tell()
    await one.has_turn("archive.org")
    await one.leave()
    assert await member(store, clock, "two").has_turn("archive.org")
    async with store.read() as db:
        assert await workers.live(db, NOW) == []


async def test_what_a_dead_process_of_this_machine_did_for_all_is_free_at_once(store: Store) -> None:
    clock = Clock()
    name = f"{leases.machine_name()}:4194304:beef"  # beyond the highest process id of Linux
    dead = member(store, clock, name)
    await dead.tell()
    await dead.has_turn("archive.org")
    stranger = member(store, clock, "other-machine.1a2b3c4d:4194304:beef")
    await stranger.tell()
    assert await leases.free_those_of_the_dead(store, NOW) == 1
    assert [row.leased_by for row in await rows(store, turn)] == [None]
    async with store.read() as db:
        assert [row.name for row in await workers.live(db, NOW)] == [stranger.me.name]


# who lives


async def test_a_vantage_lives_while_a_daemon_that_looks_is_heard_of(store: Store) -> None:
    clock = Clock()
    await member(store, clock, "far", "there").tell()
    await member(store, clock, "mailer", "attic", roles="archive,report").tell()
    one = member(store, clock, "one")
    assert await one.tell() == {"there"}
    clock.now += workers.LIVE
    assert await one.tell() == frozenset()


# what each place saw


async def look(
    store: Store, here: str, verdict: Verdict, day: float, *, others: tuple[str, ...] = ()
) -> list[checks.Look]:
    now = NOW + day * DAY
    elsewhere = here if others else None
    wanted = {"a.example": 9}
    claimed = await claims.claim(store, wanted, worker=here, now=now, lease=LEASE, elsewhere=elsewhere)
    looks = []
    for due in claimed["a.example"]:
        async with store.read() as db:
            place = Place(here, frozenset(others), await vantages.sightings(db, due.id))
        seen = Observation(Page(url=due.url, final_url=due.url), verdict)
        looks.append(decide(due, seen, now, Policy(), place=place))
    async with store.write() as db:
        return await checks.record(db, looks, worker=here, vantage=here)


async def test_each_vantage_has_a_history_of_its_own(store: Store) -> None:
    await add(store, 1)
    for day, here in ((0, "here"), (61, "there"), (122, "here"), (183, "there")):
        await look(store, here, OK, day)
    found = sorted((row.vantage, row.checks, row.started_at) for row in await rows(store, span))
    assert found == [("here", 2, NOW), ("there", 2, NOW + 61 * DAY)]


async def test_a_link_that_only_one_place_sees_gone_is_not_dead_and_the_other_place_looks_next(
    store: Store,
) -> None:
    await add(store, 1)
    for day in (0, 4, 8):
        [last] = await look(store, "here", GONE, day, others=("there",))
    assert (last.state.status, last.only_from, last.flip) == ("suspect", "here", None)
    assert await look(store, "here", GONE, 9, others=("there",)) == []  # it is not for us to say
    [acquitted] = await look(store, "there", OK, 9, others=("here",))
    assert (acquitted.state.status, acquitted.only_from) == ("alive", None)
    [again] = await look(store, "here", GONE, 80, others=("there",))
    assert (again.state.status, again.flip, again.only_from) == ("alive", None, "here")


async def test_a_link_that_two_places_see_gone_is_dead(store: Store) -> None:
    await add(store, 1)
    for day in (0, 4, 8):
        await look(store, "here", GONE, day, others=("there",))
    [last] = await look(store, "there", GONE, 9, others=("here",))
    assert (last.state.status, last.state.failing_since) == ("dead", NOW)


async def test_when_the_other_place_is_no_more_the_one_that_is_left_decides(store: Store) -> None:
    await add(store, 1)
    for day in (0, 4, 8):
        await look(store, "here", GONE, day, others=("there",))
    [last] = await look(store, "here", GONE, 9)
    assert last.state.status == "dead"
    async with store.read() as db:
        assert (await db.execute(select(link.c.only_from))).scalar() is None


async def test_a_hostile_text_is_recorded(store: Store) -> None:
    await add(store, 1)
    assert await look(store, "here", replace(OK, evidence="a\0b"), 0)
    [row] = await rows(store, span)
    assert row.evidence in ("a\0b", "a\ufffdb")
