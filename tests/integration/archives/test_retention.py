from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, insert, select, update

from monitor.archives import retention
from monitor.archives.local import LocalArchiveError
from monitor.archives.retention import expendable, make_room
from monitor.demo import State
from monitor.store import parts
from monitor.store import retention as weights
from monitor.store.retention import Held
from monitor.store.tables import link, part, snapshot
from tests.integration.archives.local_rig import LocalRig
from tests.integration.archives.rig import START

LONG = "https://mp.weixin.qq.com/s/AbCdEfGhIjKlMnOpQrStUv"
OTHER = "https://mp.weixin.qq.com/s/ZyXwVuTsRqPoNmLkJiHgFe"


def held(number: int, link_id: int = 1, **changes: Any) -> Held:
    values: dict[str, Any] = {
        "id": number,
        "link_id": link_id,
        "captured_at": START + timedelta(days=number),
        "grade": "A",
        "in_time": True,
        "elsewhere": False,
        "size": 100,
    }
    return Held(**(values | changes))


def ids(copies: list[Held]) -> list[int]:
    return [copy.id for copy in copies]


def test_older_copies_go_first_and_the_newest_stays() -> None:
    assert ids(expendable([held(3), held(1), held(2), held(4, link_id=2)])) == [1, 2]


def test_of_a_dead_link_the_last_copy_from_before_its_death_stays() -> None:
    assert ids(expendable([held(1), held(2), held(3, in_time=False)])) == [1, 3]


def test_a_verified_copy_stays_and_a_newer_one_that_does_not_count_goes() -> None:
    assert ids(expendable([held(1), held(2, grade="C")])) == [2]


def test_then_copies_that_the_wayback_machine_has_too_then_those_that_never_counted() -> None:
    copies = [held(1, 1, grade="C"), held(2, 2, elsewhere=True), held(3, 3), held(4, 3), held(5, 4)]
    assert ids(expendable(copies)) == [3, 2, 1]


async def renewed(local: LocalRig, times: int) -> list[int]:
    """Two links: one looked at and changed ``times`` times, one kept once at the end."""
    local.world.article(LONG, pictures=1)
    link_id = await local.link(LONG)
    made = []
    for number in range(times):
        local.world.set(LONG, State.LIVE, edited=0.1 + number / (2 * times))
        copy = await local.look(link_id, LONG)
        assert copy is not None
        made.append(copy)
        await local.settle()
        local.time.pass_(days=1)
    local.world.article(OTHER, pictures=1)
    return [*made, await local.kept(OTHER)]


async def readable(local: LocalRig) -> None:
    """Every copy and every part reads back."""
    async with local.store.read() as db:
        rows = [*(await db.execute(select(snapshot))), *(await db.execute(select(part)))]
    for row in rows:
        local.local.record(row.file, row.offset, row.length)


@pytest.mark.both_engines
async def test_room_is_made_down_to_the_mark_and_what_stays_reads_back(local: LocalRig) -> None:
    made = await renewed(local, 4)
    local.local.max_bytes = int(local.local.size() / 0.95)
    room = await make_room(local.store, local.local, now=local.time())
    assert room.dropped > 0
    assert room.freed > 0
    assert not room.is_full
    assert local.local.size() <= retention.LOW * local.local.max_bytes + 1000
    left = [copy.id for copy in await local.copies()]
    assert left == made[room.dropped :]
    await readable(local)
    assert await local.pictures(made[-2]) == await local.pictures(made[-1]) == 1
    again = await make_room(local.store, local.local, now=local.time())
    assert again == retention.Room()
    local.world.set(LONG, State.LIVE, edited=0.9)
    assert await local.look(1, LONG)  # writing goes on in the new file
    await readable(local)


async def test_the_only_verified_copies_stay_and_writing_stops(local: LocalRig) -> None:
    made = await renewed(local, 3)
    local.local.max_bytes = local.local.size() // 2
    room = await make_room(local.store, local.local, now=local.time())
    assert [copy.id for copy in await local.copies()] == made[-2:]
    assert room.is_full
    assert await retention.is_full(local.store, local.local)
    local.world.set(LONG, State.LIVE, edited=0.9)
    with pytest.raises(LocalArchiveError, match=r"used up archives.local.max_gb .*: raise it"):
        await local.look(1, LONG)
    await readable(local)


async def test_without_a_budget_nothing_is_ever_dropped(local: LocalRig) -> None:
    made = await renewed(local, 3)
    assert await make_room(local.store, local.local, now=local.time()) == retention.Room()
    assert [copy.id for copy in await local.copies()] == made


@pytest.mark.parametrize("at", ["_rewrite", "moved", "unlink"])
async def test_a_kill_while_room_is_made_loses_nothing(
    local: LocalRig, monkeypatch: pytest.MonkeyPatch, at: str
) -> None:
    await renewed(local, 4)
    local.local.max_bytes = int(local.local.size() / 0.95)

    class Killed(BaseException):
        pass

    def killed(*_args: object, **_values: object) -> Any:
        raise Killed

    target = {"_rewrite": retention, "moved": weights, "unlink": Path}[at]
    with monkeypatch.context() as patch:
        patch.setattr(target, at, killed)
        with pytest.raises(Killed):
            await make_room(local.store, local.local, now=local.time())
    local.restart()
    await readable(local)
    local.check()
    assert not (await make_room(local.store, local.local, now=local.time())).is_full
    assert local.local.size() <= retention.LOW * local.local.max_bytes + 1000
    await readable(local)


async def test_what_was_dropped_is_still_ours_when_a_full_disk_kept_its_bytes(
    local: LocalRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = await renewed(local, 6)
    local.local.max_bytes = local.local.size() // 3

    def full(*_args: object) -> Any:
        raise LocalArchiveError("no room")

    with monkeypatch.context() as patch:
        patch.setattr(retention, "_rewrite", full)
        with pytest.raises(LocalArchiveError, match="no room"):
            await make_room(local.store, local.local, now=local.time())
    before = local.local.size()
    assert (await make_room(local.store, local.local, now=local.time())).freed > before // 2
    assert [copy.id for copy in await local.copies()] == made[-2:]
    await readable(local)


async def test_another_database_drops_nothing(local: LocalRig) -> None:
    await renewed(local, 3)
    async with local.store.write() as db:
        await db.execute(delete(part))
        await db.execute(delete(snapshot).where(snapshot.c.id > 1))
    local.local.max_bytes = local.local.size()
    before = local.local.files()
    with pytest.raises(LocalArchiveError, match="unknown to this database, so nothing is dropped"):
        await make_room(local.store, local.local, now=local.time())
    assert local.local.files() == before


async def test_a_copy_that_stood_for_a_link_is_replaced_by_the_best_that_is_left(local: LocalRig) -> None:
    local.world.article(LONG)
    made = await local.kept(LONG)
    async with local.store.write() as db:
        copy = {
            "link_id": 1,
            "archive": "wayback",
            "url": "https://web.archive.org/web/20261101000000/" + LONG,
            "original_url": LONG,
            "captured_at": START - timedelta(days=3),
            "origin": "made",
            "grade": "B",
        }
        await db.execute(insert(snapshot).values(copy))
        await db.execute(update(link).values(copy_id=made))
    local.local.max_bytes = int(local.local.size() / 0.95)
    room = await make_room(local.store, local.local, now=local.time())
    assert room.dropped == 1
    async with local.store.read() as db:
        chosen = (
            await db.execute(select(snapshot.c.archive).join(link, link.c.copy_id == snapshot.c.id))
        ).scalar()
        assert chosen == "wayback"
        assert await parts.of(db, [made]) == []


async def test_who_makes_room_is_not_waited_out_by_those_who_keep_pages(local: LocalRig) -> None:
    """Each of two begins before the other has ended, so that the lock is never free by itself."""
    over, begun = False, 0

    async def keeps(first: float) -> None:
        nonlocal begun
        await asyncio.sleep(first)
        while not over:
            async with local.local.shared():
                begun += 1
                await asyncio.sleep(0.1)

    busy = [asyncio.create_task(keeps(first)) for first in (0, 0.03, 0.06)]
    await asyncio.sleep(0.1)
    try:
        async with asyncio.timeout(5), local.local.alone():
            at_work = begun
            await asyncio.sleep(0.15)
            assert begun == at_work
    finally:
        over = True
        await asyncio.gather(*busy)
    assert begun > at_work


async def test_an_export_that_lasts_is_not_waited_for(
    local: LocalRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    await renewed(local, 4)
    local.local.max_bytes = int(local.local.size() / 0.95)
    monkeypatch.setattr("monitor.archives.local.ALONE_WITHIN_S", 0.1)
    async with local.local.reading():
        with pytest.raises(LocalArchiveError, match="room is made at the next upkeep"):
            await make_room(local.store, local.local, now=local.time())
    assert (await make_room(local.store, local.local, now=local.time())).dropped > 0


async def test_room_that_takes_long_is_made_in_several_goes(
    local: LocalRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "LONGEST_S", 0.0)
    monkeypatch.setattr("monitor.archives.local.MAX_FILE", 20_000)
    await renewed(local, 8)
    assert len(local.local.files()) > 3
    local.local.max_bytes = int(local.local.size() / 2)
    rewritten = 0
    while (room := await make_room(local.store, local.local, now=local.time())).freed:
        rewritten += 1
        await readable(local)
    assert rewritten > 1
    assert not room.is_full
    assert local.local.size() <= 0.9 * local.local.max_bytes


async def test_a_file_that_somebody_removed_does_not_stop_the_making_of_room(
    local: LocalRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("monitor.archives.local.MAX_FILE", 20_000)
    await renewed(local, 8)
    local.local.max_bytes = int(local.local.size() / 0.95)
    unlink = Path.unlink

    def removed_before(path: Path, missing_ok: bool = False) -> None:
        if path.suffix == ".gz" and path.exists():
            unlink(path)
        unlink(path, missing_ok)

    monkeypatch.setattr(Path, "unlink", removed_before)
    assert (await make_room(local.store, local.local, now=local.time())).freed > 0


async def test_nobody_moves_records_while_somebody_reads(local: LocalRig) -> None:
    await renewed(local, 4)
    local.local.max_bytes = int(local.local.size() / 0.95)
    async with local.local.shared():
        making = asyncio.create_task(make_room(local.store, local.local, now=local.time()))
        await asyncio.sleep(0.1)
        assert not making.done()
        await readable(local)
    assert (await making).dropped > 0
