"""The local archive: the page as our own look got it, in WARC files of a month each, indexed in the database."""

from __future__ import annotations

import asyncio
import errno
import hashlib
import logging
import os
import threading
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from monitor.archives import warc
from monitor.archives.verify import SHORT
from monitor.model import Article, Outcome, Page, Verdict
from monitor.platforms.likeness import SAME_TITLE, sketch, title_likeness
from monitor.store import Store, snapshots
from monitor.store.snapshots import LOCAL, Snapshot

log = logging.getLogger(__name__)

MAX_FILE = 1 << 30  # bytes; then the month goes on in another file


class LocalArchiveError(Exception):
    """The local archive cannot be written or read; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class LocalRecord:
    """Where a page is kept: ``length`` bytes at ``offset`` of ``file`` (a name). ``digest``: sha256 of its body."""

    file: str
    offset: int
    length: int
    digest: str


class LocalArchive:
    """WARC files below ``directory``, which is made when it is first written to.

    Its methods block: run them in a thread. Several threads and processes may use one directory.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._whole: dict[Path, int] = {}  # files known to end with a whole record, and their size then
        self._one = threading.Lock()

    def keep(self, page: Page, *, now: datetime) -> LocalRecord:
        """Append the page as a response record; it is on the disk when this returns.

        :raises LocalArchiveError: it is not kept; what was there before is whole.
        """
        if page.http_status is None:
            raise LocalArchiveError("Only an answer can be kept, and nothing answered.")
        record = warc.response(page.final_url, page.http_status, page.headers, page.body, now)
        try:
            with self._one:
                self.directory.mkdir(parents=True, exist_ok=True)
                file, offset = self._append(record, now)
        except OSError as error:
            raise LocalArchiveError(_sentence(error, self.directory)) from error
        return LocalRecord(file, offset, len(record), hashlib.sha256(page.body).hexdigest())

    def read(self, record: LocalRecord) -> bytes:
        """The body of a kept page.

        :raises LocalArchiveError: the file is missing or damaged.
        """
        if Path(record.file).name != record.file:
            raise LocalArchiveError(f"{record.file!r} is no file of the local archive.")
        path = self.directory / record.file
        try:
            return warc.body_at(path, record.offset, record.length)
        except FileNotFoundError:
            raise LocalArchiveError(
                f"The local archive has no file {path}: restore it from a backup."
            ) from None
        except (OSError, ValueError) as error:
            raise LocalArchiveError(
                f"The copy in {path} cannot be read ({error}): restore the file."
            ) from error

    def _append(self, record: bytes, now: datetime) -> tuple[str, int]:
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
            offset = warc.append(file, begin + record) + len(begin)
            if begin:
                _sync_directory(self.directory)
            self._whole[path] = offset + len(record)
        return path.name, offset

    def _file_of(self, now: datetime) -> Path:
        part = 1
        while True:
            suffix = f"-{part}" if part > 1 else ""
            path = self.directory / f"rotwatch-{now:%Y-%m}{suffix}.warc.gz"
            if not path.exists() or path.stat().st_size < MAX_FILE:
                return path
            part += 1


def _sync_directory(directory: Path) -> None:
    """A new file's name is on the disk only when its folder is."""
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _sentence(error: OSError, directory: Path) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
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
) -> int | None:
    """Keep a living page that was read to its end, unless its text is that of the copy we have.

    WeChat's HTML is never the same twice; only a new text is worth a new record.

    :returns: the id of the new snapshot, None when nothing was kept.
    :raises LocalArchiveError: it could not be kept.
    """
    if verdict.outcome is not Outcome.OK or not page.complete or page.http_status is None:
        return None
    text = article.text.strip()
    digest = sketch(text).sha256
    async with store.read() as db:
        newest = next(iter(await snapshots.of(db, link_id, LOCAL)), None)
        title = await snapshots.title_of(db, link_id)
    if newest is not None and newest.digest == digest:
        return None
    record = await asyncio.to_thread(local.keep, page, now=now)
    graded = _grade(text, title, verdict.title or article.title)
    new = Snapshot(
        link_id=link_id,
        archive=LOCAL,
        url=f"warc:{record.file}#{record.offset}",
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
        file=record.file,
        offset=record.offset,
        length=record.length,
    )
    async with store.write() as db:
        snapshot_id = await snapshots.add(db, new)
        await snapshots.set_copy(db, link_id)
    return snapshot_id


def _grade(text: str, listed: str, seen: str | None) -> str:
    """The page was judged alive a moment ago; what is left is whether enough of it is there."""
    if len(text) >= SHORT:
        return "A"
    if not text:
        return "C"
    return "B" if seen and title_likeness(listed, seen) >= SAME_TITLE else "C"
