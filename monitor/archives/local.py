"""The local archive: the page as our own look got it, in WARC files of a month each, indexed in the database."""

from __future__ import annotations

import asyncio
import errno
import fcntl
import hashlib
import logging
import os
import re
import threading
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from monitor.archives import pictures, warc
from monitor.archives.surt import surt
from monitor.archives.verify import SHORT
from monitor.config import Settings
from monitor.model import Article, Outcome, Page, Verdict
from monitor.platforms.likeness import SAME_TITLE, text_digest, title_likeness
from monitor.store import Store, parts, snapshots
from monitor.store.parts import Part
from monitor.store.snapshots import LOCAL, Snapshot

log = logging.getLogger(__name__)

MAX_FILE = 1 << 30  # bytes; then the month goes on in another file
FILES_OF_A_BUDGET = 8  # with a budget files are smaller, so that room can be made in little pieces
# files of their own: a lock on a folder holds on no other machine that shares it by NFS
LOCK = "rotwatch.lock"
TURN = "rotwatch.turn"  # held while one waits for the lock, so that who wants it alone is not waited out
LOCK_POLL_S = 0.02
ALONE_WITHIN_S = 30.0
_NAME = re.compile(r"rotwatch-(\d{4}-\d{2})(?:-(\d+))?\.warc\.gz")


class LocalArchiveError(Exception):
    """The local archive cannot be written or read; the text says why and what to do."""


class ArchiveFullError(LocalArchiveError):
    """The size that the configuration allows is used up."""


@dataclass(frozen=True, slots=True)
class LocalRecord:
    """Where a page is kept: ``length`` bytes at ``offset`` of ``file`` (a name). ``digest``: sha256 of its body."""

    file: str
    offset: int
    length: int
    digest: str
    url: str = ""
    way: tuple[LocalRecord, ...] = ()  # the redirects that led to it


class LocalArchive:
    """WARC files below ``directory``, which is made when it is first written to.

    Its methods block: run them in a thread. Several threads and processes may use one directory.

    :param max_bytes: what all files together may have; 0 = no limit.
    """

    def __init__(self, directory: Path, *, max_bytes: int = 0) -> None:
        self.directory, self.max_bytes = directory, max_bytes
        self._whole: dict[Path, int] = {}  # files known to end with a whole record, and their size then
        self._one = threading.Lock()

    @classmethod
    def of(cls, settings: Settings) -> LocalArchive:
        """The archive of a configuration."""
        own = settings.archives.local
        return cls(settings.in_state(own.directory), max_bytes=int(own.max_gb * 1e9))

    def keep(self, page: Page, *, now: datetime) -> LocalRecord:
        """Append the page as a response record, with the redirects that led to it; it is on the disk when this returns.

        :raises LocalArchiveError: it is not kept; what was there before is whole.
        """
        if page.http_status is None:
            raise LocalArchiveError("Only an answer can be kept, and nothing answered.")
        hops = _way(page)
        members = [warc.response(at, status, {"location": to}, b"", now) for at, status, to in hops]
        members.append(warc.response(page.final_url, page.http_status, page.headers, page.body, now))
        *way, (file, offset) = self.write(members, now=now)
        redirects = tuple(
            LocalRecord(*place, len(member), "", hop[0])
            for place, member, hop in zip(way, members, hops, strict=False)
        )
        digest = hashlib.sha256(page.body).hexdigest()
        return LocalRecord(file, offset, len(members[-1]), digest, page.final_url, redirects)

    def write(self, members: Sequence[bytes], *, now: datetime) -> list[tuple[str, int]]:
        """Append whole records, all or none; returns the file and offset of each.

        :raises ArchiveFullError: they would not fit into ``max_bytes``.
        :raises LocalArchiveError: the disk is full or cannot be written.
        """
        try:
            with self._one:
                self.directory.mkdir(parents=True, exist_ok=True)
                if self.max_bytes and self.size() + sum(map(len, members)) > self.max_bytes:
                    raise ArchiveFullError(
                        f"Local copies have used up archives.local.max_gb ({self.max_bytes / 1e9:g} GB): raise it,"
                        " or set archives.local.enabled = false."
                    )
                return self._append(members, now)
        except OSError as error:
            raise LocalArchiveError(sentence(error, self.directory)) from error

    def read(self, record: LocalRecord) -> bytes:
        """The body of a kept page.

        :raises LocalArchiveError: the file is missing or damaged.
        """
        return self.record(record.file, record.offset, record.length).body

    def record(self, file: str, offset: int, length: int) -> warc.Record:
        """A kept record. Errors as for :meth:`read`."""
        return warc.record_of(self.member(file, offset, length), file, offset)

    def member(self, file: str, offset: int, length: int) -> bytes:
        """A kept record as it stands in its file. Errors as for :meth:`read`."""
        if Path(file).name != file:
            raise LocalArchiveError(f"{file!r} is no file of the local archive.")
        path = self.directory / file
        try:
            return warc.member_at(path, offset, length)
        except FileNotFoundError:
            raise LocalArchiveError(
                f"The local archive has no file {path}: restore it from a backup."
            ) from None
        except (OSError, ValueError) as error:
            raise LocalArchiveError(
                f"The copy in {path} cannot be read ({error}): restore the file."
            ) from error

    def files(self) -> dict[str, int]:
        """The WARC files and their sizes in bytes."""
        try:
            return {
                entry.name: entry.stat().st_size
                for entry in os.scandir(self.directory)
                if _NAME.fullmatch(entry.name)
            }
        except FileNotFoundError:
            return {}

    def size(self) -> int:
        """Bytes of all WARC files."""
        return sum(self.files().values())

    def next_name(self, file: str) -> str:
        """A name for another file of the same month, that no file has now."""
        month = _month_of(file)
        return _name(month, max(_parts_of(month, self.files()), default=0) + 1)

    @asynccontextmanager
    async def shared(self) -> AsyncIterator[None]:
        """While this is held nobody moves or drops records: for the moment between a record and its row in the
        database.

        :raises LocalArchiveError: the directory cannot be made or opened.
        """
        async with _locked(self.directory, fcntl.LOCK_SH):
            yield

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[None]:
        """Like :meth:`shared`, for those who only read what the database points to: it makes nothing.

        :raises LocalArchiveError: the lock is there and cannot be opened.
        """
        if not (self.directory / TURN).exists():  # nobody has written here, so nobody moves what is here
            yield
            return
        async with _locked(self.directory, fcntl.LOCK_SH, os.O_RDONLY):
            yield

    @asynccontextmanager
    async def alone(self) -> AsyncIterator[None]:
        """While this is held nobody writes or reads: for those who move or drop records.

        :raises LocalArchiveError: as for :meth:`shared`; or somebody, an export perhaps, reads for so long that those
            who wait behind this one should not.
        """
        async with _locked(self.directory, fcntl.LOCK_EX):
            yield

    def _append(self, members: Sequence[bytes], now: datetime) -> list[tuple[str, int]]:
        path = self._file_of(now)
        with warc.for_append(path) as file:
            size = file.tell()
            if size and self._whole.get(path) != size:
                torn = warc.cut_torn_end(file)
                size -= torn
                if torn:
                    log.warning(
                        "cut %d bytes of an unfinished record off %s",
                        torn,
                        path.name,
                        extra={"action": "mend"},
                    )
            begin = warc.opening(path.name, now) if size == 0 else b""
            offset = warc.append(file, begin + b"".join(members)) + len(begin)
            if begin:
                sync_directory(self.directory)
            offsets = list(_offsets(offset, members))
            self._whole[path] = offsets[-1] + len(members[-1])
        return [(path.name, offset) for offset in offsets]

    def _file_of(self, now: datetime) -> Path:
        month, files = f"{now:%Y-%m}", self.files()
        last = max(_parts_of(month, files), default=1)
        limit = min(MAX_FILE, self.max_bytes // FILES_OF_A_BUDGET) if self.max_bytes else MAX_FILE
        is_full = files.get(_name(month, last), 0) >= limit
        return self.directory / _name(month, last + 1 if is_full else last)


def _offsets(first: int, members: Sequence[bytes]) -> Iterator[int]:
    for member in members:
        yield first
        first += len(member)


def _name(month: str, part: int) -> str:
    return f"rotwatch-{month}{f'-{part}' if part > 1 else ''}.warc.gz"


def _month_of(file: str) -> str:
    match = _NAME.fullmatch(file)
    if match is None:
        raise ValueError(f"{file!r} is no file of the local archive.")
    return match[1]


def _parts_of(month: str, files: dict[str, int]) -> Iterator[int]:
    found = (_NAME.fullmatch(name) for name in files)
    return (int(match[2] or 1) for match in found if match and match[1] == month)


def _way(page: Page) -> list[tuple[str, int, str]]:
    """The redirects as address, status and goal. One whose address is the page's own, or comes again later, would lead
    a player in a circle and is left out."""
    goals = [*(hop.url for hop in page.redirects[1:]), page.final_url]
    hops = {
        surt(hop.url): (hop.url, hop.http_status, to) for hop, to in zip(page.redirects, goals, strict=False)
    }
    hops.pop(surt(page.final_url), None)
    return list(hops.values())


@asynccontextmanager
async def _locked(directory: Path, kind: int, opened: int = os.O_RDWR | os.O_CREAT) -> AsyncIterator[None]:
    try:
        if opened & os.O_CREAT:
            directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise LocalArchiveError(sentence(error, directory)) from error
    with _handle(directory / LOCK, opened) as lock:
        try:
            with _handle(directory / TURN, opened) as turn:
                async with asyncio.timeout(ALONE_WITHIN_S if kind == fcntl.LOCK_EX else None):
                    await _flock(turn, kind)
                    await _flock(lock, kind)
        except TimeoutError:
            raise LocalArchiveError(
                f"The local copies in {directory} are in use (an export?): room is made at the next upkeep."
            ) from None
        yield


@contextmanager
def _handle(file: Path, opened: int) -> Iterator[int]:
    try:
        handle = os.open(file, opened | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise LocalArchiveError(sentence(error, file.parent)) from error
    try:
        yield handle
    finally:
        os.close(handle)


async def _flock(handle: int, kind: int) -> None:
    while True:
        try:
            return fcntl.flock(handle, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            await asyncio.sleep(LOCK_POLL_S)  # blocking would need a thread, and threads are few


def sync_directory(directory: Path) -> None:
    """A new file's name is on the disk only when its folder is."""
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sentence(error: OSError, directory: Path) -> str:
    """What an error of the disk means for the person."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return f"There is no room for local copies in {directory}: make room on the disk."
    return f"Local copies cannot be written to {directory} ({error.strerror}): let this user write there."


async def keep_copy(  # noqa: PLR0917  (in the order of the sentence: of this link, this page with this article)
    store: Store,
    local: LocalArchive,
    link_id: int,
    page: Page,
    article: Article,
    verdict: Verdict,
    now: datetime,
    *,
    with_pictures: bool = False,
) -> int | None:
    """Keep a living page that was read to its end, unless its text and pictures are those of the copy we have.

    WeChat's HTML is never the same twice; only a new text or another list of pictures is worth a new record.

    :param with_pictures: have its pictures fetched later (:mod:`monitor.archives.picture_queue`).
    :returns: the id of the new snapshot, None when nothing was kept.
    :raises LocalArchiveError: it could not be kept.
    """
    if verdict.outcome is not Outcome.OK or not page.complete or page.http_status is None:
        return None
    text = article.text.strip()
    digest = text_digest(text)
    shown = pictures.shown(page, article) if with_pictures else ()
    shown_digest = pictures.digest_of(shown) if with_pictures else None
    async with store.read() as db:
        newest = next(iter(await snapshots.of(db, link_id, LOCAL)), None)
        title = await snapshots.title_of(db, link_id)
    same_pictures = newest is not None and shown_digest in (None, newest.pictures_digest)
    if newest is not None and newest.digest == digest and same_pictures:
        return None
    graded = _grade(text, title, verdict.title or article.title)
    new = Snapshot(
        link_id=link_id,
        archive=LOCAL,
        url="",
        original_url=page.final_url,
        captured_at=now,
        origin="made",
        digest=digest,
        http_status=page.http_status,
        judged_at=now,
        grade=graded,
        outcome=verdict.outcome,
        rule=verdict.rule,
        evidence=verdict.evidence,
        pictures=len(shown) if with_pictures else None,
        pictures_digest=shown_digest,
        pictures_due=now if shown else None,
    )
    async with local.shared():
        record = await asyncio.to_thread(local.keep, page, now=now)
        async with store.write() as db:
            snapshot_id = await snapshots.add(db, _at(new, record))
            await parts.add(db, [part_of(snapshot_id, hop, parts.REDIRECT, now) for hop in record.way])
            await snapshots.set_copy(db, link_id)
    return snapshot_id


def _at(new: Snapshot, record: LocalRecord) -> Snapshot:
    url = snapshots.local_url(record.file, record.offset)
    return replace(new, url=url, file=record.file, offset=record.offset, length=record.length)


def part_of(snapshot_id: int, record: LocalRecord, kind: str, now: datetime) -> Part:
    """A record as a part of a copy."""
    return Part(
        snapshot_id=snapshot_id,
        kind=kind,
        url=record.url,
        captured_at=now,
        file=record.file,
        offset=record.offset,
        length=record.length,
        digest=record.digest or None,
    )


def _grade(text: str, listed: str, seen: str | None) -> str:
    """The page was judged alive a moment ago; what is left is whether enough of it is there."""
    if len(text) >= SHORT:
        return "A"
    if not text:
        return "C"
    return "B" if seen and title_likeness(listed, seen) >= SAME_TITLE else "C"
