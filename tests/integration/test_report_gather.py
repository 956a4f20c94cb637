"""The report's reads and its numbers, on a real database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import insert, update

from monitor.config import Settings
from monitor.report.gather import Report, gather
from monitor.store import Store, tally
from monitor.store.tables import archive_job, flip, link, outbox, reference, service, snapshot, source
from monitor.store.tally import Tally

pytestmark = pytest.mark.both_engines

END = datetime(2026, 11, 23, tzinfo=UTC)
START = END - timedelta(days=7)
WITHIN = END - timedelta(days=2)
BEFORE = START - timedelta(days=2)


async def add(store: Store, number: int, **values: Any) -> int:
    row = {
        "url": f"https://e.org/{number}",
        "platform": "generic",
        "host": "e.org",
        "title": f"Post {number}",
        "added_at": BEFORE,
        "since": BEFORE,
        "status": "alive",
        **values,
    }
    async with store.write() as db:
        made = (await db.execute(insert(link).values(row).returning(link.c.id))).scalar_one()
    return int(made)


async def flips(store: Store, link_id: int, *steps: tuple[datetime, str, str]) -> None:
    async with store.write() as db:
        for at, old, new in steps:
            row = {"link_id": link_id, "at": at, "old": old, "new": new, "reason": "deleted", "evidence": "x"}
            await db.execute(insert(flip).values(row))


async def copy(
    store: Store, link_id: int, judged_at: datetime, grade: str = "A", archive: str = "wayback"
) -> None:
    async with store.write() as db:
        made = await db.execute(
            insert(snapshot)
            .values(
                link_id=link_id,
                archive=archive,
                url=f"https://web.archive.org/{link_id}/{judged_at:%s}",
                original_url="https://e.org",
                captured_at=judged_at - timedelta(hours=1),
                origin="made",
                judged_at=judged_at,
                grade=grade,
            )
            .returning(snapshot.c.id)
        )
        if grade in "AB":
            counts = update(link).where(link.c.id == link_id).values(copy_id=made.scalar_one())
            await db.execute(counts)


async def mention(store: Store, link_id: int, *places: tuple[str, int]) -> None:
    async with store.write() as db:
        for path, line in places:
            made = await db.execute(insert(source).values(path=path).returning(source.c.id))
            row = {"source_id": made.scalar_one(), "link_id": link_id, "line": line}
            await db.execute(insert(reference).values(row))


async def read(store: Store) -> Report:
    async with store.read() as db:
        return await gather(db, Settings(), start=START, end=END)


async def test_only_changes_of_the_period_are_told(store: Store) -> None:
    died, long_dead, later = [await add(store, number, status="dead") for number in (1, 2, 3)]
    await flips(store, died, (WITHIN, "suspect", "dead"))
    await flips(store, long_dead, (BEFORE, "suspect", "dead"))
    await flips(store, later, (END + timedelta(seconds=1), "suspect", "dead"))
    report = await read(store)
    assert [change.url for change in report.died] == ["https://e.org/1"]
    assert report.died[0].at == WITHIN
    assert report.died[0].reason == "deleted"


async def test_the_edge_of_two_periods_belongs_to_one_of_them(store: Store) -> None:
    at_start, at_end = [await add(store, number, status="dead") for number in (1, 2)]
    await flips(store, at_start, (START, "suspect", "dead"))
    await flips(store, at_end, (END, "suspect", "dead"))
    assert [change.url for change in (await read(store)).died] == ["https://e.org/2"]


async def test_there_and_back_again_is_no_change(store: Store) -> None:
    link_id = await add(store, 1)
    hour = timedelta(hours=1)
    await flips(store, link_id, (WITHIN, "alive", "dead"), (WITHIN + hour, "dead", "alive"))
    report = await read(store)
    assert not report.died
    assert not report.came_back


async def test_a_death_by_way_of_suspicion_is_one_change(store: Store) -> None:
    link_id = await add(store, 1, status="dead")
    hour = timedelta(hours=1)
    await flips(store, link_id, (WITHIN, "alive", "suspect"), (WITHIN + hour, "suspect", "dead"))
    report = await read(store)
    assert [(change.old, change.new) for change in report.died] == [("alive", "dead")]


async def test_what_came_back_and_what_is_walled_is_told_apart(store: Store) -> None:
    back, blind = await add(store, 1), await add(store, 2, status="blind")
    await flips(store, back, (WITHIN, "dead", "alive"))
    await flips(store, blind, (WITHIN, "alive", "blind"))
    report = await read(store)
    assert [change.url for change in report.came_back] == ["https://e.org/1"]
    assert [change.url for change in report.newly_blind] == ["https://e.org/2"]


@pytest.mark.parametrize("left_out", [{"watched": False}, {"ignored": True}])
async def test_links_that_are_not_watched_are_nowhere(store: Store, left_out: dict[str, bool]) -> None:
    link_id = await add(store, 1, status="dead", **left_out)
    await flips(store, link_id, (WITHIN, "alive", "dead"))
    await add(store, 2, at_risk=True, chance_90d=0.3, **left_out)
    copied = await add(store, 3, **left_out)
    await copy(store, copied, WITHIN)
    report = await read(store)
    assert report.quiet
    assert report.endangered == 0
    assert report.now == Tally()


async def test_lost_ones_come_before_rescued_ones(store: Store) -> None:
    rescued, lost = await add(store, 1, status="dead"), await add(store, 2, status="dead")
    await copy(store, rescued, BEFORE)
    await flips(store, rescued, (WITHIN, "alive", "dead"))
    await flips(store, lost, (WITHIN + timedelta(hours=1), "alive", "dead"))
    report = await read(store)
    assert [change.url for change in report.died] == ["https://e.org/2", "https://e.org/1"]
    assert report.lost == report.died[:1]


async def test_every_place_in_the_lists_is_told(store: Store) -> None:
    link_id = await add(store, 1, status="dead")
    await mention(store, link_id, ("posts/b.md", 7), ("posts/a.md", 12))
    await flips(store, link_id, (WITHIN, "alive", "dead"))
    places = (await read(store)).died[0].references
    assert [(place.path, place.line) for place in places] == [("posts/a.md", 12), ("posts/b.md", 7)]


async def test_danger_is_sorted_uncopied_first_then_by_chance(store: Store) -> None:
    await copy(store, await add(store, 1, at_risk=True, chance_90d=0.5), BEFORE)
    await add(store, 2, at_risk=True, chance_90d=0.1)
    await add(store, 3, at_risk=True, chance_90d=0.2, risk_reasons=[{"code": "was_away", "factor": 8}])
    await add(store, 4, status="suspect")
    await add(store, 5, status="dead", at_risk=True, chance_90d=0.5)
    await add(store, 6, chance_90d=0.009)
    report = await read(store)
    assert [danger.url[-1] for danger in report.in_danger] == ["3", "2", "4", "1"]
    assert report.endangered == 4
    assert report.in_danger[0].risk_reasons == ({"code": "was_away", "factor": 8},)


async def test_only_a_first_verified_copy_is_news(store: Store) -> None:
    fresh, known, bad = [await add(store, number) for number in (1, 2, 3)]
    await copy(store, fresh, WITHIN)
    await copy(store, known, BEFORE)
    await copy(store, known, WITHIN)
    await copy(store, bad, WITHIN, grade="X")
    report = await read(store)
    assert [entry.url for entry in report.copied] == ["https://e.org/1"]
    assert report.copies == 1


async def job(store: Store, link_id: int, finished_at: datetime | None, **values: Any) -> None:
    row = {
        "link_id": link_id,
        "archive": "wayback",
        "state": "failed",
        "danger": 0,
        "created_at": BEFORE,
        "not_before": BEFORE,
        "finished_at": finished_at,
        "code": "blocked-url",
        **values,
    }
    async with store.write() as db:
        await db.execute(insert(archive_job).values(row))


async def test_a_failed_copy_is_told_with_its_last_reason_unless_there_is_another(store: Store) -> None:
    failed, rescued, open_, declined = [await add(store, number) for number in (1, 2, 3, 4)]
    await job(store, failed, WITHIN, code="job-failed", message="It broke.")
    await job(store, failed, WITHIN + timedelta(hours=1), state="captured_wall", code="wechat.wall.captcha")
    await job(store, rescued, WITHIN)
    await copy(store, rescued, BEFORE, archive="local")
    await job(store, open_, None, state="submitted")
    await job(store, declined, WITHIN, state="not_attempted", code="private")
    found = [(refusal.url, refusal.code) for refusal in (await read(store)).refused]
    assert found == [("https://e.org/1", "wechat.wall.captcha")]


async def test_troubles_are_told(store: Store) -> None:
    async with store.write() as db:
        await db.execute(insert(source).values(path="a.md", missing_since=WITHIN))
        await db.execute(insert(source).values(path="b.md", problem="It is no UTF-8 text."))
        await db.execute(insert(source).values(path="c.md"))
        await db.execute(insert(service).values(name="wayback", failures=3, note="401", updated_at=END))
        await db.execute(insert(service).values(name="network", failures=0, updated_at=END))
        await db.execute(
            insert(outbox).values(
                kind="weekly",
                period="2026-11-16",
                subject="s",
                message=b"",
                state="given_up",
                error="550",
                created_at=START,
                not_before=WITHIN,
            )
        )
    report = await read(store)
    assert [problem.path for problem in report.sources] == ["a.md", "b.md"]
    assert [(trouble.name, trouble.note) for trouble in report.troubles] == [("wayback", "401")]
    assert report.undelivered == (("s", "550"),)
    assert not report.quiet


async def test_the_four_numbers_add_up(store: Store) -> None:
    for number, status in enumerate(("pending", "alive", "suspect", "blind", "dead")):
        await add(store, number, status=status, at_risk=True)
        await copy(store, await add(store, number + 10, status=status), BEFORE)
    numbers = (await read(store)).now
    assert numbers == Tally(
        links=10,
        pending=2,
        alive=2,
        suspect=2,
        dead=2,
        blind=2,
        at_risk=4,
        safe=4,
        exposed=4,
        rescued=1,
        lost=1,
    )


async def test_an_empty_database_counts_nothing(store: Store) -> None:
    assert (await read(store)).now == Tally()


async def test_a_day_keeps_its_last_count(store: Store) -> None:
    noon = datetime(2026, 11, 15, 12, tzinfo=UTC)
    async with store.write() as db:
        await tally.record(db, Tally(links=1, exposed=1), noon)
        await tally.record(db, Tally(links=2, exposed=2), noon + timedelta(hours=1))
    assert (await read(store)).before == Tally(links=2, exposed=2)


@pytest.mark.parametrize(
    ("counted", "known"),
    [
        (START - timedelta(days=30), True),
        (START - timedelta(hours=1), True),
        (START + timedelta(hours=13), False),  # this day's last count may be nearly a day too late
    ],
)
async def test_the_numbers_before_are_those_at_the_start(
    store: Store, counted: datetime, known: bool
) -> None:
    async with store.write() as db:
        await tally.record(db, Tally(links=7), counted)
    assert ((await read(store)).before == Tally(links=7)) is known


async def test_ten_thousand_deaths_among_many_links_are_read_in_a_few_statements(store: Store) -> None:
    row = {"platform": "generic", "host": "e.org", "added_at": BEFORE, "since": BEFORE, "status": "dead"}
    links = [{"id": number, "url": f"https://e.org/{number}", **row} for number in range(1, 10_001)]
    deaths = [
        {"link_id": number, "at": WITHIN, "old": "alive", "new": "dead", "reason": "deleted"}
        for number in range(1, 10_001)
    ]
    async with store.write() as db:
        await db.execute(insert(link), links)
        await db.execute(insert(flip), deaths)
    statements = 0

    def counted(*_: object) -> None:
        nonlocal statements
        statements += 1

    from sqlalchemy import event

    event.listen(store.engine.sync_engine, "before_cursor_execute", counted)
    report = await read(store)
    assert len(report.died) == 10_000
    assert statements < 60
