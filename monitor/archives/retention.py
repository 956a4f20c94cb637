"""Room for new copies: with a budget, what better copies replace is dropped, and files are rewritten without waste.

Dropped first are older copies of a page of which a newer one, or one from before its death, is kept; then copies of
pages that the Wayback Machine has a verified copy of; then copies that never counted. The only verified copy of a page
is never dropped: when nothing else is left, no new copies are written, and ``doctor`` says so.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from monitor.archives import warc
from monitor.archives.local import LocalArchive, LocalArchiveError, sentence, sync_directory
from monitor.store import Store, retention, service
from monitor.store.retention import Held, Place
from monitor.store.sql import chunks

log = logging.getLogger(__name__)

HIGH, LOW = 0.9, 0.8  # of the budget: room is made from the one down to the other
SERVICE = "local archive"
OPENING = 1000  # bytes that a file may begin with
AT_ONCE = 100  # records copied between two syncs
LONGEST_S = 60.0  # of rewriting files, while which nobody keeps anything: the rest is for the next upkeep
TRUSTED_WASTE = 0.5  # more of it than this share of all bytes, and the database is probably not the right one
OURS = "rewriting"  # noted while that much waste may be what we dropped


@dataclass(frozen=True, slots=True)
class Room:
    """What making room came to: copies dropped, bytes freed, and whether there is still too little of it."""

    dropped: int = 0
    freed: int = 0
    is_full: bool = False


def expendable(copies: Iterable[Held]) -> list[Held]:
    """The copies that could go, in the order in which they should. Pure."""
    by_link: dict[int, list[Held]] = {}
    for copy in copies:
        by_link.setdefault(copy.link_id, []).append(copy)
    ranked: list[tuple[int, Held]] = []
    for mine in by_link.values():
        best = max(mine, key=_worth)
        ranked += [(0, copy) for copy in mine if copy is not best]
        if best.elsewhere:
            ranked.append((1, best))
        elif not best.counts:
            ranked.append((2, best))
    ranked.sort(key=lambda one: (one[0], one[1].captured_at, one[1].id))
    return [copy for _, copy in ranked]


def _worth(copy: Held) -> tuple[object, ...]:
    return copy.counts and copy.in_time, copy.counts, copy.grade == "A", copy.captured_at, copy.id


async def is_full(store: Store, local: LocalArchive) -> bool:
    """Whether the budget is nearly used up by what must not go."""
    if not _is_crowded(local):
        return False
    async with store.read() as db:
        could_go = sum(copy.size for copy in expendable(await retention.held(db)))
        could_go += _waste(local, await retention.used(db))
    return local.size() - could_go > HIGH * local.max_bytes


async def make_room(store: Store, local: LocalArchive, *, now: datetime) -> Room:
    """Bring the files below the budget, if there is one and it is nearly used up.

    Safe under a kill at any line: a record is copied and on the disk before the database points to it, and the old
    file goes last.

    :raises LocalArchiveError: a file is damaged, the disk is full, or the files are not this database's.
    """
    if not _is_crowded(local):
        return Room()
    async with local.alone():
        is_ours = await _discard_left_over(store, local, now)
        before, target = local.size(), int(LOW * local.max_bytes)
        async with store.read() as db:
            waste = _waste(local, await retention.used(db))
            candidates = expendable(await retention.held(db))
        if waste > TRUSTED_WASTE * before and not is_ours:
            raise LocalArchiveError(
                f"Most of what is in {local.directory} is unknown to this database, so nothing is dropped: restore"
                " the database that belongs to it, or raise archives.local.max_gb."
            )
        victims = _enough(candidates, before - waste - target)
        async with store.write() as db:
            await retention.drop(db, victims)
            await service.put(db, SERVICE, now=now, note=OURS)
        await _compact(store, local, target, now)
        await _done(store, local, now)
    room = Room(len(victims), before - local.size(), _is_crowded(local))
    log.info(
        "dropped %d local copies that others replace, freed %.1f MB",
        room.dropped,
        room.freed / 1e6,
        extra={"action": "retention"},
    )
    return room


def _is_crowded(local: LocalArchive) -> bool:
    return local.max_bytes > 0 and local.size() > HIGH * local.max_bytes


def _waste(local: LocalArchive, places: Mapping[str, Sequence[Place]]) -> int:
    """Bytes of records that no copy is made of; what a file begins with is none."""
    return sum(_waste_of(name, size, places) for name, size in local.files().items())


def _waste_of(name: str, size: int, places: Mapping[str, Sequence[Place]]) -> int:
    mine = places.get(name, ())
    rest = size - sum(place.length for place in mine)
    return rest if rest > OPENING or not mine else 0


def _enough(candidates: Sequence[Held], wanted: int) -> list[Held]:
    """The first candidates that weigh ``wanted`` bytes together."""
    victims: list[Held] = []
    for copy in candidates:
        if wanted <= 0:
            break
        victims.append(copy)
        wanted -= copy.size
    return victims


async def _compact(store: Store, local: LocalArchive, target: int, now: datetime) -> None:
    """Rewrite files without their waste, those with most of it first, until ``target`` is reached or it takes long."""
    time = asyncio.get_running_loop().time
    until = time() + LONGEST_S
    async with store.read() as db:
        places = await retention.used(db)
    waste = {name: _waste_of(name, size, places) for name, size in local.files().items()}
    for name in sorted(waste, key=lambda name: waste[name], reverse=True):
        if local.size() <= target or not waste[name]:
            return
        if mine := places.get(name):
            new = local.next_name(name)
            await _note(store, new, now)
            offsets = await asyncio.to_thread(_rewrite, local, name, new, mine, now)
            async with store.write() as db:
                await retention.moved(db, name, new, offsets)
                await service.put(db, SERVICE, now=now, note=OURS, data=name)
        (local.directory / name).unlink(missing_ok=True)
        await _note(store, None, now)
        if time() >= until:
            return


async def _note(store: Store, file: str | None, now: datetime) -> None:
    """Keep which file is of no use, should we be killed now."""
    async with store.write() as db:
        await service.put(db, SERVICE, now=now, note=OURS, data=file)


async def _done(store: Store, local: LocalArchive, now: datetime) -> None:
    async with store.write() as db:
        waste = _waste(local, await retention.used(db))
        await service.put(db, SERVICE, now=now, note=OURS if waste > TRUSTED_WASTE * local.size() else None)


async def _discard_left_over(store: Store, local: LocalArchive, now: datetime) -> bool:
    """Delete what a killed predecessor left: half of a new file, or an old one that was done with.

    :returns: whether it had dropped copies whose bytes are still there.
    """
    async with store.read() as db:
        noted = await service.get(db, SERVICE)
        places = await retention.used(db)
    if noted is not None and noted.data and noted.data not in places:
        (local.directory / noted.data).unlink(missing_ok=True)
        await _note(store, None, now)
    return noted is not None and noted.note == OURS


def _rewrite(
    local: LocalArchive, old: str, new: str, places: Sequence[Place], now: datetime
) -> dict[int, int]:
    """Copy records into a new file, on the disk when this returns; offset in the old → offset in the new."""
    path, offsets = local.directory / new, dict[int, int]()
    try:
        with warc.for_append(path) as file:
            warc.append(file, warc.opening(new, now))
            for some in chunks(places, AT_ONCE):
                members = [local.member(old, place.offset, place.length) for place in some]
                at = warc.append(file, b"".join(members))
                for place in some:
                    offsets[place.offset] = at
                    at += place.length
        sync_directory(local.directory)
    except OSError as error:
        path.unlink(missing_ok=True)
        raise LocalArchiveError(sentence(error, local.directory)) from error
    except LocalArchiveError:
        path.unlink(missing_ok=True)
        raise
    return offsets
