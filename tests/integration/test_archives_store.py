from __future__ import annotations

import gzip
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, select, update

from monitor.archives.local import LocalArchive, LocalRecord, keep_copy
from monitor.model import Article, Outcome, Page, Reason, Status, Verdict
from monitor.store import Store, archives, snapshots
from monitor.store.archives import NEVER, WAYBACK, Danger, JobState
from monitor.store.snapshots import LOCAL, Snapshot
from monitor.store.tables import archive_job, link, snapshot
from monitor.store.wanting import wanting

pytestmark = pytest.mark.both_engines

NOW = datetime(2026, 11, 24, 8, tzinfo=UTC)
LEASE = timedelta(minutes=10)
OK = Verdict(outcome=Outcome.OK, reason=Reason.ARTICLE, rule="wechat.ok", title="标题在此")
TEXT = "一篇足够长的文章，它说了许多话。" * 10


async def add_link(store: Store, name: str = "a", **values: Any) -> int:
    row = {
        "url": f"https://example.com/{name}",
        "platform": "generic",
        "host": "example.com",
        "title": "标题在此",
        "status": Status.ALIVE,
        "added_at": NOW - timedelta(days=99),
        "since": NOW - timedelta(days=99),
    }
    async with store.write() as db:
        return int((await db.execute(insert(link).values(row | values).returning(link.c.id))).scalar_one())


async def enqueue(store: Store, *ids: int, danger: int = 5) -> set[int]:
    async with store.write() as db:
        return await archives.enqueue(db, ids, archive=WAYBACK, danger=danger, now=NOW)


async def dangers(store: Store, **values: Any) -> dict[int, int]:
    async with store.read() as db:
        wanted = await wanting(db, now=NOW, limit=100, **values)
    return {link_id: danger for link_id, _, danger in wanted}


async def claim(
    store: Store, worker: str = "one", *, now: datetime = NOW, saves: int = 1
) -> list[archives.Job]:
    return await archives.claim_jobs(store, worker=worker, now=now, limit=8, saves=saves, lease=LEASE)


async def test_asking_twice_makes_one_job_that_only_becomes_more_urgent(store: Store) -> None:
    link_id = await add_link(store)
    assert await enqueue(store, link_id, danger=5) == {link_id}
    assert await enqueue(store, link_id, danger=0) == set()
    assert await enqueue(store, link_id, danger=3) == set()
    (job,) = await claim(store)
    assert job.danger == 0


async def test_each_link_has_its_danger(store: Store) -> None:
    died = await add_link(store, "dead", status=Status.DEAD, account="them")
    wanted = {
        died: Danger.DEAD,
        await add_link(store, "suspect", status=Status.SUSPECT): Danger.SUSPECT,
        await add_link(store, "risk", at_risk=True): Danger.AT_RISK,
        await add_link(store, "new", added_at=NOW - timedelta(days=2)): Danger.YOUNG,
        await add_link(store, "mate", account="them"): Danger.DEAD_MATE,
        await add_link(store, "blind", status=Status.BLIND): Danger.OTHER,
        await add_link(store, "plain"): Danger.OTHER,
    }
    await add_link(store, "pending", status=Status.PENDING)
    found = await dangers(store)
    assert found == wanted
    assert list(found.values()) == sorted(found.values())


async def test_a_published_date_tells_the_age_before_the_day_it_was_added(store: Store) -> None:
    old = await add_link(store, added_at=NOW, published_at=NOW - timedelta(days=400))
    assert await dangers(store) == {old: Danger.OTHER}


async def finish(store: Store, link_id: int, state: JobState, *, again: datetime) -> None:
    await enqueue(store, link_id)
    (job,) = await claim(store)
    done = archives.Job(
        **{name: getattr(job, name) for name in job.__slots__} | {"state": state, "not_before": again}
    )
    async with store.write() as db:
        assert await archives.record(db, done, worker="one", now=NOW)


async def test_a_parked_link_is_asked_for_again_when_its_status_changed_or_its_time_has_come(
    store: Store,
) -> None:
    forever, for_a_while = await add_link(store, "a"), await add_link(store, "b")
    await finish(store, forever, JobState.FAILED, again=NEVER)
    await finish(store, for_a_while, JobState.FAILED, again=NOW + timedelta(days=3))
    assert await dangers(store) == {}
    async with store.read() as db:
        later = await wanting(db, now=NOW + timedelta(days=3), limit=9)
    assert [link_id for link_id, _, _ in later] == [for_a_while]
    async with store.write() as db:
        await db.execute(update(link).where(link.c.id == forever).values(since=NOW + timedelta(hours=1)))
    assert list(await dangers(store)) == [forever]


async def test_a_verified_copy_ends_the_asking_and_a_bad_one_does_not(store: Store) -> None:
    good, bad, ours = [await add_link(store, name) for name in "abc"]
    for link_id, grade, archive in ((good, "B", WAYBACK), (bad, "X", WAYBACK), (ours, "A", LOCAL)):
        await add_snapshot(store, link_id, grade=grade, archive=archive)
    assert set(await dangers(store)) == {bad, ours}


async def test_a_job_is_held_by_one_worker_until_its_lease_ends(store: Store) -> None:
    await enqueue(store, await add_link(store))
    assert len(await claim(store, "one")) == 1
    assert await claim(store, "two") == []
    assert len(await claim(store, "two", now=NOW + LEASE)) == 1


async def test_who_lost_the_lease_writes_nothing(store: Store) -> None:
    await enqueue(store, await add_link(store))
    (job,) = await claim(store, "one")
    await claim(store, "two", now=NOW + LEASE)
    async with store.write() as db:
        assert not await archives.record(db, job, worker="one", now=NOW)
        assert await archives.record(db, job, worker="two", now=NOW)


async def test_jobs_to_submit_are_taken_only_as_many_as_may_be_submitted(store: Store) -> None:
    await enqueue(store, *[await add_link(store, name) for name in "abcd"])
    async with store.write() as db:
        await db.execute(update(archive_job).values(code="no-capture"))
        await db.execute(update(archive_job).where(archive_job.c.id == 1).values(code="look-up-unknown"))
    assert [job.looked_up for job in await claim(store, saves=0)] == [False]
    assert [job.looked_up for job in await claim(store, saves=2)] == [True, True]


async def add_snapshot(store: Store, link_id: int, *, days: int = 1, **values: Any) -> int:
    url = f"https://web.archive.org/web/{days}/{values}"
    row = {"archive": WAYBACK, "url": url, "original_url": "https://example.com/", "origin": "found"} | values
    async with store.write() as db:
        made = await snapshots.add(
            db, Snapshot(link_id=link_id, captured_at=NOW - timedelta(days=days), **row)
        )
        await snapshots.set_copy(db, link_id)
    return made


async def copy_of(store: Store, link_id: int) -> int | None:
    async with store.read() as db:
        return (await db.execute(select(link.c.copy_id).where(link.c.id == link_id))).scalar()


async def test_a_snapshot_known_already_stays_as_it_was_judged(store: Store) -> None:
    link_id = await add_link(store)
    first = await add_snapshot(store, link_id, url="u", grade="A")
    assert await add_snapshot(store, link_id, url="u") == first
    assert await copy_of(store, link_id) == first


async def test_the_better_grade_counts_then_wayback_then_the_newest(store: Store) -> None:
    link_id = await add_link(store)
    await add_snapshot(store, link_id, grade="X", days=1)
    assert await copy_of(store, link_id) is None
    await add_snapshot(store, link_id, days=1)
    assert await copy_of(store, link_id) is None, "a capture nobody has opened is no copy"
    for days, grade, archive in (
        (50, "B", WAYBACK),
        (40, "B", WAYBACK),
        (30, "A", LOCAL),
        (60, "A", WAYBACK),
    ):
        made = await add_snapshot(store, link_id, grade=grade, archive=archive, days=days)
        assert await copy_of(store, link_id) == made
    await add_snapshot(store, link_id, grade="A", archive=LOCAL, days=0)
    await add_snapshot(store, link_id, grade="B", days=0)
    assert await copy_of(store, link_id) == made


async def test_of_a_failing_link_a_copy_from_before_counts_more_than_a_better_grade_after(
    store: Store,
) -> None:
    link_id = await add_link(store, failing_since=NOW - timedelta(days=10), status=Status.DEAD)
    before = await add_snapshot(store, link_id, grade="B", days=11)
    await add_snapshot(store, link_id, grade="A", days=9)
    assert await copy_of(store, link_id) == before


# local copies


def page(text: str = TEXT, **values: Any) -> Page:
    body = f"<html>{text}</html>".encode()
    url = "https://example.com/a"
    defaults: dict[str, Any] = {"url": url, "final_url": url, "http_status": 200, "body": body}
    return Page(**(defaults | values))


async def keep(
    store: Store, local: LocalArchive, link_id: int, text: str = TEXT, **values: Any
) -> int | None:
    return await keep_copy(store, local, link_id, page(text, **values), Article(text=text), OK, NOW)


@pytest.fixture
def local(tmp_path: Path) -> LocalArchive:
    return LocalArchive(tmp_path / "archive")


async def test_a_first_good_look_leaves_a_copy_that_reads_back(store: Store, local: LocalArchive) -> None:
    link_id = await add_link(store)
    made = await keep(store, local, link_id)
    assert await copy_of(store, link_id) == made
    async with store.read() as db:
        row = (await db.execute(select(snapshot))).one()
    assert (row.archive, row.grade, row.url) == (LOCAL, "A", f"warc:{row.file}#{row.offset}")
    assert local.read(LocalRecord(row.file, row.offset, row.length, "")) == page().body


async def test_the_same_text_is_not_kept_twice_and_a_new_one_is(store: Store, local: LocalArchive) -> None:
    link_id = await add_link(store)
    first = await keep(store, local, link_id)
    file = next(local.directory.glob("*.warc.gz"))
    size = file.stat().st_size
    assert await keep(store, local, link_id, body=b"<html nonce=2>" + page().body) is None
    assert file.stat().st_size == size
    second = await keep(store, local, link_id, TEXT + "又添了一段新的话。")
    assert second not in (None, first)
    assert len(gzip.decompress(file.read_bytes()).split(b"WARC-Type: response")) == 3


@pytest.mark.parametrize(
    ("text", "title", "grade"),
    [("短", "标题在此", "B"), ("短", "another", "C"), ("", "标题在此", "C"), ("短", "", "C")],
)
async def test_a_short_text_counts_only_with_the_right_title(
    store: Store, local: LocalArchive, text: str, title: str, grade: str
) -> None:
    link_id = await add_link(store, title=title)
    made = await keep(store, local, link_id, text)
    async with store.read() as db:
        assert (await db.execute(select(snapshot.c.grade))).scalar_one() == grade
    assert await copy_of(store, link_id) == (made if grade == "B" else None)


async def test_a_prefix_or_a_wall_is_never_kept(store: Store, local: LocalArchive) -> None:
    link_id = await add_link(store)
    wall = Verdict(outcome=Outcome.WALLED, reason=Reason.CAPTCHA, rule="wechat.wall")
    assert await keep(store, local, link_id, complete=False) is None
    assert await keep_copy(store, local, link_id, page(), Article(text=TEXT), wall, NOW) is None
    assert not local.directory.exists()
